"""What a comparison saved: labels, and time, each only inside what was measured.

Labels: how many fewer the strategy needs for what its rival reaches with the most. Curves are made monotone (isotonic
regression) over the logarithm of the budget, and test items and seeds are drawn anew; what is not crossed inside the
measured budgets in at least 95 of 100 draws is not put into a number. Time: how much sooner the strategy's validation
metric stands where its rival's ends, seed by seed, on the same validation examples.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engines.contract import Scores
from engines.contract.study import Progress
from engines.evidence.effects import Effects
from engines.messages import _

DRAWS = 1000
FEWEST_TIMES = 3
"""Seeds by which a ratio of seconds is told: of two, Student's t knows next to nothing."""
WIDEST = 10.0
"""An interval of a ratio that spans more than this either way is not put into numbers."""
INSIDE = 0.95
"""The share of draws that have to cross inside what was measured."""


@dataclass(frozen=True)
class Curve:
    """A training's validation metric by epoch, and when it was measured, in seconds."""

    epochs: list[int]
    values: list[float]
    seconds: list[float]

    @classmethod
    def read(cls, values: dict[str, Any] | None) -> Curve | None:
        return None if values is None else cls(**values)


@dataclass(frozen=True)
class Saved:
    """What was saved, in a sentence and, where that may be said, in numbers."""

    text: str
    numbers: dict[str, float] | None = None


def of(progress: Progress, seconds: float) -> Curve | None:
    """The curve of a training that took so long in all; None where nothing was validated."""
    rows = [row for row in progress.history if "validation_metric" in row and "epoch" in row]
    if not rows or progress.epoch < 1:
        return None
    learning = min(progress.seconds, seconds)
    each, before = learning / progress.epoch, seconds - learning  # what came before the first epoch: caching, a head
    epochs = [int(row["epoch"]) for row in rows]
    return Curve(
        epochs, [float(row["validation_metric"]) for row in rows], [round(before + each * n, 3) for n in epochs]
    )


# --- labels ---------------------------------------------------------------------------------------


def labels_saved(
    scores: Mapping[int, Mapping[str, Scores]], ours: str, theirs: str, unit: str, *, higher_is_better: bool
) -> Saved:
    """Of scores by budget and name: labels that `ours` needs fewer than `theirs` at the largest budget."""
    budgets = sorted(scores)
    if len(budgets) < 2:
        return Saved(_("How many labels it saves takes two budgets or more to tell."))
    if theirs == "zero_shot":
        return Saved(_("The model as it came learns from no label, so there are none to save."))
    sign = 1.0 if higher_is_better else -1.0
    drawn = {name: sign * _draws([scores[budget][name] for budget in budgets]) for name in (ours, theirs)}
    level = _rising(drawn[theirs])[:, -1]
    own = _rising(drawn[ours])
    most, least = budgets[-1], budgets[0]
    before = float((own[:, 0] >= level).mean())
    after = float((own[:, -1] < level).mean())
    if before >= INSIDE:
        return Saved(
            _(
                "More than {most:,} {unit}: with {least:,} it is already where {other} is with {most2:,}.",
                most=most - least,
                unit=unit,
                least=least,
                other=_other(theirs),
                most2=most,
            )
        )
    if after >= INSIDE:
        return Saved(
            _("None: with {most:,} {unit} it is not yet where {other} is.", most=most, unit=unit, other=_other(theirs))
        )
    if before > 1 - INSIDE or after > 1 - INSIDE:
        return Saved(
            _(
                "Not to be told from these budgets: in some draws of the test it is beyond {least:,} to {most:,}.",
                least=least,
                most=most,
            )
        )
    at = np.array([_crossing(budgets, row, wanted) for row, wanted in zip(own, level, strict=True)])
    known = own.mean(0), level.mean()
    value = most - _crossing(budgets, *known)
    low, high = (float(most - q) for q in np.quantile(at, [0.975, 0.025]))
    text = _(
        "About {value:,.0f} {unit} of {most:,} (95 % interval {low:,.0f} to {high:,.0f}).",
        value=value,
        unit=unit,
        most=most,
        low=low,
        high=high,
    )
    return Saved(text, {"value": round(value, 1), "low": round(low, 1), "high": round(high, 1)})


