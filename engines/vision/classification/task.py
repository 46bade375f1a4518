"""The task vision.classification: which of your classes does this picture show?"""

from __future__ import annotations

from pathlib import Path

from engines.classification.classification_task import ClassificationTask
from engines.contract import BALANCED_ACCURACY, ModelCard, Sample, Strategy, TaskInfo, Words, offered
from engines.vision import samples
from engines.vision.classification.settings import VisionSettings
from engines.vision.models import catalogue


class Classification(ClassificationTask):
    """Image classification through timm."""

    info = TaskInfo(
        name="vision.classification",
        title="Classify",
        unit="photographs",
        metric=BALANCED_ACCURACY,
        offers=offered(
            Strategy.FEATURES, Strategy.PROTOTYPES, Strategy.PARTIAL, Strategy.FULL, Strategy.LORA, Strategy.SCRATCH
        ),
        usual=Strategy.FEATURES,
        formats=(
            "a zip or folder with one folder of images a class (train/ and test/ on top if you like)",
            "images with a table such as a CSV: file_name,label",
            "a MedMNIST .npz",
        ),
        accepts=("zip", "npz", "csv", "tsv", "jsonl", "txt", "jpg", "jpeg", "png", "webp", "bmp", "gif", "tif", "tiff"),
        whole=("zip", "npz"),
        exports=("safetensors", "onnx", "script"),
        default_model="tf_efficientnet_lite0",
        pipeline_tag="image-classification",
        library="timm",
        builds_without_files=True,
        words=Words(
            explain_question="Where did it look?",
            explain_methods={"": "Automatic", "grad-cam": "Grad-CAM", "integrated-gradients": "Integrated gradients"},
        ),
    )
    settings = VisionSettings

    def models(self) -> list[ModelCard]:
        return catalogue.cards()

    def describe(self, model: str) -> ModelCard:
        if (known := catalogue.find(model)) is not None:
            return known
        from engines.vision.models import backbones

        return backbones.describe(model)

    def samples(self) -> list[Sample]:
        return samples.SAMPLES

    def has_sample(self, name: str) -> bool:
        return samples.available(name)

    def make_sample(self, name: str, out: Path) -> Path:
        return samples.make(name, out)
