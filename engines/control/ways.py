"""The ways across the gap: how a repeat begins, and what one leg of each way does."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from engines.contract import InputError, Problem, Strategy
from engines.control import identify, keeping, logs, policies, world
from engines.control.acting import Policy
from engines.control.guard import Guard
from engines.control.learning import Watch, learn
from engines.control.lesson import Lesson, Pupil
from engines.control.robots import ACTION_GAIN
from engines.control.sources import Ranges
from engines.control.target import Target

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
IN_SIMULATION = (Strategy.IDENTIFIED, Strategy.RANDOMISED)


def require(strategy: Strategy, target: Target, has_logs: bool) -> None:
    """Raises InputError where the robot does not allow the strategy, or logs do not."""
    if strategy is Strategy.IDENTIFIED and not target.robot.settable:
        found = f"identified needs a simulator that can be set to what was seen, and {target.robot.title}'s cannot"
        raise InputError(Problem("strategy", found, "accepted here: randomised, features, full, scratch, zero-shot"))
    if has_logs and strategy not in {Strategy.IDENTIFIED, Strategy.ZERO_SHOT}:
        found = f"{strategy} needs the robot, and there are only logs of it"
        accepted = "accepted: identified, zero-shot, or a target description as data"
        raise InputError(Problem("strategy", found, accepted))


def legs_of(lesson: Lesson) -> int:
    """How many legs there are: with `identified`, no more than have enough transitions each."""
    wanted = lesson.settings.epochs_for(lesson.strategy)
    if lesson.strategy is Strategy.IDENTIFIED and lesson.logs is None:
        if lesson.real_steps < logs.FEWEST:
            found = f"found {lesson.real_steps}"
            raise InputError(Problem("setting real_steps", found, f"accepted with identified: {logs.FEWEST} or more"))
        return min(wanted, lesson.real_steps // logs.FEWEST)
    return wanted


def begin(lesson: Lesson, repeat: int) -> Pupil:
    """A repeat before its first leg: the source policy, a correction of nothing, or random weights."""
    settings, source, strategy = lesson.settings, lesson.source, lesson.strategy
    discrete = lesson.target.robot.discrete
    simulated = strategy in IN_SIMULATION
    env = world.many(lesson.simulator, side_by_side(lesson) if simulated else 1, 0)
    scratch = strategy is Strategy.SCRATCH
    given: dict[str, Any] = {"seed": lesson.seeded("weights", repeat), "learning_rate": settings.learning_rate}
    if scratch:
        given |= {"warm_up": min(source.warm_up, lesson.real_steps // 4), "updates": max(1.0, source.updates)}
    elif simulated:
        given["updates"] = min(SIMULATED_UPDATES, source.updates)
    elif strategy in REAL_UPDATES:
        own = source.settings.get("learning_rate", 3e-4)
        given |= {"updates": REAL_UPDATES[strategy], "learning_rate": settings.learning_rate or own * SLOWER}
    if not scratch and "temperature" in lesson.kept.card:
        given["temperature"] = lesson.kept.card["temperature"]
    if strategy is Strategy.FULL or (strategy is Strategy.FEATURES and discrete):
        given |= {"older": lesson.kept.transitions(), "share": settings.source_share}
    if strategy is Strategy.FEATURES and not discrete:
        given |= {"learning_rate": settings.learning_rate, "temperature": 0.1}
        env = corrected(lesson, env)
    if settings.updates is not None:
        given["updates"] = settings.updates
    steps = sim_steps(lesson) if simulated else lesson.real_steps
    algorithm = policies.learner(source, env, buffer_size=steps + FILL, **given)
    pupil = Pupil(repeat, algorithm)
    if strategy is Strategy.FEATURES and not discrete:
        begin_with_nothing(algorithm)
    elif not scratch:
        policies.load_weights(algorithm, lesson.kept)
    if strategy is Strategy.FEATURES and discrete:
        hold_all_but_the_last(algorithm)
    pupil.keep(0)
    env.close()
    return pupil


def corrected(lesson: Lesson, env: Any) -> Any:
    from engines.control.correcting import Corrected

    return Corrected(env, lesson.source_policy(), lesson.settings.limit)


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


def policy(lesson: Lesson, pupil: Pupil, *, newest: bool = False) -> Policy:
    """What plays: the best so far, or the newest."""
    own: Any = pupil.algorithm.policy
    newest_state = {name: value.clone() for name, value in own.state_dict().items()}
    if not newest:
        own.load_state_dict(pupil.best)
    try:
        source, limit = correction(lesson)
        return keeping.of(pupil.algorithm, source=source, limit=limit)
    finally:
        own.load_state_dict(newest_state)


def correction(lesson: Lesson) -> tuple[Policy | None, float]:
    """What is corrected, and by how much at most: of the residual policy; else nothing."""
    if lesson.strategy is Strategy.FEATURES and not lesson.target.robot.discrete:
        return lesson.source_policy(), lesson.settings.limit
    return None, 0.0


def side_by_side(lesson: Lesson) -> int:
    return max(SIDE_BY_SIDE, lesson.source.environments)


def sim_steps(lesson: Lesson) -> int:
    return lesson.settings.sim_steps_for(lesson.target.robot.name)


def part(total: int, leg: int, legs: int) -> int:
    """How many of `total` steps fall into a leg, counted from 1."""
    return total * leg // legs - total * (leg - 1) // legs


def leg_steps(lesson: Lesson, leg: int, legs: int) -> int:
    """Steps that a leg counts while it goes, simulated and real."""
    real = (
        0 if lesson.strategy is Strategy.RANDOMISED or lesson.logs is not None else part(lesson.real_steps, leg, legs)
    )
    return real + (part(sim_steps(lesson), leg, legs) if lesson.strategy in IN_SIMULATION else 0)


Leg = Callable[[Lesson, Pupil, int, int, Watch], float]
"""(lesson, pupil, leg counted from 1, legs, watch) -> the critics' loss."""


