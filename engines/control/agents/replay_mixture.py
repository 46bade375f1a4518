"""A replay buffer that mixes two experiences: the source's, from the simulator, and the real robot's.

Each batch holds a fixed share of either (Ball et al. 2023, 'Efficient online reinforcement learning with offline data',
section 4.1): a few hundred real steps are neither drowned in what came before nor left alone with the networks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.type_aliases import ReplayBufferSamples

from engines.control.agents.experience import Transitions


class Mixed(ReplayBuffer):
    """`share` of each batch is from `older`, the rest from what was added; all is from `older` while that is empty."""

    def __init__(self, *args: Any, older: Transitions, share: float, **kwargs: Any):
        super().__init__(*args, **kwargs)
        whole = kwargs.get("handle_timeout_termination", True)
        over = older["dones"] * (1 - older["timeouts"]) if whole else older["dones"]
        columns = (older["observations"], older["actions"], older["next_observations"], over, older["rewards"])
        self.older = [torch.from_numpy(np.ascontiguousarray(column, dtype=np.float32)) for column in columns]
        if self.actions.dtype == np.int64:
            self.older[1] = self.older[1].long()
        self.older[3:] = [column.reshape(-1, 1) for column in self.older[3:]]
        self.share = share

    def sample(self, batch_size: int, env: Any = None) -> ReplayBufferSamples:
        taken = batch_size if self.size() == 0 else round(self.share * batch_size)
        rows = torch.from_numpy(np.random.randint(len(self.older[0]), size=taken))
        drawn = [column[rows] for column in self.older]
        if taken == batch_size:
            return ReplayBufferSamples(*drawn)
        own = super().sample(batch_size - taken, env)
        pairs = zip(drawn, (own.observations, own.actions, own.next_observations, own.dones, own.rewards), strict=True)
        return ReplayBufferSamples(*(torch.cat([theirs, ours]) for theirs, ours in pairs))
