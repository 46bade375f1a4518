"""The task text.sentiment: which of your classes does this text belong to?"""

from __future__ import annotations

from pathlib import Path

from engines.classification.classification_task import ClassificationTask
from engines.contract import BALANCED_ACCURACY, ModelCard, Sample, Strategy, TaskInfo, Words, offered
from engines.messages import _, told
from engines.text import samples
from engines.text.models import catalogue
from engines.text.settings import TextSettings


class Sentiment(ClassificationTask):
    """Single-label text classification on BERT-like encoders, GPT-like decoders and ELMo."""

    info = TaskInfo(
        name="text.sentiment",
        title=_("Classify"),
        unit=_("texts"),
        metric=BALANCED_ACCURACY,
        offers=offered(
            Strategy.FEATURES,
            Strategy.PROTOTYPES,
            Strategy.PARTIAL,
            Strategy.FULL,
            Strategy.LORA,
            Strategy.ZERO_SHOT,
            Strategy.SCRATCH,
        ),
        usual=Strategy.FEATURES,
        formats=(
            _("a table with a column of texts and a column of classes: CSV, TSV, JSONL, Parquet or XLSX"),
            _("a zip or folder with such a table, or with two: train and test"),
        ),
        accepts=("csv", "tsv", "txt", "jsonl", "json", "parquet", "xlsx", "zip"),
        exports=("safetensors", "onnx", "script"),
        default_model="all-MiniLM-L6-v2",
        pipeline_tag="text-classification",
        library="transformers",
        words=Words(explain_question=_("Which words decided?")),
        adapts_by=("self-training",),
    )
    settings = TextSettings

    def models(self) -> list[ModelCard]:
        return catalogue.cards()

    def describe(self, model: str) -> ModelCard:
        if (known := catalogue.find(model)) is not None:
            return known
        from engines.text.models import encoders

        return encoders.describe(model)

    def samples(self) -> list[Sample]:
        return told(samples.SAMPLES)

    def make_sample(self, name: str, out: Path) -> Path:
        return samples.make(name, out)
