"""The task example.shapes: what it is called, what it takes, which model it starts from. Imports no torch.

To change: every word of `info`, the catalogue (a JSON file is read by `ModelCard.catalogue`), the samples. A strategy
or an export that you do not offer goes from `offers` or `exports`, and its file with it.
"""

from __future__ import annotations

from pathlib import Path

from engines.contract import (
    BALANCED_ACCURACY,
    InputError,
    ModelCard,
    Problem,
    Sample,
    Stage,
    Strategy,
    Task,
    TaskInfo,
    Words,
    offered,
)
from engines.messages import _
from templates.task import samples
from templates.task.settings import LENGTH, ShapesSettings

CARD = ModelCard(
    name="waves",
    title="Waves",
    family="1-D convolutions",
    parameters=13_024,
    download_bytes=52_552,
    licence="Apache-2.0",
    source=_("Trained for this project by templates/pretrain.py, on one processor thread, seed 0"),
    source_task=_("to tell five synthetic waves apart: sine, square, triangle, sawtooth and noise"),
    input=_("{length} numbers in a row", length=LENGTH),
    stages=(Stage("1", 128, 7_168), Stage("2", 2_592, 81_920), Stage("3", 10_304, 163_840)),
    head_inputs=64,
    package=f"{__package__}.weights",  # a folder, here beside this file; or `hub`, a repository of the Hugging Face hub
    sha256="886e444b2e0daaf49d924739cd03a33535dc450d00bab5301ad18e958cfc4318",
)


class Shapes(Task):
    """Classification of short signals."""

    info = TaskInfo(
        name="example.shapes",
        title=_("Tell signals apart"),
        unit=_("signals"),
        metric=BALANCED_ACCURACY,
        offers=offered(Strategy.FEATURES, Strategy.PARTIAL, Strategy.FULL, Strategy.SCRATCH),
        usual=Strategy.FEATURES,
        formats=(
            _(
                "a CSV with a row a signal: its numbers in the columns v0 to v{length}, its class in label",
                length=LENGTH - 1,
            ),
        ),
        accepts=("csv",),
        whole=("csv",),
        exports=("safetensors", "script"),
        default_model=CARD.name,
        pipeline_tag="tabular-classification",
        library="pytorch",
        words=Words(explain_question=_("Which moments decided?")),
    )
    settings = ShapesSettings

    def models(self) -> list[ModelCard]:
        return [CARD]

    def describe(self, model: str) -> ModelCard:
        if model != CARD.name:
            raise InputError(
                Problem(
                    _("model {model}", model=model), _("there is no such model"), _("accepted: {name}", name=CARD.name)
                )
            )
        return CARD

    def samples(self) -> list[Sample]:
        return [samples.MACHINE]

    def make_sample(self, name: str, out: Path) -> Path:
        if name != samples.MACHINE.name:
            raise InputError(
                Problem(
                    _("sample {name}", name=name),
                    _("there is no such sample"),
                    _("accepted: {name}", name=samples.MACHINE.name),
                )
            )
        return samples.make(out)
