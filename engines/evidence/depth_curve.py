"""How a score follows the number of blocks that learn: a point a depth, each with its interval over seeds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from engines.evidence.effects import Effects
from engines.messages import _

FEWEST_SEEDS = 3


def points(scores: Mapping[int, np.ndarray]) -> list[dict[str, Any]]:
    """Blocks that learn -> score of each seed, float (S,), the same seeds everywhere and 0 blocks among them.

    A point has 'blocks', 'seeds', 'mean' with 'low' and 'high' (95 % t-interval over seeds); all but the first also
    'ahead' of no block, paired by seed, with 'ahead_low' and 'ahead_high': an interval that holds for all points at
    once (Bonferroni), because the best of many is picked by looking.
    """
    looks = max(len(scores) - 1, 1)
    found = []
    for blocks in sorted(scores):
        mean, low, high = _over_seeds(scores[blocks], 0.05)
        point = {"blocks": blocks, "seeds": len(scores[blocks]), "mean": mean, "low": low, "high": high}
        if blocks:
            ahead = _over_seeds(scores[blocks] - scores[0], 0.05 / looks)
            point |= dict(zip(("ahead", "ahead_low", "ahead_high"), ahead, strict=True))
        found.append(point)
    return found


def sentence(found: list[dict[str, Any]], n: int, unit: str) -> str:
    """What the curve can and cannot say."""
    better = [point for point in found if point["blocks"] and point["ahead_low"] > 0]
    worse = [point for point in found if point["blocks"] and point["ahead_high"] < 0]
    pairs = ((better, "beats"), (worse, _("loses to")))
    said = "; ".join(
        _("letting {named} learn {does} the frozen backbone", named=_named(own), does=does)
        for own, does in pairs
        if own
    )
    told = said or _("no number of learning blocks can be told from the frozen backbone")
    return _(
        "{told}{told2}, over {seeds} seeds on the same {n:,} held-out {unit}. Other {unit} "
        "may move the whole curve, and neighbours on it are not compared with each other: it "
        "shows where to look, and picks no depth.",
        told=told[0].upper(),
        told2=told[1:],
        seeds=found[0]["seeds"],
        n=n,
        unit=unit,
    )


def _named(own: list[dict[str, Any]]) -> str:
    numbers = ", ".join(str(point["blocks"]) for point in own)
    return f"{numbers} {'block' if numbers == '1' else 'blocks'}"


def _over_seeds(values: np.ndarray, level: float) -> tuple[float, float, float]:
    """The mean with its t-interval. Raises ValueError for fewer than FEWEST_SEEDS."""
    if len(values) < FEWEST_SEEDS:
        raise ValueError(
            _("{values} seeds: a band needs {fewest_seeds}", values=len(values), fewest_seeds=FEWEST_SEEDS)
        )
    found = Effects.over_seeds(values).interval(level=1 - level)
    return found.value, found.low, found.high
