"""The hub's detectors of the DETR family by name, or out of a folder in transformers' layout."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoConfig, AutoModelForObjectDetection
from transformers.utils import logging

from engines import hub_files
from engines.contract import InputError, ModelCard, Problem, Stage
from engines.messages import _
from engines.training.devices import seed_everything
from engines.training.staged import Staged, StageModule, Taps, count
from engines.vision.detection.networks import hub_detector, published
from engines.vision.detection.networks.hub_detector import HubDetector, from_config, group_of
from engines.vision.detection.networks.published import Answering as answering_of

NAME = "transformers"
SOURCE = hub_detector.__file__
NEEDS = ("torch", "transformers", "scipy")
OF_CLASSES = ("class_labels_classifier", "class_embed", "score_head", "denoising_class")
PROCESSOR = "preprocessor_config.json"
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
loss, boxes_of, answering = published.loss, published.boxes_of, answering_of


def build(card: ModelCard, classes: int, *, pretrained: bool, seed: int, size: int) -> Staged:
    """See `families.Family`."""
    seed_everything(seed, "weights" if not pretrained else "head")
    config = settings(card.name)
    config.num_labels = classes
    if not pretrained:
        return staged(HubDetector(made(card.name, config), size))
    return staged(HubDetector(_pretrained(card, config=config, ignore_mismatched_sizes=True), size))


def as_it_came(card: ModelCard, columns: list[int], *, size: int) -> Staged:
    """See `families.Family`."""
    return staged(HubDetector(_pretrained(card), size, columns=columns))


@contextmanager
def quietly() -> Iterator[None]:
    """transformers says what it loads, and draws a bar meanwhile: here a run says what there is to say."""
    bars, before = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)
        if bars:
            logging.enable_progress_bar()


def _pretrained(card: ModelCard, **how: Any) -> Any:
    folder = hub_files.folder(card)
    try:
        with quietly():
            net, told = AutoModelForObjectDetection.from_pretrained(
                folder, dtype=torch.float32, local_files_only=True, output_loading_info=True, **how
            )
    except (OSError, RuntimeError, ValueError, KeyError, SafetensorError) as error:
        raise published.other(card) from error
    anew = [*told["missing_keys"], *(one if isinstance(one, str) else one[0] for one in told["mismatched_keys"])]
    if any(group_of(name.rpartition(".")[0]) != "head" for name in anew):
        raise published.other(card)
    return net


def made(name: str, config: Any) -> Any:
    """The network of a configuration, its weights random. Raises InputError for one that finds no boxes."""
    try:
        return AutoModelForObjectDetection.from_config(config)
    except (ValueError, TypeError, AttributeError, RuntimeError, ImportError, KeyError) as error:
        found = _("its config.json is that of no network that finds objects")
        accepted = _("accepted: a detector of the DETR family, such as facebook/detr-resnet-50")
        raise InputError(Problem(_("model {name}", name=name), found, accepted)) from error


def settings(name: str) -> Any:
    """Its configuration. Raises InputError when there is none to be had."""
    folder = hub_files.config_folder(name)
    try:
        return AutoConfig.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        found = _("its config.json is that of no network that finds objects")
        accepted = _("accepted: a detector of the DETR family, such as facebook/detr-resnet-50")
        raise InputError(Problem(_("model {name}", name=name), found, accepted)) from error


class _Whole(Staged):
    """Stages that hand the picture on, since the network runs in one go: what is frozen hands on what it has seen."""

    def run(self, x: Any, start: int, stop: int) -> Any:
        """See `Staged.run`."""
        model: Any = self.model
        if isinstance(x, Tensor) and start == 0 and 0 < self.boundary == stop:
            return Taps(model.seen(x, stop)) if model.keeps(stop) else x
        return x


def staged(model: HubDetector) -> Staged:
    """Its parts as stages: the network runs as a whole, and only what learns is cut."""
    stages = [StageModule(name, _handed_on, partial(_layers, model, name)) for name in model.groups() if name != "head"]
    return _Whole(model, stages, lambda: published.Handing(model))


def _handed_on(x: Any) -> Any:
    return x


def _layers(model: HubDetector, name: str) -> tuple[nn.Module, ...]:
    return tuple(model.groups()[name])


def source_classes(card: ModelCard) -> list[str]:
    """As its configuration names them; empty where it only numbers them."""
    config = settings(card.name)
    names = [str(config.id2label[number]) for number in sorted(config.id2label)]
    return [] if all(name == f"LABEL_{number}" for number, name in enumerate(names)) else names


def pixels(card: ModelCard) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """See `families.Family`. As its preprocessor_config.json says; ImageNet's where there is none."""
    try:
        told = json.loads((hub_files.config_folder(card.name) / PROCESSOR).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return IMAGENET
    if told.get("do_normalize") is False:
        return (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    mean, std = told.get("image_mean", IMAGENET[0]), told.get("image_std", IMAGENET[1])
    return tuple(float(x) for x in mean), tuple(float(x) for x in std)


@functools.lru_cache(maxsize=32)
def describe(name: str, size: int) -> ModelCard:
    """See `families.Family`."""
    if not hub_files.safe_name(name):
        found = _("{name!r} is no name of a model on the hub", name=name)
        raise InputError(Problem(_("model {name}", name=name), found, _("accepted: owner/name, as on the hub")))
    config = settings(name)
    whole = made(name, config)
    own = config.num_labels
    model = HubDetector(whole, size).eval()
    network = staged(model)
    head = count(network.head().parameters())
    widest = max((p.shape[1] for n, p in whole.named_parameters() if "class" in n and p.ndim == 2), default=1)
    try:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            model(torch.zeros(1, 3, size, size))
    except (RuntimeError, ValueError, TypeError) as error:
        found = _("it does not take pictures of {size} × {size} pixels", size=size)
        raise InputError(Problem(_("model {name}", name=name), found, _("accepted: another size, or model"))) from error
    macs, total = counter.get_total_flops() // 2, count(whole.parameters())
    sizes = {stage.name: count(stage.parameters()) for stage in network.stages}
    config.num_labels = 1
    a_class = (count(made(name, config).parameters()) - total) // (1 - own) if own > 1 else widest + 1
    smallest = head - a_class * own
    return ModelCard(
        name=name,
        title=name.rpartition("/")[2],
        family=type(whole).__name__.removesuffix("ForObjectDetection"),
        parameters=total,
        download_bytes=4 * total,
        licence=_("see the model's page on the hub"),
        source=_("{hub} on the Hugging Face hub", hub=name) if "/" in name else _("a folder on this machine"),
        source_task=_("{n} classes of things with boxes, as its configuration says", n=own),
        input=_("{size} × {size} pixels, RGB", size=size),
        stages=tuple(Stage(own_name, n, round(macs * n / max(1, total))) for own_name, n in sizes.items()),
        head_inputs=max(0, a_class - 1),
        head_base=smallest,
        head_macs=round(macs * head / max(1, total)),
        hub=name if "/" in name else None,
    )


def configuration(model: nn.Module, card: ModelCard) -> dict[str, Any]:
    """See `families.Family`."""
    assert isinstance(model, HubDetector)
    told = model.net.config.to_dict()  # type: ignore[union-attr, operator]
    kept = {key: value for key, value in told.items() if key not in {"_name_or_path", "transformers_version"}}
    columns = None if model.columns is None else list(model.columns)
    return {"classes": model.classes, "columns": columns, "same": model.same, "configuration": kept}


def loaded(config: dict[str, Any]) -> nn.Module:
    """See `families.Family`."""
    return from_config(config)


def looked_at(model: nn.Module, pictures: Tensor) -> tuple[list[Tensor], Any]:
    """See `families.Family`."""
    raise ValueError(_("its queries read no maps that could be drawn"))
