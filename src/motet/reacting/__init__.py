"""Runs whose tasks are started, stopped and started anew by rules: what is to happen as data, and the program of it."""
