"""Counts what a run costs while it goes on: what `Result.details` says of it, and what the next forecast learns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engines.contract import Run, Study, Task, Trial
from engines.cost import counters, rates, timed_steps
from engines.cost.forecast import Forecast, forecast, kind, probed, works
from engines.cost.rates import Took
from engines.cost.stopwatch import Stopwatch
from engines.cost.work import PACE, Sizes, Work, by_phase

ENDED_BY_THE_CLOCK = 0.9
"""Share of `max_seconds` from which on a training is taken to have been ended by it: that tells nothing of its pace."""


class Meter:
    """Made before a run's data are read; what it forecasts rests on runs that had finished by then."""

    def __init__(self, run: Run):
        counters.forget_peaks()
        self.watch, self.energy = Stopwatch(run), counters.Energy()
        self.runs, self.probe, self.timed = rates.read(), probed(), timed_steps.read()

    def bill(self, task: Task, study: Study, trial: Trial, *, compared: bool) -> dict[str, Any]:
        """`said` and `took` (seconds, of the whole and in `phases` of each), `low` and `high` of what was said, `runs`
        and `alike` (what it rested on), `timed` (whether on some of its own steps, taken before); said is None where
        nothing could be, or the run was `resumed` and took less.
        `memory` and `gpu_memory` (bytes at the peak), `energy` ('processor' and 'gpu' -> joules, empty where nothing
        counts them). All without the comparison where it has not ended (`compared`)."""
        took = self.watch.seconds()
        told = None if self.watch.resumed else self._forecast(task, study, trial)
        if not compared:
            told = told and told.alone()
            took.pop("baseline", None)
        said = told.phases if told else {}
        named = [phase for phase in took if phase in said or took[phase] >= 0.05]
        return {
            "said": None if told is None else round(told.total, 1),
            "low": _rounded(None if told is None else told.low),
            "high": _rounded(None if told is None else told.high),
            "runs": told.runs if told else 0,
            "alike": told.alike if told else "",
            "timed": bool(told and told.timed),
            "took": round(sum(took.values()), 1),
            "phases": {phase: {"said": _rounded(said.get(phase)), "took": round(took[phase], 1)} for phase in named},
            "resumed": self.watch.resumed,
            "memory": counters.peak_memory(),
            "gpu_memory": counters.peak_gpu_memory(),
            "energy": {name: round(joules, 1) for name, joules in self.energy.joules().items()},
        }

    def learn(self, task: Task, study: Study, trial: Trial) -> None:
        """Remembers the run's pace, whole phases only: not of a run that was resumed, nor of a phase that began with
        what an earlier run left, that a clock ended, or that was cancelled."""
        if self.watch.resumed:
            return
        expected, took = by_phase(self._works(task, study, trial), PACE), self.watch.seconds()
        most = getattr(study.settings, "max_seconds", None)
        phases = {
            phase: (float(f"{seconds:.6g}"), round(took[phase], 3))  # some are expected to take a millionth
            for phase, seconds in expected.items()
            if phase in took
            and phase not in self.watch.borrowed
            and not (most and phase in {"training", "baseline"} and took[phase] >= ENDED_BY_THE_CLOCK * most)
        }
        of = kind(task, study.card, study.recipe.strategy, study.settings, study.device)
        probe = self.probe and float(self.probe["macs_per_second"])
        rates.learn(Took(of, phases, probe or None, counters.peak_memory()))

    def _forecast(self, task: Task, study: Study, trial: Trial) -> Forecast | None:
        settings = study.settings
        of = kind(task, study.card, study.recipe.strategy, settings, study.device)
        most = getattr(settings, "max_seconds", None)
        timed = self.timed.get(timed_steps.key(of, settings, sizes(study, trial)))
        return forecast(self._works(task, study, trial), of, self.runs, self.probe, most, timed)

    def _works(self, task: Task, study: Study, trial: Trial) -> list[Work]:
        return works(task, study.card, study.recipe.strategy, study.settings, sizes(study, trial))


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


def sizes(study: Study, trial: Trial) -> Sizes:
    """As `Sizes.of` has them of a report on the same data."""
    details = study.workload()
    n_train, n_validation, n_test = study.counts(trial)
    if folds := len(getattr(study, "folds", ())):  # a classifier's, each of whose examples is tested in one of them
        found = Sizes(n_test, folds=folds)
    else:
        found = Sizes(n_train, n_validation, n_test)
    return replace(found, each=details.get("relative_cost", 1.0), details=details)
