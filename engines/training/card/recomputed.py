"""Examples that pass the frozen part of a network each time, where keeping what it makes of them would take longer."""

from __future__ import annotations

import shutil
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from engines import paths
from engines.contract import Run, Strategy
from engines.messages import _
from engines.training import array_cache, devices
from engines.training.card import room
from engines.training.examples import LabelledExamples
from engines.training.settings import TrainSettings
from engines.training.staged import Staged, Taps
from engines.training.tokens import CachedTokens, Tokens


class Recomputed:
    """Examples as they are: they enter the network at its first stage, whatever is frozen. See `examples.entry`."""

    whole = True

    def __init__(self, examples: Any):
        self.examples = examples

    def __getattr__(self, name: str) -> Any:
        if name == "examples":  # while it is copied into another process, there is none yet
            raise AttributeError(name)
        return getattr(self.examples, name)

    def __len__(self) -> int:
        return len(self.examples)

    def subset(self, chosen: Tensor) -> Recomputed:
        return Recomputed(self.examples.subset(chosen))

    def on_card(self, device: torch.device, *, half: bool = False) -> Recomputed:
        return Recomputed(self.examples.on_card(device, half=half))


def told(examples: Any, run: Run, title: str) -> Recomputed:
    """The examples, and a note that they pass what `title` says anew each time."""
    run.emit("note", message=_("Computed anew each time, since keeping it would take longer: {title}.", title=title))
    return Recomputed(examples)


def is_cheaper(
    network: Staged, examples: LabelledExamples, settings: TrainSettings, *, views: int, name: str, device: torch.device
) -> bool:
    """Whether on this card the part below `network.boundary` runs in every epoch (`room.computed_again`) instead of
    once; never where something learns nothing but a head, or a run before has left what it made under `name`."""
    if device.type == "cpu" or network.boundary == len(network.stages) or array_cache.find(name) is not None:
        return False
    size, macs = measured(network, examples, device)
    return room.computed_again(
        size * views,
        macs,
        examples=len(examples),
        views=views,
        epochs=settings.epochs_for(Strategy.PARTIAL),
        free=room.free_bytes(device),
        disk=shutil.disk_usage(paths.cache()).free,
        limit=array_cache.limit_bytes(),
    )


def measured(network: Staged, examples: LabelledExamples, device: torch.device) -> tuple[int, float]:
    """Bytes (float32) that the frozen part's outputs of all examples take, one view each, and its multiply-accumulates
    of one example: counted on the first, where all are of one size."""
    network.to(device).eval()
    with torch.no_grad(), devices.frozen_part(device), FlopCounterMode(display=False) as counter:
        found = network.run(examples.plain(torch.arange(1)).to(device), 0, network.boundary)
    macs = counter.get_total_flops() / 2
    if isinstance(found, Tokens):
        tokens = CachedTokens.starts(examples.windows)[-1]  # type: ignore[attr-defined]
        first = sum(examples.windows[0])  # type: ignore[attr-defined]
        return 4 * tokens * found.values.shape[-1], macs * tokens / max(1, first) / max(1, len(examples))
    numbers = found.flat().shape[1] if isinstance(found, Taps) else found[0].numel()
    return 4 * numbers * len(examples), macs
