"""A corrected policy as Stable-Baselines3 loads it: the source inside, the correction outside.

It travels inside the exported zip, by value: whoever loads that needs no Headstart.
"""

from __future__ import annotations

from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor, create_mlp
from stable_baselines3.sac.policies import SACPolicy
from torch import Tensor, nn


class WithSource(BaseFeaturesExtractor):
    """What the correction sees: the observation and, behind it, what the source would do, in [-1, 1]."""

    def __init__(self, observation_space: spaces.Box, actions: int, widths: list[int], activation: str):
        own = observation_space.shape[0]
        super().__init__(observation_space, own + actions)
        kind = {"relu": nn.ReLU, "tanh": nn.Tanh}[activation]
        self.source = nn.Sequential(*create_mlp(own, actions, widths, kind), nn.Tanh())

    def forward(self, observations: Tensor) -> Tensor:
        return torch.cat([observations, self.source(observations)], dim=1)


class CorrectedPolicy(SACPolicy):
    """Acts as source + `limit` × correction. It is for playing: its correction would have to be trained apart."""

    def __init__(self, *args: Any, limit: float, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.limit = limit

    def _predict(self, observation: Any, deterministic: bool = False) -> Tensor:
        extractor: Any = self.actor.features_extractor
        correction = self.actor(observation, deterministic)  # (B, actions)
        return torch.clamp(extractor.source(observation.float()) + self.limit * correction, -1.0, 1.0)
