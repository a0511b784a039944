"""Ids as the Quantum Engine made them."""

from __future__ import annotations

import os
from collections.abc import Mapping


def workflow_id(name: str) -> str:
    """An id for a run: the workflow's name and a random UUID (version 4), as in 2020."""
    digits = bytearray(os.urandom(16))
    digits[6] = digits[6] & 0x0F | 0x40
    digits[8] = digits[8] & 0x3F | 0x80
    text = digits.hex()
    return f"{name}-{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def step_id(workflow: str, step: str) -> str:
    """The id of a step in the run `workflow`: both names hashed by 32-bit FNV-1a, as Argo names pods."""
    value = 0x811C9DC5
    for each in f"{workflow}.{step}".encode():
        value = (value ^ each) * 0x01000193 & 0xFFFFFFFF
    return f"{workflow}-{value}"


RUN_WORDS: Mapping[str, str] = {
    "pending": "Pending", "running": "Running", "waiting": "Running", "cancelling": "Running", "succeeded": "Succeeded",
    "failed": "Failed", "cancelled": "Terminated", "crashed": "Error",
}  # fmt: skip
"""What the original called the statuses of runs."""

STEP_WORDS: Mapping[str, str] = {
    "pending": "Pending", "ready": "Pending", "running": "Running", "retrying": "Pending", "succeeded": "Succeeded",
    "failed": "Failed", "cancelled": "Terminated", "skipped": "Omitted",
}  # fmt: skip
"""What the original called the statuses of steps."""
