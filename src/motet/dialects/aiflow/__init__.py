"""AIFlow: workflows whose tasks start, stop and start again by events."""

__all__: list[str] = []
