"""torchvision's detectors by name: what they came with, cut into stages, with new layers for one's own classes."""

from __future__ import annotations

import functools
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import get_model_weights

from engines import weights
from engines.contract import InputError, ModelCard, Problem, Stage
from engines.messages import _
from engines.training.devices import seed_everything
from engines.training.staged import Staged, StageModule, Taps, count
from engines.vision.detection.networks import published, torchvision_detector
from engines.vision.detection.networks.published import Answering as answering_of
from engines.vision.detection.networks.torchvision_detector import TorchvisionDetector, from_config, set_epsilon

NAME = "torchvision"
SOURCE = torchvision_detector.__file__
NEEDS = ("torch", "torchvision")
OF_CLASSES = ("cls_logits", "classification_head.module_list", "box_predictor")
"""What names of layers have in them whose width is the number of classes."""
WITHOUT_EPSILON = ("fasterrcnn_resnet50_fpn", "retinanet_resnet50_fpn")
"""Whose published weights were made with nothing added to the variances of batch norms."""
LEARNS = 0.1
"""Momentum of batch norms where random weights learn; SSDlite's own takes more steps than small data have."""
COCO = 91
"""Outputs of a network whose classes are not named: as many as COCO has numbers, and one for nothing."""
ROI = (7, 7)
"""Cells of a region that Faster R-CNN's second stage reads."""
loss, boxes_of, answering = published.loss, published.boxes_of, answering_of


def build(card: ModelCard, classes: int, *, pretrained: bool, seed: int, size: int) -> Staged:
    """See `families.Family`."""
    seed_everything(seed, "weights" if not pretrained else "head")
    model = TorchvisionDetector(card.name, classes, size)
    if pretrained:
        published.take_over(model.net, _published(card, size).net.state_dict(), card, OF_CLASSES)
        set_epsilon(model, epsilon(card))
    else:
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = LEARNS
    return staged(model)


def as_it_came(card: ModelCard, columns: list[int], *, size: int) -> Staged:
    """See `families.Family`."""
    model = _published(card, size)
    model.columns = columns
    set_epsilon(model, epsilon(card))
    return staged(model)


def _published(card: ModelCard, size: int) -> TorchvisionDetector:
    """The network as its file has it, with all of its own classes. torchvision's modules know their older names of
    tensors when these are loaded into them. Raises InputError for a file of another network."""
    model = TorchvisionDetector(card.name, len(source_classes(card)) or COCO - has_background(card.name), size)
    try:
        lacking, further = model.net.load_state_dict(weights.read(weights.fetch(card)), strict=False)
    except (RuntimeError, AttributeError) as error:
        raise published.other(card) from error
    if further or any(not name.endswith("num_batches_tracked") for name in lacking):
        raise published.other(card)
    return model


def epsilon(card: ModelCard) -> float | None:
    return 0.0 if card.name in WITHOUT_EPSILON else None


def staged(model: TorchvisionDetector) -> Staged:
    """Cut after each map that its pyramid reads; the pyramid is the last stage."""
    stages = [
        StageModule(name, partial(_through, model, number), partial(_layers, model, number))
        for number, (name, _layers_of) in enumerate(model.parts())
    ]
    return Staged(model, stages, lambda: published.Handing(model))


def _through(model: TorchvisionDetector, number: int, x: Tensor | Taps) -> Taps:
    return Taps(model.through(number, (x,) if isinstance(x, Tensor) else x.maps))


def _layers(model: TorchvisionDetector, number: int) -> tuple[nn.Module, ...]:
    return tuple(model.parts()[number][1])


def source_classes(card: ModelCard) -> list[str]:
    """COCO's, without what stands for nothing where the network leaves that out."""
    told = meta(card.name).get("categories", [])
    return list(told[1:] if told and has_background(card.name) else told)


@functools.cache
def has_background(name: str) -> bool:
    """Whether its first class stands for nothing."""
    return TorchvisionDetector(name, 1, 32).background


