"""The image models we know by heart. Light: the numbers were measured by scripts/measure_catalogue.py."""

from __future__ import annotations

from pathlib import Path

from engines.contract import Catalogue, ModelCard

FILE = Path(__file__).with_name("catalogue.json")
_KNOWN = Catalogue(FILE)
cards, find = _KNOWN.cards, _KNOWN.find

IMAGE_TEXT = {"clip": "CLIP", "siglip": "SigLIP"}
"""`model_type` in the hub's config.json -> the family of networks that learnt pictures together with words."""


def reads_names(card: ModelCard) -> bool:
    """Whether it tells a class by its name: it learnt pictures together with words."""
    return card.family in IMAGE_TEXT.values()
