"""All routes of the API, each group beside what it answers from."""

from __future__ import annotations

from motet.server.api import (
    doors,
    drawing,
    house,
    logs,
    looking,
    runs,
    scheduling,
    steering,
    stepping,
    stored,
    tracing,
    workflows,
)

ROUTES = (
    *doors.ROUTES, *house.ROUTES, *runs.ROUTES, *looking.ROUTES, *drawing.ROUTES, *tracing.ROUTES, *logs.ROUTES,
    *steering.ROUTES, *stepping.ROUTES, *workflows.ROUTES, *scheduling.ROUTES, *stored.ROUTES,
)  # fmt: skip
