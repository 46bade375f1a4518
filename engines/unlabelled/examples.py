"""Examples that nobody has named, and what a frozen network sees of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np

from engines.contract import InputError, Problem, Skipped
from engines.messages import _

Kind = Literal["pictures", "texts", "sounds", "series"]
T = TypeVar("T")

MOST = 2000
"""Examples that are looked at; of more, so many are drawn by the seed."""
FEWEST = 4


@dataclass
class Unlabelled:
    """Examples as vectors, and how a person sees or hears them."""

    kind: Kind
    names: list[str]
    """What each is called: a file's path, a table's row."""
    previews: list[str]
    """Of a picture or sound, its small copy's path relative to the folder that was asked for; a text itself; of a
    series, its values as JSON."""
    vectors: np.ndarray
    """float32 (N, D), of any length."""
    alike: float
    """The cosine from which two vectors count as near-duplicates."""
    there: int
    """How many there were before some were drawn."""
    originals: list[Path] = field(default_factory=list)
    """The file of each, where an example is a file."""
    came_as: list[str] = field(default_factory=list)
    """The label with which each came, where all did: set aside, and read by nothing but what tells how well it went."""
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    column: str | None = None
    """Of a table of texts, the column that is looked at, and all that there are."""
    columns: list[str] = field(default_factory=list)


def drawn(found: Sequence[T], seed: int, most: int = MOST) -> list[T]:
    """At most `most` of what was found, drawn by the seed, in the order in which they came."""
    if len(found) <= most:
        return list(found)
    chosen = np.sort(np.random.default_rng(seed).choice(len(found), most, replace=False))
    return [found[i] for i in chosen]


def require_some(found: Unlabelled, where: str) -> None:
    """Raises InputError where there is too little to be looked through, or nothing to tell the examples apart by."""
    if len(found.names) < FEWEST:
        left = _(", and {skipped:,} left out", skipped=len(found.skipped)) if found.skipped else ""
        what = _(
            "only {names} of its {kind} can be looked at{left}", names=len(found.names), kind=found.kind, left=left
        )
        raise InputError(Problem(where, what, _("accepted: at least {fewest}", fewest=FEWEST)))
    if not np.isfinite(found.vectors).all() or np.ptp(found.vectors, axis=0).max() < 1e-6:
        what = _("all {names:,} {kind} are the same to the network", names=len(found.names), kind=found.kind)
        raise InputError(Problem(where, what, _("accepted: examples that differ")))
