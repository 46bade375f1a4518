"""Looks for the best model, strategy and settings within a given time.

Optuna is asked what to try next and told what came of it (TPE; Bergstra et al. 2011, 'Algorithms for hyper-parameter
optimization'); what is behind after a quarter or half of its passes is dropped (successive halving; Li et al. 2020, 'A
system for massively parallel hyperparameter tuning'). Trials are compared on the examples that are held out to choose
by: none of them sees the test, which the winner and the default meet together, once, at the end.
"""

from __future__ import annotations

import gc
import shutil
import time
from dataclasses import asdict, replace
from typing import Any

import optuna
from optuna.trial import TrialState

from engines import lifecycle
from engines.contract import Estimate, InputError, Job, Problem, Recipe, State, Strategy, Study, Task, Trial
from engines.messages import _
from engines.runs import RunFolder
from engines.search import board, confirmation, final, journal, told
from engines.search.board import Tried
from engines.search.plan import Candidate, Plan, Space
from engines.search.trial_folder import Dropped, TimeUp, TrialFolder

FEWEST = 10
"""Examples that choose, below which the best of many would be the luckiest."""
OVERHEAD, SPARE = 1.4, 2.0
"""What the two trainings of the end take, of what those two trials took, and seconds besides: they learn from more, and
the winner's is kept and reported."""
IN_VAIN = 50
"""Proposals one after another that are known already, after which nothing new is expected."""


class DataChanged(InputError):
    """The data are not those that the search began with: no trial can be compared with another."""


def run_search(task: Task, recipe: Recipe, run: RunFolder, plan: Plan) -> dict[str, Any]:
    """search.json, and the last line of `search --json`; docs/search.md says what is in it.

    Continues where a stopped search was, from what it has left in `run.path`. Raises InputError and Cancelled.
    """
    return _Search(task, whole_tests(task, recipe), run, plan).answer()


def whole_tests(task: Task, recipe: Recipe) -> Recipe:
    """The recipe tested on one part: in folds everything is tested on, and nothing is left to choose by. Raises
    InputError where folds were asked for."""
    settings = task.settings
    if "folds" not in settings.__dataclass_fields__ or "folds" in settings.hidden:
        return recipe
    if recipe.settings.get("folds"):
        found = _("in folds every example is tested on, so that none is left to choose by")
        raise InputError(Problem(_("setting folds"), found, _("accepted: 0")))
    return replace(recipe, settings=settings.parse({**recipe.settings, "folds": 0}).changed())


