"""One run of control, from its recipe to its result."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engines import modelcard, report, versions
from engines.contract import InputError, ModelCard, Problem, Recipe, Result, Run, Strategy, TaskInfo, Verdict
from engines.control import (
    bringing,
    identify,
    judging,
    keeping,
    learner,
    policies,
    sources,
    telling,
    ways,
    world,
)
from engines.control.acting import Policy
from engines.control.learner import Learnt
from engines.control.learning import one_thread
from engines.control.lesson import Lesson
from engines.control.logs import Logs
from engines.control.settings import ControlSettings
from engines.control.target import Target
from engines.control.world import Episodes


@dataclass(frozen=True)
class Brought:
    """What the data came to."""

    target: Target
    """The robot that everybody is judged on."""
    kind: str
    """'target' or 'logs'."""
    real: bool
    """False where the robot that is judged on is a simulator fitted to logs."""
    sha256: str
    logs: Logs | None = None
    identified: identify.Identified | None = None


def bring(recipe: Recipe, settings: ControlSettings, run: Run) -> Brought:
    """Reads the data; logs are identified at once. Raises InputError."""
    run.emit("phase", name="reading", title="Reading what is known of the robot")
    found = bringing.read(Path(recipe.data), settings.robot)
    sha256 = bringing.digest(found)
    if isinstance(found, Target):
        if recipe.test is not None:
            accepted = "with a target description as data, leave the test out: the policy is judged there"
            raise InputError(Problem(Path(recipe.test).name, "a second robot to judge on", accepted))
        return Brought(found, "mjcf" if found.mjcf else "target", True, sha256)
    ways.require(recipe.strategy, Target(found.robot), has_logs=True)
    run.emit("phase", name="caching", title="Fitting the simulator to the logs")
    known = identify.identify(found, seed=recipe.seed)
    judged_on = known.target if recipe.test is None else Target.read(Path(recipe.test))
    if judged_on.robot != found.robot:
        problem = Problem(
            Path(recipe.test or "").name, f"it is a {judged_on.robot.title}", f"accepted: {found.robot.title}"
        )
        raise InputError(problem)
    return Brought(judged_on, "logs", recipe.test is not None, sha256, found, known)


def prepare(info: TaskInfo, recipe: Recipe, run: Run) -> tuple[ControlSettings, Brought, Lesson]:
    """The settings, the data and the lesson of a recipe. Raises InputError for what does not fit together."""
    settings = ControlSettings.parse(recipe.settings)
    if recipe.strategy not in info.strategies:
        accepted = f"accepted: {', '.join(info.strategies)}"
        raise InputError(Problem("strategy", f"{recipe.strategy} is not offered here", accepted))
    brought = bring(recipe, settings, run)
    ways.require(recipe.strategy, brought.target, brought.logs is not None)
    lesson = lesson_of(recipe, settings, brought, run)
    return settings, brought, lesson


def lesson_of(recipe: Recipe, settings: ControlSettings, brought: Brought, run: Run) -> Lesson:
    """Raises InputError when the model is another robot's."""
    robot, kept = brought.target.robot, policies.find(recipe.model)
    source = sources.of_robot(robot.name)
    if kept is None or source is None or kept.card["robot"] != robot.name:
        fitting = [name for name in sources.SOURCES if policies.find(name) and name.startswith(robot.name)]
        accepted = f"accepted: {', '.join(fitting)}" if fitting else f"there is no policy for {robot.title} yet"
        raise InputError(Problem(f"model {recipe.model}", f"it is no policy for {robot.title}", accepted))
    budget = settings.real_steps_for(robot.name, recipe.strategy) if brought.logs is None else len(brought.logs)
    return Lesson(
        brought.target,
        recipe.strategy,
        source,
        kept,
        settings,
        recipe.seed,
        run,
        budget,
        brought.logs,
        brought.identified,
    )


def fit(info: TaskInfo, recipe: Recipe, card: ModelCard, run: Run) -> Result:
    """Crosses the gap, judges before and after, and leaves policies, episodes, model card and report in `run.path`.

    Raises InputError and Cancelled.
    """
    with one_thread():
        return _fit(info, recipe, card, run)


