"""Data as they lie at several sites, folder by folder: what a trial in one place divides in memory."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engines import api, lifecycle, registry
from engines.evidence.ranking import Aside
from tests.contract.tiny import TINY

VISION = "vision.classification"
MODEL, SETTINGS = "test_resnet", {"image_size": 64, "views": 2, "folds": 0}
SITES, ALPHA = 3, 1.0
NAMES = ("east", "north", "west")


def recipe_of(whole: Path, strategy: str = "features", **settings: Any) -> Any:
    return api.recipe(VISION, whole, model=MODEL, strategy=strategy, settings=SETTINGS | settings)


def lay_apart(folder: Path) -> tuple[Path, list[Path], Path]:
    """All pictures in one place; the same at each of the sites, as `federate simulate` would divide them; and those
    that it would test on."""
    whole = TINY[VISION].write_data(folder / "whole")
    recipe = recipe_of(whole)
    study: Any = lifecycle.opened(registry.task(VISION), recipe, Aside(folder / "aside"))
    parts = study.clients(SITES, ALPHA, recipe.seed)
    for name, one, part in [
        *((name, one, "train") for name, one in zip(NAMES, parts, strict=True)),
        ("test", study, "test"),
    ]:
        _copy(whole, folder / name, [one.prepared.names[i] for i in one.prepared.parts[part]])
    return whole, [folder / name for name in NAMES], folder / "test"


def _copy(whole: Path, into: Path, names: Sequence[str]) -> None:
    for name in names:
        (into / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(whole / name, into / name)
