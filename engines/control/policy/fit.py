"""A study of control: one robot, for which any strategy crosses the gap and is judged in the same worlds."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engines.contract import Budgets, Estimate, InputError, Items, Problem, Recipe, Run, Scores, Strategy, Study, Trial
from engines.contract.study import Describes
from engines.control.agents import model_files, pretrained, pretraining
from engines.control.agents.sb3_training import one_thread
from engines.control.policy import summary
from engines.control.policy.prepare import Brought, bring, fitted
from engines.control.policy.settings import MOST_STEPS, ControlSettings
from engines.control.policy.strategies import IDENTIFIED
from engines.control.policy.training import adaptation, train
from engines.control.policy.training.replicate import TrainSpec
from engines.control.policy.training.train import PolicyTrial
from engines.control.simulation.environment import Episodes
from engines.evidence.scores import Returns
from engines.messages import _

CHOOSING = 1_000
"""From this number on, repeats are those of a search: other seeds, and other worlds than a run is judged in."""
BASELINE_LEGS = 3
"""Of the baseline from scratch, within the budget."""


@one_thread()
def open_study(task: Describes, recipe: Recipe, settings: ControlSettings, run: Run) -> PolicyStudy:
    """See `contract.Task.open`."""
    return PolicyStudy(task, recipe, settings, run)


class PolicyStudy(Study):
    """A robot, a policy from its simulator, and the worlds that everybody is judged in."""

    tests_by_seed = True

    def __init__(self, task: Describes, recipe: Recipe, settings: ControlSettings, run: Run):
        """Reads what is known of the robot. Raises InputError for what does not fit together, and Cancelled."""
        super().__init__(task, recipe, settings, run)
        self.settings: ControlSettings = settings
        self.deadline = None if settings.max_seconds is None else time.monotonic() + settings.max_seconds
        self.brought = bring(recipe, settings, run)
        target, logs = self.brought.target, self.brought.logs
        adaptation.require(recipe.strategy, target, logs is not None)
        self.spec = spec_of(recipe, settings, self.brought, run)
        require_steps(self.spec)
        self.sha256, self.skipped = self.brought.sha256, [] if logs is None else list(logs.skipped)
        self.device, self.precision = _("CPU, 1 thread"), "fp32"
        self.played: list[Episodes] = []
        """The source policy's on the robot, of each repeat."""
        self.pictures: dict[str, Any] = {}
        self.wanted: float | None = None
        """What the run came to, and a policy from scratch is to come to."""
        run.check_cancelled()

    def hold_back_test(self) -> None:
        """The worlds that a run is judged in are put away: every repeat learns and is judged by other seeds."""
        self.spec = replace(self.spec, repeats=tuple(CHOOSING + repeat for repeat in range(self.settings.repeats)))

    @one_thread()
    def compute(self) -> None:
        """Fits the simulator to logs."""
        if self.brought.logs is not None:
            self.brought = fitted(self.brought, self.recipe.seed, self.run)
            repeats = self.spec.repeats
            self.spec = replace(spec_of(self.recipe, self.settings, self.brought, self.run), repeats=repeats)
        brought = self.brought
        self.notes = summary.notes(brought.target, brought.real, brought.logs, self.recipe.strategy)

    @property
    def budgets(self) -> Budgets:
        """Raises InputError where there are only logs."""
        if self.spec.logs is not None:
            accepted = _("accepted here: a target description")
            raise InputError(Problem("data", _("there are only logs of the robot"), accepted))
        return Budgets(1, MOST_STEPS, _("real steps"), counts_examples=False)

    @property
    def compares(self) -> bool:
        return super().compares and self.spec.logs is None

    @property
    def trains_alone(self) -> str:
        return _("a robot's policy learns by itself")

    @one_thread()
    def before(self) -> dict[str, Scores]:
        """What the source policy does on the robot."""
        spec = self.spec
        if spec.strategy in adaptation.REAL_UPDATES and not adaptation.guard_of(spec).episodes:
            self.tell(_("No real step checks on the robot whether learning helps: nothing stops a dip."))
        self.run.emit("phase", name="checking", title=_("The source policy meets the robot"))
        self.played = train.judge(spec, [spec.source_policy()] * len(spec.repeats), "checking")
        return {"zero_shot": train.returns(self.played)}

    @one_thread()
    def trial(
        self,
        strategy: Strategy,
        *,
        series: str = "transfer",
        seed: int | None = None,
        run: Run | None = None,
        budget: int | None = None,
    ) -> PolicyTrial:
        """Learnt by all repeats of the settings, and judged. With a `seed`, by the one repeat whose number is the
        distance to the recipe's seed, in worlds of its own. A `budget` counts real steps."""
        own, whole = strategy is self.recipe.strategy, seed is None and budget is None
        spec = replace(self.spec, strategy=strategy, run=run or self.run)
        if not own:
            legs = BASELINE_LEGS if whole else self.settings.epochs
            spec = replace(spec, settings=replace(self.settings, learning_rate=None, updates=None, epochs=legs))
        if budget is not None:
            spec = replace(spec, real_steps=budget)
        if seed is not None:
            spec = replace(spec, repeats=(seed - self.recipe.seed,))
        series = "scratch" if strategy is Strategy.SCRATCH else series
        if own and whole:
            return self._own(spec, series)
        outcome = train.learn(spec, series, self.deadline if whole else None)
        found = PolicyTrial(spec, outcome, train.judge(spec, train.policies(spec, outcome), "testing"))
        if whole:
            found.longer = self._beyond_the_budget(found)
        return found

    def _own(self, spec: TrainSpec, series: str) -> PolicyTrial:
        """The recipe's strategy, told as it goes."""
        before = train.returns(self.played).estimate().value if self.played else None
        outcome = train.learn(spec, series, self.deadline, before)
        acts = train.policies(spec, outcome)
        self.run.emit("phase", name="testing", title=_("Judging the policies on the robot"), series=series)
        self.run.check_cancelled()
        came = spec.strategy is Strategy.ZERO_SHOT and self.played
        return PolicyTrial(spec, outcome, self.played if came else train.judge(spec, acts, "testing"))

    def _beyond_the_budget(self, trial: PolicyTrial) -> list[dict[str, Any]]:
        """The curve of the same policy when it may use `scratch_times` the budget, in legs of the budget: where within
        the budget it does not get to what the run came to."""
        spec, times = trial.spec, self.settings.scratch_times
        if times == 1 or self.wanted is None or summary.reached(trial.curve, self.wanted) is not None:
            return []
        longer = replace(spec, real_steps=spec.real_steps * times, settings=replace(spec.settings, epochs=times))
        return train.learn(longer, "aside", self.deadline).progress.history

    @one_thread()
    def simple(self, budget: int, seed: int) -> dict[str, np.ndarray]:
        """The source policy as it came, in the worlds of that seed."""
        spec = replace(self.spec, repeats=(seed - self.recipe.seed,))
        (played,) = train.judge(spec, [spec.source_policy()], "checking")
        return {"zero_shot": played.returns}

    def scores(self, outcomes: Sequence[np.ndarray]) -> Returns:
        return Returns(outcomes)

    def items(self) -> Items:
        repeats, episodes = self.spec.repeats, self.settings.episodes
        n = len(repeats) * episodes
        return Items(np.ones(n), np.zeros(n, dtype=np.int64), np.repeat(repeats, episodes))

    @one_thread()
    def keep(self, trial: Trial, value: Estimate) -> None:
        assert isinstance(trial, PolicyTrial)
        self.wanted = value.value
        save(trial, self.brought, self.recipe, self.run.path / "model")
        write_predictions(self.run.path / "predictions.parquet", trial.spec.repeats, self.played, trial.episodes)
        if trial.progress.best_epoch == 0 and self.recipe.strategy is not Strategy.ZERO_SHOT:
            self.notes.append(
                _("Nothing that was learnt did better where it was checked: the source policy is kept as it was.")
            )
        if self.settings.pictures:
            act = train.policies(trial.spec, trial.outcome)[0]
            self.pictures = summary.pictures(trial.spec, self.run, act)

    def workload(self) -> dict[str, Any]:
        return {"robot": self.spec.target.robot.name, "kind": self.brought.kind}

    def counts(self, trial: Trial) -> tuple[int, int, int]:
        assert isinstance(trial, PolicyTrial)
        return summary.real_steps(trial.spec, trial.outcome), 0, trial.scores.n

    def baseline_details(self, trial: Trial, rival: Trial) -> dict[str, Any]:
        return {"seconds": round(rival.seconds, 1)}

    def details(self, trial: Trial, before: Mapping[str, Scores], rival: Trial | None) -> dict[str, Any]:
        assert isinstance(trial, PolicyTrial)
        assert rival is None or isinstance(rival, PolicyTrial)
        return summary.details(trial, self.brought, self.played, rival) | self.pictures