def _fit(info: TaskInfo, recipe: Recipe, card: ModelCard, run: Run) -> Result:
    began = time.monotonic()
    settings, brought, lesson = prepare(info, recipe, run)
    run.check_cancelled()
    if recipe.data_sha256 not in {None, brought.sha256} and (run.path / "checkpoint").exists():
        shutil.rmtree(run.path / "checkpoint")
        run.emit("note", message="The data have changed since this run stopped: it starts over.")
    recipe = replace(recipe, data_sha256=brought.sha256, versions=versions.installed())
    run.write("recipe.json", recipe.to_json())
    notes = telling.notes(brought.target, brought.real, brought.logs, lesson.strategy)
    if lesson.strategy in ways.REAL_UPDATES and not ways.guard_of(lesson).episodes:
        notes.append("No real step checks on the robot whether learning helps: nothing stops a dip.")
    for note in notes:
        run.emit("note", message=note)
    from_scratch = recipe.strategy is Strategy.SCRATCH
    own_series = "scratch" if from_scratch else "transfer"
    source = lesson.source_policy()

    run.emit("phase", name="checking", title="The source policy meets the robot")
    before = judge(lesson, [source] * settings.repeats, "checking")
    zero_shot = judging.estimate(returns(before))
    deadline = None if settings.max_seconds is None else began + settings.max_seconds
    learnt = learner.learn(lesson, own_series, deadline, zero_shot.value)
    acts = learner.policies(lesson, learnt)
    run.emit("phase", name="testing", title="Judging the policies on the robot", series=own_series)
    run.check_cancelled()
    after = before if recipe.strategy is Strategy.ZERO_SHOT else judge(lesson, acts, "testing")
    value = judging.estimate(returns(after))
    _emit(run, own_series, info.metric, value)

    baselines, details = {"zero_shot": zero_shot.value}, {"zero_shot": {"low": zero_shot.low, "high": zero_shot.high}}
    against_source = judging.verdict(returns(after), returns(before), "zero_shot")
    verdict: Verdict | None = None if recipe.strategy is Strategy.ZERO_SHOT else against_source
    compared: dict[str, Any] = {"curve": [], "returns": None, "needs": None}
    if settings.baseline == "scratch" and not from_scratch and brought.logs is None:
        compared = scratch_beside(lesson, deadline, value.value)
        known = judging.estimate(compared["returns"])
        baselines["scratch"] = known.value
        details["scratch"] = {"low": known.low, "high": known.high, "seconds": round(compared["seconds"], 1)}
        _emit(run, "scratch", info.metric, known)
        verdict = judging.verdict(returns(after), compared["returns"], "scratch")

    save(lesson, learnt, brought, run.path / "model", recipe)
    write_predictions(run.path / "predictions.parquet", before, after)
    if learnt.progress.best_epoch == 0 and recipe.strategy is not Strategy.ZERO_SHOT:
        notes.append("Nothing that was learnt did better where it was checked: the source policy is kept as it was.")
    told = telling.details(lesson, brought, learnt, before, after, zero_shot, value, compared)
    told["against_zero_shot"] = None if recipe.strategy is Strategy.ZERO_SHOT else asdict(against_source)
    if settings.pictures:
        told |= telling.pictures(lesson, run, source, acts[0])
    result = Result(
        run=run.path.name,
        task=info.name,
        model=card.name,
        strategy=recipe.strategy,
        metric=info.metric,
        value=value.value,
        low=value.low,
        high=value.high,
        higher_is_better=info.higher_is_better,
        n_train=telling.real_steps(lesson, learnt),
        n_validation=0,
        n_test=value.n,
        seconds=round(time.monotonic() - began, 2),
        trainable_parameters=telling.learning_parameters(lesson, learnt),
        parameters=telling.parameters(lesson),
        seed=recipe.seed,
        baselines=baselines,
        baseline_details=details,
        verdict=verdict,
        device="CPU, 1 thread",
        precision="fp32",
        best_epoch=learnt.progress.best_epoch,
        epochs=learnt.progress.epoch,
        skipped=list(brought.logs.skipped) if brought.logs is not None else [],
        notes=notes,
        details=told,
    )
    run.write("README.md", modelcard.write(result, recipe, card, info))
    run.write("report.html", report.write(result, recipe, card, info, []))
    shutil.rmtree(run.path / "checkpoint", ignore_errors=True)  # nothing is left to continue
    return result


