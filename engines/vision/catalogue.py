"""The image models we know by heart. Light: the numbers were measured by scripts/measure_catalogue.py."""

from __future__ import annotations

import functools
from pathlib import Path

from engines.contract import ModelCard

FILE = Path(__file__).with_name("catalogue.json")


@functools.cache
def _cards() -> tuple[ModelCard, ...]:
    return ModelCard.catalogue(FILE)


def cards() -> list[ModelCard]:
    """Default first."""
    return list(_cards())


def find(name: str) -> ModelCard | None:
    return next((card for card in _cards() if card.name == name), None)
