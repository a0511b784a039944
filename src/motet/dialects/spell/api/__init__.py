"""Spell's own API, version 1, on Motet's server: what the published client speaks, answered from the house."""
