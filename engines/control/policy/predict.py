"""Ask a trained policy: what would it do, and how does it fare.

It plays in numpy; only where it is tried in a world is there a simulator to import.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engines.cancellation import counted
from engines.contract import InputError, Predictor, Problem, Progress, Skipped, Task
from engines.control.agents import model_files
from engines.control.agents.numpy_policy import Policy
from engines.control.logs import observations as observing
from engines.control.logs.how import How
from engines.control.simulation.robots import Robot, find
from engines.control.simulation.target import Target
from engines.messages import _

EPISODES = 5
SEED = 20_000
"""Of the worlds that a target is tried in: none that the run was judged in."""


def in_words(robot: Robot, action: Any) -> str:
    """'push left', or 'thigh torque 0.50, knee torque -0.21'."""
    if robot.discrete:
        return robot.actions[int(action)]
    return ", ".join(f"{name} {value:.2f}" for name, value in zip(robot.actions, np.atleast_1d(action), strict=True))


def told(skipped: Sequence[Skipped]) -> list[dict[str, Any]]:
    """A row for each observation that is none."""
    return [{"file": entry.where, "error": entry.reason} for entry in skipped]


def load(task: Task, run: Path) -> Controller:
    """See `contract.Task.load`."""
    return Controller(run)


class Controller(Predictor):
    """A finished run's policy, in memory. See `contract.Predictor`."""

    def __init__(self, run: Path):
        """Raises InputError when the run holds no policy (yet)."""
        self.config = model_files.read(run / "model")
        self.policy: Policy = model_files.load(run / "model")
        self.robot = find(self.config["robot"])
        self.how = How(**self.config.get("read", {}))
        """As the log was read that it learnt from."""

    def stream(self, data: Path, progress: Progress | None = None) -> Iterator[dict[str, Any]]:
        """Of a table of observations a row each: {'file': 'line 3', 'label': the action in words, 'action': [numbers]},
        or for choices {'label': the choice, 'values': {choice: its value}}; of a target (JSON) a row an episode that is
        played there: {'file': 'episode 1', 'label', 'return', 'length', 'diverged'}.

        A row that is no observation becomes {'file', 'error'}. Raises InputError when there is none, or the target is
        another robot.
        """
        if data.suffix.lower() == ".json":
            yield from self._fares(data, progress)
            return
        names, observations, skipped = self.read(data)
        yield from told(skipped)
        outputs = self.policy.outputs(observations) if self.policy.discrete else None
        acted = list(zip(names, self.policy(observations), strict=True))
        for i, (name, action) in enumerate(counted(acted, progress)):
            row: dict[str, Any] = {"file": name, "label": in_words(self.robot, action)}
            if outputs is None:
                row["action"] = [float(value) for value in action]
            else:
                row["values"] = {c: float(v) for c, v in zip(self.robot.actions, outputs[i], strict=True)}
            yield row

    def read(self, data: Path) -> tuple[list[str], np.ndarray, list[Skipped]]:
        """See `observations.read`."""
        return observing.read(data, self.robot, self.how)

    def target(self, data: Path) -> Target:
        """Raises InputError when it is none, or another robot."""
        target = Target.read(data)
        if target.robot is not self.robot:
            found = _("its robot is {title}", title=target.robot.title)
            raise InputError(
                Problem(data.name, found, _("accepted: {title}, which it was made for", title=self.robot.title))
            )
        return target

    def episodes(self, data: Path) -> Iterator[tuple[dict[str, Any], int]]:
        """Each episode that a target is tried in: {'file', 'target'}, and its seed. Raises InputError."""
        from engines.control.simulation import environment

        target = self.target(data)
        for number in range(EPISODES):
            yield (
                {"file": _("episode {number}", number=number + 1), "target": target},
                environment.episode_seed(SEED, number),
            )

    def _fares(self, data: Path, progress: Progress | None) -> list[dict[str, Any]]:
        from engines.control.simulation import environment

        found = environment.play(self.policy, self.target(data), EPISODES, SEED)
        if progress:
            progress(EPISODES, EPISODES)
        return [
            {
                "file": _("episode {number}", number=number + 1),
                "label": _("return {total:.1f}", total=total),
                "return": float(total),
                "length": int(length),
                "diverged": bool(diverged),
            }
            for number, (total, length, diverged) in enumerate(
                zip(found.returns, found.lengths, found.diverged, strict=True)
            )
        ]

    def replay(self, policy: Policy, target: Target, seed: int) -> tuple[np.ndarray, float]:
        """The observations (steps, width) and the return of the one episode that starts from `seed`."""
        from engines.control.simulation import environment

        env = environment.make(target, seed=seed)
        seen, _ = env.reset(seed=seed)
        visited, total, over = [], 0.0, False
        while not over:
            visited.append(seen)
            seen, reward, terminated, truncated, _ = env.step(policy(seen[None])[0])
            total += float(reward)
            over = terminated or truncated
        env.close()
        return np.array(visited), total
