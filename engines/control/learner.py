"""All repeats of a run learn side by side, leg by leg; after each leg everything is on disk."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from engines.contract import Strategy
from engines.control import judging, lesson, ways, world
from engines.control.acting import Policy
from engines.control.learning import Watch, one_thread
from engines.control.lesson import Lesson, Pupil
from engines.training import checkpoint

TITLES = {
    Strategy.IDENTIFIED: "Driving the robot, fitting the simulator to it, tuning the policy there",
    Strategy.RANDOMISED: "Tuning the policy in a simulator whose physics keep changing",
    Strategy.FEATURES: "Learning a small correction on the robot",
    Strategy.FULL: "Learning on the robot, the source's experience mixed in",
    Strategy.SCRATCH: "Learning on the robot from random weights",
}
PHASES = {"transfer": "fine-tuning", "scratch": "scratch", "aside": "longer"}
"""What the checkpoint of a series is called; aside, a policy from scratch goes on beyond the budget."""
WATCH_STEPS = 2_000
"""Steps of the target, about, that a look at a policy after a leg takes: they are for the curve, nothing learns from
them."""


@dataclass
class Learnt:
    """What came of the repeats."""

    pupils: list[Pupil]
    progress: checkpoint.Progress
    """Its history has a row a leg: epoch, real_steps, sim_steps, mean, low, high, episodes, seeds."""
    seconds: float
    judging: int
    """Steps of the target that the looks after the legs took."""


def watch_episodes(longest: int, most: int) -> int:
    """Episodes of a look."""
    return max(2, min(most, WATCH_STEPS // longest))


def learn(given: Lesson, series: str, deadline: float | None = None, before: float | None = None) -> Learnt:
    """Teaches every repeat. Continues from the phase's checkpoint when there is one.

    `before` is the source's mean return, which the events carry for the live curve. Raises Cancelled, with the last
    whole leg checkpointed, and InputError.
    """
    with one_thread():
        return _learn(given, series, deadline, before)


def _learn(given: Lesson, series: str, deadline: float | None, before: float | None) -> Learnt:
    run, settings, strategy = given.run, given.settings, given.strategy
    pupils = [ways.begin(given, repeat) for repeat in range(settings.repeats)]
    progress = checkpoint.Progress()
    if strategy is Strategy.ZERO_SHOT:
        return Learnt(pupils, progress, 0.0, 0)
    phase = PHASES[series]
    run.emit("phase", name=phase, title=TITLES[strategy], series=series)
    folder = run.path / "checkpoint" / phase
    if found := checkpoint.load(folder):
        progress = found[0]
        for pupil, known in zip(pupils, found[2]["pupils"], strict=True):
            lesson.restore(pupil, known, given.target)
        run.emit("note", message=f"Resumed {phase} after leg {progress.epoch}.")
    elif folder.exists():
        run.emit("note", message=f"The checkpoint of {phase} is damaged: this part starts over.")
    legs = ways.legs_of(given)
    total = sum(ways.leg_steps(given, leg, legs) for leg in range(1, legs + 1)) * len(pupils)
    watch = Watch(run, phase, total, deadline)
    watch.done = sum(ways.leg_steps(given, leg, legs) for leg in range(1, progress.epoch + 1)) * len(pupils)
    began = time.monotonic() - progress.seconds
    while progress.epoch < legs and (deadline is None or not progress.epoch or time.monotonic() < deadline):
        leg = progress.epoch + 1
        losses = [ways.LEGS[strategy](given, pupil, leg, legs, watch) for pupil in pupils]
        run.check_cancelled()
        looked = look(given, pupils)
        progress.epoch, progress.seconds = leg, time.monotonic() - began
        progress.best_epoch = int(max(pupil.numbers["best_epoch"] for pupil in pupils))
        progress.history.append(row(pupils, leg, looked, float(np.mean(losses))))
        checkpoint.save(folder, progress, {}, {"pupils": [lesson.state(pupil) for pupil in pupils]}, best={})
        steps = max(1, sum(ways.leg_steps(given, done, legs) for done in range(1, leg + 1)) * len(pupils))
        rate = steps / max(progress.seconds, 1e-6)
        told = progress.history[-1]
        run.emit(
            "epoch", phase=phase, series=series, epoch=leg, epochs=legs, train_loss=told["loss"],
            validation_metric=told["mean"], low=told["low"], high=told["high"], real_steps=told["real_steps"],
            sim_steps=told["sim_steps"], best_epoch=progress.best_epoch, rate=round(rate, 1), unit="steps",
            seconds_left=round(max(0, total - steps) / rate, 1), learning_rate=float(rate_of(pupils[0])),
            **({} if before is None else {"zero_shot": before}),
        )  # fmt: skip
    return Learnt(pupils, progress, progress.seconds, sum(entry["looked"] for entry in progress.history))


def look(given: Lesson, pupils: list[Pupil]) -> list[world.Episodes]:
    """How the policy of each repeat does on the target now, on the first of the episodes that it is judged on."""
    episodes = watch_episodes(given.target.robot.steps, given.settings.episodes)
    return [
        world.play(ways.policy(given, pupil), given.target, episodes, given.judged_by(pupil.repeat)) for pupil in pupils
    ]


def row(pupils: list[Pupil], leg: int, looked: list[world.Episodes], loss: float) -> dict[str, Any]:
    """A point of the curve."""
    value = judging.estimate([each.returns for each in looked])
    return {
        "epoch": leg, "real_steps": max(pupil.real_steps for pupil in pupils),
        "sim_steps": max(int(pupil.count("simulated")) for pupil in pupils),
        "mean": value.value, "low": value.low, "high": value.high, "episodes": value.n, "seeds": value.seeds,
        "by_seed": [each.mean for each in looked], "loss": loss, "looked": sum(each.steps for each in looked),
    }  # fmt: skip


def rate_of(pupil: Pupil) -> float:
    return float(pupil.algorithm.lr_schedule(1.0))


def policies(given: Lesson, learnt: Learnt) -> list[Policy]:
    """What plays, of each repeat."""
    return [ways.policy(given, pupil) for pupil in learnt.pupils]
