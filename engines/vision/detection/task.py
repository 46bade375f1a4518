"""The task vision.detection: what is on this picture, and where? Imports no torch."""

from __future__ import annotations

from pathlib import Path

from engines.contract import (
    Catalogue,
    InputError,
    Metric,
    ModelCard,
    Problem,
    Recipe,
    Sample,
    Strategy,
    Task,
    TaskInfo,
    Words,
    offered,
)
from engines.messages import _, told
from engines.vision.detection import composites
from engines.vision.detection.networks import kinds
from engines.vision.detection.settings import DetectionSettings

_KNOWN = Catalogue(Path(__file__).with_name("catalogue.json"))

MAP50 = Metric(
    "map50",
    _("mAP@.5"),
    _(
        "How well the model finds all things, and nothing else, when a box counts that covers at least half of what it "
        "and the true box cover together; averaged over the classes. 1 is perfect."
    ),
    higher_is_better=True,
    kind="share",
)


class Detection(Task):
    """Object detection: a feature pyramid and FCOS's head on a classifier's backbone; published detectors by name."""

    info = TaskInfo(
        name="vision.detection",
        title=_("Find objects"),
        unit=_("pictures"),
        metric=MAP50,
        offers=offered(
            Strategy.FEATURES, Strategy.PARTIAL, Strategy.FULL, Strategy.LORA, Strategy.ZERO_SHOT, Strategy.SCRATCH
        ),
        usual=Strategy.PARTIAL,
        formats=(
            _("a zip or folder of pictures with their boxes as COCO JSON"),
            _("the same with Pascal VOC XML files"),
            _("the same with YOLO txt files"),
        ),
        accepts=("zip",),
        exports=("safetensors", "onnx", "script"),
        default_model="tf_efficientnet_lite0",
        pipeline_tag="object-detection",
        library="timm",
        builds_without_files=True,
        learning="loss",
        words=Words(
            brought=_("your pictures with boxes"), head=_("pyramid and head"), explain_question=_("Where did it look?")
        ),
        no_target=_("a detector learns from boxes, and takes no pictures without them to adapt to"),
    )
    settings = DetectionSettings
    goes_on = True

    def models(self) -> list[ModelCard]:
        return _KNOWN.cards()

    def describe(self, model: str) -> ModelCard:
        if (known := _KNOWN.find(model)) is not None:
            return known
        from engines.vision.detection.networks import families

        return families.of(model).describe(model, DetectionSettings().image_size)

    def lacks(self, strategy: Strategy, card: ModelCard) -> str:
        return kinds.lacks(strategy, card)

    def require_offered(self, recipe: Recipe) -> None:
        super().require_offered(recipe)
        if recipe.strategy not in {Strategy.ZERO_SHOT, Strategy.LORA}:
            return
        if lacking := self.lacks(recipe.strategy, self.describe(recipe.model)):
            found = _(
                "{strategy} is not for {model}: {lacking}",
                strategy=recipe.strategy,
                model=recipe.model,
                lacking=lacking,
            )
            accepted = _("accepted: a detector that has learnt from boxes, or another strategy")
            raise InputError(Problem("strategy", found, accepted))

    def samples(self) -> list[Sample]:
        return told(composites.SAMPLES)

    def has_sample(self, name: str) -> bool:
        return composites.available(name)

    def make_sample(self, name: str, out: Path) -> Path:
        return composites.make(name, out)
