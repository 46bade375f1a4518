"""Worlds that a policy plays in: Gymnasium's simulators with other physics, late commands and noisy sensors.

`make` builds one, `many` several side by side, `play` judges a policy in them. Each episode's world follows from its
seed alone: two policies that play the same seeds meet the same worlds.
"""

from __future__ import annotations

import math
import tempfile
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np

from engines.contract import Progress
from engines.control.simulation.physics import Setter, physics_of
from engines.control.simulation.robots import Robot
from engines.control.simulation.target import Target
from engines.messages import _

if TYPE_CHECKING:
    from stable_baselines3.common.vec_env import DummyVecEnv

Ranges = Mapping[str, tuple[float, float]]
"""Lowest and highest value of each parameter that is redrawn (uniformly) at every reset: physics and `COMMON`."""

LARGEST = 1e6
"""A number in an observation beyond this is taken for a simulator that has diverged."""
SIDE_BY_SIDE = 16
"""Episodes that `play` plays at once."""


class World(gym.Wrapper):
    """One environment that is a `Target`: sets its physics, holds commands back, scales them, blurs what is seen.

    The simulator draws its starting states as ever; noise and redrawn physics have random streams of their own, all
    seeded by the reset's seed. Where the target is nominal, every number is plain Gymnasium's.
    """

    def __init__(self, env: gym.Env, target: Target, *, seed: int, randomise: Ranges | None = None):
        super().__init__(env)
        self.target = target
        self.now = target
        """What this episode's physics are; differs from `target` where they are redrawn."""
        self.diverged = 0
        """Episodes that ended because the simulator diverged."""
        self._randomise = dict(randomise or {})
        self._set_physics: Setter = physics_of(env.unwrapped, target.robot)
        self._seed: int | None = seed
        self._noise = self._draws = np.random.default_rng(seed)
        self._waiting: deque[Any] = deque()
        self._late = 0
        self._spreads = np.asarray(target.robot.spreads)
        self._choices = range(len(target.robot.actions))
        self._last = np.zeros(0)
        if target.mjcf is not None:  # its own limits may differ; a policy's commands do not
            limit = target.robot.action_limit
            self.action_space = gym.spaces.Box(-limit, limit, (target.robot.action_width,), np.float32)
        innermost: Any = env.unwrapped
        self._warnings = innermost.data.warning if target.robot.mujoco else None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Starts an episode. Without `seed` the streams go on; the first one then starts from the seed of `make`."""
        seed, self._seed = self._seed if seed is None else seed, None
        if seed is not None:
            self._noise, self._draws = np.random.default_rng([seed, 1]), np.random.default_rng([seed, 2])
        self.now = self._drawn()
        self._set_physics(self.now.physics, self.now.action_gain)
        seen, info = self.env.reset(seed=seed, options=options)
        self._waiting.clear()
        self._late = 0
        self._last = seen
        return self._seen(seen), info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """One step with a command: a whole number, or (actions,). Raises ValueError for what is no command."""
        if np.shape(action) != self.action_space.shape or (self.target.robot.discrete and action not in self._choices):
            raise ValueError(_("{action!r} is no command of {title}", action=action, title=self.target.robot.title))
        applied = self._applied(action)
        try:
            seen, reward, terminated, truncated, info = self.env.step(applied)
        except (ArithmeticError, ValueError, RuntimeError, AssertionError):  # the simulator's, on numbers gone wild
            return self._end_diverged()
        largest = np.abs(seen).max()
        if not largest < LARGEST or not math.isfinite(reward) or self._warned():  # NaN compares false
            return self._end_diverged()
        self._last = seen
        return self._seen(seen), float(reward), terminated, truncated, info

    def _drawn(self) -> Target:
        if not self._randomise:
            return self.target
        values = {name: float(self._draws.uniform(low, high)) for name, (low, high) in self._randomise.items()}
        if "delay" in values:
            low, high = self._randomise["delay"]
            values["delay"] = int(self._draws.integers(int(low), int(high) + 1))
        return self.target.changed(**values)

    def _applied(self, action: Any) -> Any:
        """What reaches the motors now: the command of `delay` steps ago, times the gain."""
        robot, now = self.target.robot, self.now
        if now.delay:
            self._waiting.append(action)
            if len(self._waiting) > now.delay:
                action = self._waiting.popleft()
            else:  # nothing has arrived yet: no command, or for a robot that must push, once each way
                action = idle(robot, self._late)
                self._late += 1
        if robot.discrete or now.action_gain == 1:
            return action
        limit = robot.action_limit
        return (np.clip(action, -limit, limit) * now.action_gain).astype(np.float32)

    def _seen(self, observation: np.ndarray) -> np.ndarray:
        if not self.now.observation_noise:
            return observation
        noise = self._noise.standard_normal(len(self._spreads)) * self._spreads * self.now.observation_noise
        return (observation + noise).astype(observation.dtype)

    def _warned(self) -> bool:
        return self._warnings is not None and bool(np.any(self._warnings.number))

    def _end_diverged(self) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """The episode ends with the last sound observation and the lowest reward that a step of this robot gives."""
        self.diverged += 1
        return self._seen(self._last), self.target.robot.worst, False, True, {"diverged": True}


def idle(robot: Robot, step: int) -> Any:
    """The command that a robot follows while its first ones are on their way."""
    return step % 2 if robot.discrete else np.zeros(robot.action_width, np.float32)


def make(target: Target, *, seed: int, render: bool = False, randomise: Ranges | None = None) -> gym.Env:
    """An environment that behaves as `target` does, with the robot's time limit.

    With `render` its `render()` answers with a picture, uint8 (height, width, 3). With `randomise` the given values are
    redrawn at every reset. The same seed gives the same episodes.
    """
    kwargs = {**target.robot.make_kwargs, "render_mode": "rgb_array" if render else None}
    kwargs |= {"max_episode_steps": target.robot.steps, "disable_env_checker": True}
    if target.robot.mujoco:
        _quiet_mujoco()
    if target.mjcf is None:
        env = gym.make(target.robot.env_id, **kwargs)
    else:
        with tempfile.TemporaryDirectory() as folder:
            model = Path(folder) / "robot.xml"
            model.write_text(target.mjcf, encoding="utf-8")
            env = gym.make(target.robot.env_id, xml_file=str(model), **kwargs)
    return World(env, target, seed=seed, randomise=randomise)


def _quiet_mujoco() -> None:
    """MuJoCo writes warnings into a file where it stands; they are counted in the data all the same."""
    import mujoco

    if mujoco.get_mju_user_warning() is None:
        mujoco.set_mju_user_warning(lambda _: None)


def many(target: Target, n: int, seed: int, *, randomise: Ranges | None = None) -> DummyVecEnv:
    """`n` environments side by side in this process; number i starts from the seed of episode i (`episode_seed`)."""
    from stable_baselines3.common.vec_env import DummyVecEnv

    def maker(number: int) -> Callable[[], gym.Env]:
        return lambda: make(target, seed=episode_seed(seed, number), randomise=randomise)

    return DummyVecEnv([maker(number) for number in range(n)])


def episode_seed(seed: int, number: int) -> int:
    """The seed of an episode's world: far from every other's, the same for everybody who plays it."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])


