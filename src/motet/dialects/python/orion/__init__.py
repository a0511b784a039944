"""The second door, in the manner of the Prefect 2.0 beta ("Orion"): task calls give futures, flow calls states."""
