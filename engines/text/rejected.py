"""Rows that somebody looked at and rejected, as annotation tools note it in a column of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from engines.data.missing import is_missing
from engines.messages import _

REJECTED = {"reject", "rejected", "ignore", "ignored", "discard", "discarded", "declined", "cancelled", "canceled"}
ACCEPTED = {"accept", "accepted", "approve", "approved", "submitted", "valid", "ok", "pending", "completed"}


def about_rejected(columns: Mapping[str, Sequence[str]]) -> list[str]:
    """A note on each of `columns` (name -> its cells) whose words say that rows were rejected."""
    notes = []
    for name, cells in columns.items():
        counts = Counter(cell.strip() for cell in cells if not is_missing(cell))
        rejected = {word: n for word, n in counts.items() if word.casefold() in REJECTED}
        kept = any(word.casefold() in ACCEPTED for word in counts)
        if rejected and kept and len(counts) <= 8:
            told = _(" and ").join(_("{n:,} rows '{word}'", n=n, word=word) for word, n in sorted(rejected.items()))
            notes.append(
                _(
                    "The column '{name}' says of {told}: they are used like all others. Take them out if you mean to.",
                    name=name,
                    told=told,
                )
            )
    return notes
