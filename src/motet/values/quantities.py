"""Quantities as Kubernetes writes them."""

from __future__ import annotations

from motet.errors import UsageError

_UNITS = {
    "": 1.0, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50, "Ei": 2.0**60,
}  # fmt: skip


def quantity(text: float | str) -> float:
    """A number, or a quantity such as "500m" or "4Gi", in plain units. Raises UsageError."""
    if isinstance(text, int | float):
        return float(text)
    number = text.strip().rstrip("KMGTPEinukm")
    try:
        return float(number) * _UNITS[text.strip()[len(number) :]]
    except (KeyError, ValueError):
        raise UsageError(f"{text!r} is no quantity.", 'Write a number, or for example "500m", "4Gi".') from None
