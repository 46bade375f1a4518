"""How the policies that come with the project were trained, and how a policy is trained from scratch. Light.

Off-policy throughout, so that what was experienced can be learnt from again: SAC, and DQN where actions are choices.
`python -m scripts.train_sources NAME …` trains them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

Ranges = Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Source:
    """A policy's training in the simulator."""

    robot: str
    steps: int
    algorithm: str = "SAC"
    widths: tuple[int, ...] = (64, 64)
    """Of the hidden layers, in actor and critics alike."""
    environments: int = 4
    """Side by side: the policy is asked once for all of them."""
    updates: float = 1.0
    """Gradient steps for each step of one environment."""
    warm_up: int = 500
    """Steps of random actions before anything is learnt."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What else the algorithm gets, in the words of Stable-Baselines3."""
    randomise: Ranges = field(default_factory=dict)
    """What is redrawn at each reset; empty: the nominal simulator."""

    @property
    def name(self) -> str:
        return f"{self.robot}-randomised" if self.randomise else self.robot


PENDULUM = Source("pendulum", 8_000, settings={"learning_rate": 1e-3, "gamma": 0.98})
CARTPOLE = Source(
    "cartpole",
    40_000,
    "DQN",
    widths=(128, 128),
    environments=8,
    updates=0.5,
    warm_up=1_000,
    settings={"batch_size": 64, "tau": 0.1, "learning_rate": 2e-3},
)
INVERTEDPENDULUM = Source("invertedpendulum", 16_000, settings={"learning_rate": 1e-3, "gamma": 0.98, "tau": 0.02})
REACHER = Source(
    "reacher", 60_000, environments=8, updates=0.25, warm_up=1_000, settings={"learning_rate": 1e-3, "gamma": 0.95}
)
HALFCHEETAH = Source(
    "halfcheetah",
    100_000,
    widths=(128, 128),
    environments=16,
    updates=0.25,
    warm_up=5_000,
    settings={"learning_rate": 7e-4},
)
LUNARLANDER = Source(
    "lunarlander",
    300_000,
    widths=(128, 128),
    environments=16,
    updates=0.5,
    warm_up=10_000,
    settings={"learning_rate": 7e-4, "tau": 0.01},
)
HOPPER = Source(
    "hopper", 400_000, widths=(128, 128), environments=16, updates=0.5, warm_up=10_000, settings={"learning_rate": 5e-4}
)
BIPEDALWALKER = Source(
    "bipedalwalker",
    700_000,
    widths=(128, 128),
    environments=32,
    updates=0.25,
    warm_up=10_000,
    settings={"learning_rate": 5e-4, "tau": 0.01},
)
NOMINAL = (PENDULUM, CARTPOLE, INVERTEDPENDULUM, REACHER, HALFCHEETAH, LUNARLANDER, HOPPER, BIPEDALWALKER)


def _randomised(
    nominal: Source, steps: int, settings: Mapping[str, Any] | None = None, **randomise: tuple[float, float]
) -> Source:
    return replace(nominal, steps=steps, settings=settings or nominal.settings, randomise=randomise)


RANDOMISED = (
    _randomised(PENDULUM, 10_000, m=(0.7, 1.6), l=(0.8, 1.4), g=(9.0, 11.0)),
    _randomised(
        CARTPOLE,
        100_000,
        {"batch_size": 128, "tau": 0.01, "learning_rate": 5e-4},
        length=(0.35, 1.2),
        masspole=(0.05, 0.5),
        masscart=(0.5, 2.0),
        gravity=(8.5, 11.5),
    ),
    _randomised(
        INVERTEDPENDULUM, 20_000, pole_length=(0.6, 1.8), cart_mass=(0.5, 2.0), pole_mass=(0.5, 2.0), damping=(0.5, 3.0)
    ),
    _randomised(REACHER, 60_000, inertia=(0.5, 2.5), damping=(0.5, 2.5), action_gain=(0.6, 1.2)),
)
SOURCES: dict[str, Source] = {source.name: source for source in (*NOMINAL, *RANDOMISED)}
"""The policies that can be trained, by name; which of them were is told by the folders in carried/."""


def of_robot(robot: str) -> Source | None:
    """How a policy of that robot is trained in its nominal simulator; None where there is no such robot."""
    return next((source for source in NOMINAL if source.robot == robot), None)
