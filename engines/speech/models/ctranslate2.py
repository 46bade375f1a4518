"""Whisper as CTranslate2 stores it, read into the names that Transformers uses.

The layout of the file is that of CTranslate2's `ModelSpec.save` (python/ctranslate2/specs/model_spec.py, binary version
6): a header, then each variable as name, shape, type and bytes, then names that share another's variable.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engines.messages import _

TYPES = {0: "<f4", 1: "<i1", 2: "<i2", 3: "<i4", 4: "<f2"}
TOP = {
    "conv1": "conv1",
    "conv2": "conv2",
    "position_encodings/encodings": "embed_positions.weight",
    "embeddings": "embed_tokens",
    "layer_norm": "layer_norm",
}
"""What lies in no layer: CTranslate2's name -> Transformers'."""
BLOCKS = {"self_attention": "self_attn", "attention": "encoder_attn"}


def read(parts: Sequence[Path]) -> dict[str, Tensor]:
    """Every variable of the file that `parts`, one after another, make up; half precision becomes float32.

    Raises ValueError when it is no such file, another version of one, or cut short.
    """
    data = memoryview(b"".join(part.read_bytes() for part in parts))
    try:
        return dict(_variables(data))
    except (struct.error, KeyError, UnicodeDecodeError) as error:
        raise ValueError(_("this is no CTranslate2 model, or one that is cut short")) from error


def _variables(data: memoryview) -> Iterator[tuple[str, Tensor]]:
    at = 0

    def number(form: str) -> int:
        nonlocal at
        (value,) = struct.unpack_from("<" + form, data, at)
        at += struct.calcsize("<" + form)
        return int(value)

    def text() -> str:
        nonlocal at
        length = number("H")
        at += length
        return bytes(data[at - length : at]).rstrip(b"\0").decode()

    if (version := number("I")) != 6:
        raise ValueError(_("this is no CTranslate2 model of version 6, but {version}", version=version))
    text(), number("I")  # the kind of model, and its revision
    for _unused in range(number("I")):
        name = text()
        shape = [number("I") for _ in range(number("B"))]
        kind = TYPES[number("B")]
        size = number("I")
        array = np.frombuffer(data[at : at + size], dtype=kind).reshape(shape)
        at += size
        yield name, torch.from_numpy(array.astype("<f4" if kind[1] == "f" else kind))


def whisper(variables: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of a `WhisperForConditionalGeneration`. Raises ValueError for a variable it has no place for."""
    state: dict[str, Tensor] = {}
    for name, tensor in variables.items():
        side, _, rest = name.partition("/")
        if tensor.ndim:  # what has no dimension says how the model was converted
            state |= {f"model.{side}.{theirs}": value for theirs, value in _placed(rest, tensor)}
    state.pop("model.decoder.alignment_heads", None)
    state["proj_out.weight"] = state["model.decoder.embed_tokens.weight"]
    return state


def _placed(name: str, tensor: Tensor) -> list[tuple[str, Tensor]]:
    layer, _, inside = name.partition("/")
    if not layer.startswith("layer_") or layer == "layer_norm":
        if name == "alignment_heads":
            return [(name, tensor)]
        top, end = (name, "") if name in TOP else name.rsplit("/", 1)
        return [(TOP[top] + _ending(end), tensor)]
    prefix = f"layers.{layer.removeprefix('layer_')}."
    block, part, end = inside.split("/")
    if block == "ffn":
        names = {"linear_0": "fc1", "linear_1": "fc2", "layer_norm": "final_layer_norm"}
        return [(prefix + names[part] + _ending(end), tensor)]
    own = prefix + BLOCKS[block]
    if part == "layer_norm":
        return [(f"{own}_layer_norm{_ending(end)}", tensor)]
    # queries, keys and values lie in one matrix; in cross-attention the queries have one of their own
    together = {
        ("self_attention", "linear_0"): ("q_proj", "k_proj", "v_proj"),
        ("attention", "linear_0"): ("q_proj",),
        ("attention", "linear_1"): ("k_proj", "v_proj"),
    }.get((block, part), ("out_proj",))
    placed = zip(together, tensor.chunk(len(together)), strict=True)
    return [(f"{own}.{n}{_ending(end)}", t.clone()) for n, t in placed if (n, end) != ("k_proj", "bias")]


def _ending(end: str) -> str:
    return {"": "", "gamma": ".weight", "beta": ".bias"}.get(end, f".{end}")
