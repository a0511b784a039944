"""What Motet costs, each figure beside its floor. `python -m benchmarks` from the root of the repository."""
