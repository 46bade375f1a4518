"""Build Fracast as stages: with its pretrained weights or with random ones."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

from engines import starts, weights
from engines.contract import ModelCard
from engines.forecasting.models.fracast import Fracast
from engines.training.devices import seed_everything
from engines.training.staged import Staged, StageModule


def build(card: ModelCard, *, pretrained: bool, seed: int, start: Path | None = None) -> Staged:
    """The network, its pretrained weights verified, or random ones by the seed. What is pretrained is what the finished
    run `start` has learnt, where one is given. Raises InputError."""
    seed_everything(seed, "weights")
    model = Fracast()
    if pretrained:
        path = starts.weight_file(start) if start else None
        try:
            model.load_state_dict(load_file(path or weights.fetch(card)))
        except RuntimeError as error:
            if path is None:
                raise
            raise starts.other_network() from error
    return staged(model)


def staged(model: Fracast) -> Staged:
    """Embedding, ladder of time scales, decoder; the head is the layer that gives the quantiles."""
    core, decoder = model.core, model.head
    stages = [
        StageModule("embedding", model.embed, lambda: (core.in_proj, core.periodic), ("embed",)),
        StageModule("time scales", model.ladder, lambda: (core.block, core.scale, core.norm), ("ladder",)),
        StageModule(
            "decoder",
            model.decode,
            lambda: (
                decoder.summary_proj,
                nn.ParameterList([decoder.queries]),
                decoder.decoder_ffns,
                decoder.decoder_norms,
                decoder.fc_blocks,
                decoder.future_conv,
            ),
            ("decode",),
        ),
    ]
    return Staged(model, stages, lambda: decoder.out_proj)


def blended(start: dict[str, torch.Tensor], end: dict[str, torch.Tensor], share: float) -> dict[str, torch.Tensor]:
    """Weights `share` of the way from one set to the other."""
    return {name: torch.lerp(start[name].float(), tensor.float(), share) for name, tensor in end.items()}
