"""Short stretches of a log: where each starts, the commands that arrive in it, and what was seen after each step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engines.control.logs.logs import Logs
from engines.control.simulation.robots import DELAY
from engines.control.simulation.rollouts import Stepper

LONGEST_DELAY = int(DELAY.high)


@dataclass(frozen=True)
class Windows:
    """N stretches of K steps each."""

    starts: np.ndarray
    """int (N,): the row of the log at which each starts."""
    seen: np.ndarray
    """float64 (N, width): the observation there."""
    history: np.ndarray
    """float64 (N, LONGEST_DELAY + K, actions): the commands from LONGEST_DELAY steps before it to its end; NaN where
    the log does not know them."""
    after: np.ndarray
    """float64 (N, K, compared): what was seen after each step."""

    def __len__(self) -> int:
        return len(self.starts)

    def commands(self, delay: int) -> np.ndarray:
        """(N, K, actions): what arrives in each step when commands are `delay` steps late."""
        length = self.after.shape[1]
        first = LONGEST_DELAY - delay
        return self.history[:, first : first + length]

    def taken(self, rows: np.ndarray) -> Windows:
        return Windows(self.starts[rows], self.seen[rows], self.history[rows], self.after[rows])


def windows(logs: Logs, simulator: Stepper, steps: int, *, known: int, most: int) -> Windows:
    """At most `most` stretches of `steps` steps, evenly spread over the log.

    Only where the robot's state is in the observation and the commands of `known` steps before are in the log.
    """
    n = len(logs)
    row = np.arange(n)
    first = np.searchsorted(logs.episodes, logs.episodes)  # of the stretch that each row lies in
    last = np.searchsorted(logs.episodes, logs.episodes, side="right") - 1
    fits = (row - first >= known) & (row + steps - 1 <= last)
    usable = simulator.usable(logs.observations) & simulator.usable(logs.next_observations)
    whole = np.concatenate([[0], np.cumsum(usable)])
    fits &= whole[np.minimum(row + steps, n)] - whole[row] == steps
    starts = np.flatnonzero(fits)
    if len(starts) > most:
        starts = starts[np.linspace(0, len(starts) - 1, most).round().astype(int)]
    at = starts[:, None] + np.arange(-LONGEST_DELAY, steps)  # (N, LONGEST_DELAY + K)
    inside = at >= first[starts][:, None]
    history = np.where(inside[..., None], logs.actions[np.maximum(at, 0)], np.nan)
    ahead = starts[:, None] + np.arange(steps)
    after = logs.next_observations[ahead][..., list(simulator.compared)]
    return Windows(starts, logs.observations[starts], history, after)


def split(logs: Logs, share: float) -> tuple[Logs, Logs]:
    """The log up to `1 - share` of it, and the rest: what is held out comes last in time."""
    cut = round(len(logs) * (1 - share))
    return logs.rows(slice(cut)), logs.rows(slice(cut, None))
