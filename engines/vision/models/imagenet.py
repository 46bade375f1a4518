"""The names of ImageNet-1k's classes, as timm lists them. Light: it imports no timm."""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path

SYNSETS, LEMMAS = "imagenet_synsets.txt", "imagenet_synset_to_lemma.txt"


@functools.cache
def names() -> frozenset[str]:
    """Every name of every class, in small letters: 'tabby' and 'tabby cat' are both there."""
    found = importlib.util.find_spec("timm")
    if found is None or not found.submodule_search_locations:
        return frozenset()
    folder = Path(next(iter(found.submodule_search_locations))) / "data" / "_info"
    own = set((folder / SYNSETS).read_text(encoding="utf-8").split())
    rows = (line.partition("\t") for line in (folder / LEMMAS).read_text(encoding="utf-8").splitlines())
    return frozenset(name.strip().lower() for synset, _, said in rows if synset in own for name in said.split(","))
