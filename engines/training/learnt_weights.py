"""A saved model without what it came with: enough where that is had anyway, as in recordings."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from engines import paths
from engines.contract import Skipped
from engines.data.unpacked import prepared

WHOLE, LEARNT = "model.safetensors", "head.safetensors"
LEFT, RIGHT = "#left", "#right"
"""A matrix that adapters of low rank changed is kept as the two factors of its change."""
EXACT = 1e-6
"""Singular values below this share of the largest are what rounding left."""


def keep_alone(folder: Path, pretrained: dict[str, Tensor]) -> None:
    """Replaces the weights in `folder` by those that differ from the pretrained ones."""
    learnt: dict[str, Tensor] = {}
    for name, tensor in load_file(folder / WHOLE).items():
        if name not in pretrained or not torch.equal(tensor, pretrained[name]):
            learnt |= _smallest(name, tensor, pretrained.get(name))
    save_file(learnt, folder / LEARNT)
    (folder / WHOLE).unlink()


def whole(folder: Path, pretrained: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    """All weights of a saved model; those that are not kept are `pretrained()`.

    Raises FileNotFoundError when none are kept, and what `pretrained` raises.
    """
    if (kept := folder / WHOLE).is_file():
        return load_file(kept)
    learnt = load_file(folder / LEARNT)
    state = pretrained()
    for name in [name.removesuffix(LEFT) for name in learnt if name.endswith(LEFT)]:
        learnt[name] = state[name] + learnt.pop(name + LEFT) @ learnt.pop(name + RIGHT)
    return state | learnt


def keep_folder_alone(folder: Path, came: Callable[[Path], None]) -> None:
    """Replaces the weights in `folder` as `keep_alone` does, and takes out what else the model came with.

    `came` writes the model as it came into a folder, by the same file names.
    """
    with tempfile.TemporaryDirectory() as before:
        came(Path(before))
        keep_alone(folder, load_file(Path(before) / WHOLE))
        for file in folder.iterdir():
            if (old := Path(before) / file.name).is_file() and old.read_bytes() == file.read_bytes():
                file.unlink()


def completed(folder: Path, came: Callable[[Path], None]) -> Path:
    """A folder with the files of `folder` and all of its weights: itself, or a copy that is made once, of what
    `keep_folder_alone` left and what `came` writes.

    Raises FileNotFoundError when no weights are kept, and what `came` raises.
    """
    if (folder / WHOLE).is_file():
        return folder

    def fill(out: Path) -> list[Skipped]:
        came(out)
        before = load_file(out / WHOLE)
        for file in folder.iterdir():
            if file.name != LEARNT:
                shutil.copyfile(file, out / file.name)
        save_file(whole(folder, lambda: before), out / WHOLE, metadata={"format": "pt"})
        return []

    return prepared(folder / LEARNT, paths.work(folder / LEARNT), fill)[0]


def _smallest(name: str, tensor: Tensor, came: Tensor | None) -> dict[str, Tensor]:
    """The tensor, or the factors of its change where they are fewer numbers."""
    if came is None or tensor.ndim != 2 or came.shape != tensor.shape:
        return {name: tensor}
    u, sizes, v = torch.linalg.svd(tensor.double() - came.double(), full_matrices=False)
    rank = int((sizes > EXACT * sizes[0] + 1e-9 * float(came.abs().max()) * max(came.shape)).sum())
    if rank * sum(tensor.shape) >= tensor.numel() // 2:
        return {name: tensor}
    left, right = u[:, :rank] * sizes[:rank], v[:rank]
    return {name + LEFT: left.float().contiguous(), name + RIGHT: right.float().contiguous()}
