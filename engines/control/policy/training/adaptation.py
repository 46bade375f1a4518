"""The ways across the gap: how a repeat begins, and what one leg of each way does."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from engines.contract import InputError, Problem, Strategy
from engines.control.agents import model_files, pretrained
from engines.control.agents.numpy_policy import Policy
from engines.control.agents.pretraining import Ranges, Source
from engines.control.agents.sb3_training import Watch, learn
from engines.control.identification import identify
from engines.control.logs import logs
from engines.control.policy.guard import Guard
from engines.control.policy.strategies import IDENTIFIED, RANDOMISED
from engines.control.policy.training.ranges import ranges_around, ranges_of
from engines.control.policy.training.replicate import Replicate, TrainSpec
from engines.control.simulation import environment
from engines.control.simulation.target import Target
from engines.messages import _

LOOKS = 8
"""Times in a leg, at most, that a policy tuned in a simulator is compared there with the best one so far."""
LOOK_EVERY = 500
"""Simulated steps between two looks at least."""
LOOK_STEPS, LOOK_EPISODES = 6_400, (10, 32)
"""What a look takes, about: the steps, and the fewest and the most episodes."""
FILL = 500
"""Steps in the simulator before the first update."""
SIDE_BY_SIDE = 8
"""Robots at least, in a simulator: many starts and few updates of each lose less of what the source knew."""
SIMULATED_UPDATES = 0.5
"""Gradient steps at most for each simulated step."""
SLOWER = 1 / 3
"""Of the source's learning rate, on real steps."""
REAL_UPDATES = {Strategy.FULL: 2.0, Strategy.FEATURES: 2.0}
"""Gradient steps for each real step: those are dear, computing is not."""
CAUTION = 0.25
"""An episode's return is taken to spread by at least this share of it, however few episodes were seen."""
IN_SIMULATION = (IDENTIFIED, RANDOMISED)


def require(strategy: Strategy, target: Target, has_logs: bool) -> None:
    """Raises InputError where the robot does not allow the strategy, or logs do not."""
    if strategy is IDENTIFIED and not target.robot.settable:
        found = _(
            "identified needs a simulator that can be set to what was seen, and {title}'s cannot",
            title=target.robot.title,
        )
        raise InputError(Problem("strategy", found, _("accepted here: randomised, features, full, scratch, zero-shot")))
    if has_logs and strategy not in {IDENTIFIED, Strategy.ZERO_SHOT}:
        found = _("{strategy} needs the robot, and there are only logs of it", strategy=strategy)
        accepted = _("accepted: identified, zero-shot, or a target description as data")
        raise InputError(Problem("strategy", found, accepted))


