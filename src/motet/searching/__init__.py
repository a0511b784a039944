"""Searches for the best parameters: what may be tried, what to try next, what to give up, and how it went."""
