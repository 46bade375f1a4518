"""The network of a card, whichever library it comes from."""

from __future__ import annotations

from engines.contract import ModelCard
from engines.training.staged import Staged
from engines.vision.models import backbones, checkpoints, image_text
from engines.vision.models.catalogue import reads_names


def build(card: ModelCard, outputs: int, *, pretrained: bool, seed: int, depth: int = 0) -> Staged:
    """See `backbones.build`, `image_text.build` and `checkpoints.build`."""
    own = checkpoints.build if checkpoints.is_one(card.name) else backbones.build
    of = image_text.build if reads_names(card) else own
    return of(card, outputs, pretrained=pretrained, seed=seed, depth=depth)
