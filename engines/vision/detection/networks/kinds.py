"""What a model's card says of the kind of network that it is. Light: pages ask."""

from __future__ import annotations

from engines.contract import ModelCard, Strategy
from engines.messages import _

OF_PLACES = frozenset({"SSD", "RetinaNet", "FCOS", "FasterRCNN"})
"""Families of torchvision's detectors."""
OF_QUERIES = "decoder"
"""The stage of the DETR family that runs each time, also where it is frozen."""


def finds_already(card: ModelCard) -> bool:
    """Whether it is a detector as it came, with classes of its own."""
    return card.head_macs > 0


def of_queries(card: ModelCard) -> bool:
    """Whether it is of the DETR family."""
    return finds_already(card) and card.family not in OF_PLACES


def kept(card: ModelCard, boundary: int) -> int:
    """How many of its first stages run once for each picture where the first `boundary` are frozen: of the DETR family
    those before its queries."""
    if not of_queries(card):
        return boundary
    return min(boundary, sum(stage.name != OF_QUERIES for stage in card.stages))


def lacks(strategy: Strategy, card: ModelCard) -> str:
    """Why this model cannot be used by that strategy, in words; '' where it can."""
    if strategy is Strategy.ZERO_SHOT and not finds_already(card):
        return _("it has only ever told whole pictures apart: it finds nothing before it learns")
    if strategy is Strategy.LORA and not of_queries(card):
        return _("adapters stand beside the layers of a transformer, and this one is made of convolutions")
    return ""