# --- in a simulator -------------------------------------------------------------------------------


def randomised(lesson: Lesson, pupil: Pupil, leg: int, legs: int, watch: Watch) -> float:
    """Tuned in the simulator, its physics redrawn at every episode (Peng et al. 2018). No real step."""
    return tune(
        lesson, pupil, leg, legs, watch, lesson.simulator, ranges_around(lesson.simulator, lesson.settings.spread)
    )


def ranges_around(target: Target, spread: float) -> Ranges:
    """Each physical value and the motors' strength, `spread` of itself up and down; what is zero, up to that share."""
    found = {}
    for parameter in (*target.robot.physics, ACTION_GAIN):
        value = target.value(parameter.name)
        low, high = value * (1 - spread), value * (1 + spread)
        if value == 0:
            high = spread * parameter.high
        found[parameter.name] = (max(low, parameter.low), min(high, parameter.high))
    return found


def identified(lesson: Lesson, pupil: Pupil, leg: int, legs: int, watch: Watch) -> float:
    """Drives the robot with the best policy so far, fits the simulator to what came of it, tunes the policy there."""
    if lesson.logs is None:
        steps = part(lesson.real_steps, leg, legs)
        seen = logs.record(
            policy(lesson, pupil), lesson.target, steps, seed=lesson.seeded("collect", pupil.repeat, leg),
            exploration=lesson.settings.exploration, progress=lambda *_: watch.more(1),
        )  # fmt: skip
        pupil.count("learning", steps)
        pupil.logs = seen if pupil.logs is None else pupil.logs.joined(seen)
        found = identify.identify(
            pupil.logs, seed=lesson.seeded("identify", pupil.repeat), progress=lambda *_: watch.more(0)
        )
        pupil.identified, pupil.calibrated = json.loads(json.dumps(found.to_dict())), found.target  # plain numbers
    elif lesson.identified is not None:
        pupil.identified = json.loads(json.dumps(lesson.identified.to_dict()))
        pupil.calibrated = lesson.identified.target
    assert pupil.calibrated is not None
    assert pupil.identified is not None
    return tune(lesson, pupil, leg, legs, watch, pupil.calibrated, ranges_of(pupil.identified, pupil.calibrated))


def ranges_of(found: dict[str, Any], calibrated: Target) -> Ranges:
    """The interval of each identified value but the delay: the simulator is as uncertain as the logs left it."""
    known = {parameter.name: parameter for parameter in (*calibrated.robot.physics, ACTION_GAIN)}
    return {
        name: (max(low, known[name].low), min(high, known[name].high))
        for name, (_, low, high) in found["values"].items()
        if name in known
    }


