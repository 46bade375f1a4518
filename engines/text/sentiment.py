"""The task text.sentiment: which of your classes does this text belong to?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.classifying.task import ClassificationTask
from engines.contract import (
    DataReport,
    ModelCard,
    Predictor,
    Progress,
    Sample,
    Settings,
    Strategy,
    TaskInfo,
)
from engines.text import catalogue
from engines.text.settings import TextSettings

if TYPE_CHECKING:
    from engines.classifying.domain import Domain


class Sentiment(ClassificationTask):
    """Single-label text classification on BERT-like encoders, GPT-like decoders and ELMo."""

    info = TaskInfo(
        name="text.sentiment",
        title="Classify",
        unit="texts",
        metric="balanced_accuracy",
        metric_title="Balanced accuracy",
        metric_help="The share named correctly, averaged over the classes: a large class cannot hide a small one.",
        higher_is_better=True,
        strategies=(
            Strategy.FEATURES,
            Strategy.PARTIAL,
            Strategy.FULL,
            Strategy.LORA,
            Strategy.ZERO_SHOT,
            Strategy.SCRATCH,
        ),
        formats=(
            "a table with a column of texts and a column of classes: CSV, TSV, JSONL, Parquet or XLSX",
            "a zip or folder with such a table, or with two: train and test",
        ),
        exports=("safetensors", "onnx", "script"),
        default_model="all-MiniLM-L6-v2",
    )
    settings = TextSettings

    def models(self) -> list[ModelCard]:
        return catalogue.cards()

    def describe(self, model: str) -> ModelCard:
        if (known := catalogue.find(model)) is not None:
            return known
        from engines.text import networks

        return networks.describe(model)

    def samples(self) -> list[Sample]:
        from engines.text import samples

        return samples.SAMPLES

    def make_sample(self, name: str, out: Path) -> Path:
        from engines.text import samples

        return samples.make(name, out)

    def check(
        self,
        data: Path,
        *,
        seed: int = 0,
        settings: Settings | None = None,
        gallery: Path | None = None,
        test: Path | None = None,
        progress: Progress | None = None,
    ) -> DataReport:
        from engines.text import checking

        chosen = settings if isinstance(settings, TextSettings) else TextSettings()
        return checking.report(self.info, data, chosen, seed=seed, gallery=gallery, test=test, progress=progress)

    def domain(self) -> Domain:
        from engines.text.outcome import DOMAIN

        return DOMAIN

    def load(self, run: Path) -> Predictor:
        from engines.text import predicting

        return predicting.TextClassifier(run)

    def explain(
        self, run: Path, data: Path, out: Path, *, method: str | None = None, example: str | None = None
    ) -> list[dict[str, Any]]:
        from engines.text import explaining

        return explaining.explain(run, data, out, method=method, example=example)

    def export(self, run: Path, format: str, out: Path) -> Path:
        self.require_offered(format)
        if format == "onnx":
            from engines.text import to_onnx

            return to_onnx.export(run, out)
        if format == "script":
            from engines.text import to_script

            return to_script.export(run, out, self.describe)
        from engines.text import predicting

        return predicting.export(run, out)
