"""The image models we know by heart. Light: the numbers were measured by scripts/measure_catalogue.py."""

from __future__ import annotations

from pathlib import Path

from engines.contract import Catalogue

FILE = Path(__file__).with_name("catalogue.json")
_KNOWN = Catalogue(FILE)
cards, find = _KNOWN.cards, _KNOWN.find
