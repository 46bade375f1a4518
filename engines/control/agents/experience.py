"""What an agent has lived through, as its replay buffer keeps it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

COLUMNS = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")
"""The arrays of a replay buffer, as Stable-Baselines3 calls them; actions between -1 and 1."""

Transitions = Mapping[str, np.ndarray]
"""Arrays by the names in COLUMNS, a row a transition."""
