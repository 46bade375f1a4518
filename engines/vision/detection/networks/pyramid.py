"""Detectors on classifiers of timm: a card's network in stages, so that its frozen part runs once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import timm
import torch
from torch import Tensor, nn

from engines.contract import InputError, ModelCard, Problem
from engines.messages import _
from engines.training.devices import seed_everything
from engines.training.staged import Staged, StageModule, Taps, count, measured
from engines.vision.detection.networks import decode, detector
from engines.vision.detection.networks.detector import WIDTH, Detector, stages_of
from engines.vision.detection.networks.loss import Boxes, Cost, mean_places
from engines.vision.models import backbones

NAME = "pyramid"
SOURCE = detector.__file__
NEEDS = ("torch", "torchvision", "timm")
OF_CLASSES: tuple[str, ...] = ("cls_logits",)
AFTER_THE_MAPS = ("conv_head", "bn2", "norm_head", "norm", "norm_pre")
"""Layers behind a classifier's last map, by timm's names: a detector does without."""
FINEST, COARSEST = 16, 32
"""Strides of the two maps that the pyramid is built on."""


def build(card: ModelCard, classes: int, *, pretrained: bool, seed: int, size: int = 0) -> Staged:
    """The detector with a fresh head; its backbone from the weight file, or random by `seed`.

    Raises weights.WeightsUnavailable when the weights are not to be had, and InputError when they do not fit or the
    network has no maps at strides 16 and 32.
    """
    backbone = backbones.build(card, 1, pretrained=pretrained, seed=seed)
    steps = [[step for step in stage.steps if step not in AFTER_THE_MAPS] for stage in backbone.stages]
    try:
        stages = stages_of(backbone.model, steps)
        taps, widths = tapped(stages)
    except (AttributeError, RuntimeError, ValueError) as error:
        found = _("it has no maps of the picture at strides 16 and 32 to find things on")
        accepted = _("accepted: a convolutional network of timm, such as tf_efficientnet_lite0")
        raise InputError(Problem(_("model {name}", name=card.name), found, accepted)) from error
    seed_everything(seed, "head")
    model = Detector(stages, taps, widths, classes)
    return staged(model, [stage.name for stage in backbone.stages])


def steps_of(card: ModelCard) -> list[list[str]]:
    """The layers of each stage by timm's names, as config.json keeps them."""
    backbone = backbones.build(card, 1, pretrained=False, seed=0)
    return [[step for step in stage.steps if step not in AFTER_THE_MAPS] for stage in backbone.stages]


def tapped(stages: list[torch.nn.Sequential]) -> tuple[list[int], list[int]]:
    """Which stages make the maps that the pyramid reads, the last ones of their size, and how wide these are. Raises
    ValueError where there is none of a size."""
    side, taps, widths = 128, {}, {}
    x = torch.zeros(1, 3, side, side)
    with torch.no_grad():
        for number, stage in enumerate(stages):
            x = stage.eval()(x)
            if x.ndim != 4:
                raise ValueError(_("its stages make no maps"))
            taps[side // x.shape[2]], widths[side // x.shape[2]] = number, x.shape[1]
    if not {FINEST, COARSEST} <= taps.keys() or taps[COARSEST] != len(stages) - 1:
        raise ValueError(_("its maps have other strides"))
    return [taps[FINEST], taps[COARSEST]], [widths[FINEST], widths[COARSEST]]


def staged(model: Detector, names: list[str]) -> Staged:
    """The detector as stages that hand on the maps that were tapped, and a head that reads them."""
    stages = [
        StageModule(name, partial(_through, model, number), partial(_layers, model, number))
        for number, name in enumerate(names)
    ]
    return Staged(model, stages, lambda: _Reading(model))


def _layers(model: Detector, number: int) -> tuple[torch.nn.Module, ...]:
    return (model.body[number],)


def _through(model: Detector, number: int, x: Tensor | Taps) -> Taps:
    """One stage. A map that the head reads is kept beside what the next stage makes of it."""
    maps = (x,) if isinstance(x, Tensor) else x.maps
    made: Tensor = model.body[number](maps[-1])
    kept = maps if number - 1 in model.taps else maps[:-1]
    return Taps((*kept, made))


class _Reading:
    """The head as `Staged` asks for it: it reads `Taps`."""

    def __init__(self, model: Detector):
        self.model = model

    def __call__(self, x: Taps) -> Tensor:
        said: Tensor = self.model.head(x.maps)
        return said

    def parameters(self) -> list[torch.nn.Parameter]:
        return list(self.model.head.parameters())


def describe(name: str, size: int) -> ModelCard:
    """The card of a detector on a classifier's: counted by building it, multiply-accumulates at `size` pixels. Raises
    InputError where it cannot be one."""
    card = backbones.describe(name)
    network = build(card, 1, pretrained=False, seed=0).eval()
    stages = measured(network.stages, torch.zeros(1, 3, size, size))
    of_a_class = 9 * WIDTH  # the last convolution of the classes, 3 by 3
    head = count(network.head().parameters()) - (of_a_class + 1)
    return replace(
        card,
        stages=tuple(stages),
        head_inputs=of_a_class,
        head_base=head,
        input=_("{size} × {size} pixels, RGB", size=size),
    )


def widths(model: Detector) -> list[int]:
    """Channels of the maps that the pyramid reads."""
    return [int(block[0].in_channels) for block in model.head.pyramid.inner_blocks]


# --- what is asked of any kind of detector: see families.Family -------------------------------------------


def as_it_came(card: ModelCard, columns: list[int], *, size: int) -> Staged:
    raise InputError(
        Problem(
            _("model {name}", name=card.name),
            _("it has only ever told whole pictures apart: it finds nothing before it learns"),
            _("accepted: a detector, such as ssdlite320_mobilenet_v3_large"),
        )
    )


def source_classes(card: ModelCard) -> list[str]:
    return []


def pixels(card: ModelCard) -> tuple[tuple[float, ...], tuple[float, ...]]:
    config = timm.get_pretrained_cfg(card.name, allow_unregistered=False)
    assert config is not None  # a card is only made of a name that timm knows
    return tuple(config.mean), tuple(config.std)


def loss(network: Staged, boxes: Boxes, size: int, device: torch.device) -> Cost:
    return Cost(size, mean_places(boxes, size), device)


def answering(network: Staged) -> nn.Module:
    return network


def boxes_of(model: nn.Module, said: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    return decode.boxes_of(said, size)


def configuration(model: nn.Module, card: ModelCard) -> dict[str, Any]:
    assert isinstance(model, Detector)
    return {"stages": steps_of(card), "taps": list(model.taps), "widths": widths(model)}


def loaded(config: dict[str, Any]) -> nn.Module:
    return detector.from_config(config)


def looked_at(model: nn.Module, pictures: Tensor) -> tuple[list[Tensor], Callable[[list[Tensor]], Tensor]]:
    assert isinstance(model, Detector)
    maps = []
    for number, stage in enumerate(model.body):
        pictures = stage(pictures)
        if number in model.taps:
            maps.append(pictures)
    return maps, lambda read: model.head(read)[..., : -detector.AT_A_PLACE]
