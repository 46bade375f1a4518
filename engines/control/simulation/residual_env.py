"""A robot that a frozen policy drives and another one corrects (residual policy: Johannink et al. 2019)."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper

from engines.control.agents.numpy_policy import Policy


class Corrected(VecEnvWrapper):
    """Its action is a correction in [-1, 1]: the robot gets source + `limit` × correction, in shares of its limits.

    What is seen is the robot's observation and, behind it, what the source would do.
    """

    def __init__(self, venv: VecEnv, source: Policy, limit: float):
        seen, actions = venv.observation_space, venv.action_space
        assert isinstance(seen, spaces.Box)
        assert isinstance(actions, spaces.Box)
        ones = np.ones(actions.shape, np.float32)
        own = spaces.Box(np.append(seen.low, -ones), np.append(seen.high, ones), dtype=np.float32)
        super().__init__(venv, observation_space=own, action_space=spaces.Box(-ones, ones))
        self.source, self.limit = source, limit
        self.low, self.high = actions.low, actions.high
        self.base = np.zeros((venv.num_envs, len(ones)))

    def reset(self) -> Any:
        return self._seen(np.asarray(self.venv.reset()))

    def step_async(self, actions: np.ndarray) -> None:
        wanted = np.clip(self.base + self.limit * actions, -1.0, 1.0)
        self.venv.step_async((self.low + 0.5 * (wanted + 1.0) * (self.high - self.low)).astype(np.float32))

    def step_wait(self) -> Any:
        seen, rewards, dones, infos = self.venv.step_wait()
        for info in infos:
            if "terminal_observation" in info:
                last = info["terminal_observation"]
                info["terminal_observation"] = np.append(last, self.source.outputs(last[None])[0]).astype(np.float32)
        return self._seen(np.asarray(seen)), rewards, dones, infos

    def _seen(self, observations: np.ndarray) -> np.ndarray:
        self.base = self.source.outputs(observations)
        return np.concatenate([observations, self.base], axis=1).astype(np.float32)
