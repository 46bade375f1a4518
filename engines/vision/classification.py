"""The task vision.classification: which of your classes does this picture show?"""

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
from engines.vision import catalogue
from engines.vision.settings import VisionSettings

if TYPE_CHECKING:
    from engines.classifying.domain import Domain


class Classification(ClassificationTask):
    """Image classification through timm."""

    info = TaskInfo(
        name="vision.classification",
        title="Classify",
        unit="photographs",
        metric="balanced_accuracy",
        metric_title="Balanced accuracy",
        metric_help="The share named correctly, averaged over the classes: a large class cannot hide a small one.",
        higher_is_better=True,
        strategies=(Strategy.FEATURES, Strategy.PARTIAL, Strategy.FULL, Strategy.LORA, Strategy.SCRATCH),
        formats=(
            "a zip or folder with one folder of images a class (train/ and test/ on top if you like)",
            "images with a CSV: file_name,label",
            "a MedMNIST .npz",
        ),
        exports=("safetensors", "onnx", "script"),
        default_model="tf_efficientnet_lite0",
    )
    settings = VisionSettings

    def models(self) -> list[ModelCard]:
        return catalogue.cards()

    def describe(self, model: str) -> ModelCard:
        if (known := catalogue.find(model)) is not None:
            return known
        from engines.vision import networks

        return networks.describe(model)

    def samples(self) -> list[Sample]:
        from engines.vision import samples

        return samples.SAMPLES

    def make_sample(self, name: str, out: Path) -> Path:
        from engines.vision import samples

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
        from engines.vision import checking

        chosen = settings if isinstance(settings, VisionSettings) else VisionSettings()
        return checking.report(self.info, data, chosen, seed=seed, gallery=gallery, test=test, progress=progress)

    def domain(self) -> Domain:
        from engines.vision.outcome import DOMAIN

        return DOMAIN

    def load(self, run: Path) -> Predictor:
        from engines.vision import predicting

        return predicting.Classifier(run)

    def explain(
        self, run: Path, data: Path, out: Path, *, method: str | None = None, example: str | None = None
    ) -> list[dict[str, Any]]:
        from engines.vision import explaining

        return explaining.explain(run, data, out, method=method, example=example)

    def export(self, run: Path, format: str, out: Path) -> Path:
        self.require_offered(format)
        if format == "onnx":
            from engines.vision import to_onnx

            return to_onnx.export(run, out)
        if format == "script":
            from engines.vision import to_script

            return to_script.export(run, out, self.describe)
        from engines.vision import predicting

        return predicting.export(run, out)
