"""A saved classifier without its backbone: enough where that came as it is (strategy features), as in recordings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

WHOLE, HEAD = "model.safetensors", "head.safetensors"


def keep_alone(folder: Path, pretrained: dict[str, Tensor]) -> None:
    """Replaces the weights in `folder` by those that differ from the pretrained ones."""
    whole = load_file(folder / WHOLE)
    learnt = {name: tensor for name, tensor in whole.items() if not torch.equal(tensor, pretrained[name])}
    save_file(learnt, folder / HEAD)
    (folder / WHOLE).unlink()


def whole(folder: Path, pretrained: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    """All weights of a saved model; those that are not kept are `pretrained()`.

    Raises FileNotFoundError when none are kept, and what `pretrained` raises.
    """
    if (kept := folder / WHOLE).is_file():
        return load_file(kept)
    head = load_file(folder / HEAD)
    return pretrained() | head
