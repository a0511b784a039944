"""What the API speaks of, and what it refuses."""