def require_steps(spec: TrainSpec) -> None:
    """Raises InputError where there are fewer real steps than the strategy needs."""
    if spec.strategy is IDENTIFIED:
        adaptation.legs_of(spec)
    if spec.strategy in adaptation.REAL_UPDATES:
        adaptation.guard_of(spec)


def spec_of(recipe: Recipe, settings: ControlSettings, brought: Brought, run: Run) -> TrainSpec:
    """What the recipe's own trial is taught. Raises InputError when the model is another robot's."""
    robot, kept = brought.target.robot, pretrained.find(recipe.model)
    source = pretraining.of_robot(robot.name)
    if kept is None or source is None or kept.card["robot"] != robot.name:
        fitting = [name for name in pretraining.SOURCES if pretrained.find(name) and name.startswith(robot.name)]
        accepted = (
            _("accepted: {fitting}", fitting=", ".join(fitting))
            if fitting
            else _("there is no policy for {title} yet", title=robot.title)
        )
        raise InputError(
            Problem(
                _("model {model}", model=recipe.model), _("it is no policy for {title}", title=robot.title), accepted
            )
        )
    budget = settings.real_steps_for(robot.name, recipe.strategy) if brought.logs is None else len(brought.logs)
    return TrainSpec(
        target=brought.target,
        strategy=recipe.strategy,
        source=source,
        kept=kept,
        settings=settings,
        seed=recipe.seed,
        run=run,
        real_steps=budget,
        repeats=tuple(range(settings.repeats)),
        logs=brought.logs,
        identified=brought.identified,
    )