def legs_of(spec: TrainSpec) -> int:
    """How many legs there are: with `identified`, no more than have enough transitions each."""
    wanted = spec.settings.epochs_for(spec.strategy)
    if spec.strategy is IDENTIFIED and spec.logs is None:
        if spec.real_steps < logs.FEWEST:
            found = _("found {real_steps}", real_steps=spec.real_steps)
            raise InputError(
                Problem(
                    _("setting real_steps"), found, _("accepted with identified: {fewest} or more", fewest=logs.FEWEST)
                )
            )
        return min(wanted, spec.real_steps // logs.FEWEST)
    return wanted


def begin(spec: TrainSpec, repeat: int) -> Replicate:
    """A repeat before its first leg: the source policy, a correction of nothing, or random weights."""
    strategy, simulated = spec.strategy, spec.strategy in IN_SIMULATION
    env: Any = environment.many(spec.simulator, side_by_side(spec) if simulated else 1, 0)
    if spec.corrects:
        env = corrected(spec, env)
    mixed = strategy in REAL_UPDATES and not spec.corrects
    known = None if strategy is Strategy.SCRATCH else spec.kept.card.get("temperature")
    algorithm = pretrained.learner(
        training(spec),
        env,
        buffer_size=(sim_steps(spec) if simulated else spec.real_steps) + FILL,
        seed=spec.seeded("weights", repeat),
        temperature=0.1 if spec.corrects else known,
        older=spec.kept.transitions() if mixed else None,
        share=spec.settings.source_share,
    )
    replicate = Replicate(repeat, algorithm)
    if spec.corrects:
        begin_with_nothing(algorithm)
    elif strategy is not Strategy.SCRATCH:
        pretrained.load_weights(algorithm, spec.kept)
    if strategy is Strategy.FEATURES and not spec.corrects:
        hold_all_but_the_last(algorithm)
    replicate.keep(0)
    env.close()
    return replicate


def training(spec: TrainSpec) -> Source:
    """How the strategy trains: as the source was, with other numbers of updates and steps of random actions, and
    another learning rate."""
    settings, source, strategy = spec.settings, spec.source, spec.strategy
    updates, warm_up, rate = source.updates, 0, settings.learning_rate
    if strategy is Strategy.SCRATCH:
        updates, warm_up = max(1.0, source.updates), min(source.warm_up, spec.real_steps // 4)
    elif strategy in IN_SIMULATION:
        updates = min(SIMULATED_UPDATES, source.updates)
    elif strategy in REAL_UPDATES:
        updates = REAL_UPDATES[strategy]
        if not spec.corrects:
            rate = rate or source.settings.get("learning_rate", 3e-4) * SLOWER
    if settings.updates is not None:
        updates = settings.updates
    changed = source.settings if rate is None else {**source.settings, "learning_rate": rate}
    return replace(source, updates=updates, warm_up=warm_up, settings=changed)


def corrected(spec: TrainSpec, env: Any) -> Any:
    from engines.control.simulation.residual_env import Corrected

    return Corrected(env, spec.source_policy(), spec.settings.limit)


def begin_with_nothing(algorithm: Any) -> None:
    """The correction is zero before it learns, and tries out little."""
    with torch.no_grad():
        actor = algorithm.policy.actor
        actor.mu.weight.zero_()
        actor.mu.bias.zero_()
        actor.log_std.weight.zero_()
        actor.log_std.bias.fill_(-1.5)


def hold_all_but_the_last(algorithm: Any) -> None:
    """Only the values of the choices learn, not what they are computed from (DQN)."""
    for parameter in algorithm.policy.q_net.parameters():
        parameter.requires_grad_(False)
    for parameter in algorithm.policy.q_net.q_net[-1].parameters():
        parameter.requires_grad_(True)


def policy(spec: TrainSpec, replicate: Replicate, *, newest: bool = False) -> Policy:
    """What plays: the best so far, or the newest."""
    own: Any = replicate.algorithm.policy
    newest_state = {name: value.clone() for name, value in own.state_dict().items()}
    if not newest:
        own.load_state_dict(replicate.best)
    try:
        source, limit = correction(spec)
        return model_files.of(replicate.algorithm, source=source, limit=limit)
    finally:
        own.load_state_dict(newest_state)


def correction(spec: TrainSpec) -> tuple[Policy | None, float]:
    """What is corrected, and by how much at most: of the residual policy; else nothing."""
    if spec.corrects:
        return spec.source_policy(), spec.settings.limit
    return None, 0.0


def side_by_side(spec: TrainSpec) -> int:
    return max(SIDE_BY_SIDE, spec.source.environments)


def sim_steps(spec: TrainSpec) -> int:
    return spec.settings.sim_steps_for(spec.target.robot.name)


def part(total: int, leg: int, legs: int) -> int:
    """How many of `total` steps fall into a leg, counted from 1."""
    return total * leg // legs - total * (leg - 1) // legs


def leg_steps(spec: TrainSpec, leg: int, legs: int) -> int:
    """Steps that a leg counts while it goes, simulated and real."""
    real = 0 if spec.strategy is RANDOMISED or spec.logs is not None else part(spec.real_steps, leg, legs)
    return real + (part(sim_steps(spec), leg, legs) if spec.strategy in IN_SIMULATION else 0)


Leg = Callable[[TrainSpec, Replicate, int, int, Watch], float]
"""(spec, replicate, leg counted from 1, legs, watch) -> the critics' loss."""


# --- in a simulator -------------------------------------------------------------------------------


def randomised(spec: TrainSpec, replicate: Replicate, leg: int, legs: int, watch: Watch) -> float:
    """Tuned in the simulator, its physics redrawn at every episode (Peng et al. 2018). No real step."""
    return tune(spec, replicate, leg, legs, watch, spec.simulator, ranges_around(spec.simulator, spec.settings.spread))


def identified(spec: TrainSpec, replicate: Replicate, leg: int, legs: int, watch: Watch) -> float:
    """Drives the robot with the best policy so far, fits the simulator to what came of it, tunes the policy there."""
    if spec.logs is None:
        steps = part(spec.real_steps, leg, legs)
        seen = logs.record(
            policy(spec, replicate),
            spec.target,
            steps,
            seed=spec.seeded("collect", replicate.repeat, leg),
            exploration=spec.settings.exploration,
            progress=lambda *_: watch.more(1),
        )
        replicate.count("learning", steps)
        replicate.logs = seen if replicate.logs is None else replicate.logs.joined(seen)
        found = identify.identify(
            replicate.logs, seed=spec.seeded("identify", replicate.repeat), progress=lambda *_: watch.more(0)
        )
        replicate.identified, replicate.calibrated = (
            json.loads(json.dumps(found.to_dict())),
            found.target,
        )  # plain numbers
    elif spec.identified is not None:
        replicate.identified = json.loads(json.dumps(spec.identified.to_dict()))
        replicate.calibrated = spec.identified.target
    assert replicate.calibrated is not None
    assert replicate.identified is not None
    return tune(
        spec, replicate, leg, legs, watch, replicate.calibrated, ranges_of(replicate.identified, replicate.calibrated)
    )


def tune(
    spec: TrainSpec, replicate: Replicate, leg: int, legs: int, watch: Watch, simulator: Target, ranges: Ranges
) -> float:
    """Learns in `simulator`; what plays best there is kept, also when that is what was there before."""
    loss, total = 0.0, part(sim_steps(spec), leg, legs)
    seed = spec.seeded("look", replicate.repeat)
    best = played(policy(spec, replicate), simulator, seed, ranges)
    looks = max(1, min(LOOKS, total // LOOK_EVERY))
    for look in range(1, looks + 1):
        steps = part(total, look, looks)
        env = environment.many(
            simulator, side_by_side(spec), spec.seeded("worlds", replicate.repeat, leg, look), randomise=ranges
        )
        loss = learn(
            replicate.algorithm,
            env,
            steps,
            spec.seeded("learn", replicate.repeat, leg, look),
            watch,
            fill=FILL if leg == look == 1 else 0,
        )
        replicate.count("simulated", steps)
        now = played(policy(spec, replicate, newest=True), simulator, seed, ranges)
        if now >= best:
            best = now
            replicate.keep(leg)
    return loss


def played(act: Policy, simulator: Target, seed: int, ranges: Ranges) -> float:
    """The mean return in a simulator."""
    episodes = int(np.clip(LOOK_STEPS // simulator.robot.steps, *LOOK_EPISODES))
    return environment.play(act, simulator, episodes, seed, randomise=ranges).mean


# --- on the robot itself --------------------------------------------------------------------------


def real(spec: TrainSpec, replicate: Replicate, leg: int, legs: int, watch: Watch) -> float:
    """Learns on the robot. But from scratch, guarded: what was learnt is only used once real episodes say so."""
    if replicate.numbers.get("stopped"):
        return 0.0
    scratch = spec.strategy is Strategy.SCRATCH
    guard = None if scratch else guard_of(spec)
    if guard and guard.episodes and leg == 1:
        check(spec, replicate, guard, 0, watch)
    steps = part(spec.real_steps - (guard.steps if guard else 0), leg, legs)
    env = environment.many(spec.target, 1, spec.seeded("worlds", replicate.repeat, leg))
    if spec.corrects:
        env = corrected(spec, env)
    share = 1 - 0.95 * (leg - 1) / max(1, legs - 1) if scratch else spec.settings.exploration / 3
    loss = learn(
        replicate.algorithm, env, steps, spec.seeded("learn", replicate.repeat, leg), watch, random_share=float(share)
    )
    replicate.count("learning", steps)
    if guard is None or not guard.episodes:
        replicate.keep(leg)
    elif guard.looks(leg, replicate.count("checking"), replicate.count("looks")):
        check(spec, replicate, guard, leg, watch)
    return loss


def guard_of(spec: TrainSpec) -> Guard:
    """When it is checked on the robot whether learning there helps. Raises InputError where no check can be paid for
    and nobody said to go without."""
    least = Guard.least(spec.target.robot.steps)
    if spec.settings.check_share and spec.real_steps < least:
        accepted = _(
            "accepted with {strategy}: {least:,} or more, or check_share=0 to learn unguarded",
            strategy=spec.strategy,
            least=least,
        )
        raise InputError(
            Problem(_("setting real_steps"), _("found {real_steps:,}", real_steps=spec.real_steps), accepted)
        )
    return Guard.of(spec.target.robot.steps, spec.real_steps, legs_of(spec), spec.settings.check_share)


def check(spec: TrainSpec, replicate: Replicate, guard: Guard, leg: int, watch: Watch) -> None:
    """Plays a few real episodes: they decide whether the newest policy is used, and whether learning goes on.

    The robot is put back to the same starting states each time, which makes most of the luck the same for all.
    """
    act = policy(spec, replicate, newest=True)
    found = environment.play(act, spec.target, guard.episodes, spec.seeded("check", replicate.repeat))
    replicate.count("checking", found.steps)
    replicate.count("looks", 1)
    watch.more(found.steps)
    if leg == 0:
        replicate.numbers |= {"first": found.mean, "best": found.mean}
        return
    first = replicate.numbers["first"]
    spread = max(spec.kept.card["return"]["sd"], float(np.std(found.returns)), CAUTION * abs(first))
    if guard.dips(found.mean, first, spread):
        replicate.numbers["stopped"] = leg
    elif guard.helps(found.mean, replicate.numbers["best"], spread):
        replicate.numbers["best"] = found.mean
        replicate.keep(leg)


LEGS: dict[Strategy, Leg] = {
    RANDOMISED: randomised,
    IDENTIFIED: identified,
    Strategy.FEATURES: real,
    Strategy.FULL: real,
    Strategy.SCRATCH: real,
}
