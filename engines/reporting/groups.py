"""How good a run is for each class, speaker, accent or series, and how far apart the best and the worst of them are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engines.contract import Estimate, Metric, Result
from engines.evidence import bootstrap, intervals
from engines.evidence.verdict import apart
from engines.messages import _
from engines.reporting import wording

KINDS = ("group", "accent", "speaker", "unique_id")
"""Columns of predictions.parquet that say to which group an example belongs."""
TITLES = {"unique_id": "series"}
MOST = 200
"""Groups of a kind; beyond them every example is one of its own, such as the only clip of each speaker."""

LEAST = 5
"""Examples of a group (points in time of a series) below which it is not shown: too few to draw an interval from."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Groups:
    """One way to part the test, and how good the run is in each part."""

    kind: str
    """'class', 'speaker', 'accent', 'series', 'group'."""
    metric: Metric | str
    title: str
    """What is measured in each: 'recall', 'word error rate', 'sMAPE'."""
    parts: tuple[tuple[str, Estimate], ...]
    """Name and number of each, in the order of the names."""
    higher_is_better: bool

    @property
    def named_by_data(self) -> bool:
        """Whether the names are the data's own: those of classes are part of the model."""
        return self.kind != "class"

    @property
    def ends(self) -> tuple[tuple[str, Estimate], tuple[str, Estimate]]:
        """The best and the worst of them."""
        ranked = sorted(self.parts, key=lambda part: part[1].value, reverse=self.higher_is_better)
        return ranked[0], ranked[-1]

    @property
    def gap(self) -> Estimate:
        """The best minus the worst, with the interval of two parts taken as independent (Newcombe 1998)."""
        best, worst = self.ends
        return apart(best[1], worst[1])

    def told(self, *, names: bool) -> str:
        """The widest gap in a sentence. `names` says whether the groups may be named."""
        best, worst = self.ends
        if best[1].value == worst[1].value:
            return _(
                "No gap between the {parts}: {value} in each.",
                parts=len(self.parts),
                value=wording.value(self.metric, best[1].value),
            )
        value, low, high = (self._amount(number) for number in (self.gap.value, self.gap.low, self.gap.high))
        between = (
            _(" between {best} and {worst}", best=best[0], worst=worst[0])
            if names
            else _(" between two of {parts}", parts=len(self.parts))
        )
        chance = "" if self.gap.low > 0 or self.gap.high < 0 else _("; it may be chance")
        picked = (
            _(" Picked as the widest of {parts}, it looks wider than it is.", parts=len(self.parts))
            if len(self.parts) > 2
            else ""
        )
        return _(
            "Widest gap{between}: {value} (95 % interval {low} to {high}){chance}.{picked}",
            between=between,
            value=value,
            low=low,
            high=high,
            chance=chance,
            picked=picked,
        )

    def _amount(self, number: float) -> str:
        return _("{number:+.1f} points", number=100 * number) if wording.is_share(self.metric) else f"{number:+.3g}"


def found(result: Result, folder: Path | None) -> tuple[Groups, ...]:
    """Each way in which this run's test falls into two groups or more."""
    known = [_classes(result)]
    rows = _rows(folder)
    for kind in KINDS:
        by_name: dict[str, list[Row]] = {}
        for row in rows:
            if row.get(kind) not in (None, ""):
                by_name.setdefault(str(row[kind]), []).append(row)
        if 2 <= len(by_name) <= MOST and (measured := _measured(by_name)):
            metric, title, higher_is_better, parts = measured
            enough = tuple((name, number) for name, number in parts if number.n >= LEAST)
            if len(enough) >= 2:
                known.append(Groups(TITLES.get(kind, kind), metric, title, enough, higher_is_better))
    return tuple(groups for groups in known if groups is not None)


def _classes(result: Result) -> Groups | None:
    rows = [row for row in result.details.get("per_class", ()) if row["n"]]
    if len(rows) < 2:
        return None
    parts = tuple((row["class"], Estimate(row["recall"], row["low"], row["high"], row["n"])) for row in rows)
    return Groups("class", "recall", "recall", parts, higher_is_better=True)


def _rows(folder: Path | None) -> list[Row]:
    """The columns of predictions.parquet that are read here; nothing where there is none."""
    if folder is None or not (file := folder / "predictions.parquet").is_file():
        return []
    import pyarrow.parquet as pq

    wanted = {*KINDS, "label", "predicted", "confidence", "errors_after", "words", "y", "origin"}
    names = [name for name in pq.read_schema(file).names if name in wanted]
    rows: list[Row] = pq.read_table(file, columns=names).to_pylist()
    return rows


Measured = tuple[str, str, bool, list[tuple[str, Estimate]]]
"""Metric, title, whether higher is better, and the number of each group."""


def _measured(by_name: dict[str, list[Row]]) -> Measured | None:
    columns = next(iter(by_name.values()))[0].keys()
    if {"errors_after", "words"} <= columns:
        return "wer", _("word error rate"), False, _each(by_name, _word_error_rate)
    if {"y", "origin"} <= columns:
        return "smape", "sMAPE", False, _each(by_name, _smape)
    if "confidence" in columns:
        return "accuracy", "accuracy", True, _each(by_name, _accuracy)
    return None


def _each(by_name: dict[str, list[Row]], measure: Callable[[list[Row]], Estimate]) -> list[tuple[str, Estimate]]:
    return [(name, measure(rows)) for name, rows in sorted(by_name.items())]


def _accuracy(rows: list[Row]) -> Estimate:
    return intervals.accuracy(np.array([row["label"] == row["predicted"] for row in rows]))


def _word_error_rate(rows: list[Row]) -> Estimate:
    counts = np.array([[row["errors_after"], row["words"]] for row in rows], dtype=float)
    return bootstrap.estimate(counts, lambda sums: float(sums[0] / max(sums[1], 1.0)))


def _smape(rows: list[Row]) -> Estimate:
    """Symmetric mean absolute percentage error, 0 to 2: the mean over points in time, which are what is drawn anew."""
    by_origin: dict[Any, list[float]] = {}
    for row in rows:
        truth = np.nan if row["y"] is None else row["y"]  # nothing came
        whole, off = abs(row["predicted"]) + abs(truth), abs(row["predicted"] - truth)
        if np.isfinite(whole):
            by_origin.setdefault(row["origin"], []).append(2 * off / whole if whole else 0.0)
    if not by_origin:
        return Estimate(0.0, 0.0, 0.0, 0)
    means = np.array([np.mean(errors) for errors in by_origin.values()])
    sums = np.stack([means, np.ones_like(means)], axis=1)  # (N, 2)
    return bootstrap.estimate(sums, lambda both: float(both[0] / max(both[1], 1.0)))
