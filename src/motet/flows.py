"""Flows: `from motet.flows import flow`. Names are those of Prefect 3."""

from motet import Flow, flow

__all__ = ["Flow", "flow"]
