"""All repeats of a trial learn side by side, leg by leg; after each leg everything is on disk."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from torch import Tensor, nn

from engines import messages
from engines.contract import Strategy
from engines.control.agents.numpy_policy import Policy
from engines.control.agents.sb3_training import Watch, one_thread
from engines.control.policy.strategies import IDENTIFIED, RANDOMISED
from engines.control.policy.training import adaptation
from engines.control.policy.training.replicate import Replicate, TrainSpec, restore, state
from engines.control.simulation import environment
from engines.control.simulation.environment import Episodes
from engines.evidence.scores import Returns
from engines.messages import _
from engines.training import checkpoint

TITLES = {
    IDENTIFIED: _("Driving the robot, fitting the simulator to it, tuning the policy there"),
    RANDOMISED: _("Tuning the policy in a simulator whose physics keep changing"),
    Strategy.FEATURES: _("Learning a small correction on the robot"),
    Strategy.FULL: _("Learning on the robot, the source's experience mixed in"),
    Strategy.SCRATCH: _("Learning on the robot from random weights"),
}
PHASES = {"transfer": "fine-tuning", "scratch": "scratch", "aside": "longer"}
"""What the checkpoint of a series is called; aside, a policy from scratch goes on beyond the budget."""
WATCH_STEPS = 2_000
"""Steps of the target, about, that a look at a policy after a leg takes: they are for the curve, nothing learns from
them."""


@dataclass
class TrainOutcome:
    """What came of the repeats."""

    replicates: list[Replicate]
    progress: checkpoint.Progress
    """Its history has a row a leg: epoch, real_steps, sim_steps, mean, low, high, episodes, seeds."""
    seconds: float
    judging: int
    """Steps of the target that the looks after the legs took."""


@dataclass
class PolicyTrial:
    """One strategy, learnt by every repeat and judged on the robot."""

    spec: TrainSpec
    outcome: TrainOutcome
    episodes: list[Episodes]
    """What each repeat was judged on."""
    longer: list[dict[str, Any]] = field(default_factory=list)
    """Of the baseline from scratch: the curve beyond the budget, where that was looked for."""

    @property
    def curve(self) -> list[dict[str, Any]]:
        """Rows as in `TrainOutcome.progress`."""
        return self.longer or self.outcome.progress.history

    @cached_property
    def scores(self) -> Returns:
        return returns(self.episodes)

    @property
    def progress(self) -> checkpoint.Progress:
        return self.outcome.progress

    @property
    def seconds(self) -> float:
        return self.outcome.seconds

    @property
    def trainable(self) -> int:
        return sum(parameter.numel() for parameter in self._learning().values())

    @property
    def parameters(self) -> int:
        """Of the policy, as its card counts them, and of the correction beside it."""
        model = self.spec.model
        return model.parameters + (model.correction_parameters or 0) * self.spec.corrects

    def state(self) -> dict[str, Tensor]:
        """Of the first repeat."""
        return {name: self.outcome.replicates[0].best[name] for name in self._learning()}

    def _learning(self) -> dict[str, nn.Parameter]:
        """What learnt of the network that plays: not its critics."""
        if self.spec.strategy is Strategy.ZERO_SHOT:
            return {}
        plays = "q_net." if self.spec.target.robot.discrete else "actor."
        known = self.outcome.replicates[0].algorithm.policy.named_parameters()
        return {name: parameter for name, parameter in known if parameter.requires_grad and name.startswith(plays)}


def returns(played: list[Episodes]) -> Returns:
    return Returns([each.returns for each in played])


def watch_episodes(longest: int, most: int) -> int:
    """Episodes of a look."""
    return max(2, min(most, WATCH_STEPS // longest))


@one_thread()
def learn(spec: TrainSpec, series: str, deadline: float | None = None, before: float | None = None) -> TrainOutcome:
    """Teaches every repeat. Continues from the phase's checkpoint when there is one.

    `before` is the source's mean return, which the events carry for the live curve. Raises Cancelled, with the last
    whole leg checkpointed, and InputError.
    """
    run, strategy = spec.run, spec.strategy
    replicates = [adaptation.begin(spec, repeat) for repeat in spec.repeats]
    progress = checkpoint.Progress()
    if strategy is Strategy.ZERO_SHOT:
        return TrainOutcome(replicates, progress, 0.0, 0)
    phase = PHASES[series]
    run.emit("phase", name=phase, title=messages.told(TITLES)[strategy], series=series)
    folder = run.path / "checkpoint" / phase
    if found := checkpoint.load(folder):
        progress = found[0]
        for replicate, known in zip(replicates, found[2]["pupils"], strict=True):
            restore(replicate, known, spec.target)
        run.emit("note", message=_("Resumed {phase} after leg {epoch}.", phase=phase, epoch=progress.epoch))
    elif folder.exists():
        run.emit("note", message=_("The checkpoint of {phase} is damaged: this part starts over.", phase=phase))
    legs = adaptation.legs_of(spec)
    total = sum(adaptation.leg_steps(spec, leg, legs) for leg in range(1, legs + 1)) * len(replicates)
    watch = Watch(run, phase, total, deadline)
    watch.done = sum(adaptation.leg_steps(spec, leg, legs) for leg in range(1, progress.epoch + 1)) * len(replicates)
    began = time.monotonic() - progress.seconds
    while progress.epoch < legs and (deadline is None or not progress.epoch or time.monotonic() < deadline):
        leg = progress.epoch + 1
        losses = [adaptation.LEGS[strategy](spec, replicate, leg, legs, watch) for replicate in replicates]
        run.check_cancelled()
        looked = look(spec, replicates)
        progress.epoch, progress.seconds = leg, time.monotonic() - began
        progress.best_epoch = int(max(replicate.numbers["best_epoch"] for replicate in replicates))
        progress.history.append(row(replicates, leg, looked, float(np.mean(losses))))
        checkpoint.save(folder, progress, {}, {"pupils": [state(replicate) for replicate in replicates]}, best={})
        steps = max(1, sum(adaptation.leg_steps(spec, done, legs) for done in range(1, leg + 1)) * len(replicates))
        rate = steps / max(progress.seconds, 1e-6)
        told = progress.history[-1]
        run.emit(
            "epoch",
            phase=phase,
            series=series,
            epoch=leg,
            epochs=legs,
            train_loss=told["loss"],
            validation_metric=told["mean"],
            low=told["low"],
            high=told["high"],
            real_steps=told["real_steps"],
            sim_steps=told["sim_steps"],
            best_epoch=progress.best_epoch,
            rate=round(rate, 1),
            unit="steps",
            seconds_left=round(max(0, total - steps) / rate, 1),
            learning_rate=float(rate_of(replicates[0])),
            **({} if before is None else {"zero_shot": before}),
        )
    return TrainOutcome(replicates, progress, progress.seconds, sum(entry["looked"] for entry in progress.history))


def look(spec: TrainSpec, replicates: list[Replicate]) -> list[Episodes]:
    """How the policy of each repeat does on the target now, on the first of the episodes that it is judged on."""
    episodes = watch_episodes(spec.target.robot.steps, spec.settings.episodes)
    return [
        environment.play(adaptation.policy(spec, replicate), spec.target, episodes, spec.judged_by(replicate.repeat))
        for replicate in replicates
    ]


def row(replicates: list[Replicate], leg: int, looked: list[Episodes], loss: float) -> dict[str, Any]:
    """A point of the curve."""
    value = returns(looked).estimate()
    return {
        "epoch": leg,
        "real_steps": max(replicate.real_steps for replicate in replicates),
        "sim_steps": max(int(replicate.count("simulated")) for replicate in replicates),
        "mean": value.value,
        "low": value.low,
        "high": value.high,
        "episodes": value.n,
        "seeds": value.seeds,
        "by_seed": [each.mean for each in looked],
        "loss": loss,
        "looked": sum(each.steps for each in looked),
    }


def rate_of(replicate: Replicate) -> float:
    return float(replicate.algorithm.lr_schedule(1.0))


def policies(spec: TrainSpec, learnt: TrainOutcome) -> list[Policy]:
    """What plays, of each repeat."""
    return [adaptation.policy(spec, replicate) for replicate in learnt.replicates]


def judge(spec: TrainSpec, acts: list[Policy], phase: str) -> list[Episodes]:
    """The episodes of each repeat, in the same worlds for every contender. Raises Cancelled."""
    found, episodes = [], spec.settings.episodes
    for repeat, act in zip(spec.repeats, acts, strict=True):
        spec.run.check_cancelled()
        found.append(environment.play(act, spec.target, episodes, spec.judged_by(repeat)))
        done, total = len(found) * episodes, len(acts) * episodes
        spec.run.emit("progress", phase=phase, done=done, total=total, unit="episodes")
    return found
