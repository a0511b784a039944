"""Stores of artifacts: files in a folder, or memory for tests. Each keeps the contract of `ports.ArtifactStore`."""