def _other(name: str) -> str:
    return _("training from scratch") if name == "scratch" else name.replace("_", " ")


def _draws(scores: Sequence[Scores]) -> np.ndarray:
    """float (DRAWS, budgets): the metric where test items and seeds are drawn anew, the same for every budget."""
    effects: list[Effects] = [each.effects() for each in scores]
    first, rng = effects[0], np.random.default_rng(0)
    counts = first.drawn(DRAWS, rng)
    seeds = len(first.values)
    picked = rng.integers(seeds, size=(DRAWS, seeds))
    columns = []
    for each in effects:
        weights = counts * each.weights
        by_seed = weights @ each.values.T / np.maximum(weights.sum(1, keepdims=True), 1e-12)  # (D, S)
        columns.append(np.take_along_axis(by_seed, picked, axis=1).mean(1))
    return np.stack(columns, axis=1)


def _rising(rows: np.ndarray) -> np.ndarray:
    """Each row made monotone by pooling adjacent violators, equal weights (Ayer et al. 1955)."""
    return np.array([_isotonic(row) for row in rows])


def _isotonic(row: np.ndarray) -> list[float]:
    from scipy.optimize import isotonic_regression

    rising: list[float] = isotonic_regression(row).x.tolist()
    return rising


def _crossing(budgets: Sequence[int], values: np.ndarray, wanted: float) -> float:
    """The budget at which a rising curve is at `wanted`, between the measured ones on a logarithmic scale."""
    if values[0] >= wanted:
        return float(budgets[0])
    for i in range(1, len(budgets)):
        if values[i] >= wanted:
            part = (wanted - values[i - 1]) / (values[i] - values[i - 1])
            low, high = math.log(budgets[i - 1]), math.log(budgets[i])
            return math.exp(low + part * (high - low))
    return float(budgets[-1])


# --- time -----------------------------------------------------------------------------------------


def time_saved(ours: Sequence[Curve | None], theirs: Sequence[Curve | None], *, higher_is_better: bool) -> Saved:
    """How much sooner `ours` stands where `theirs` ends, one curve a seed: the ratio of seconds, by t over seeds on its
    logarithm."""
    sign = 1.0 if higher_is_better else -1.0
    ratios, seconds, steps = [], [], []
    for own, other in zip(ours, theirs, strict=True):
        if own is None or other is None or not other.values:
            return Saved(_("How much time it saves was not measured: nothing was validated while it learnt."))
        best = int(np.argmax(sign * np.array(other.values)))
        reached = [i for i, value in enumerate(own.values) if sign * value >= sign * other.values[best]]
        if not reached:
            return Saved(_("None: in at least one seed it never stood where the other ended."))
        at = reached[0]
        ratios.append(math.log(max(own.seconds[at], 0.01) / max(other.seconds[best], 0.01)))
        seconds.append(other.seconds[best] - own.seconds[at])
        steps.append(other.epochs[best] - own.epochs[at])
    if len(ratios) < FEWEST_TIMES:
        return Saved(_("How much time it saves takes {fewest_times} seeds or more to tell.", fewest_times=FEWEST_TIMES))
    found = Effects.over_seeds(np.array(ratios)).interval()
    ratio, low, high = (math.exp(number) for number in (found.value, found.low, found.high))
    if high > WIDEST**2 * low:
        took = _("{exp:.2g} to {exp_ratios:.2g}", exp=math.exp(min(ratios)), exp_ratios=math.exp(max(ratios)))
        return Saved(
            _(
                "Not to be told: in {ratios} seeds it took from {took} of the other's time.",
                ratios=len(ratios),
                took=took,
            )
        )
    numbers = {
        "ratio": ratio,
        "low": low,
        "high": high,
        "seconds": float(np.mean(seconds)),
        "steps": float(np.mean(steps)),
    }
    told = (
        _("It takes about as long")
        if low < 1 < high
        else _("It takes {ratio:.2g} of the time", ratio=ratio)
        if ratio < 1
        else _("It takes {ratio:.2g} times as long", ratio=ratio)
    )
    text = _(
        "{told} to stand where the other ends ({low:.2g} to {high:.2g} of its seconds, {ratios} seeds).",
        told=told,
        low=low,
        high=high,
        ratios=len(ratios),
    )
    return Saved(text, {name: round(value, 3) for name, value in numbers.items()})
