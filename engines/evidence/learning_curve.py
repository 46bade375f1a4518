"""Does transfer pay as a learner is given more: a strategy against its rival, at several budgets and seeds.

The largest budget comes first, for the verdict is taken there and there alone: both learners of a seed, then the next
seed, until the difference is decided or the seeds are used up. A look after each of 2 to 6 seeds is taken at a level
that leaves the whole at about .95 (`effects.LOOKS_LEVEL`). The smaller budgets draw the curve, with as many seeds.
Each training leaves a file, so that a comparison that was stopped, or is to have more seeds, reads a folder.
"""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engines.contract import Estimate, InputError, Json, Problem, Run, Scores, Strategy, Study, TaskInfo, Verdict
from engines.evidence import curve, trial_files
from engines.evidence.effects import LEVEL, LOOKS_LEVEL
from engines.evidence.side_by_side import Train, Training
from engines.evidence.trial_files import Left
from engines.evidence.verdict import compared
from engines.messages import _
from engines.runs import TRIALS, RunFolder
from engines.trial_runs import TrialRun

Point = dict[str, Any]
"""budget, strategy, mean, low, high, seeds, values (one a seed), seconds (of a training), n_learnt."""
MOST_LOOKS = 6
"""A look is taken after each of 2 seeds to so many."""
Ahead = Callable[[Sequence[Training], Train, Callable[[], None]], None]
"""(trainings, how one is done, what is called now and then): does them at the same time and leaves their files."""


@dataclass(frozen=True)
class Comparison:
    """What a comparison came to."""

    points: list[Point]
    verdict: Verdict
    level: float
    unit: str
    """What is counted: 'photographs', 'real steps'."""
    seeds_asked: int
    labels: curve.Saved
    time: curve.Saved
    convergence: list[dict[str, Any]]

    def answer(self, info: TaskInfo, study: Study) -> dict[str, Any]:
        """comparison.json, and the last line of `compare --json`."""
        recipe, told = study.recipe, self.verdict
        d = dataclasses.asdict(told.difference)
        return {
            "task": info.name,
            "model": recipe.model,
            "strategy": recipe.strategy,
            "metric": info.metric.name,
            "unit": self.unit,
            "points": self.points,
            **dataclasses.asdict(told),
            **d,  # flat as well, as before 0.3
            "level": self.level,
            "smallest": told.smallest,
            "seeds_asked": self.seeds_asked,
            "stopped_early": told.difference.seeds < self.seeds_asked,
            "labels_saved": self.labels.numbers,
            "labels_saved_text": self.labels.text,
            "time_saved": self.time.numbers,
            "time_saved_text": self.time.text,
            "convergence": self.convergence,
        }


def compare(
    info: TaskInfo,
    study: Study,
    run: Run,
    budgets: Iterable[int],
    seeds: int,
    first: RunFolder | None = None,
    at_once: Ahead | None = None,
) -> Comparison:
    """The recipe's strategy against its rival, and the simple methods that a task knows, at each budget, on one fixed
    test; the verdict at the largest. Without budgets, trained as the run had it, on all that there is.

    `seeds`: the most that are tried. `first` is another run of the same recipe, whose trainings are not done again.
    `at_once` does several trainings at the same time and leaves their files: see `side_by_side`.
    A seed draws what is learnt from, the weights and the order. A rival that learns nothing is the same at every
    budget, and is tried once. Continues from what a stopped comparison has left in `run.path`.
    Raises InputError and Cancelled.
    """
    asked: list[int | None] = sorted(set(budgets), reverse=True) or [None]  # type: ignore[assignment]
    _check(study, [budget for budget in asked if budget is not None])
    if first is not None:
        trial_files.take_over(first, run, study)
    if asked == [None]:
        study.before()
    trials = _Trials(study, run, len(asked) * seeds * 2)
    ours, theirs = trials.arms
    largest, used = asked[0], list(range(study.recipe.seed, study.recipe.seed + seeds))
    level = LEVEL if seeds <= 2 else LOOKS_LEVEL
    for number, seed in enumerate(used, 1):
        trials.ahead(at_once, [largest], used[:2] if number == 1 else [seed])  # there is no look after the first
        for way in trials.arms.values():
            trials.left(largest, seed, way)
        if 2 <= number <= MOST_LOOKS and number < seeds:
            found = trials.verdict(info, largest, trials.trained(largest, used[:number]), level)
            interval = {name: getattr(found.difference, name) for name in ("value", "low", "high")}
            run.emit("look", seeds=number, difference=interval, side=found.side)
            if found.side != "unclear":
                used = used[:number]
                break
    trials.total = len(asked) * len(used) * 2
    trials.ahead(at_once, asked[1:], used)
    for budget in asked[1:]:
        for seed in used:
            for way in trials.arms.values():
                trials.left(budget, seed, way)
    scores = {budget: trials.scores(budget, used) for budget in asked}
    points = [trials.point(budget, name, own, used) for budget in asked[::-1] for name, own in scores[budget].items()]
    counts = {trials.count(budget): scores[budget] for budget in asked[::-1]}
    unit = study.budgets.unit
    return Comparison(
        points=points,
        verdict=trials.verdict(info, largest, scores[largest], level),
        level=level,
        unit=unit,
        seeds_asked=seeds,
        labels=curve.labels_saved(counts, ours, theirs, unit, higher_is_better=info.metric.higher_is_better),
        time=curve.time_saved(
            *([trials.left(largest, seed, way).curve for seed in used] for way in trials.arms.values()),
            higher_is_better=info.metric.higher_is_better,
        ),
        convergence=trials.convergence(largest, used),
    )


