"""The knobs of text classification. Light: pages read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from engines.adaptation.rule import adapt_setting
from engines.contract import NETWORK, Strategy, setting
from engines.data.several_labels import several_setting
from engines.messages import _
from engines.training.settings import TrainSettings
from engines.training.shots import shots_setting

HYPOTHESIS = _("This is {label}.")


@dataclass(frozen=True)
class TableSettings(TrainSettings):
    """How the tables are read that people bring."""

    parts: str = setting(
        "auto",
        _("Train, validation and test where the data say so themselves: as they say, or drawn anew"),
        choices=("auto", "drawn"),
        reads=True,
    )
    split_column: str | None = setting(
        None, _("The column that says what each row is for; by default it is guessed"), reads=True
    )
    table: str | None = setting(
        None, _("Which table of a folder or zip is read; by default those that serve"), reads=True
    )
    sheet: str | None = setting(
        None, _("Which sheet of a workbook is read; by default the one that serves"), reads=True
    )
    heading: str = setting(
        "auto", _("The first line: names of the columns, or a row"), choices=("auto", "names", "row"), reads=True
    )


@dataclass(frozen=True)
class TextSettings(TableSettings):
    """How texts become inputs, beside how the network learns."""

    default_epochs: ClassVar[Mapping[Strategy, int]] = {
        Strategy.FEATURES: 60,
        Strategy.PARTIAL: 6,
        Strategy.FULL: 6,
        Strategy.LORA: 8,
        Strategy.SCRATCH: 10,
    }
    default_rates: ClassVar[Mapping[Strategy, float]] = {
        Strategy.FEATURES: 5e-4,
        Strategy.PARTIAL: 1e-4,
        Strategy.FULL: 1e-4,
        Strategy.LORA: 5e-4,
        Strategy.SCRATCH: 5e-4,
    }

    hidden: ClassVar[frozenset[str]] = frozenset({"views"})
    bf16_on_cpu: ClassVar[frozenset[Strategy]] = frozenset(row.strategy for row in NETWORK)
    bf16_on_gpu: ClassVar[frozenset[Strategy]] = bf16_on_cpu

    batch_size: int = setting(16, _("Examples per step"), low=1, high=4096)
    layer_decay: float = setting(0.9, _("Learning rate of a block relative to the next one"), low=0.05, high=1.0)
    shots: int = shots_setting()
    views: int = setting(1, _("Texts are not varied: each is seen once by the frozen part"), low=1, high=1)
    text_column: str | None = setting(None, _("The column with the texts; by default it is guessed"), reads=True)
    label_column: str | None = setting(None, _("The column with the classes; by default it is guessed"), reads=True)
    several_labels: str = several_setting()
    missing: str = setting(
        "auto",
        _("What a class called null, nan, none or n/a is: a class, or nothing in the column"),
        choices=("auto", "class", "missing"),
        reads=True,
    )
    corrections: str | None = setting(
        None,
        _('What you put right in the data, as JSON: {"line 17": "its class", "line 21": null to leave it out}'),
        reads=True,
    )
    adapt: str = adapt_setting()
    masked_words: int = setting(
        0,
        _(
            "Experimental: before it learns your classes, the network goes on with masked words for so many passes "
            "over your texts, those without a class too; 0: not at all. The result says what it gained"
        ),
        title=_("Passes with masked words"),
        low=0,
        high=20,
    )
    max_tokens: int = setting(
        256,
        _("Tokens that the network reads at once; a longer text is read in windows"),
        title=_("Tokens read at once"),
        group="data",
        low=16,
        high=8192,
    )
    max_windows: int = setting(
        8,
        _("Windows of a long text that are read; what comes after them is not"),
        title=_("Windows of a long text"),
        group="data",
        low=1,
        high=1000,
    )
    hypothesis: str = setting(
        HYPOTHESIS,
        _("With 'zero-shot': the sentence that a class is looked for by; {label} stands for its name"),
        title=_("Sentence for a class"),
        group="data",
    )
