"""Ways to transfer: their names, and how a task offers them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from engines.messages import Declared, _, told


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
    StrategyInfo(Strategy.ZERO_SHOT, _("As it came"), _("Nothing learns."), _("The model already knows your task.")),
    StrategyInfo(
        Strategy.FEATURES,
        _("Head only"),
        _("The network stays as it came; only a new last layer learns."),
        _("Little data, or little time: nothing that the network knows can be lost."),
    ),
    StrategyInfo(
        Strategy.PROTOTYPES,
        _("Class averages"),
        _("The network stays as it came; a new example gets the class whose average it is most like."),
        _("One to ten examples a class: nothing is trained, so the answer comes at once."),
    ),
    StrategyInfo(
        Strategy.PARTIAL,
        _("Last blocks"),
        _("The last blocks and a new last layer learn; early blocks stay as they came."),
        _("A few hundred examples or more, and data that differ from what the model saw."),
    ),
    StrategyInfo(
        Strategy.FULL,
        _("Everything"),
        _("All of it learns, early blocks more slowly than late ones."),
        _("A thousand examples or more, and time to spare."),
    ),
    StrategyInfo(
        Strategy.LORA,
        _("Adapters"),
        _("Small added matrices (LoRA) and a new last layer learn; the network itself stays as it came."),
        _("A large model, and little memory."),
    ),
    StrategyInfo(
        Strategy.SCRATCH,
        _("From scratch"),
        _("All of it learns, starting from random numbers."),
        _("The comparison: what your data alone can teach."),
    ),
)
"""How any task that trains a network offers it, in the order in which a page shows them."""


def offered(*strategies: Strategy) -> tuple[StrategyInfo, ...]:
    """The rows of NETWORK for these strategies."""
    return tuple(row for row in told(NETWORK) if row.strategy in strategies)
