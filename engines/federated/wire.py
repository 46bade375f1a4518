"""What goes between whoever leads a federation and a site: a file each, of tensors and of what is told beside them as
JSON. Nothing in it is ever run, and all of it is read as if somebody else had sent it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from engines.contract import InputError, Problem
from engines.federated.rounds import State
from engines.messages import _

FORMAT = 1
TOLD = "told"
MOST_TOLD = 4 << 20
"""Bytes of JSON: names of classes and settings."""


def write(path: Path, told: Mapping[str, Any], tensors: State) -> None:
    """All of it, or nothing."""
    partial = path.with_name(f".{path.name}.partial")
    known = {name: value.contiguous() for name, value in tensors.items()}
    save_file(known, partial, metadata={TOLD: json.dumps({"format": FORMAT, **told}, ensure_ascii=False)})
    partial.replace(path)


def read(path: Path, kind: str, keys: Sequence[str]) -> tuple[dict[str, Any], State]:
    """What it tells, which has these keys and is of that kind, and its tensors. Raises InputError."""
    accepted = _("accepted: a file of the same version of Headstart, as it was written")
    try:
        with safe_open(path, "pt") as file:
            text = (file.metadata() or {})[TOLD]
            told = json.loads(text) if len(text) <= MOST_TOLD else None
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dictionary
    except (OSError, SafetensorError, KeyError, ValueError, RecursionError):
        raise InputError(Problem(path.name, _("it cannot be read"), accepted)) from None
    if not isinstance(told, dict) or told.get("format") != FORMAT or told.get("kind") != kind or set(keys) - set(told):
        raise InputError(Problem(path.name, _("it is none of '{kind}'", kind=kind), accepted))
    return told, tensors


def below(tensors: State, folder: str) -> State:
    """Those whose names begin with 'folder/', without it."""
    return {name.removeprefix(f"{folder}/"): value for name, value in tensors.items() if name.startswith(f"{folder}/")}


def named(folder: str, tensors: State) -> State:
    return {f"{folder}/{name}": value for name, value in tensors.items()}


def fits(state: State, like: State) -> bool:
    """Whether it has the same names, shapes and kinds of numbers, and nothing besides."""
    return _shapes(state) == _shapes(like)


def _shapes(state: State) -> dict[str, tuple[torch.Size, torch.dtype]]:
    return {name: (value.shape, value.dtype) for name, value in state.items()}


def vector(tensors: State, name: str, length: int | None, dtype: torch.dtype) -> Tensor | None:
    """The tensor of that name, (length,) of finite numbers; None where it is none or not that."""
    found = tensors.get(name)
    if found is None or found.dtype != dtype or found.ndim != 1 or (length is not None and len(found) != length):
        return None
    return found if bool(torch.isfinite(found).all()) else None
