"""The knobs every gradient-trained task shares. Light: pages read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from engines.contract import InputError, OneOf, Problem, Range, Settings, Strategy, Tried, setting
from engines.data.folds import MOST
from engines.messages import _


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
    bf16_on_gpu: ClassVar[frozenset[Strategy]] = frozenset({Strategy.PARTIAL, Strategy.FULL, Strategy.LORA})
    """Those for which it is bf16 on a card that has it. A head, and a network from scratch, learn in float32."""
    searched: ClassVar[Mapping[str, Tried]] = {
        "learning_rate": Range(0.2, 5, log=True, times_usual=True),
        "weight_decay": Range(1e-3, 0.3, log=True),
        "blocks": Range(1, 4, strategies=(Strategy.PARTIAL,)),
        "lora_rank": OneOf((4, 8, 16), strategies=(Strategy.LORA,)),
    }

    epochs: int | None = setting(
        None,
        _("Passes over the training data; by default what suits the strategy"),
        title=_("Passes over the data"),
        group="often",
        low=1,
        high=10_000,
    )
    max_seconds: float | None = setting(
        None, _("Stop learning after this many seconds"), title=_("Stop after seconds"), group="often", low=1
    )
    batch_size: int = setting(32, _("Examples per step"), title=_("Examples at a time"), low=1, high=4096)
    gradient_accumulation: int = setting(
        1, _("Batches per optimiser step: saves memory"), title=_("Batches per step"), low=1, high=256
    )
    learning_rate: float | None = setting(
        None,
        _("Peak step size; by default what suits the strategy"),
        title=_("Learning rate"),
        group="often",
        low=1e-7,
        high=1.0,
    )
    weight_decay: float = setting(
        0.02, _("Pull of the weights towards zero (AdamW)"), title=_("Weight decay"), low=0.0, high=10.0
    )
    label_smoothing: float = setting(
        0.1, _("Probability kept back from the true class"), title=_("Label smoothing"), low=0.0, high=0.5
    )
    patience: int | None = setting(
        None,
        _("Stop after this many epochs without a better validation loss; by default a quarter of them"),
        title=_("Patience, in epochs"),
        low=1,
        high=10_000,
    )
    refit: bool = setting(
        True,
        _("With 'features': once the epochs are known, fit the head anew on the held-out part too"),
        title=_("Use the held-out part at the end"),
    )
    blocks: int = setting(1, _("Blocks that learn with strategy 'partial', counted from the head"), low=1, high=1000)
    depth: int = setting(
        0,
        _("With 'features': the head reads what so many of the network's blocks see, counted from the input; 0: all"),
        title=_("Features from block"),
        low=0,
        high=1000,
    )
    gradual: bool = setting(
        False,
        _("With 'partial' and 'full': let one block more learn in every epoch, from the head downwards"),
        title=_("One more block every epoch"),
    )
    find_learning_rate: bool = setting(
        False,
        _("Try step sizes from small to large first, and train with the one that suits; ignored where one is given"),
        title=_("Look for a learning rate first"),
    )
    layer_decay: float = setting(
        0.75,
        _("Learning rate of a block relative to the next one"),
        title=_("Pace of earlier blocks"),
        low=0.05,
        high=1.0,
    )
    lora_rank: int = setting(
        8, _("Rank of the adapters of strategy 'lora'"), title=_("Size of the adapters"), low=1, high=256
    )
    mixed_precision: str = setting(
        "auto",
        _("Arithmetic; auto is bf16 where the hardware has it"),
        title=_("Arithmetic"),
        choices=("auto", "no", "bf16"),
    )
    device: str = setting(
        "auto",
        _("Where to train; auto takes a GPU when there is one"),
        title=_("Where it trains"),
        choices=("auto", "cpu"),
    )
    deterministic: bool = setting(
        False,
        _("On a graphics card: the same numbers every time, for a slower training; a processor gives them anyway"),
        title=_("The same numbers on a card"),
    )
    validation_fraction: float = setting(
        0.2,
        _("Part of the training data that decides when to stop"),
        title=_("Share to choose by"),
        group="data",
        low=0.0,
        high=0.5,
    )
    test_fraction: float = setting(
        0.25,
        _("Part of the data kept for the final test"),
        title=_("Share kept for the test"),
        group="data",
        low=0.05,
        high=0.9,
    )
    baseline: str = setting("none", _("Also train the same network from random weights"), choices=("none", "scratch"))
    baseline_epochs: int | None = setting(
        None,
        _("Passes of the training from random weights beside; by default what suits it"),
        title=_("Passes of the baseline"),
        low=1,
        high=10_000,
    )
    folds: int | None = setting(
        0,
        _("Test on every example, in so many parts, each by a network that learnt from the others; 0: on one part"),
        title=_("Test in so many folds"),
        group="data",
        low=0,
        high=MOST,
    )
    balance: bool = setting(
        True,
        _("Give every class the same weight, however many examples it has"),
        title=_("Same weight for every class"),
        group="data",
    )
    views: int = setting(
        4,
        _("Variants of each example seen by the frozen part, computed once"),
        title=_("Variants of each example"),
        low=1,
        high=64,
    )

    @classmethod
    def by_default(cls, name: str, strategy: str) -> Any:
        usual, known = cls(), Strategy(strategy)
        if known in cls.default_epochs:
            match name:
                case "epochs":
                    return usual.epochs_for(known)
                case "patience":
                    return usual.patience_for(usual.epochs_for(known))
                case "learning_rate":
                    return usual.learning_rate_for(known)
        return super().by_default(name, strategy)

    def epochs_for(self, strategy: Strategy) -> int:
        return self.epochs or self.default_epochs[strategy]

    def patience_for(self, epochs: int) -> int:
        return self.patience or max(3, epochs // 4)

    def ends_early(self, stages: int) -> bool:
        """Whether the head reads at a depth of its own, in front of some of the network's stages."""
        return 0 < self.depth < stages

    def folds_for(self, strategy: Strategy, stages: int, by_itself: int) -> int:
        """In how many folds a run is tested, of a network of so many stages, on data that carry `by_itself` folds (see
        `data.folds`).

        Where nobody chose, only what can afford it is: a part of the network is frozen and runs once however many heads
        are trained behind it, and no clock ends the training.
        """
        if getattr(self, "shots", 0):  # what is not learnt from is tested, on one part
            return 0
        if self.folds is not None:
            return self.folds
        learns = strategy is not Strategy.ZERO_SHOT and self.max_seconds is None
        return by_itself if learns and strategy.boundary(stages, self.blocks) > 0 else 0

    def learning_rate_for(self, strategy: Strategy) -> float:
        return self.learning_rate or self.default_rates[strategy]


def require_blocks(strategy: Strategy, settings: TrainSettings, stages: int) -> None:
    """Raises InputError where more blocks are to learn, or to be read behind, than the network has, and where a depth
    is asked for that the strategy has no use for."""
    if settings.depth and strategy is not Strategy.FEATURES:
        found = _(
            "found {depth}, but with '{strategy}' the head reads what the whole network sees",
            depth=settings.depth,
            strategy=strategy,
        )
        raise InputError(Problem(_("setting depth"), found, _("accepted: 0, or strategy features")))
    if settings.depth > stages:
        found = _("this network has {stages} blocks, accepted: 1 to {stages}, or 0 for all", stages=stages)
        raise InputError(Problem(_("setting depth"), _("found {depth}", depth=settings.depth), found))
    if strategy is Strategy.PARTIAL and settings.blocks > stages:
        raise InputError(
            Problem(
                _("setting blocks"),
                _("found {blocks}", blocks=settings.blocks),
                _("this network has {stages} blocks, accepted: 1 to {stages}", stages=stages),
            )
        )
