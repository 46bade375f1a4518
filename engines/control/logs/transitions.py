"""Transitions of a real system, in the order in which they happened."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engines.contract import ReadAs, Skipped
from engines.control.logs.how import AS_FOUND, How
from engines.control.simulation.robots import Robot


@dataclass(frozen=True)
class Logs:
    """Transitions in the order in which they happened. A row of each array is one of them."""

    robot: Robot
    observations: np.ndarray
    """float64 (N, width)"""
    actions: np.ndarray
    """The commands, not what reached the motors: float64 (N, actions)."""
    rewards: np.ndarray
    """float64 (N,); NaN where the log has none."""
    next_observations: np.ndarray
    """float64 (N, width)"""
    terminated: np.ndarray
    """bool (N,): whether the episode was over then, not merely cut off."""
    episodes: np.ndarray
    """int (N,), growing: rows of one number followed each other without a gap."""
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    columns: dict[str, str] = field(default_factory=dict)
    """What each column of the file was taken for."""
    in_order: bool = True
    """False where rows stand alone: nothing can be said of a delay then."""
    mjcf: str | None = None
    scaled_by: float = 1.0
    """What the commands were perhaps divided by before they were written down; 1 where nothing speaks for that."""
    seconds: float | None = None
    """From one row to the next, where the log has times."""
    how: How = AS_FOUND
    """How the file was read in the end."""
    read_as: list[ReadAs] = field(default_factory=list)
    """What was guessed of the file."""

    def __len__(self) -> int:
        return len(self.observations)

    @property
    def n_episodes(self) -> int:
        return len(np.unique(self.episodes))

    def joined(self, other: Logs) -> Logs:
        """These transitions, and then the other's (of the same robot)."""
        after = other.episodes + (self.episodes.max() + 1 if len(self) else 0)
        names = ("observations", "actions", "rewards", "next_observations", "terminated")
        both: dict[str, Any] = {name: np.concatenate([getattr(self, name), getattr(other, name)]) for name in names}
        return dataclasses.replace(
            self,
            **both,
            episodes=np.concatenate([self.episodes, after]),
            skipped=[*self.skipped, *other.skipped],
            in_order=self.in_order and other.in_order,
        )

    def rows(self, which: slice) -> Logs:
        """Some of the transitions."""
        names = ("observations", "actions", "rewards", "next_observations", "terminated", "episodes")
        return dataclasses.replace(self, **{name: getattr(self, name)[which] for name in names})

    def sha256(self) -> str:
        """Of all that is learnt from."""
        digest = hashlib.sha256(self.robot.name.encode())
        for array in (self.observations, self.actions, self.next_observations, self.terminated, self.episodes):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()
