"""What surrounds the bodies of flows and tasks: what they may ask of themselves, hooks, logs, tags, limits."""
