"""The task vision.classification: which of your classes does this picture show?"""

from __future__ import annotations

from pathlib import Path

from engines.classification.classification_task import ClassificationTask
from engines.contract import (
    BALANCED_ACCURACY,
    InputError,
    ModelCard,
    Problem,
    Recipe,
    Sample,
    Strategy,
    TaskInfo,
    Words,
    offered,
)
from engines.messages import _, told
from engines.vision import samples
from engines.vision.classification.settings import VisionSettings
from engines.vision.models import catalogue, imagenet


class Classification(ClassificationTask):
    """Image classification through timm, and CLIP and SigLIP of the hub."""

    info = TaskInfo(
        name="vision.classification",
        title=_("Classify"),
        unit=_("photographs"),
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
            _("a zip or folder with one folder of images a class (train/ and test/ on top if you like)"),
            _("images with a table such as a CSV: file_name,label"),
            _("a MedMNIST .npz"),
            _("scans in the same ways: DICOM (.dcm) or NIfTI (.nii, .nii.gz); names of patients are not kept"),
        ),
        accepts=(
            "zip",
            "npz",
            "csv",
            "tsv",
            "jsonl",
            "txt",
            "jpg",
            "jpeg",
            "png",
            "webp",
            "bmp",
            "gif",
            "tif",
            "tiff",
            "avif",
            "dcm",
            "dicom",
            "ima",
            "nii",
            "gz",
        ),
        whole=("zip", "npz"),
        exports=("safetensors", "onnx", "web", "script"),
        default_model="tf_efficientnet_lite0",
        pipeline_tag="image-classification",
        library="timm",
        builds_without_files=True,
        adapts_by=(),
        words=Words(
            explain_question=_("Where did it look?"),
            explain_methods={
                "": "Automatic",
                "grad-cam": "Grad-CAM",
                "integrated-gradients": _("Integrated gradients"),
            },
        ),
    )
    settings = VisionSettings

    def models(self) -> list[ModelCard]:
        return catalogue.cards()

    def describe(self, model: str) -> ModelCard:
        if (known := catalogue.find(model)) is not None:
            return known
        from engines.vision.models import backbones, checkpoints, image_text

        if checkpoints.is_one(model):
            return checkpoints.describe(model)
        return image_text.describe(model) if image_text.is_one(model) else backbones.describe(model)

    def bring(self, file: Path, architecture: str = "") -> tuple[str, list[str]]:
        from engines.vision.models import checkpoints

        return checkpoints.bring(file, architecture)

    def lacks(self, strategy: Strategy, card: ModelCard) -> str:
        if strategy is Strategy.ZERO_SHOT and not catalogue.reads_names(card):
            return _("it knows pictures and no words: classes are found by their names by a CLIP or SigLIP network")
        return ""

    def source_labels(self, card: ModelCard) -> frozenset[str] | None:
        return imagenet.names() if "ImageNet-1k" in card.source_task else None

    def require_offered(self, recipe: Recipe) -> None:
        super().require_offered(recipe)
        if recipe.strategy is not Strategy.ZERO_SHOT:
            return
        if lacking := self.lacks(recipe.strategy, self.describe(recipe.model)):
            others = [card.name for card in self.models() if catalogue.reads_names(card)]
            found = _(
                "{strategy} is not for {model}: {lacking}",
                strategy=recipe.strategy,
                model=recipe.model,
                lacking=lacking,
            )
            raise InputError(
                Problem("strategy", found, _("accepted: a model such as {others}", others=", ".join(others)))
            )

    def samples(self) -> list[Sample]:
        return told(samples.SAMPLES)

    def has_sample(self, name: str) -> bool:
        return samples.available(name)

    def make_sample(self, name: str, out: Path) -> Path:
        return samples.make(name, out)
