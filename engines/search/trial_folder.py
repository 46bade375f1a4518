"""One trial of a search: an ordinary run folder below the search's own, which halving or the clock may stop."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engines.contract import Cancelled, Json
from engines.runs import RunFolder

RUNGS = (1, 2)
"""Quarters of the planned passes after which halving looks: 4 of 4 are the whole."""
QUARTERS = 4
EARLY = 0.5
"""Of the passes that are left, those that a training takes at the least: it may stop when it gets no better."""
Report = Callable[[int, float], bool]
"""(quarters of the passes that are done, the metric so far) -> whether to drop the trial."""


class Dropped(Cancelled):
    """Others were better after as many passes."""


class TimeUp(Cancelled):
    """The search's time, or what one trial may have of it, is over."""


class TrialFolder(RunFolder):
    """Stops between two passes, with the checkpoint written, where `report` says so or `until` has come; and wherever
    the search is stopped."""

    def __init__(self, path: Path, search: RunFolder, until: float, report: Report | None, *, higher_is_better: bool):
        """`until`: as `time.monotonic` counts."""
        super().__init__(path)
        self._search, self._until, self._report = search, until, report
        self._best = max if higher_is_better else min
        self.epoch, self.planned = 0, 0
        self._left = 0.0
        self.value: float | None = None
        """The best that was measured on what decides when to stop."""
        for event in self.events():  # of before a kill
            if event.kind == "epoch":
                self._heard(event.data)
        self._looked = {rung for rung in RUNGS if self._at(rung)}

    def emit(self, kind: str, **data: Json) -> None:
        super().emit(kind, **data)
        if kind == "epoch":
            self._heard(data)

    def _heard(self, data: Any) -> None:
        """Takes in what an epoch of the trial's own curve came to; steps on the way do not count."""
        if data.get("series") != "transfer":
            return
        self.epoch, self.planned = int(data["epoch"]), int(data["epochs"])
        self._left = float(data.get("seconds_left") or 0.0)
        if (now := data.get("validation_metric")) is not None:
            self.value = float(now) if self.value is None else self._best(self.value, float(now))

    def _at(self, rung: int) -> bool:
        return bool(self.planned) and QUARTERS * self.epoch >= rung * self.planned and self.epoch < self.planned

    def check_cancelled(self) -> None:
        """Raises Cancelled, Dropped and TimeUp."""
        self._search.check_cancelled()
        if time.monotonic() + EARLY * self._left >= self._until:
            raise TimeUp
        for rung in RUNGS:
            if rung not in self._looked and self._at(rung) and self.value is not None:
                self._looked.add(rung)
                if self._report is not None and self._report(rung, self.value):
                    raise Dropped
        super().check_cancelled()
