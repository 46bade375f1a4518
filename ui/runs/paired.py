"""Two finished runs on the same test examples: the difference, example by example."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from engines import registry
from engines.contract import Estimate, Verdict
from engines.evidence.scores import Accuracies, Returns, Sums
from engines.evidence.verdict import apart, judge, margin
from ui.page import recorded

Pairs = list[tuple[dict[str, Any], dict[str, Any]]]
"""The rows of two runs, test example by test example."""


def verdict(ours: recorded.Finished, theirs: recorded.Finished, name: str) -> Verdict | None:
    """Our run against theirs, which is called `name`; None where they were not tested on the same examples."""
    pairs = _pairs(ours, theirs)
    if not pairs:
        return None
    metric = registry.task(ours.recipe.task).info.metric
    measured = next(filter(None, (measure(pairs) for measure in MEASURES)), None)
    worth = margin(metric.kind == "share", theirs.result.value)
    found = measured or _by_intervals(ours, theirs)
    return judge(found, name, higher_is_better=metric.higher_is_better, worth=worth)


def _pairs(ours: recorded.Finished, theirs: recorded.Finished) -> Pairs:
    """The rows of both, example by example; empty where the examples, or what is right of them, are not the same."""
    if ours.recipe.task != theirs.recipe.task or ours.result.metric != theirs.result.metric:
        return []
    if ours.result.details.get("target") != theirs.result.details.get("target"):  # another robot is another world
        return []
    mine, other = (
        {_key(row): row for row in recorded.rows(one.run.path / "predictions.parquet", one.finished)}
        for one in (ours, theirs)
    )
    if mine.keys() != other.keys():
        return []
    return [(mine[key], other[key]) for key in mine]


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    """What makes a test example the same one: its name, its truth, and its place in a series."""
    truth = None if "before" in row and "length" in row else row.get("label")  # an episode's is its own outcome
    return (*(row.get(name) for name in ("file", "unique_id", "origin", "step", "seed")), truth)


def _classes(pairs: Pairs) -> Estimate | None:
    if "confidence" not in pairs[0][0]:
        return None
    labels = np.array([ours["label"] for ours, _ in pairs])
    mine, other = (np.array([float(pair[i]["predicted"] == pair[i]["label"]) for pair in pairs]) for i in (0, 1))
    return Accuracies(labels, [mine]).minus(Accuracies(labels, [other]))


def _word_errors(pairs: Pairs) -> Estimate | None:
    if "errors_after" not in pairs[0][0]:
        return None
    mine, other = (
        np.array([[pair[i]["errors_after"], pair[i]["words"]] for pair in pairs], dtype=float) for i in (0, 1)
    )
    return Sums([mine], _rate).minus(Sums([other], _rate))


def _rate(sums: np.ndarray) -> float:
    return float(sums[0] / max(sums[1], 1.0))


def _forecasts(pairs: Pairs) -> Estimate | None:
    """The difference of the mean absolute scaled errors. Forecasts of one month are alike, and so are those of one
    series: whole points in time count as one, or whole series, whichever leaves more open. None for a single one."""
    if "scale" not in pairs[0][0]:
        return None
    off: dict[tuple[str, str], list[list[float]]] = {}
    for pair in pairs:
        errors = [abs(row["predicted"] - row["y"]) / row["scale"] if row["scale"] else math.nan for row in pair]
        if all(map(math.isfinite, errors)):
            off.setdefault((pair[0]["unique_id"], pair[0]["origin"]), []).append(errors)
    found = []
    for whole in (0, 1):  # series, points in time
        sums: dict[str, np.ndarray] = {}  # of ours, theirs, and how many forecasts there are
        for case, of_steps in off.items():
            sums[case[whole]] = sums.get(case[whole], np.zeros(3)) + np.array([*np.mean(of_steps, axis=0), 1.0])
        if len(sums) > 1:
            each = np.stack(list(sums.values()))
            found.append(Sums([each[:, [0, 2]]], _rate).minus(Sums([each[:, [1, 2]]], _rate)))
    return replace(max(found, key=lambda one: one.high - one.low), n=len(pairs)) if found else None


def _episodes(pairs: Pairs) -> Estimate | None:
    """The difference of the mean returns, seed by seed, each episode in the same world."""
    if "before" not in pairs[0][0] or "length" not in pairs[0][0]:
        return None
    seeds = dict.fromkeys(ours["seed"] for ours, _ in pairs)
    mine, other = (
        Returns([np.array([pair[i]["predicted"] for pair in pairs if pair[0]["seed"] == seed]) for seed in seeds])
        for i in (0, 1)
    )
    return mine.minus(other)


MEASURES: tuple[Callable[[Pairs], Estimate | None], ...] = (_classes, _word_errors, _forecasts, _episodes)
"""What can be paired example by example, by what a run kept of each."""


def _by_intervals(ours: recorded.Finished, theirs: recorded.Finished) -> Estimate:
    """Where a run keeps no score an example: from both intervals, which decides less."""
    known = [Estimate(one.result.value, one.result.low, one.result.high, one.result.n_test) for one in (ours, theirs)]
    return apart(*known)
