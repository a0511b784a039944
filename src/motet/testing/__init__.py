"""Conformance suites for adapters, and a simulated world for the engine.

Public, since others write stores and executors too.
"""