class _Search:
    def __init__(self, task: Task, default: Recipe, run: RunFolder, plan: Plan):
        self.task, self.default, self.run, self.plan = task, default, run, plan
        self.metric, self.up = task.info.metric, task.info.metric.higher_is_better
        self.space = Space.of(task, default, plan)
        self.tried = board.all_of(run.path)
        self.inner: Study | None = None
        """Any trial's data, whose scores are those of all."""
        self.out_of_reach: set[tuple[str, str]] = set()
        """Model and strategy that were too slow, or refused."""
        told = [event.data for event in run.events() if event.kind == "progress" and "spent" in event.data]
        self.began = time.monotonic() - (float(told[-1]["spent"]) if told else 0.0)
        self.study = journal.opened(run.path, self.space, higher_is_better=self.up, seed=default.seed)

    # --- time -----------------------------------------------------------------------------------------

    @property
    def spent(self) -> float:
        """Seconds, those of before a stop included."""
        return time.monotonic() - self.began

    @property
    def done(self) -> list[Tried]:
        """Those that came to the end, the best first."""
        ranked = board.ranked(self.tried.values(), higher_is_better=self.up)
        return [tried for tried in ranked if tried.ending == "done"]

    @property
    def left(self) -> float:
        """Seconds for further trials: without those that the end takes."""
        if 0 not in self.tried:
            return (self.plan.max_seconds - self.spent) / (1 + OVERHEAD)
        end = OVERHEAD * (self.tried[0].seconds + self.done[0].seconds) + SPARE
        return self.plan.max_seconds - self.spent - end

    def goes_on(self) -> bool:
        enough = self.plan.trials is not None and len(self.tried) >= self.plan.trials
        return not enough and self.left > min((tried.seconds for tried in self.done), default=0.0)

    def tell_time(self) -> None:
        """How far the search is, in seconds of those that it may take."""
        most = self.plan.max_seconds
        spent = min(self.spent, most)
        self.run.emit(
            "progress",
            phase="searching",
            done=round(spent),
            total=round(most),
            unit="seconds",
            spent=round(self.spent, 1),
            seconds_left=round(most - spent, 1),
            trials=len(self.tried),
        )

    # --- trials ---------------------------------------------------------------------------------------

    def answer(self) -> dict[str, Any]:
        self.run.emit("phase", name="searching", title=_("Looking for the best, on what is held out to choose by"))
        self.tell_time()
        self.task.verb("fit")  # what it imports takes seconds, and no trial's
        for trial in journal.left_over(self.study):
            self.go(trial)
        in_vain = 0
        while in_vain < IN_VAIN and self.goes_on():
            in_vain = 0 if self.go(self.study.ask()) else in_vain + 1
        return self.end()

    def go(self, trial: optuna.Trial) -> bool:
        """Whether the trial was anything new. Raises InputError where not even the default can be tried."""
        number = trial.number
        candidate = self.space.drawn(trial)
        usual = trial.user_attrs.get("usual")
        if usual is not None:
            candidate = self.space.usual()[usual]
        if candidate is None or (candidate.model, str(candidate.strategy)) in self.out_of_reach:
            self.study.tell(trial, state=TrialState.FAIL)
            return False
        tried = self.tried.get(number) or self.same(candidate, number)
        new = tried is None
        if tried is None:
            tried = self.attempt(trial, candidate)
            board.write(self.run, tried)
            self.tried[number] = tried
            self.run.emit("trial", **tried.row())
            self.tell_time()
        if tried.ending in {"slow", "refused"}:
            self.out_of_reach.add((tried.model, tried.strategy))
        if tried.ending == "done":
            self.study.tell(trial, tried.value)
        else:
            self.study.tell(trial, state=TrialState.PRUNED if tried.ending == "dropped" else TrialState.FAIL)
        return new

    def same(self, candidate: Candidate, number: int) -> Tried | None:
        """A trial of just that which has ended."""
        wanted = candidate.model, str(candidate.strategy), dict(candidate.settings)
        for known in self.tried.values():
            if known.number != number and (known.model, known.strategy, dict(known.settings)) == wanted:
                return known
        return None

    def attempt(self, trial: optuna.Trial, candidate: Candidate) -> Tried:
        """Does the trial, from its checkpoint where there is one."""
        number, is_default = trial.number, trial.number == 0
        path = self.run.path / board.name_of(number)
        recipe = candidate.recipe(self.default)
        if not (path / "recipe.json").is_file():
            RunFolder.create(Job(recipe), path)
        known = {"number": number, "model": candidate.model, "strategy": str(candidate.strategy)}
        title = _(
            "Trial {number}: {what}", number=number + 1, what=told.named({**known, "settings": candidate.settings})
        )
        self.run.emit("phase", name="searching", title=title, trial=number)
        left = self.left
        most = left if is_default else min(left, max(left / 2, 3 * self.tried[0].seconds))

        def behind(rung: int, value: float) -> bool:
            trial.report(value, rung)
            return bool(trial.should_prune()) and not is_default

        began = time.monotonic()
        folder = TrialFolder(path, self.run, began + most, behind, higher_is_better=self.up)
        folder.clear_cancel()
        folder.set_state(State.RUNNING, "Starting.")
        found: dict[str, Any] = {}
        try:
            found = self.scored(recipe, folder)
            folder.set_state(State.DONE, "Done.")
        except Dropped:
            why = _("Others were better after {epoch} of {planned} passes.", epoch=folder.epoch, planned=folder.planned)
            found = {"ending": "dropped", "why": why}
        except TimeUp:
            if is_default:
                raise self.no_time(folder, time.monotonic() - began) from None
            found = {"ending": "slow", "why": _("It would have taken longer than there was time for.")}
        except InputError as error:
            if is_default or isinstance(error, DataChanged):
                raise
            found = {"ending": "refused", "why": str(error)}
        if found["ending"] != "done":
            folder.set_state(State.CANCELLED, found["why"])
        shutil.rmtree(path / "checkpoint", ignore_errors=True)
        gc.collect()
        took = round(time.monotonic() - began, 2)
        epochs = {"epochs": folder.epoch, "planned": folder.planned}
        return Tried(**{**known, "settings": dict(candidate.settings), "seconds": took, **epochs, **found})

    def scored(self, recipe: Recipe, folder: TrialFolder) -> dict[str, Any]:
        """What a trial that comes to its end came to. Raises InputError and Cancelled."""
        study = self.opened(recipe, folder)
        done: Trial = study.trial(study.recipe.strategy, run=folder)
        scores = done.scores
        if scores.n < FEWEST and 0 not in self.tried:
            found = _("{n} examples are held out to choose by", n=scores.n)
            accepted = _(
                "accepted: {fewest} or more; bring more data, or set validation_fraction higher", fewest=FEWEST
            )
            raise InputError(Problem("data", found, accepted))
        value = scores.estimate()
        return {
            "ending": "done",
            "value": value.value,
            "low": value.low,
            "high": value.high,
            "n": value.n,
            "trainable": done.trainable,
            "parameters": done.parameters,
            "outcomes": tuple(tuple(each.tolist()) for each in scores.outcomes),
        }

    def opened(self, recipe: Recipe, folder: TrialFolder) -> Study:
        """A trial's data with the test put away. Raises InputError where they are others than the search began with."""
        self.inner = None  # two networks need not be in memory at once
        study = lifecycle.opened(self.task, recipe, folder, hold_back_test=True)
        known = self.run.recipe.data_sha256
        if known is None:
            self.run.write("recipe.json", replace(self.run.recipe, data_sha256=study.sha256).to_json())
        elif known != study.sha256:
            found = _("they have changed since this search began")
            raise DataChanged(Problem("data", found, _("accepted: the data as they were, or a new search")))
        self.inner = study
        return study

    def no_time(self, folder: TrialFolder, took: float) -> InputError:
        """Why a search cannot be done in the time that it was given."""
        found = _("{seconds:g} seconds are not enough for one trial and the end", seconds=self.plan.max_seconds)
        accepted = _("accepted: more time; the default alone had not ended after {took:.0f} s", took=took)
        if folder.epoch:
            whole = took * folder.planned / folder.epoch
            need = (1 + 2 * OVERHEAD) * whole + SPARE
            accepted = _("accepted: about {need:,.0f} s or more, as far as can be told from the default", need=need)
        return InputError(Problem("--max-seconds", found, accepted))

    # --- the end --------------------------------------------------------------------------------------

    def end(self) -> dict[str, Any]:
        """The winner is confirmed on what chose it, and meets the test together with the default."""
        rows = self.done
        default, best = self.tried[0], rows[0]
        others = [tried for tried in rows if tried.number != 0]
        sure = self.confirmed(default, best, others) if best is not default else None
        if sure is not None and sure.p > confirmation.USUAL:
            best = default
        compared = final.compared(self.task, self.default, self.run, self.candidate(best), best is default)
        found = {
            "task": self.task.info.name,
            "metric": self.metric.name,
            "unit": self.task.info.unit,
            "seed": self.default.seed,
            "improved": bool(sure and sure.sure and compared.ahead(self.metric) and not compared.too_few),
            "kept_default": best is default,
            "confirmed": sure.plain() if sure else None,
            "too_few": compared.too_few,
            "chosen_on": best.n,
            "tried": [tried.shared() for tried in board.ranked(self.tried.values(), higher_is_better=self.up)],
            "mattered": self.mattered(best),
            "best": self.row(best, compared.best, compared.best_seconds),
            "default": self.row(default, compared.default, compared.default_seconds),
            "difference": asdict(compared.difference),
            "trials": len(self.tried),
        }
        self.tell_time()
        return {"sentence": told.sentence(found, self.metric), **found, "seconds": round(self.spent, 1)}

    def confirmed(self, default: Tried, best: Tried, others: list[Tried]) -> confirmation.Confirmed:
        if self.inner is None:  # all was tried before it stopped
            path = self.run.path / board.name_of(0)
            folder = TrialFolder(path, self.run, float("inf"), None, higher_is_better=self.up)
            self.opened(self.candidate(default).recipe(self.default), folder)
        assert self.inner is not None
        inner = self.inner
        scores = {tried.number: inner.scores(final.arrays(tried.outcomes)) for tried in (default, *others)}
        alike = [tried for tried in others if scores[tried.number].n == default.n]
        return confirmation.confirmed(
            scores[0],
            [scores[tried.number] for tried in alike],
            [tried.number for tried in alike].index(best.number),
            higher_is_better=self.up,
            seed=self.default.seed,
        )

    def candidate(self, tried: Tried) -> Candidate:
        return Candidate(tried.model, Strategy(tried.strategy), tried.settings)

    def row(self, tried: Tried, tested: Estimate, seconds: float) -> dict[str, Any]:
        """Of the winner or the default, with what it came to on the test."""
        return {
            "strategy": tried.strategy,
            "model": tried.model,
            "settings": board.unquoting({**self.default.settings, **tried.settings}),
            "value": tested.value,
            "low": tested.low,
            "high": tested.high,
            "seconds": round(seconds, 2),
            "trainable_parameters": tried.trainable,
            "parameters": tried.parameters,
        }

    def mattered(self, best: Tried) -> dict[str, dict[str, float]]:
        """How much model and strategy, and among trials of the winner's strategy each setting, set the best apart."""
        own = sorted({name for trial in self.study.trials for name in trial.params if f"({best.strategy})" in name})
        return {
            "choice": journal.importance(self.study, ["model", "strategy"]),
            "settings": journal.importance(self.study, own),
        }
