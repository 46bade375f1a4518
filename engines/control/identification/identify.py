"""System identification: which physics make the simulator do what the real robot did in a log.

The simulator is set to each observation, given the commands that followed, and compared with what was seen. How late
commands are is tried out; the rest is found by CMA-ES (Hansen & Ostermeier 2001) and finished by least squares.
Parameters that the log cannot tell apart stay nominal and are named.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engines.contract import InputError, Problem, Progress
from engines.control.identification.explained import FEWEST_HELD, compared
from engines.control.identification.least_squares import (
    FINEST,
    Fit,
    intervals,
    moved_by_gain,
    nominal,
    not_told_by,
    too_wide,
    value_at,
    widened,
)
from engines.control.identification.short_fit import HELD_OUT, SCAN_STEPS, SCAN_WINDOWS, SURE, delay_of, enough, started
from engines.control.logs.logs import FEWEST, Logs
from engines.control.logs.windows import LONGEST_DELAY, split, windows
from engines.control.simulation.robots import ACTION_GAIN, Robot
from engines.control.simulation.rollouts import stepper
from engines.control.simulation.target import Target
from engines.messages import _

ROLLOUT = 20
"""Steps that a rollout on the held-out part looks ahead."""
NOISY = 2e-3
"""Sensor noise, in usual spreads, below which a log counts as exact."""
NOISY_STEPS = {True: 4, False: 20}
"""Steps that are looked ahead where sensors are noisy (MuJoCo, others): the physics add up, the noise does not."""
NOISY_WINDOWS = 400
"""Stretches that are enough then: those that overlap share their noise."""
REWEIGHTED = 3
"""How often states are estimated anew, in turn with parameters."""
SEARCH = {True: 60, False: 150}
"""Evaluations of CMA-ES for each parameter."""


@dataclass(frozen=True)
class Identified:
    """What a log says of the robot."""

    target: Target
    """The calibrated simulator."""
    values: dict[str, tuple[float, float, float]]
    """Of each parameter that was told: its value and 95 % interval (a block bootstrap of the prediction errors,
    linearised at the fit). The delay's is the delay alone."""
    one_step: dict[str, float | None]
    """'nominal' and 'calibrated': root mean square error of the next observation on the held-out part, in spreads;
    'linear': that of a straight line through the rest of the log, the wildest steps aside."""
    rollout: dict[str, float | None]
    """The same over `ROLLOUT` steps, without looking at the robot in between; 'steps' says how many."""
    transitions: int
    held_out: int
    evaluations: int
    """Simulations of all stretches."""
    not_told: dict[str, str]
    """Why, for each parameter that stays as it is in the simulator."""
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return {
            "target": self.target.to_dict(),
            "values": {name: list(value) for name, value in self.values.items()},
            "one_step": self.one_step,
            "rollout": self.rollout,
            "transitions": self.transitions,
            "held_out": self.held_out,
            "evaluations": self.evaluations,
            "not_told": self.not_told,
            "notes": self.notes,
        }


def identify(logs: Logs, robot: Robot | None = None, *, seed: int = 0, progress: Progress | None = None) -> Identified:
    """The physics, delay, motor strength and sensor noise of the robot that `logs` come from.

    Deterministic in `seed`. Raises InputError for a robot whose state cannot be set (Box2D's) and for a log that is too
    short or too torn. `progress` is told evaluations, of an estimated total.
    """
    robot = robot or logs.robot
    if robot != logs.robot:
        raise InputError(
            Problem(
                "logs",
                _("they are of {title}", title=logs.robot.title),
                _("accepted here: logs of {title}", title=robot.title),
            )
        )
    simulator = stepper(robot, logs.mjcf)
    enough(logs, simulator)
    parameters = (*robot.physics, ACTION_GAIN)
    counter = Counter(progress, (SEARCH[robot.mujoco] + 60) * len(parameters))
    fitted, held = split(logs, HELD_OUT)

    def stretches(of: Logs, steps: int, known: int, most: int) -> Fit:
        return Fit(simulator, parameters, windows(of, simulator, steps, known=known, most=most), counter.tick)

    not_told: dict[str, str] = {}
    scan = stretches(fitted, SCAN_STEPS[robot.mujoco], LONGEST_DELAY, SCAN_WINDOWS[robot.mujoco])
    delay, point = delay_of(scan, not_told)
    single = stretches(fitted, 1, delay, simulator.windows)
    point = started(single, point, delay)
    single = fit = single.weighted(point, delay)
    if noise(single.errors(point, delay)) > NOISY:
        longer = stretches(fitted, NOISY_STEPS[robot.mujoco], delay, min(NOISY_WINDOWS, simulator.windows))
        if len(longer.seen) >= FEWEST // 2:  # else episodes are too short to look so far ahead
            fit = longer.weighted(point, delay)
    reasons: dict[str, str] = {}
    point, spans = _parameters(fit, point, delay, seed, SEARCH[robot.mujoco], reasons)
    ahead_one = stretches(held, 1, LONGEST_DELAY, simulator.windows)
    plain = stretches(fitted, 1, delay, simulator.windows)
    found = compared(fitted, plain, ahead_one, point, delay) if len(ahead_one.seen) >= FEWEST_HELD else None
    lacking = found is not None and found.doubtful
    if lacking:  # then parameters are told by more than chance can blur
        reasons = {}
        point, spans = _parameters(fit, point, delay, seed, 0, reasons, lacking=True)
    not_told |= reasons
    if logs.scaled_by != 1 and ACTION_GAIN.name in not_told:
        spans = _with_gain(fit, point, spans, delay, logs.scaled_by)

    told: dict[str, tuple[float, float, float]] = {}
    for number, (low, high) in spans.items():
        parameter = parameters[number]
        told[parameter.name] = (value_at(parameter, point[number]), value_at(parameter, low), value_at(parameter, high))
    values = {name: value for name, (value, _, _) in told.items()}
    if "delay" not in not_told:
        told["delay"] = (float(delay), float(delay), float(delay))
    left = single.errors(point, delay)
    blur, notes = noise(left), list(logs.notes)
    if lacking:
        blur = 0.0
        not_told["observation_noise"] = _("cannot be told from what the simulator lacks")
        notes.append(
            _(
                "What the simulator does not explain depends on what the robot saw and did, so it is more than "
                "noise of the sensors: the intervals are wider for that."
            )
        )
    elif blur > NOISY:
        told["observation_noise"] = (blur, *noise_interval(left, seed))
        notes.append(_("What the simulator does not explain of a single step counts as sensor noise."))
    values["observation_noise"] = blur if blur > NOISY else 0.0
    ahead = next((n for n in (ROLLOUT, 10, 5, 2) if len(stretches(held, n, LONGEST_DELAY, 32).seen) >= 5), 1)
    return Identified(
        target=Target(robot, mjcf=logs.mjcf).changed(**values, delay=delay),
        values=told,
        one_step=_held_out(ahead_one, point, delay) | {"linear": None if found is None else found.linear},
        rollout=_held_out(stretches(held, ahead, LONGEST_DELAY, 32), point, delay) | {"steps": ahead},
        transitions=len(logs),
        held_out=len(held),
        evaluations=counter.evaluations,
        not_told=not_told,
        notes=notes,
    )


