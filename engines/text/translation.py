"""The task text.translation: from one language, or way of putting things, into another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engines.contract import Predictor, Strategy, TaskInfo
from engines.text import writer_catalogue
from engines.text.generation import Generation
from engines.text.writing_settings import TranslationSettings

if TYPE_CHECKING:
    from engines.text.craft import Craft


class Translation(Generation):
    """Encoder-decoder models of Transformers: Marian (Opus-MT), T5 and their kin."""

    info = TaskInfo(
        name="text.translation",
        title="Translate",
        unit="sentence pairs",
        metric="chrf",
        metric_title="chrF",
        metric_help="How many runs of up to six letters the translation shares with a person's, from 0 to 100.",
        higher_is_better=True,
        strategies=(Strategy.LORA, Strategy.PARTIAL, Strategy.FULL, Strategy.ZERO_SHOT, Strategy.SCRATCH),
        formats=("a table (CSV, TSV, JSONL, Parquet, XLSX) with a column of sentences and one of their translations",),
        exports=("safetensors", "script"),
        default_model="opus-mt-en-fr",
        rival="zero_shot",
    )
    settings = TranslationSettings
    cards = writer_catalogue.TRANSLATION

    def craft(self) -> Craft:
        from engines.text.translation_craft import TRANSLATION

        return TRANSLATION

    def load(self, run: Path) -> Predictor:
        from engines.text import translating

        return translating.Translator(run, self.describe)
