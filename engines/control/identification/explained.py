"""Whether any physics explain a log: the simulator that fits best beside a straight line through the same log."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engines.control.identification.least_squares import Fit, nominal
from engines.control.identification.short_fit import HELD_OUT, SCAN_STEPS, delay_of, started
from engines.control.logs.logs import Logs
from engines.control.logs.windows import LONGEST_DELAY, Windows, split, windows
from engines.control.simulation.robots import ACTION_GAIN
from engines.control.simulation.rollouts import Stepper, stepper
from engines.messages import _

WORSE = 1.4
"""Times a straight line's error, from which half of what the simulator leaves over follows from what was seen and
done: that is no noise. (Noise of the sensors, however strong, stays below 1.15.)"""
LITTLE, MUCH = 0.05, 0.3
"""Shares of what changes in a step: what is left over below the first is no concern, above the second the log is not
explained."""
TRIMMED = 0.05
"""Stretches that are left out as wild, such as an end of an episode that nobody wrote down."""
FEWEST_HELD = 10
ROWS_A_NUMBER = 3
"""Rows for each number of the straight line, at least."""
SHORT_WINDOWS = {True: 64, False: 1_000}
"""What a short fit looks at (MuJoCo, others)."""


@dataclass(frozen=True)
class Foretold:
    """How well one step is foretold where nothing was fitted: root mean square errors, in usual spreads."""

    simulator: float
    """With the physics that fit best."""
    linear: float | None
    """Of the next observation as a linear function of observation and command; None where the log is too short."""
    corrected: float | None
    """Of the simulator and a linear function of the same for what it leaves over."""
    unchanged: float
    """Of saying that nothing changes."""

    @property
    def doubtful(self) -> bool:
        """Whether the simulator lacks something that the log shows, so that its misfit is no noise."""
        lines = [error for error in (self.linear, self.corrected) if error is not None]
        return bool(lines) and self.simulator > WORSE * min(lines) and self.simulator > LITTLE * self.unchanged

    @property
    def far_off(self) -> bool:
        """Whether much of what changes in a step is left over: by noise, or for another reason."""
        return self.simulator > MUCH * self.unchanged

    @property
    def unexplained(self) -> bool:
        """Whether what the simulator says has little to do with the log, and that is no noise."""
        return self.doubtful and self.far_off

    def words(self) -> str:
        """'0.31 usual spreads a step, and a straight line through the same log by 0.14'"""
        line = ""
        if self.linear is not None and self.linear <= (self.corrected or self.linear):
            line = _(", and a straight line through the same log by {linear:.2g}", linear=self.linear)
        elif self.corrected is not None:
            line = _(
                ", and by {corrected:.2g} where a straight line through the log corrects it", corrected=self.corrected
            )
        return _("{simulator:.2g} usual spreads a step{line}", simulator=self.simulator, line=line)


def foretold(logs: Logs) -> Foretold | None:
    """By the better of the simulator as it is and a short fit of it; None where too few rows follow each other."""
    simulator = stepper(logs.robot, logs.mjcf)
    fitted, held = split(logs, HELD_OUT)
    most = SHORT_WINDOWS[logs.robot.mujoco]
    parameters = (*logs.robot.physics, ACTION_GAIN)

    def stretches(of: Logs, steps: int) -> Fit:
        found = windows(of, simulator, steps, known=LONGEST_DELAY, most=most)
        if len(found) < FEWEST_HELD:
            found = windows(of, simulator, steps, known=0, most=most)
        return Fit(simulator, parameters, found)

    seen, single = stretches(held, 1), stretches(fitted, 1)
    if len(seen.seen) < FEWEST_HELD:
        return None
    plain = compared(fitted, single, seen, nominal(parameters), 0)
    if plain.simulator <= LITTLE * plain.unchanged:
        return plain
    delay, point = delay_of(stretches(fitted, SCAN_STEPS[logs.robot.mujoco]), {})
    if np.isnan(single.seen.commands(delay)).any():
        delay = 0
    found = compared(fitted, single, seen, started(single, point, delay), delay)
    return min(plain, found, key=lambda each: each.simulator)


def as_it_is(logs: Logs) -> float:
    """The error of one step of the simulator with nothing changed, over all of the log."""
    simulator = stepper(logs.robot, logs.mjcf)
    parameters = (*logs.robot.physics, ACTION_GAIN)
    found = windows(logs, simulator, 1, known=0, most=SHORT_WINDOWS[logs.robot.mujoco])
    return root_mean_square(Fit(simulator, parameters, found).errors(nominal(parameters), 0))


def compared(fitted: Logs, single: Fit, held: Fit, point: np.ndarray, delay: int) -> Foretold:
    """The simulator with the physics at `point`, beside what straight lines and nothing say of the steps `held`.

    The lines are drawn through `fitted`, and through what is left over of its steps `single`.
    """
    change, errors = _change(held.simulator, held.seen), held.errors(point, delay)
    columns = list(held.simulator.compared)
    all_changes = (fitted.next_observations - fitted.observations)[:, columns]
    straight = _straight(
        _with_one(fitted.observations, fitted.actions),
        all_changes / np.asarray(held.simulator.robot.spreads)[columns],
        _with_one(held.seen.seen, held.seen.commands(0)[:, 0]),
    )
    left = _straight(
        _with_one(single.seen.seen, single.seen.commands(delay)[:, 0]),
        single.errors(point, delay),
        _with_one(held.seen.seen, held.seen.commands(delay)[:, 0]),
    )
    return Foretold(
        simulator=root_mean_square(errors),
        linear=None if straight is None else root_mean_square(straight - change),
        corrected=None if left is None else root_mean_square(left - errors),
        unchanged=root_mean_square(change),
    )


def _straight(given: np.ndarray, wanted: np.ndarray, held: np.ndarray) -> np.ndarray | None:
    """What least squares through (given, wanted) say of the held rows; None where there are too few rows."""
    if len(given) < ROWS_A_NUMBER * given.shape[1]:
        return None
    slopes, *_ = np.linalg.lstsq(given, wanted, rcond=None)
    return np.asarray(held @ slopes)


def _with_one(seen: np.ndarray, commands: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(seen)), seen, commands])


def _change(simulator: Stepper, held: Windows) -> np.ndarray:
    """What changed in a step, in usual spreads: (N, compared)."""
    columns = list(simulator.compared)
    return np.asarray((held.after[:, 0] - held.seen[:, columns]) / np.asarray(simulator.robot.spreads)[columns])


def root_mean_square(errors: np.ndarray) -> float:
    """Over all stretches but the wildest."""
    squares = np.sort(np.mean(errors**2, axis=1))
    kept = squares[: max(1, round(len(squares) * (1 - TRIMMED)))]
    return float(np.sqrt(np.mean(kept)))
