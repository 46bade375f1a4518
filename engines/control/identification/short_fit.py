"""A short fit of the physics, which says where to begin, and whether any of them explain a log."""

from __future__ import annotations

import numpy as np

from engines.contract import InputError, Problem
from engines.control.identification.least_squares import Fit, nominal, place
from engines.control.logs.logs import FEWEST, Logs
from engines.control.logs.windows import LONGEST_DELAY, split, windows
from engines.control.simulation.robots import ACTION_GAIN
from engines.control.simulation.rollouts import Stepper
from engines.messages import _

HELD_OUT = 0.2
"""Share of the log, the last part, that nothing is fitted to."""
SCAN_STEPS = {True: 2, False: 4}
SCAN_WINDOWS = {True: 96, False: 1_000}
"""What trying out a delay looks at."""
SURE = 9.0
"""Twice the logarithm of how much likelier the best delay is than the next one, before it counts as told."""


def enough(logs: Logs, simulator: Stepper) -> None:
    """Raises InputError for a log that is too short, or too torn to be fitted to."""
    if len(logs) < FEWEST:
        raise InputError(
            Problem(
                "logs",
                _("{logs} transitions", logs=len(logs)),
                _("accepted: {fewest} or more, better 1,000", fewest=FEWEST),
            )
        )
    n = len(windows(split(logs, HELD_OUT)[0], simulator, 1, known=0, most=FEWEST))
    if n < FEWEST // 2:
        found = _("only {n} stretches of it hold the robot's whole state and the commands before", n=n)
        raise InputError(Problem("logs", found, _("accepted: more transitions in a row, in their order")))


def delay_of(scan: Fit, untold: dict[str, str]) -> tuple[int, np.ndarray]:
    """How late commands are, and the parameters that go with it: each delay gets a short fit of its own."""
    start = nominal(scan.parameters)
    if len(scan.seen) < FEWEST // 2:
        untold["delay"] = _("too few rows follow each other")
        return 0, start
    every = range(len(scan.parameters))
    points = [scan.descend(start, every, delay, 6) for delay in range(LONGEST_DELAY + 1)]
    squares = np.array([scan.mean_square(point, delay) for delay, point in enumerate(points)]) + 1e-16
    best = int(np.argmin(squares))
    second = float(np.partition(squares, 1)[1])
    if len(scan.seen) * np.log(second / squares[best]) < SURE:
        untold["delay"] = _("commands hardly change from step to step, or hardly matter")
        return 0, points[0]
    return best, points[best]


def started(single: Fit, point: np.ndarray, delay: int) -> np.ndarray:
    """The better of two short fits: one from `point`, one from motors that are strong enough to be cut off."""
    strong = point.copy()
    strong[-1] = place(ACTION_GAIN, 1.5)
    every = range(len(point))
    found = [single.descend(start, every, delay, 10) for start in (point, strong)]
    return min(found, key=lambda each: single.mean_square(each, delay))
