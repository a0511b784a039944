"""Motet's client: the runs of a server, from elsewhere."""
