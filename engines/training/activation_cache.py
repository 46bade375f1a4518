"""What the frozen part of a network makes of every example: computed once, kept on disk for every later run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from engines.contract import Json, Run
from engines.messages import _
from engines.training import array_cache, devices, frozen_onnx, memory
from engines.training.card import room
from engines.training.devices import derived_seed
from engines.training.examples import Labelled, LabelledExamples, Pace, TokenExamples, batches
from engines.training.staged import Staged, Taps
from engines.training.tokens import CachedTokens, Tokens

COMPARED = 8
"""Examples on which ONNX Runtime's numbers are compared with PyTorch's before they are taken."""

IN_MEMORY = 1 << 30
"""Activations of up to this many bytes are read into memory; larger ones stay on disk, mapped."""


@dataclass
class Cached(Labelled):
    """Examples behind the frozen part of a network: activations at the boundary, a few variants of each."""

    activations: Tensor
    """float32 (N, V, …): variant 0 is the example as it is, the others are augmented."""
    labels: Tensor
    identity: str
    variation: str = ""
    shapes: tuple[torch.Size, ...] = ()
    """Of the maps (C, H, W) whose numbers stand in a row in `activations`, where the frozen part hands on `Taps`."""

    def varied(self, indices: Tensor, generator: torch.Generator) -> Any:
        variants = torch.randint(self.activations.shape[1], indices.shape, generator=generator)
        return self.handed_on(self.activations[indices, variants])

    def plain(self, indices: Tensor) -> Any:
        return self.handed_on(self.activations[indices, 0])

    def handed_on(self, activations: Tensor) -> Tensor | Taps:
        activations = activations.float()  # they may lie on a card as bfloat16
        return Taps.of(activations, self.shapes) if self.shapes else _channels_last(activations)

    @property
    def card_bytes(self) -> int:
        return self.activations.nbytes

    @property
    def may_halve(self) -> bool:
        return True

    @property
    def made_slowly(self) -> bool:
        """Whether they are read from the disk."""
        return self.activations.nbytes >= IN_MEMORY

    def on_card(self, device: torch.device, *, half: bool = False) -> Cached:
        return replace(self, activations=room.brought(self.activations, device, half=half))

    def subset(self, chosen: Tensor) -> Cached:
        if len(chosen) == len(self.labels) and torch.equal(chosen, torch.arange(len(chosen))):
            return self
        identity = _("{identity}, some of it", identity=self.identity)
        return replace(self, activations=self.activations[chosen], labels=self.labels[chosen], identity=identity)

    def joined(self, other: Cached) -> Cached:
        """Both, one after the other; they must have equally many variants."""
        activations = torch.cat([self.activations, other.activations])
        labels = torch.cat([self.labels, other.labels])
        identity = f"{self.identity} + {other.identity}"
        return replace(self, activations=activations, labels=labels, identity=identity)


def cache_activations(
    network: Staged,
    examples: LabelledExamples,
    *,
    views: int,
    name: str,
    run: Run,
    title: str,
    unit: str,
    device: torch.device,
    batch_size: int = 32,
    engine: str = "torch",
    weights: str = "",
    of_maps: bool = False,
) -> Cached | CachedTokens:
    """Runs the frozen stages below `network.boundary` once over `views` variants of every example. `of_maps`: what
    comes out are `Taps`.

    `name` must change with the data, the weights, the boundary, the transforms and the engine ('torch', or 'onnx': see
    `training.onnx_part`, which files what it prepares under `weights`): it is what a later run finds the activations
    by. Raises Cancelled.
    """
    boundary = network.boundary
    network.eval()
    known = array_cache.find(name)
    taps: tuple[torch.Size, ...] = ()
    if known is not None and _fits(known, examples, views) and not of_maps:
        shape: tuple[int, ...] = known.shape
    else:
        with torch.no_grad(), devices.frozen_part(device):
            probe = network.run(examples.plain(torch.arange(1)).to(device), 0, boundary)
        if isinstance(probe, Taps):
            taps, probe = probe.shapes, probe.flat()
        of_tokens = isinstance(probe, Tokens)
        shape = (
            (_starts(examples)[-1], probe.values.shape[-1]) if of_tokens else (len(examples), views, *probe.shape[1:])
        )
    starts = _starts(examples) if len(shape) == 2 else []

    def fill(target: np.ndarray) -> None:
        through = None
        if engine == "onnx":
            few = examples.plain(torch.arange(min(len(examples), COMPARED)))
            through = frozen_onnx.forward(network, few, weights=weights, run=run)
        run.emit("phase", name="caching", title=title)
        memory.in_smaller_batches(partial(fill_by, target, through), room.answered(device, batch_size))

    def fill_by(target: np.ndarray, through: frozen_onnx.Forward | None, size: int) -> None:
        generator = torch.Generator().manual_seed(derived_seed("views", examples.variation))
        clock = Pace(len(examples) * views, unit)
        for view in range(views):
            for indices in batches(examples, size):
                run.check_cancelled()
                inputs = examples.varied(indices, generator) if view else examples.plain(indices)
                with torch.no_grad(), devices.frozen_part(device):
                    outputs = through(inputs) if through else network.run(inputs.to(device), 0, boundary)
                if isinstance(outputs, Taps):
                    outputs = outputs.flat()
                if isinstance(outputs, Tokens):
                    for index, own in zip(indices.tolist(), outputs.split(), strict=True):
                        target[starts[index] : starts[index + 1]] = own.float().cpu().numpy()
                elif isinstance(outputs, Tensor):
                    target[indices.numpy(), view] = outputs.float().cpu().numpy()
                else:
                    target[indices.numpy(), view] = outputs
                array_cache.let_go(target)
                clock.step(len(indices), say)

    def say(**numbers: Json) -> None:
        run.emit("progress", phase="caching", **numbers)

    array, found = array_cache.array(name, shape, np.dtype("float32"), fill)
    if found:
        run.emit("phase", name="caching", title=_("{title}: known from an earlier run", title=title), known=True)
    tensor = torch.from_numpy(array) if array.nbytes >= IN_MEMORY else _by_pixel(torch.from_numpy(np.array(array)))
    if starts:
        return CachedTokens(tensor, cast(TokenExamples, examples).windows, examples.labels, name)
    return Cached(tensor, examples.labels, name, examples.variation, taps)


def _by_pixel(activations: Tensor) -> Tensor:
    """Maps (N, V, C, H, W) with the channels of a pixel side by side in memory, where batches are drawn from them
    eight times as fast as convolutions like them. Others as they are."""
    if activations.ndim != 5:
        return activations
    return activations.permute(0, 1, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3)


def _channels_last(activations: Tensor) -> Tensor:
    """Maps (B, C, H, W) as convolutions like them: on a processor they learn 1.5 times as fast. Others as they are."""
    if activations.ndim != 4:
        return activations
    return activations.contiguous(memory_format=torch.channels_last)


def _starts(examples: LabelledExamples) -> list[int]:
    return CachedTokens.starts(cast(TokenExamples, examples).windows)


def _fits(known: np.ndarray, examples: LabelledExamples, views: int) -> bool:
    """Whether these can be the activations of these examples: (N, V, …), or (S, D) where there is one a token."""
    if known.dtype != np.float32:
        return False
    if known.ndim == 2:
        return hasattr(examples, "windows") and len(known) == _starts(examples)[-1]
    return known.shape[:2] == (len(examples), views)
