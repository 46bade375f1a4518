"""Times a handful of real steps of a run before it is started: of this model, by this strategy, on these data."""

from __future__ import annotations

import contextlib
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from engines.contract import Cancelled, Progress, Recipe, Settings, Strategy, Study, Task
from engines.cost import timed_steps
from engines.cost.forecast import kind, works
from engines.cost.stopwatch import TOLD
from engines.cost.timed_steps import Ratios
from engines.cost.work import PACE, Sizes, by_phase
from engines.training.settings import TrainSettings

SECONDS = 1.5
"""That are looked at of each phase of the run's own training, and of training from scratch."""
PATIENCE = 3
"""Times that, after which steps that take long are given up on."""
OPENING = 20.0
"""Seconds after which data that are still being read are given up on: nothing is timed of them then."""
ENOUGH, FEWEST = 12, 2
"""Steps that are timed at most, and at least; so many reports of how far a phase is, too."""


class Taster:
    """A `contract.Run` that ends by itself, like one that is cancelled, once it has seen enough steps.

    Every training looks whether it shall stop before each step, and tells how far it is: that is all that is timed.
    """

    def __init__(self, path: Path, progress: Progress | None = None, clock: Callable[[], float] = time.monotonic):
        self.path = path
        self._progress, self._clock = progress, clock
        self._phase, self._ends, self._gives_up = "", clock() + OPENING, clock() + OPENING
        self._looks: list[float] = []
        self._told: tuple[float, float] | None = None
        self._batches = 0
        self.wholes: dict[str, float] = {}
        """Phase of `work.PHASES` -> seconds that all of it would take; of several passes of a phase, the first."""

    def begin(self) -> None:
        """From here on it is timed."""
        self._phase, self.wholes = "", {}
        self._ends = self._gives_up = self._clock() + OPENING

    def emit(self, kind: str, **data: Any) -> None:
        now = self._clock()
        if kind == "phase":
            phase = TOLD.get(data["name"], "training")
            skipped = data.get("known") or data.get("series") == "aside" or data["name"] in {"search", "reading"}
            self._phase = "" if skipped or phase in self.wholes else phase
            self._looks, self._told, self._batches = [], None, data.get("batches", 0)
            self._ends, self._gives_up = now + SECONDS, now + PATIENCE * SECONDS
        elif kind == "progress" and self._phase and not self._batches:
            if self._told is None:  # what came before it warms up
                self._told = now, data["done"]
            elif (more := data["done"] - self._told[1]) > 0:
                self.wholes[self._phase] = (now - self._told[0]) * data["total"] / more

    def write(self, name: str, text: str) -> Path:
        (self.path / name).parent.mkdir(parents=True, exist_ok=True)
        (self.path / name).write_text(text, encoding="utf-8")
        return self.path / name

    def check_cancelled(self) -> None:
        """Raises Cancelled once it was long enough, and what `progress` raises."""
        now = self._clock()
        self._looks.append(now)
        if self._progress:
            self._progress(0, 1)
        # the first look is before the epoch, and the first step warms up
        steps = [after - before for before, after in itertools.pairwise(self._looks[2:])]
        timed = self._batches > 0 and self._phase == "training"
        if timed and len(steps) >= FEWEST:
            self.wholes[self._phase] = statistics.median(steps) * self._batches
        seen = self._phase in self.wholes or not self._phase
        if now > (self._ends if seen else self._gives_up) or (timed and len(steps) >= ENOUGH):
            raise Cancelled


def time_steps(task: Task, recipe: Recipe, report: Mapping[str, Any], progress: Progress | None = None) -> Ratios:
    """Seconds that each phase that was reached would take over those that `work.PACE` has for it, on the data of that
    report (`DataReport`, as a dict): also kept for whoever asks next (`timed_steps`). Empty where the data take long to
    read, or nothing of it learns. Raises InputError, and what `progress` raises.
    """
    with tempfile.TemporaryDirectory(prefix="steps-") as folder:
        run = Taster(Path(folder), progress)
        try:
            study = task.open(recipe, run)
        except Cancelled:
            return {}
        found = _ratios(task, study, run, Sizes.of(report))
    of = kind(task, study.card, recipe.strategy, study.settings, study.device)
    timed_steps.keep(timed_steps.key(of, study.settings, Sizes.of(report)), found)
    return found


def _ratios(task: Task, study: Study, run: Taster, sizes: Sizes) -> dict[str, float]:
    strategy, settings = study.recipe.strategy, study.settings
    sizes = replace(sizes, validation=0)  # which is no part of a step

    def expected(by: Strategy, phase: str, settings: Settings) -> float:
        todo = works(task, study.card, by, settings, sizes)
        return by_phase([one for one in todo if one.unit != "beginnings"], PACE).get(phase, 0.0)

    wholes = _wholes(study, run, strategy)
    heads = [strategy, *{Strategy.FEATURES}.intersection(study.info.strategies)]  # first of all a head is fitted
    encoding = [expected(by, "encoding", settings) for by in heads]
    known = {"training": expected(strategy, "training", settings), "encoding": min(filter(None, encoding), default=0.0)}
    found = {phase: wholes[phase] / seconds for phase, seconds in known.items() if seconds and phase in wholes}
    learns = strategy not in {Strategy.FEATURES, Strategy.ZERO_SHOT}
    missing = study.compares or (learns and "training" not in found)
    if missing and isinstance(settings, TrainSettings) and Strategy.SCRATCH in study.info.strategies:
        alone = replace(settings, epochs=settings.baseline_epochs, learning_rate=None, depth=0)
        seconds = expected(Strategy.SCRATCH, "training", alone)
        whole = _wholes(study, run, Strategy.SCRATCH).get("training")
        if seconds and whole is not None:
            found["baseline"] = whole / seconds
            if learns:  # its head is fitted first: the steps behind that are like those of random weights
                found.setdefault("training", found["baseline"])
    return found


def _wholes(study: Study, run: Taster, strategy: Strategy) -> dict[str, float]:
    """Seconds of each phase that was reached."""
    run.begin()
    with contextlib.suppress(Cancelled):
        study.trial(strategy, series="scratch" if strategy is Strategy.SCRATCH else "transfer")
    return run.wholes