def _named(strategy: Strategy) -> str:
    """What an arm is called that is compared with."""
    return strategy.replace("-", "_")


class _Trials:
    """The trainings of a comparison, each done once."""

    def __init__(self, study: Study, run: Run, total: int):
        self.study, self.run, self.total = study, run, total
        self.arms = {str(study.recipe.strategy): study.recipe.strategy, _named(study.rival): study.rival}
        """Name -> what is trained: the recipe's strategy first, then its rival."""
        self.known: dict[Training, Left] = {}
        self.began, self.done_here = time.monotonic(), 0

    def left(self, budget: int | None, seed: int, strategy: Strategy) -> Left:
        """What that training left; it is trained where it is not known yet."""
        trial = (budget, seed, strategy)
        if trial not in self.known:
            same = self._same(*trial)
            if same is not None:
                self.known[trial] = self.known[same]
            else:
                self.known[trial] = self._read(trial) or self._train(trial)
            self._tell(trial)
        return self.known[trial]

    def _same(self, budget: int | None, seed: int, strategy: Strategy) -> Training | None:
        """The trial that has what this one would come to: any of a strategy that learns nothing, on the same test."""
        if strategy is not Strategy.ZERO_SHOT:
            return None
        by_seed = self.study.tests_by_seed
        return next((one for one in self.known if one[2] is strategy and (one[1] == seed or not by_seed)), None)

    def _read(self, trial: Training) -> Left | None:
        file = self.run.path / TRIALS / f"{trial_files.file_name(*trial)}.json"
        return trial_files.read(file.read_text(encoding="utf-8")) if file.is_file() else None

    def ahead(self, at_once: Ahead | None, budgets: Sequence[int | None], seeds: Sequence[int]) -> None:
        """Has all that is not known of these trained at the same time, as far as it learns anything."""
        ways = [way for way in self.arms.values() if way is not Strategy.ZERO_SHOT]
        every = [(budget, seed, way) for budget in budgets for seed in seeds for way in ways]
        missing = [one for one in every if one not in self.known and self._read(one) is None]
        if at_once is not None and len(missing) > 1:
            self.run.emit(
                "phase", name="comparing", title=_("{missing} trainings, several at a time", missing=len(missing))
            )
            at_once(missing, train, lambda: self._tell_of(missing))
            self._tell_of(missing)

    def _tell_of(self, trials: Sequence[Training]) -> None:
        """Tells of each of these that has left its file since the last time."""
        for trial in trials:
            if trial not in self.known and (left := self._read(trial)) is not None:
                self.known[trial] = left
                self.done_here += 1
                self._tell(trial)

    def _train(self, trial: Training) -> Left:
        found = train(self.study, self.run, trial)
        self.done_here += 1
        return found

    def _tell(self, trial: Training) -> None:
        budget, seed, strategy = trial
        found, done = self.known[trial], len(self.known)
        value = float(self.study.scores([found.outcome]).effects().by_seed[0])
        name = next(name for name, way in self.arms.items() if way is strategy)
        told: dict[str, Json] = {"budget": self.count(budget), "strategy": name, "seed": seed, "value": value}
        own: dict[str, Json] = {"n": len(found.outcome), "unit": self.study.budgets.unit}
        self.run.emit("point", **told, **own, seconds=round(found.seconds, 2))
        each = (time.monotonic() - self.began) / max(1, self.done_here)
        left: dict[str, Json] = {"seconds_left": round(each * (self.total - done), 1)} if self.done_here else {}
        self.run.emit("progress", phase="comparing", done=done, total=self.total, unit="trainings", **left)

    def count(self, budget: int | None) -> int:
        return self.study.budgets.high if budget is None else budget

    def trained(self, budget: int | None, seeds: Sequence[int]) -> dict[str, Scores]:
        """Of the strategy and its rival, by name."""
        return {
            name: self.study.scores([self.left(budget, seed, way).outcome for seed in seeds])
            for name, way in self.arms.items()
        }

    def scores(self, budget: int | None, seeds: Sequence[int]) -> dict[str, Scores]:
        """Of the strategy, its rival and the simple methods, by name."""
        found = self.trained(budget, seeds)
        simple = [self.study.simple(self.count(budget), seed) for seed in seeds]
        for name in simple[0]:
            if name not in found:
                found[name] = self.study.scores([each[name] for each in simple])
        return found

    def verdict(self, info: TaskInfo, budget: int | None, scores: Mapping[str, Scores], level: float) -> Verdict:
        ours, theirs = self.arms
        count = self.study.learnt_from(self.count(budget))
        return compared(scores[ours], scores[theirs], theirs, info.metric, learnt_from=count, level=level)

    def point(self, budget: int | None, name: str, scores: Scores, seeds: Sequence[int]) -> Point:
        found: Estimate = scores.estimate(learnt_from=self.study.learnt_from(self.count(budget)))
        values = scores.effects().by_seed.tolist()
        trained = [one.seconds for (b, _, way), one in self.known.items() if b == budget and way is self.arms.get(name)]
        return {
            "budget": self.count(budget),
            "strategy": name,
            "mean": found.value,
            "low": found.low,
            "high": found.high,
            "seeds": len(seeds),
            "values": values,
            "seconds": round(float(np.mean(trained)), 2) if trained else None,
        }

    def convergence(self, budget: int | None, seeds: Sequence[int]) -> list[dict[str, Any]]:
        """The validation metric by epoch of each training at that budget, where it was measured."""
        rows = []
        for name, way in self.arms.items():
            for seed in seeds:
                if (found := self.left(budget, seed, way).curve) is not None:
                    rows.append({"strategy": name, "seed": seed, **dataclasses.asdict(found)})
        return rows


