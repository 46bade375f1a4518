"""How programs write that there is nothing."""

from __future__ import annotations

MISSING = {"", "nan", "null", "#n/a", "<na>"}
"""In small letters."""


def is_missing(cell: str) -> bool:
    """Whether a cell says that there is nothing."""
    return cell.strip().casefold() in MISSING
