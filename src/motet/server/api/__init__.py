"""All routes of the API, each group beside what it answers from."""

from __future__ import annotations

from motet.server.api import house, runs

ROUTES = (*house.ROUTES, *runs.ROUTES)