Act = Callable[[np.ndarray], np.ndarray]
"""Observations (B, width) to actions: float32 (B, actions), or whole numbers (B,) for a discrete robot."""


@dataclass(frozen=True)
class Episodes:
    """How a policy did. Each array is (episodes,)."""

    returns: np.ndarray
    """The sum of each episode's rewards."""
    lengths: np.ndarray
    diverged: np.ndarray
    """True where the simulator diverged."""
    visited: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    """Observations (about `keep`, width) from all along the episodes, when they were asked for."""

    @property
    def mean(self) -> float:
        return float(np.mean(self.returns))

    @property
    def steps(self) -> int:
        """Steps of the target that these episodes cost."""
        return int(self.lengths.sum())


def play(
    policy: Act,
    target: Target,
    episodes: int,
    seed: int,
    *,
    progress: Progress | None = None,
    keep: int = 0,
    randomise: Ranges | None = None,
) -> Episodes:
    """Plays `episodes` whole episodes with `policy`, several at once. Episode i's world depends on (seed, i) only.

    `progress` is told the finished episodes; with `keep`, about so many of the observations are kept.
    """
    every = max(1, episodes * target.robot.steps // keep) if keep else 0
    returns, lengths = np.zeros(episodes), np.zeros(episodes, int)
    diverged, visited = np.zeros(episodes, bool), []
    count = min(SIDE_BY_SIDE, episodes)
    worlds = [make(target, seed=seed, randomise=randomise) for _ in range(count)]
    try:
        waiting = iter(range(count, episodes))
        playing = dict(enumerate(range(count)))  # world -> episode
        seen = {w: worlds[w].reset(seed=episode_seed(seed, e))[0] for w, e in playing.items()}
        done = 0
        while playing:
            batch = np.stack([seen[w] for w in playing])  # (B, width)
            for w, action in zip(list(playing), policy(batch), strict=True):
                episode = playing[w]
                seen[w], reward, terminated, truncated, info = worlds[w].step(action)
                returns[episode] += reward
                lengths[episode] += 1
                if every and lengths[episode] % every == 0:
                    visited.append(seen[w])
                if terminated or truncated:
                    diverged[episode] = info.get("diverged", False)
                    done += 1
                    if progress:
                        progress(done, episodes)
                    del playing[w]
                    if (following := next(waiting, None)) is not None:
                        playing[w] = following
                        seen[w] = worlds[w].reset(seed=episode_seed(seed, following))[0]
    finally:
        for world in worlds:
            world.close()
    kept = np.array(visited) if visited else np.zeros((0, target.robot.width))
    return Episodes(returns, lengths, diverged, kept)
