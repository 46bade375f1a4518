"""Drive a robot with a policy, keep what happened, and write it down as a log."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engines.contract import Progress
from engines.control.logs.transitions import Logs
from engines.control.simulation.robots import Robot
from engines.control.simulation.target import Target

if TYPE_CHECKING:
    from engines.control.simulation.environment import Act

ELSEWHERE = 1_000_000
"""The first episode of a recording: judging counts from 0, and so never starts from the same states."""


def record(
    policy: Act | None,
    target: Target,
    steps: int,
    *,
    seed: int,
    exploration: float = 0.3,
    progress: Progress | None = None,
) -> Logs:
    """`steps` transitions of `target`, driven by `policy` (None: random actions) with a random part.

    `exploration` is, for a continuous robot, the standard deviation of noise added to each command as a share of its
    limit; for a discrete one, how often the choice is random. Starting states are others than those of judging.
    """
    from engines.control.simulation.environment import episode_seed, make

    robot, draw = target.robot, np.random.default_rng([seed, 3])
    world = make(target, seed=seed)
    rows: list[tuple[np.ndarray, np.ndarray, float, np.ndarray, bool, int]] = []
    episode, over, seen = -1, True, np.zeros(0)
    try:
        while len(rows) < steps:
            if over:
                episode += 1
                seen, _ = world.reset(seed=episode_seed(seed, ELSEWHERE + episode))
            action = _explored(policy, robot, seen, exploration, draw)
            after, reward, terminated, truncated, info = world.step(int(action[0]) if robot.discrete else action)
            if not info.get("diverged"):
                rows.append((seen, action, float(reward), after, bool(terminated), episode))
            seen, over = after, terminated or truncated
            if progress:
                progress(len(rows), steps)
    finally:
        world.close()
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    return Logs(
        robot,
        columns[0].astype(float),
        columns[1].astype(float),
        columns[2].astype(float),
        columns[3].astype(float),
        columns[4],
        columns[5],
        mjcf=target.mjcf,
    )


def _explored(
    policy: Act | None, robot: Robot, seen: np.ndarray, exploration: float, draw: np.random.Generator
) -> np.ndarray:
    """One command, (actions,)."""
    if robot.discrete:
        if policy is None or draw.random() < exploration:
            return np.array([draw.integers(len(robot.actions))])
        return np.asarray(policy(seen[None])).reshape(1)
    limit = robot.action_limit
    if policy is None:
        return draw.uniform(-limit, limit, robot.action_width).astype(np.float32)
    noise = draw.standard_normal(robot.action_width) * exploration * limit
    return np.clip(np.asarray(policy(seen[None]))[0] + noise, -limit, limit).astype(np.float32)


# --- writing --------------------------------------------------------------------------------------


def write_csv(logs: Logs, path: Path) -> Path:
    """One row a transition: episode, step, observation_0 …, action_0 …, reward, next_observation_0 …, terminated."""
    width, actions = logs.robot.width, logs.robot.action_width
    titles = [f"observation_{i}" for i in range(width)], [f"action_{i}" for i in range(actions)]
    steps = np.arange(len(logs)) - np.searchsorted(logs.episodes, logs.episodes)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["episode", "step", *titles[0], *titles[1], "reward", *(f"next_{n}" for n in titles[0]), "terminated"]
        )
        for row in range(len(logs)):
            writer.writerow(
                [
                    int(logs.episodes[row]),
                    int(steps[row]),
                    *(f"{value:.9g}" for value in logs.observations[row]),
                    *(f"{value:.9g}" for value in logs.actions[row]),
                    f"{logs.rewards[row]:.9g}",
                    *(f"{value:.9g}" for value in logs.next_observations[row]),
                    int(logs.terminated[row]),
                ]
            )
    return path


def write_npz(logs: Logs, path: Path) -> Path:
    """The arrays under their own names."""
    names = ("observations", "actions", "rewards", "next_observations", "terminated", "episodes")
    np.savez_compressed(path, **{name: getattr(logs, name) for name in names})
    return path
