"""All rows of the performance budget, in its order."""

from __future__ import annotations

from benchmarks.figures import Row
from benchmarks.rows import (
    arrays,
    commands,
    events,
    following,
    identity,
    lines,
    listening,
    maps,
    processes,
    resume,
    sharing,
    start,
    steps,
    workflows,
)

ROWS = [
    Row("import", "`import motet`", "bare `python -c pass`", start.importing),
    Row("hello", "`motet run hello.py`, whole process", "bare `python -c pass`", start.hello),
    Row("inline", "recorded no-op called inline", "one two-row SQLite commit", steps.inline),
    Row("map", "`.map` of 100,000 no-ops on threads, all recorded", "two rows in a batched commit", maps.many),
    Row("million", "1,000,000-element `.map`", "-", maps.million),
    Row("chain", "chain of 1,000 submitted, dependent tasks", "the commit", steps.chain),
    Row("process", "no-op in a warm process", "`ProcessPoolExecutor` round trip", processes.warm),
    Row("shell", "shell step", "`subprocess` with folder and log file", commands.shell),
    Row("python", "Python step in another environment, warm", "`ProcessPoolExecutor` round trip", commands.python),
    Row("lines", "1,000,000 lines of 11 bytes that a step writes", "`cat > file`; `python > file`", lines.many),
    Row("workflow", "warm step of a YAML workflow, in a chain", "-", workflows.warm),
    Row("workflow-long", "engine and program for a step of 12,000", "a step of 1,000", workflows.long),
    Row("array", "10 MB array through a step, persisted", "hashing and writing it once", arrays.array),
    Row("cached", "cached re-run of 1,000 tasks", "the commit", steps.cached),
    Row(
        "identity",
        "cached step with a 10 MB array, whose code reaches 30 functions",
        "hashing it once",
        identity.cached,
    ),
    Row("event", "event to start of the step waiting for it, warm", "-", events.warm),
    Row("event-cold", "the same, fresh Python process", "`python -c 'import motet'`", events.cold),
    Row("events", "durable events through one engine", "batched commit", events.many),
    Row(
        "listeners",
        "events until a listener has heard them; a publication beside 1,000",
        "batched commit",
        listening.many,
    ),
    Row(
        "ruled", "event to the task that a rule starts, warm; events that a rule judges", "batched commit", events.ruled
    ),
    Row("resume", "resume of a run with 100,000 recorded steps to first progress", "-", resume.resume),
    Row("shared", "recorded no-op, 8 processes on one store", "8 processes, two-row commits", sharing.shared),
    Row("follower", "commit to a follower in another process having read it", "-", following.lag),
    Row("full", "recorded no-op inline, full fsync mode", "two-row commit, synced", steps.full),
]