def train(study: Study, run: Run, trial: Training) -> Left:
    """Does a training of a comparison and leaves its file in `run.path`. Raises InputError and Cancelled."""
    budget, seed, strategy = trial
    with _of_its_own(run, trial_files.file_name(*trial)) as own:
        done = study.trial(strategy, seed=seed, budget=budget, run=own)
    (outcome,) = done.scores.outcomes
    found = Left(outcome, done.seconds, curve.of(done.progress, done.seconds))
    run.write(f"{TRIALS}/{trial_files.file_name(*trial)}.json", trial_files.written(found))
    return found


def _check(study: Study, budgets: list[int]) -> None:
    if study.recipe.strategy in {study.rival, Strategy.SCRATCH}:
        found = _("{strategy} is what the others are compared with", strategy=study.recipe.strategy)
        raise InputError(Problem("strategy", found, _("accepted: any other strategy")))
    known = study.budgets
    for budget in budgets:
        if not known.low <= budget <= known.high:
            least = f"{known.low} ({known.low_reason})" if known.low_reason else f"{known.low}"
            accepted = _(
                "accepted: {least} to {high} {unit} {high_reason}",
                least=least,
                high=known.high,
                unit=known.unit,
                high_reason=known.high_reason,
            ).rstrip()
            raise InputError(Problem("budgets", _("found {budget}", budget=budget), accepted))


@contextlib.contextmanager
def _of_its_own(run: Run, name: str) -> Iterator[TrialRun]:
    """A run for one trial; its checkpoint goes once the trial is done."""
    own = TrialRun(run, f"{TRIALS}/{name}")
    yield own
    shutil.rmtree(own.path, ignore_errors=True)
