"""The second door: Python flows in the manner of the Prefect 2.0 beta ("Orion"). Task calls give futures, flow calls states."""
