"""How somebody's boxes are to be read, where a guess is wrong. Light: pages read it."""

from __future__ import annotations

from dataclasses import dataclass

from engines.contract import Settings, setting
from engines.messages import _

FORMS = ("coco", "voc", "yolo")
TITLES = {"coco": "COCO JSON", "voc": "Pascal VOC", "yolo": "YOLO"}
CONVENTIONS = {
    "xywh": _("left, top, width and height in pixels"),
    "xyxy": _("left, top, right and bottom in pixels"),
    "xyxy-from-1": _("left, top, right and bottom in pixels counted from 1"),
    "cxcywh": _("centre, width and height in pixels"),
    "xywh-shares": _("left, top, width and height as shares of the picture"),
    "xyxy-shares": _("left, top, right and bottom as shares of the picture"),
    "cxcywh-shares": _("centre, width and height as shares of the picture"),
}
"""What the four numbers of a box may mean."""
USUAL = {"coco": "xywh", "voc": "xyxy-from-1", "yolo": "cxcywh-shares"}
"""What each format says they mean."""


@dataclass(frozen=True)
class AnnotationSettings(Settings):
    """The readings of annotated pictures that a person may choose."""

    form: str = setting(
        "auto", _("Which annotations are read where the data hold several kinds"), choices=("auto", *FORMS), reads=True
    )
    boxes: str = setting(
        "auto",
        _("What the four numbers of a box mean, where they are not what their format says"),
        choices=("auto", *CONVENTIONS),
        reads=True,
    )
    orientation: str = setting(
        "auto",
        _("Which way up a picture was when its boxes were drawn: as it is shown, or as it is stored"),
        choices=("auto", "shown", "stored"),
        reads=True,
    )
    unlabelled: str = setting(
        "auto",
        _("Pictures for which there is no label: pictures without objects (empty), or not looked at yet (skip)"),
        choices=("auto", "empty", "skip"),
        reads=True,
    )
    parts: str = setting(
        "auto",
        _("Whether folders and files called train, val and test are parts of the data"),
        choices=("auto", "none"),
        reads=True,
    )
