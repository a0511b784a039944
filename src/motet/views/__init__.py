"""What people are shown of runs and steps: read from the store alone, for whatever prints or serves it."""