@functools.cache
def meta(name: str) -> dict[str, Any]:
    """What torchvision says of its published weights; nothing where it has none."""
    try:
        chosen = get_model_weights(name).DEFAULT
    except (ValueError, AttributeError):
        return {}
    return {**chosen.meta, "file": chosen.url.rpartition("/")[2]}


def pixels(card: ModelCard) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """See `families.Family`."""
    own: Any = TorchvisionDetector(card.name, 1, 32).net.transform
    return tuple(map(float, own.image_mean)), tuple(map(float, own.image_std))


@functools.lru_cache(maxsize=32)
def describe(name: str, size: int) -> ModelCard:
    """See `families.Family`. Counted on a network without numbers."""
    try:
        with torch.device("meta"):
            one, two = (TorchvisionDetector(name, classes, size).eval() for classes in (1, 2))
        network = staged(one)
        stages, maps = _measured(network, size)
        head_macs = _head_macs(one, maps)
    except (TypeError, ValueError, AttributeError, RuntimeError) as error:
        found = _("it is none of torchvision's detectors that can be cut into a backbone and a head here")
        accepted = _("accepted: SSDlite, RetinaNet, FCOS or Faster R-CNN, such as ssdlite320_mobilenet_v3_large")
        raise InputError(Problem(_("model {name}", name=name), found, accepted)) from error
    told, a_class = meta(name), count(two.parameters()) - count(one.parameters())
    return ModelCard(
        name=name,
        title=name,
        family=type(one.net).__name__,
        parameters=int(told.get("num_params", count(one.parameters()))),
        download_bytes=int(told.get("_file_size", 0) * 1024 * 1024),
        licence="BSD-3-Clause" if told else _("not stated"),
        source=_("published by torchvision") if told else _("no published weights"),
        source_task=_("COCO: 118 thousand photographs, 80 classes of things with boxes") if told else _("nothing"),
        input=_("{size} × {size} pixels, RGB", size=size),
        stages=tuple(stages),
        head_inputs=a_class - 1,
        head_base=count(network.head().parameters()) - a_class,
        head_macs=head_macs,
        torch_file=told.get("file"),
    )


def _measured(network: Staged, size: int) -> tuple[list[Stage], tuple[Tensor, ...]]:
    found: list[Stage] = []
    x: Any = torch.zeros(1, 3, size, size, device="meta")
    for stage in network.stages:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            x = stage.run(x)
        found.append(Stage(stage.name, count(stage.parameters()), counter.get_total_flops() // 2))
    return found, x.maps


def _head_macs(model: TorchvisionDetector, maps: tuple[Tensor, ...]) -> int:
    """Of what reads the maps; of two stages, with as many regions as the second may read."""
    net: Any = model.net
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        (net.rpn.head if hasattr(net, "rpn") else net.head)(list(maps))
    found = counter.get_total_flops() // 2
    if hasattr(net, "rpn"):
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            net.roi_heads.box_predictor(net.roi_heads.box_head(maps[0].new_empty(1, maps[0].shape[1], *ROI)))
        found += counter.get_total_flops() // 2 * int(net.rpn._post_nms_top_n["testing"])
    return found


def configuration(model: nn.Module, card: ModelCard) -> dict[str, Any]:
    """See `families.Family`."""
    assert isinstance(model, TorchvisionDetector)
    epsilons = {module.eps for module in model.modules() if isinstance(module, nn.BatchNorm2d)}
    return {
        "classes": model.classes,
        "columns": None if model.columns is None else list(model.columns),
        "epsilon": 0.0 if epsilons == {0.0} else None,
        "same": model.same,
    }


def loaded(config: dict[str, Any]) -> nn.Module:
    """See `families.Family`."""
    return from_config(config)


def looked_at(model: nn.Module, pictures: Tensor) -> tuple[list[Tensor], Any]:
    """See `families.Family`."""
    assert isinstance(model, TorchvisionDetector)
    return list(model.maps(pictures)), lambda maps: model.candidates(maps)[..., 4:]
