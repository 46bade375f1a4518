"""The task text.translation: from one language, or way of putting things, into another."""

from __future__ import annotations

from engines.contract import Metric, Strategy, TaskInfo, offered
from engines.messages import _
from engines.text.generative import catalogue
from engines.text.generative.generative_task import GenerativeTask
from engines.text.generative.settings import TranslationSettings


class Translation(GenerativeTask):
    """Encoder-decoder models of Transformers: Marian (Opus-MT), T5 and their kin."""

    info = TaskInfo(
        name="text.translation",
        title=_("Translate"),
        unit=_("sentence pairs"),
        metric=Metric(
            "chrf",
            _("chrF"),
            _("How many runs of up to six letters the translation shares with a person's, from 0 to 100."),
            higher_is_better=True,
        ),
        offers=offered(Strategy.LORA, Strategy.PARTIAL, Strategy.FULL, Strategy.ZERO_SHOT, Strategy.SCRATCH),
        usual=Strategy.LORA,
        formats=(
            _("a table (CSV, TSV, JSONL, Parquet, XLSX) with a column of sentences and one of their translations"),
        ),
        accepts=("csv", "tsv", "txt", "jsonl", "json", "parquet", "xlsx", "zip"),
        exports=("safetensors", "script"),
        default_model="opus-mt-en-fr",
        pipeline_tag="translation",
        library="transformers",
        explored_as="text.sentiment",
        no_target=_("a translator has no classes to carry over: it learns from pairs of the new domain"),
        rival="zero_shot",
        learning="loss",
    )
    settings = TranslationSettings
    cards = catalogue.TRANSLATION
    encoder_decoder = True
