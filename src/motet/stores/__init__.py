"""Stores of runs and events: SQLite for use, memory for tests. Each keeps the contract of `ports.Store`."""