def tune(
    lesson: Lesson, pupil: Pupil, leg: int, legs: int, watch: Watch, simulator: Target, ranges: Ranges
) -> float:  # fmt: skip
    """Learns in `simulator`; what plays best there is kept, also when that is what was there before."""
    loss, total = 0.0, part(sim_steps(lesson), leg, legs)
    seed = lesson.seeded("look", pupil.repeat)
    best = played(policy(lesson, pupil), simulator, seed, ranges)
    looks = max(1, min(LOOKS, total // LOOK_EVERY))
    for look in range(1, looks + 1):
        steps = part(total, look, looks)
        env = world.many(
            simulator, side_by_side(lesson), lesson.seeded("worlds", pupil.repeat, leg, look), randomise=ranges
        )
        loss = learn(
            pupil.algorithm, env, steps, lesson.seeded("learn", pupil.repeat, leg, look), watch,
            fill=FILL if leg == look == 1 else 0,
        )  # fmt: skip
        pupil.count("simulated", steps)
        now = played(policy(lesson, pupil, newest=True), simulator, seed, ranges)
        if now >= best:
            best = now
            pupil.keep(leg)
    return loss


def played(act: Policy, simulator: Target, seed: int, ranges: Ranges) -> float:
    """The mean return in a simulator."""
    episodes = int(np.clip(LOOK_STEPS // simulator.robot.steps, *LOOK_EPISODES))
    return world.play(act, simulator, episodes, seed, randomise=ranges).mean


# --- on the robot itself --------------------------------------------------------------------------


def real(lesson: Lesson, pupil: Pupil, leg: int, legs: int, watch: Watch) -> float:
    """Learns on the robot. But from scratch, guarded: what was learnt is only used once real episodes say so."""
    if pupil.numbers.get("stopped"):
        return 0.0
    scratch = lesson.strategy is Strategy.SCRATCH
    guard = None if scratch else guard_of(lesson)
    if guard and guard.episodes and leg == 1:
        check(lesson, pupil, guard, 0, watch)
    steps = part(lesson.real_steps - (guard.steps if guard else 0), leg, legs)
    env = world.many(lesson.target, 1, lesson.seeded("worlds", pupil.repeat, leg))
    if correction(lesson)[0] is not None:
        env = corrected(lesson, env)
    share = 1 - 0.95 * (leg - 1) / max(1, legs - 1) if scratch else lesson.settings.exploration / 3
    loss = learn(
        pupil.algorithm, env, steps, lesson.seeded("learn", pupil.repeat, leg), watch, random_share=float(share)
    )
    pupil.count("learning", steps)
    if guard is None or not guard.episodes:
        pupil.keep(leg)
    elif guard.looks(leg, pupil.count("checking"), pupil.count("looks")):
        check(lesson, pupil, guard, leg, watch)
    return loss


def guard_of(lesson: Lesson) -> Guard:
    """When it is checked on the robot whether learning there helps. Raises InputError where no check can be paid for
    and nobody said to go without."""
    least = Guard.least(lesson.target.robot.steps)
    if lesson.settings.check_share and lesson.real_steps < least:
        accepted = f"accepted with {lesson.strategy}: {least:,} or more, or check_share=0 to learn unguarded"
        raise InputError(Problem("setting real_steps", f"found {lesson.real_steps:,}", accepted))
    return Guard.of(lesson.target.robot.steps, lesson.real_steps, legs_of(lesson), lesson.settings.check_share)


def check(lesson: Lesson, pupil: Pupil, guard: Guard, leg: int, watch: Watch) -> None:
    """Plays a few real episodes: they decide whether the newest policy is used, and whether learning goes on.

    The robot is put back to the same starting states each time, which makes most of the luck the same for all.
    """
    act = policy(lesson, pupil, newest=True)
    found = world.play(act, lesson.target, guard.episodes, lesson.seeded("check", pupil.repeat))
    pupil.count("checking", found.steps)
    pupil.count("looks", 1)
    watch.more(found.steps)
    if leg == 0:
        pupil.numbers |= {"first": found.mean, "best": found.mean}
        return
    first = pupil.numbers["first"]
    spread = max(lesson.kept.card["return"]["sd"], float(np.std(found.returns)), CAUTION * abs(first))
    if guard.dips(found.mean, first, spread):
        pupil.numbers["stopped"] = leg
    elif guard.helps(found.mean, pupil.numbers["best"], spread):
        pupil.numbers["best"] = found.mean
        pupil.keep(leg)


LEGS: dict[Strategy, Leg] = {
    Strategy.RANDOMISED: randomised,
    Strategy.IDENTIFIED: identified,
    Strategy.FEATURES: real,
    Strategy.FULL: real,
    Strategy.SCRATCH: real,
}
