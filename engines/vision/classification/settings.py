"""The knobs of the vision tasks. Light: pages read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from engines.adaptation.rule import adapt_setting
from engines.classification.few_labels.prompts import PROMPT
from engines.contract import OneOf, Strategy, Tried, setting
from engines.data.folds import FEW, MOST
from engines.data.parts import parts_setting
from engines.data.several_labels import several_setting
from engines.messages import _
from engines.training.settings import TrainSettings
from engines.training.shots import shots_setting
from engines.vision.medical import settings as scans

FOLDERS = "folders"
"""As the setting `label_column`: no column, the folders."""


@dataclass(frozen=True)
class VisionSettings(TrainSettings):
    """How pictures become inputs, beside how the network learns."""

    bf16_on_cpu: ClassVar[frozenset[Strategy]] = frozenset({Strategy.PARTIAL, Strategy.FULL, Strategy.LORA})
    """Where convolutions learn; a head alone, or a network from scratch, is computed in full."""

    searched: ClassVar[Mapping[str, Tried]] = {**TrainSettings.searched, "augment": OneOf(("none", "light", "strong"))}

    folds: int | None = setting(
        None,
        _(
            "Test on every picture, in so many parts, each by a network that learnt from the "
            "others; by default five where there are fewer than {few} pictures and a part of the "
            "network stays frozen. 0: test on one part",
            few=FEW,
        ),
        low=0,
        high=MOST,
    )
    augment: str = setting(
        "light",
        _("How much training pictures are varied"),
        title=_("Vary the pictures"),
        group="often",
        choices=("none", "light", "strong", "randaugment"),
    )
    mix: str = setting(
        "none",
        _("Mix pictures with one another, with 'full', 'lora' and 'scratch'"),
        title=_("Mix pictures"),
        choices=("none", "mixup", "cutmix"),
    )
    test_time: str = setting(
        "none",
        _("Also look at a new picture mirrored, or at five crops of it, and average the answers"),
        title=_("Look more than once"),
        choices=("none", "flip", "five-crop"),
    )
    flip: bool = setting(
        True,
        _("Also show mirror images; turn off where left and right matter, as in writing"),
        title=_("Mirror the pictures"),
        group="data",
    )
    framing: str = setting(
        "pad",
        _("Keep the whole picture (pad) or its middle square (crop)"),
        title=_("Framing"),
        group="data",
        choices=("pad", "crop"),
    )
    image_size: int | None = setting(
        None,
        _("Side of the input in pixels; by default what the model saw"),
        title=_("Side in pixels"),
        group="data",
        low=32,
        high=1024,
    )
    frozen_part: str = setting(
        "auto",
        _("What runs the frozen part on a processor; auto is ONNX Runtime from 2,000 passes on, twice as fast"),
        title=_("What runs the frozen part"),
        choices=("auto", "torch", "onnx"),
    )
    shots: int = shots_setting()
    adapt: str = adapt_setting()
    prompt: str = setting(
        PROMPT,
        _(
            "With 'zero-shot': the sentence that a class is looked for by; {} stands for its name. Several, "
            "with | between them, are averaged"
        ),
        title=_("Sentence for a class"),
        group="data",
    )
    class_names: str | None = setting(
        None,
        _('With \'zero-shot\': what your classes are called, as JSON: {"n02123045": "tabby cat"}'),
        title=_("What your classes are called"),
        group="data",
    )
    parts: str = parts_setting()
    table: str | None = setting(
        None, _("The table that says what is on the pictures, of several; by default the likeliest"), reads=True
    )
    file_column: str | None = setting(
        None, _("The table's column that names the pictures; by default guessed from headings and values"), reads=True
    )
    label_column: str | None = setting(
        None,
        _("The table's column that says what is on the pictures; by default guessed. 'folders': their folders say it"),
        reads=True,
    )
    several_labels: str = several_setting()
    class_folder: str = setting(
        "top",
        _("Where folders lie in folders, which one is a picture's class: the topmost, or the one that it lies in"),
        choices=("top", "nearest"),
        reads=True,
    )
    white: int | None = setting(
        None,
        _("The value that is white in grey pictures of more than 8 bits; by default the end of the bits that they use"),
        low=1,
        reads=True,
    )
    patients: str | None = scans.patients_setting()
    window: str = scans.window_setting()
    frames: str = scans.frames_setting()
    axis: str = scans.axis_setting()
    slice_step: int | None = scans.slice_step_setting()
    positive_class: str | None = setting(
        None,
        _("Of two classes of patients the one that is looked for; by default by its name, else the rarer one"),
        title=_("Looked for"),
        reads=True,
    )
    sensitivity: float = setting(
        0.95,
        _("Of two classes of patients: the share of the class that is looked for that a threshold is to find"),
        title=_("Sensitivity that is wanted"),
        group="data",
        low=0.5,
        high=0.999,
    )
    corrections: str | None = setting(
        None,
        _('What you put right in the data, as JSON: {"file": "its label", "another": null to leave it out}'),
        reads=True,
    )