def judge(lesson: Lesson, acts: list[Policy], phase: str) -> list[Episodes]:
    """The episodes of each repeat, in the same worlds for every contender. Raises Cancelled."""
    found, episodes = [], lesson.settings.episodes
    for repeat, act in enumerate(acts):
        lesson.run.check_cancelled()
        found.append(world.play(act, lesson.target, episodes, lesson.judged_by(repeat)))
        lesson.run.emit(
            "progress", phase=phase, done=(repeat + 1) * episodes, total=len(acts) * episodes, unit="episodes"
        )
    return found


def returns(played: list[Episodes]) -> list[np.ndarray]:
    return [each.returns for each in played]


def scratch_beside(lesson: Lesson, deadline: float | None, wanted: float) -> dict[str, Any]:
    """A policy from random weights on the same robot: judged at the same budget, and when it gets to `wanted`.

    It may use `scratch_times` the budget, in legs of the budget.
    """
    times = lesson.settings.scratch_times
    longer = replace(lesson, strategy=Strategy.SCRATCH, real_steps=lesson.real_steps * times)
    plain = replace(lesson.settings, epochs=None, learning_rate=None, updates=None)
    at_budget = replace(lesson, strategy=Strategy.SCRATCH, settings=replace(plain, epochs=3))
    learnt = learner.learn(at_budget, "scratch", deadline)
    found = judge(at_budget, learner.policies(at_budget, learnt), "testing")
    curve = learnt.progress.history
    if times > 1 and not any(point["mean"] >= wanted for point in curve):
        further = replace(longer, settings=replace(plain, epochs=times))
        curve = learner.learn(further, "aside", deadline).progress.history
    reached = next((point["real_steps"] for point in curve if point["mean"] >= wanted), None)
    needs = {"steps": reached, "within": curve[-1]["real_steps"] if curve else 0}
    return {"curve": curve, "returns": returns(found), "needs": needs, "seconds": learnt.seconds}


def save(lesson: Lesson, learnt: Learnt, brought: Brought, folder: Path, recipe: Recipe) -> None:
    """The policy of every repeat, the first with its critics."""
    config = {
        "robot": lesson.target.robot.name, "target": lesson.target.to_dict(), "model": recipe.model,
        "strategy": recipe.strategy, "episodes": lesson.settings.episodes, "real": brought.real,
        "seeds": [lesson.judged_by(repeat) for repeat in range(lesson.settings.repeats)],
    }  # fmt: skip
    source, limit = ways.correction(lesson)
    for pupil in learnt.pupils:
        pupil.algorithm.policy.load_state_dict(pupil.best)
        keeping.save(pupil.algorithm, folder, config, repeat=pupil.repeat, source=source, limit=limit)
    (folder / "target.json").write_text(json.dumps(lesson.target.to_dict(), indent=2) + "\n", encoding="utf-8")


def write_predictions(path: Path, before: list[Episodes], after: list[Episodes]) -> None:
    """A row an episode: the policy's return, and the source policy's in the same world."""
    rows = [
        {
            "file": f"seed {repeat}, episode {episode}", "label": "", "predicted": float(new.returns[episode]),
            "before": float(old.returns[episode]), "length": int(new.lengths[episode]),
            "diverged": bool(new.diverged[episode]), "seed": repeat,
        }
        for repeat, (old, new) in enumerate(zip(before, after, strict=True))
        for episode in range(len(new.returns))
    ]  # fmt: skip
    pq.write_table(pa.Table.from_pylist(rows), path)


def _emit(run: Run, series: str, metric: str, known: Any) -> None:
    run.emit("result", series=series, metric=metric, value=known.value, low=known.low, high=known.high)
