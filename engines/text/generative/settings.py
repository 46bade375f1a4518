"""The knobs of the tasks whose model writes: answers and translations. Light: pages read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from engines.contract import NETWORK, Strategy, setting
from engines.messages import _
from engines.text.settings import TableSettings


@dataclass(frozen=True)
class WritingSettings(TableSettings):
    """How a model learns to write. Epochs and step sizes are those that pretrained language models are used to."""

    default_epochs: ClassVar[Mapping[Strategy, int]] = {
        Strategy.LORA: 5,
        Strategy.PARTIAL: 3,
        Strategy.FULL: 3,
        Strategy.SCRATCH: 10,
    }
    default_rates: ClassVar[Mapping[Strategy, float]] = {
        Strategy.LORA: 1e-3,
        Strategy.PARTIAL: 2e-4,
        Strategy.FULL: 5e-5,
        Strategy.SCRATCH: 5e-4,
    }

    hidden: ClassVar[frozenset[str]] = frozenset({"balance", "views", "refit", "folds", "find_learning_rate", "depth"})
    bf16_on_cpu: ClassVar[frozenset[Strategy]] = frozenset(row.strategy for row in NETWORK)
    bf16_on_gpu: ClassVar[frozenset[Strategy]] = bf16_on_cpu

    eight_bits: bool = setting(
        False,
        _("With strategy 'lora', hold the weights that stay as they are in 8 bits: a quarter of the memory, more time"),
        title=_("Frozen weights in 8 bits"),
        group="training",
    )
    views: int = setting(1, _("Texts are not varied: each is seen once by the frozen part"), low=1, high=1)

    batch_size: int = setting(8, _("Examples per step"), low=1, high=4096)
    label_smoothing: float = setting(0.0, _("Probability kept back from the true next token"), low=0.0, high=0.5)
    weight_decay: float = setting(0.0, _("Pull of the weights towards zero (AdamW)"), low=0.0, high=10.0)
    blocks: int = setting(2, _("Blocks that learn with strategy 'partial', counted from the end"), low=1, high=1000)
    layer_decay: float = setting(1.0, _("Learning rate of a block relative to the next one"), low=0.05, high=1.0)
    validation_fraction: float = setting(
        0.15, _("Part of the training data that decides when to stop"), low=0.0, high=0.5
    )
    max_tokens: int = setting(
        256, _("Tokens of an example that are read"), title=_("Tokens read at most"), group="data", low=8, high=8192
    )
    most_examples: int = setting(
        20_000,
        _("Rows that are read of a longer table, drawn at random"),
        title=_("Rows read at most"),
        group="data",
        low=10,
        high=100_000,
    )


@dataclass(frozen=True)
class GenerationSettings(WritingSettings):
    """How conversations become what the model reads."""

    prompt_column: str | None = setting(None, _("Column of the questions; by default it is guessed"), reads=True)
    response_column: str | None = setting(None, _("Column of the answers; by default it is guessed"), reads=True)
    context_column: str | None = setting(
        None,
        _(
            "Column of what is read behind the question, as Alpaca's input; by default it is guessed, "
            "'nothing' for none"
        ),
        reads=True,
    )
    messages_column: str | None = setting(
        None, _("Column of whole conversations; by default it is guessed"), reads=True
    )
    system: str | None = setting(
        None, _("What every conversation begins with; by default what the model was made with"), reads=True
    )
    max_tokens: int = setting(
        256,
        _("Tokens of a conversation that are read; of longer ones the end"),
        title=_("Tokens read at most"),
        group="data",
        low=8,
        high=8192,
    )
    forgetting: bool = setting(
        True, _("Also measure how well the model still reads general English"), title=_("Measure what is forgotten")
    )


@dataclass(frozen=True)
class TranslationSettings(WritingSettings):
    """How sentence pairs become what the model reads, and how it translates."""

    default_epochs: ClassVar[Mapping[Strategy, int]] = {**WritingSettings.default_epochs, Strategy.SCRATCH: 20}

    label_smoothing: float = setting(0.1, _("Probability kept back from the true next token"), low=0.0, high=0.5)
    source_column: str | None = setting(None, _("Column of what is translated; by default it is guessed"), reads=True)
    target_column: str | None = setting(None, _("Column of the translations; by default it is guessed"), reads=True)
    prefix: str | None = setting(
        None,
        _("What a T5 model is told first, e.g. 'translate English to German: '"),
        title=_("What it is told first"),
        group="data",
    )
    max_tokens: int = setting(
        128,
        _("Tokens of a sentence that are read; longer ones are cut"),
        title=_("Tokens read at most"),
        group="data",
        low=4,
        high=1024,
    )
    beams: int = setting(
        1,
        _("Translations kept in view while writing one (1: the likeliest next token)"),
        title=_("Translations kept in view"),
        low=1,
        high=12,
    )
