"""What a run of a detector has to do. Light: pages call it."""

from __future__ import annotations

from dataclasses import replace

from engines.contract import ModelCard, Strategy
from engines.cost.work import Sizes, Work
from engines.training import cost
from engines.training.cost import BACKWARD, forward_macs
from engines.vision.detection.networks import kinds
from engines.vision.detection.settings import DetectionSettings

HEAD_MACS = 1.4e8
"""Multiply-accumulates of pyramid and head for a picture of 320 pixels and a few classes."""


def work(card: ModelCard, strategy: Strategy, settings: DetectionSettings, sizes: Sizes) -> list[Work]:
    """As any network that is trained; no head is fitted first, and pyramid and head read every picture too."""
    passes = settings.baseline_epochs or passes_from_scratch(card, strategy, settings)
    settings = replace(settings, views=settings.kept_views, baseline_epochs=passes)
    found = cost.work(card, strategy, settings, sizes, warms_up=False)
    a_picture = sizes.each * head_macs(card)
    epochs = 0 if strategy is Strategy.ZERO_SHOT else settings.epochs_for(strategy)
    learnt = a_picture * epochs * (sizes.train * (1 + BACKWARD) + sizes.validation)
    boundary = strategy.boundary(len(card.stages), settings.blocks)
    each_time = sizes.each * forward_macs(card, kinds.kept(card, boundary), boundary)
    learnt += each_time * epochs * (sizes.train + sizes.validation)
    more = [Work("training", learnt, "MACs"), Work("testing", a_picture * sizes.test, "MACs")]
    return [*found, *(one for one in more if one.amount > 0)]


def head_macs(card: ModelCard) -> float:
    """Of what is behind the stages, for a picture."""
    return card.head_macs or HEAD_MACS


def passes_from_scratch(card: ModelCard, strategy: Strategy, settings: DetectionSettings) -> int:
    """How many passes of the whole network, forward and backward, come to what a training by that strategy computes."""
    boundary = strategy.boundary(len(card.stages), settings.blocks)
    kept = kinds.kept(card, boundary)
    once, each_time = forward_macs(card, 0, kept), forward_macs(card, kept, boundary)
    whole = forward_macs(card) + head_macs(card)
    if strategy is Strategy.ZERO_SHOT:
        return settings.epochs_for(Strategy.SCRATCH)
    an_epoch = each_time + (1 + BACKWARD) * (whole - once - each_time)
    spent = settings.kept_views * once + settings.epochs_for(strategy) * an_epoch
    return max(1, round(spent / ((1 + BACKWARD) * whole)))
