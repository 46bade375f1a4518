"""Ways to transfer: their names, and how a task offers them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from engines.messages import Declared


class Strategy(str):
    """The name of a way to transfer. The set is open: a task names a way of its own with `Strategy("identified")`.

    Equal names are one object, so that `is` compares them.
    """

    __slots__ = ()
    _known: ClassVar[dict[str, Strategy]] = {}

    SCRATCH: ClassVar[Strategy]
    """Random weights, everything learns: the baseline."""
    FEATURES: ClassVar[Strategy]
    """The backbone is frozen, only a new head learns."""
    PARTIAL: ClassVar[Strategy]
    """The last `blocks` blocks and the head learn."""
    FULL: ClassVar[Strategy]
    """Everything learns, early layers more slowly."""
    LORA: ClassVar[Strategy]
    """Low-rank adapters and the head learn."""
    ZERO_SHOT: ClassVar[Strategy]
    """Nothing learns."""
    PROTOTYPES: ClassVar[Strategy]
    """Nothing is trained: a class is the mean of its examples' features."""

    def __new__(cls, name: str) -> Strategy:
        return cls._known.setdefault(str(name), super().__new__(cls, name))

    def __reduce__(self) -> tuple[Any, ...]:
        return Strategy, (str(self),)

    def boundary(self, stages: int, blocks: int) -> int:
        """How many of the network's stages, from the input, are frozen whole."""
        match self:
            case Strategy.FEATURES | Strategy.ZERO_SHOT | Strategy.PROTOTYPES:
                return stages
            case Strategy.PARTIAL:
                return stages - blocks
        return 0


Strategy.SCRATCH = Strategy("scratch")
Strategy.FEATURES = Strategy("features")
Strategy.PARTIAL = Strategy("partial")
Strategy.FULL = Strategy("full")
Strategy.LORA = Strategy("lora")
Strategy.ZERO_SHOT = Strategy("zero-shot")
Strategy.PROTOTYPES = Strategy("prototypes")


@dataclass(frozen=True)
class StrategyInfo(Declared):
    """How a task offers a strategy: its name, what it means, and when it is the right one."""

    strategy: Strategy
    title: str
    meaning: str
    when: str


NETWORK = (
    StrategyInfo(Strategy.ZERO_SHOT, "As it came", "Nothing learns.", "The model already knows your task."),
    StrategyInfo(
        Strategy.FEATURES,
        "Head only",
        "The network stays as it came; only a new last layer learns.",
        "Little data, or little time: nothing that the network knows can be lost.",
    ),
    StrategyInfo(
        Strategy.PROTOTYPES,
        "Class averages",
        "The network stays as it came; a new example gets the class whose average it is most like.",
        "One to ten examples a class: nothing is trained, so the answer comes at once.",
    ),
    StrategyInfo(
        Strategy.PARTIAL,
        "Last blocks",
        "The last blocks and a new last layer learn; early blocks stay as they came.",
        "A few hundred examples or more, and data that differ from what the model saw.",
    ),
    StrategyInfo(
        Strategy.FULL,
        "Everything",
        "All of it learns, early blocks more slowly than late ones.",
        "A thousand examples or more, and time to spare.",
    ),
    StrategyInfo(
        Strategy.LORA,
        "Adapters",
        "Small added matrices (LoRA) and a new last layer learn; the network itself stays as it came.",
        "A large model, and little memory.",
    ),
    StrategyInfo(
        Strategy.SCRATCH,
        "From scratch",
        "All of it learns, starting from random numbers.",
        "The comparison: what your data alone can teach.",
    ),
)
"""How any task that trains a network offers it, in the order in which a page shows them."""


def offered(*strategies: Strategy) -> tuple[StrategyInfo, ...]:
    """The rows of NETWORK for these strategies."""
    return tuple(row for row in NETWORK if row.strategy in strategies)
