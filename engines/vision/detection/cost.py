"""What a run of a detector has to do. Light: pages call it."""

from __future__ import annotations

from dataclasses import replace

from engines.contract import ModelCard, Strategy
from engines.cost.work import Sizes, Work
from engines.training import cost
from engines.training.cost import BACKWARD, forward_macs
from engines.vision.detection.settings import VIEWS, DetectionSettings

HEAD_MACS = 1.4e8
"""Multiply-accumulates of pyramid and head for a picture of 320 pixels and a few classes."""


def work(card: ModelCard, strategy: Strategy, settings: DetectionSettings, sizes: Sizes) -> list[Work]:
    """As any network that is trained; no head is fitted first, and pyramid and head read every picture too."""
    views, passes = (
        VIEWS if settings.flip else 1,
        settings.baseline_epochs or passes_from_scratch(card, strategy, settings),
    )
    settings = replace(settings, views=views, baseline_epochs=passes)
    found = cost.work(card, strategy, settings, sizes, warms_up=False)
    a_picture = sizes.each * HEAD_MACS
    epochs = settings.epochs_for(strategy)
    learnt = a_picture * epochs * (sizes.train * (1 + BACKWARD) + sizes.validation)
    more = [Work("training", learnt, "MACs"), Work("testing", a_picture * sizes.test, "MACs")]
    return [*found, *(one for one in more if one.amount > 0)]


def passes_from_scratch(card: ModelCard, strategy: Strategy, settings: DetectionSettings) -> int:
    """How many passes of the whole network, forward and backward, come to what a training by that strategy computes."""
    boundary = strategy.boundary(len(card.stages), settings.blocks)
    frozen, whole = forward_macs(card, 0, boundary), forward_macs(card) + HEAD_MACS
    views = VIEWS if settings.flip else 1
    spent = views * frozen + settings.epochs_for(strategy) * (1 + BACKWARD) * (whole - frozen)
    return max(1, round(spent / ((1 + BACKWARD) * whole)))
