"""The knobs every gradient-trained task shares. Light: pages read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from engines.contract import InputError, Problem, Settings, Strategy, setting
from engines.data.folds import MOST


@dataclass(frozen=True)
class TrainSettings(Settings):
    """How the network learns. What is None follows the strategy."""

    default_epochs: ClassVar[Mapping[Strategy, int]] = {
        Strategy.FEATURES: 60,
        Strategy.PARTIAL: 12,
        Strategy.FULL: 12,
        Strategy.LORA: 12,
        Strategy.SCRATCH: 20,
    }
    default_rates: ClassVar[Mapping[Strategy, float]] = {
        Strategy.FEATURES: 5e-4,
        Strategy.PARTIAL: 3e-4,
        Strategy.FULL: 3e-4,
        Strategy.LORA: 1e-3,
        Strategy.SCRATCH: 1e-3,
    }
    """Peak learning rates. A task that is used to others overrides both."""
    bf16_on_cpu: ClassVar[frozenset[Strategy]] = frozenset()
    """The strategies for which 'auto' is bf16 also on a processor that has it in hardware."""

    epochs: int | None = setting(
        None, "Passes over the training data; by default what suits the strategy", low=1, high=10_000
    )
    max_seconds: float | None = setting(None, "Stop learning after this many seconds", low=1)
    batch_size: int = setting(32, "Examples per step", low=1, high=4096)
    gradient_accumulation: int = setting(1, "Batches per optimiser step: saves memory", low=1, high=256)
    learning_rate: float | None = setting(
        None, "Peak step size; by default what suits the strategy", low=1e-7, high=1.0
    )
    weight_decay: float = setting(0.02, "Pull of the weights towards zero (AdamW)", low=0.0, high=10.0)
    label_smoothing: float = setting(0.1, "Probability kept back from the true class", low=0.0, high=0.5)
    patience: int | None = setting(
        None,
        "Stop after this many epochs without a better validation loss; by default a quarter of them",
        low=1,
        high=10_000,
    )
    refit: bool = setting(
        True, "With 'features': once the epochs are known, fit the head anew on the held-out part too"
    )
    blocks: int = setting(1, "Blocks that learn with strategy 'partial', counted from the head", low=1, high=1000)
    gradual: bool = setting(
        False, "With 'partial' and 'full': let one block more learn in every epoch, from the head downwards"
    )
    find_learning_rate: bool = setting(
        False, "Try step sizes from small to large first, and train with the one that suits; ignored where one is given"
    )
    layer_decay: float = setting(0.75, "Learning rate of a block relative to the next one", low=0.05, high=1.0)
    lora_rank: int = setting(8, "Rank of the adapters of strategy 'lora'", low=1, high=256)
    mixed_precision: str = setting(
        "auto", "Arithmetic; auto is bf16 where the hardware has it", choices=("auto", "no", "bf16", "fp16")
    )
    device: str = setting("auto", "Where to train; auto takes a GPU when there is one", choices=("auto", "cpu"))
    validation_fraction: float = setting(0.2, "Part of the training data that decides when to stop", low=0.0, high=0.5)
    test_fraction: float = setting(0.25, "Part of the data kept for the final test", low=0.05, high=0.9)
    baseline: str = setting("none", "Also train the same network from random weights", choices=("none", "scratch"))
    folds: int | None = setting(
        0, "Test on every example, in so many parts, each by a network that learnt from the others; 0: on one part",
        low=0, high=MOST,
    )  # fmt: skip
    balance: bool = setting(True, "Give every class the same weight, however many examples it has")
    views: int = setting(4, "Variants of each example seen by the frozen part, computed once", low=1, high=64)

    def epochs_for(self, strategy: Strategy) -> int:
        return self.epochs or self.default_epochs[strategy]

    def patience_for(self, epochs: int) -> int:
        return self.patience or max(3, epochs // 4)

    def folds_for(self, strategy: Strategy, stages: int, by_itself: int) -> int:
        """In how many folds a run is tested, of a network of so many stages, on data that carry `by_itself` folds (see
        `data.folds`).

        Where nobody chose, only what can afford it is: a part of the network is frozen and runs once however many heads
        are trained behind it, and no clock ends the training.
        """
        if self.folds is not None:
            return self.folds
        learns = strategy is not Strategy.ZERO_SHOT and self.max_seconds is None
        return by_itself if learns and strategy.boundary(stages, self.blocks) > 0 else 0

    def learning_rate_for(self, strategy: Strategy) -> float:
        return self.learning_rate or self.default_rates[strategy]


def check_strategy(strategy: Strategy, accepted: tuple[Strategy, ...], settings: TrainSettings, stages: int) -> None:
    """Raises InputError for a strategy the task lacks, or for more blocks than the network has."""
    if strategy not in accepted:
        raise InputError(Problem("strategy", f"{strategy} is not offered here", f"accepted: {', '.join(accepted)}"))
    if strategy is Strategy.PARTIAL and settings.blocks > stages:
        raise InputError(
            Problem(
                "setting blocks",
                f"found {settings.blocks}",
                f"this network has {stages} blocks, accepted: 1 to {stages}",
            )
        )
