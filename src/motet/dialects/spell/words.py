"""Spell's states, and the lines that its logs have beside those of users."""

from __future__ import annotations

VOICE = "spell"

REQUESTED, QUEUED, BUILDING = "user_requested", "machine_requested", "building"
RUNNING, SAVING, PUSHING = "running", "saving", "pushing"
STOPPING, KILLING = "stopping", "killing"
COMPLETE, FAILED, STOPPED, KILLED, INTERRUPTED = "complete", "failed", "stopped", "killed", "interrupted"
BUILD_FAILED, MOUNT_FAILED = "build_failed", "mount_failed"

FINAL = (COMPLETE, FAILED, BUILD_FAILED, MOUNT_FAILED, INTERRUPTED, KILLED, STOPPED)
"""What a run can end as."""

ON_THE_WAY = (REQUESTED, QUEUED, BUILDING, RUNNING, SAVING, PUSHING)
"""What it goes through, in order."""

STOP_REASON, KILL_REASON = "stopped by spell", "killed by spell"
"""Why a run is asked to end: what its end is called follows from that."""

PART_REASON = "the step that it is part of was stopped"
"""How the reason begins that a child run is given which ends with its parent; see `motet.children`."""

SPELL = "/spell"
"""Where a run sees its folder."""

STEP = "run"
"""The step of a run that is its command."""

WORKER = "worker/"
"""How the keys of the steps begin that are the runs of a workflow."""

ARCHIVED = "spell-archived"
"""The tag of runs that lists leave out."""