def _parameters(
    fit: Fit,
    point: np.ndarray,
    delay: int,
    seed: int,
    evaluations: int,
    untold: dict[str, str],
    *,
    lacking: bool = False,
) -> tuple[np.ndarray, dict[int, tuple[float, float]]]:
    """The fitted place of every parameter, and the interval of each that is told, by its number.

    Those that are not told go back to nominal, with the reason in `untold`, and the others are fitted again. Where the
    simulator is `lacking` something, intervals are as wide as its misfit.
    """
    free = tuple(range(len(fit.parameters)))
    spans: dict[int, tuple[float, float]] = {}
    while free:
        reasons = not_told_by(fit, point, free, delay) or too_wide(fit.parameters, spans)
        if spans and not reasons:
            break
        untold |= {fit.parameters[number].name: reason for number, reason in reasons.items()}
        free = tuple(number for number in free if number not in reasons)
        point = fit.solve(point, free, delay, seed=seed, evaluations=evaluations * len(free))
        looks_ahead = fit.seen.after.shape[1] > 1
        for _unused in range(REWEIGHTED if evaluations and looks_ahead else 0):
            fit = fit.weighted(point, delay)
            point = fit.descend(point, free, delay, 30)
        spans = intervals(fit, point, free, delay, seed)
        if lacking:
            spans = widened(fit, point, free, delay, spans)
        evaluations = 0  # the search over everything is done: from here on it goes downhill
    gain = len(fit.parameters) - 1
    if gain in free and (plainer := _without_gain(fit, point, free, delay, seed)) is not None:
        untold[ACTION_GAIN.name] = _("the others explain the log as well without it")
        point, spans = plainer, intervals(fit, plainer, free[:-1], delay, seed)
        if lacking:
            spans = widened(fit, point, free[:-1], delay, spans)
    return point, spans


def _with_gain(
    fit: Fit, point: np.ndarray, spans: dict[int, tuple[float, float]], delay: int, gain: float
) -> dict[int, tuple[float, float]]:
    """Intervals that also hold what the parameters are if the commands are to be multiplied by `gain`."""
    moved = moved_by_gain(fit, point, tuple(spans), delay, gain)
    return {number: (low + moved[number][0], high + moved[number][1]) for number, (low, high) in spans.items()}


@dataclass
class Counter:
    """Counts simulations and tells of them."""

    progress: Progress | None
    expected: int
    evaluations: int = 0

    def tick(self) -> None:
        self.evaluations += 1
        if self.progress:
            self.progress(self.evaluations, max(self.expected, self.evaluations))


def _without_gain(fit: Fit, point: np.ndarray, free: tuple[int, ...], delay: int, seed: int) -> np.ndarray | None:
    """The fit with motors of nominal strength, unless it is clearly worse: strength hides easily in masses."""
    plainer = fit.solve(point, free[:-1], delay, seed=seed, evaluations=0)
    before, after = (max(fit.mean_square(each, delay), FINEST**2) for each in (plainer, point))
    independent = len(fit.seen) / max(1, fit.seen.after.shape[1])  # stretches overlap
    return plainer if independent * np.log(before / after) < SURE else None


def noise(errors: np.ndarray) -> float:
    """Standard deviation of the sensors' noise, in usual spreads, from whitened errors; wild ones count little."""
    return float(np.median(np.abs(errors))) / 0.6745  # of a normal distribution


def noise_interval(errors: np.ndarray, seed: int) -> tuple[float, float]:
    """95 %, over stretches."""
    draw = np.random.default_rng([seed, 5])
    drawn = [noise(errors[draw.integers(len(errors), size=len(errors))]) for _ in range(200)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)


def _held_out(fit: Fit, point: np.ndarray, delay: int) -> dict[str, float | None]:
    """Root mean square errors of the nominal and the calibrated simulator, in spreads; None without any."""
    if not len(fit.seen):
        return {"nominal": None, "calibrated": None}
    before, after = fit.mean_square(nominal(fit.parameters), 0), fit.mean_square(point, delay)
    return {"nominal": float(np.sqrt(before)), "calibrated": float(np.sqrt(after))}