def save(trial: PolicyTrial, brought: Brought, recipe: Recipe, folder: Path) -> None:
    """The policy of every repeat, the first with its critics."""
    spec, target = trial.spec, trial.spec.target.to_dict()
    config = {
        "robot": spec.target.robot.name,
        "target": target,
        "model": recipe.model,
        "strategy": recipe.strategy,
        "episodes": spec.settings.episodes,
        "real": brought.real,
        "seeds": [spec.judged_by(repeat) for repeat in spec.repeats],
    }
    if brought.logs is not None and (read := brought.logs.how.of_observations()):
        config["read"] = read
    source, limit = adaptation.correction(spec)
    for replicate in trial.outcome.replicates:
        replicate.algorithm.policy.load_state_dict(replicate.best)
        model_files.save(replicate.algorithm, folder, config, repeat=replicate.repeat, source=source, limit=limit)
    (folder / "target.json").write_text(json.dumps(target, indent=2) + "\n", encoding="utf-8")


def write_predictions(path: Path, repeats: Sequence[int], before: list[Episodes], after: list[Episodes]) -> None:
    """A row an episode: the policy's return, and the source policy's in the same world."""
    rows = [
        {
            "file": _("seed {repeat}, episode {episode}", repeat=repeat, episode=episode),
            "label": "",
            "predicted": float(new.returns[episode]),
            "before": float(old.returns[episode]),
            "length": int(new.lengths[episode]),
            "diverged": bool(new.diverged[episode]),
            "seed": repeat,
        }
        for repeat, old, new in zip(repeats, before, after, strict=True)
        for episode in range(len(new.returns))
    ]
    pq.write_table(pa.Table.from_pylist(rows), path)
