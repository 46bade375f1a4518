"""timm networks as stages: any image model of the library, cut between its blocks."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from operator import attrgetter
from typing import Any, cast

import timm
import torch
from torch import Tensor, nn

from engines import weights
from engines.contract import InputError, ModelCard, Problem, Stage
from engines.messages import _
from engines.training.devices import seed_everything
from engines.training.staged import Staged, StageModule, check_composition, count, measured
from engines.vision.models.shallow import Shallow, averaged

SPDX = {name.lower(): name for name in ("Apache-2.0", "BSD-3-Clause", "MIT", "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0")}
"""timm writes licences in small letters."""


class TimmModel(nn.Module):
    """What we ask of timm's networks; never built, only read by type checkers."""

    pretrained_cfg: dict[str, Any]
    blocks: nn.Sequential
    stages: nn.Sequential
    features: nn.Sequential
    forward_features: Callable[[Tensor], Tensor]
    forward_head: Callable[..., Tensor]
    get_classifier: Callable[[], nn.Linear]
    reset_classifier: Callable[[int], None]


def typed(model: nn.Module) -> TimmModel:
    """A network that timm made."""
    return cast(TimmModel, model)


def build(card: ModelCard, outputs: int, *, pretrained: bool, seed: int, depth: int = 0) -> Staged:
    """The network with a fresh head of `outputs` classes; backbone from the weight file or random by `seed`. With
    `depth`, only its first so many stages, with a head on what these see.

    Raises weights.WeightsUnavailable when the weights are not to be had, and InputError when they do not fit.
    """
    seed_everything(seed, "weights")
    if not pretrained:
        fresh = typed(timm.create_model(card.name, num_classes=outputs))
        for module in fresh.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.momentum = 0.1  # some of timm's have .01, which 100 steps on small data leave at its start
        return behind(staged(fresh), depth, outputs)
    path = weights.fetch(card)
    state = weights.read(path)
    try:
        if card.package and state.keys().isdisjoint((model := typed(timm.create_model(card.name))).state_dict()):
            state = paired_in_order(state, model)
        # With its own number of classes timm loads strictly: a tensor that is missing is an error, not random numbers.
        model = typed(timm.create_model(card.name, pretrained=True, pretrained_cfg_overlay={"state_dict": state}))
        model.reset_classifier(outputs)
    except (RuntimeError, KeyError, ValueError) as error:
        raise InputError(
            Problem(
                _("model {name}", name=card.name),
                _("{name} holds weights of another network", name=path.name),
                _("accepted: its own weights"),
            )
        ) from error
    return behind(staged(model), depth, outputs)


def behind(network: Staged, depth: int, outputs: int) -> Staged:
    """The first `depth` stages of `network` with a head of their own, the last one averaging over places; `network`
    itself, in place of 0 or all of its stages. What is left out is taken out of `network`'s model."""
    if not 0 < depth < len(network.stages):
        return network
    kept, example = network.stages[:depth], example_for(typed(network.model))
    with torch.no_grad():
        width = averaged(network.eval().run(example, 0, depth)).shape[1]
    steps = [step for stage in kept for step in stage.steps]
    model, last = Shallow(network.model, steps, width, outputs), kept[-1]
    pooling = StageModule(last.name, lambda x: averaged(last.run(x)), last.modules, last.steps)
    found = Staged(model, [*kept[:-1], pooling], model.get_classifier, ends_early=True)
    check_composition(found, example)
    return found


def example_for(model: TimmModel) -> Tensor:
    """float32 (1, 3, S, S): an input of the size that the network was made for, always the same."""
    size = model.pretrained_cfg["input_size"]
    return torch.zeros(1, *size).uniform_(-1, 1, generator=torch.Generator().manual_seed(0))


def paired_in_order(state: dict[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """`state` under the names of `model`, tensor by tensor in order, for the same network written by other hands.

    Raises ValueError unless every shape agrees.
    """
    theirs = [tensor for name, tensor in state.items() if not name.endswith("num_batches_tracked")]
    names = [name for name in model.state_dict() if not name.endswith("num_batches_tracked")]
    own = model.state_dict()
    if len(theirs) != len(names) or any(a.shape != own[n].shape for a, n in zip(theirs, names, strict=True)):
        raise ValueError(_("the tensors do not pair up"))
    counters = {name: tensor for name, tensor in own.items() if name.endswith("num_batches_tracked")}
    return dict(zip(names, theirs, strict=True)) | counters


def staged(model: TimmModel) -> Staged:
    """`model` cut into stages by its family's layout; a family unknown here is one stage and a head.

    That the stages add up to the network is tried once for each architecture in a process: other weights, or classes,
    change nothing about it.
    """
    name = str(model.pretrained_cfg.get("architecture", ""))
    known = _LAYOUTS.get(name)
    for layout in (_efficientnet, _resnet, _vgg, _vit, _convnext, _tower, _whole) if known is None else (known,):
        try:
            network = _with_head(model, layout(model))
            if known is None:
                check_composition(network, example_for(model))
        except (AttributeError, TypeError, ValueError, RuntimeError):
            if layout is _whole or known is not None:
                raise
            continue
        if name:
            _LAYOUTS[name] = layout
        return network.eval()
    raise AssertionError  # `_whole` returned, or raised


_LAYOUTS: dict[str, Callable[[TimmModel], list[StageModule]]] = {}
"""Of architectures that were cut before in this process."""


def _whole(model: TimmModel) -> list[StageModule]:
    modules = partial(_all_but, model.get_classifier(), model)
    return [StageModule("body", model.forward_features, lambda: tuple(modules()), ("forward_features",))]


def _with_head(model: TimmModel, stages: list[StageModule]) -> Staged:
    """The last stage also pools, so that the head reads a vector."""
    last = stages[-1]

    def run(x: Tensor) -> Tensor:
        return model.forward_head(last.run(x), pre_logits=True)

    def modules() -> tuple[nn.Module, ...]:
        own = last.modules()
        return (*own, *(module for module in _pooling(model) if not any(module is m for m in own)))

    return Staged(model, [*stages[:-1], StageModule(last.name, run, modules, last.steps)], model.get_classifier)


def _pooling(model: TimmModel) -> Sequence[nn.Module]:
    """Modules with parameters that lie between the last block and the classifier: VGG's dense layers, a last norm."""
    names = [name for name, _ in model.named_children()]
    after = {"pre_logits", "fc_norm", "conv_head", "norm_head", "head"} & set(names)
    classifier = model.get_classifier()
    found: list[nn.Module] = []
    for name in sorted(after):
        child = getattr(model, name)
        found += _all_but(classifier, child)
    return found


def _all_but(part: nn.Module, module: nn.Module) -> list[nn.Module]:
    """The largest modules within `module` that do not hold `part`."""
    if all(m is not part for m in module.modules()):
        return [module]
    return [found for child in module.children() for found in _all_but(part, child)]


def _stage(model: TimmModel, name: str, *steps: str) -> StageModule:
    """The layers or methods of these names, one after another."""

    def found() -> list[Any]:
        return [attrgetter(step)(model) for step in steps]

    def modules() -> tuple[nn.Module, ...]:
        return tuple(step for step in found() if isinstance(step, nn.Module))

    def run(x: Tensor) -> Tensor:
        for step in found():
            x = step(x)
        return x

    found()  # a name that is not there: AttributeError now, not later
    return StageModule(name, run, modules, steps)


def _efficientnet(model: TimmModel) -> list[StageModule]:
    blocks = [_stage(model, str(i + 1), f"blocks.{i}") for i in range(len(model.blocks))]
    top = ("conv_head", "bn2") if isinstance(getattr(model, "bn2", None), nn.Module) else ()
    last = _stage(model, blocks[-1].name, f"blocks.{len(blocks) - 1}", *top)
    return [_stage(model, "stem", "conv_stem", "bn1"), *blocks[:-1], last]


def _resnet(model: TimmModel) -> list[StageModule]:
    stem = _stage(model, "stem", "conv1", "bn1", "act1", "maxpool")
    return [stem, *(_stage(model, str(i), f"layer{i}") for i in (1, 2, 3, 4))]


def _vgg(model: TimmModel) -> list[StageModule]:
    stages: list[StageModule] = []
    paths: list[str] = []
    for i, layer in enumerate(model.features):
        paths.append(f"features.{i}")
        if isinstance(layer, nn.MaxPool2d):
            stages.append(_stage(model, str(len(stages) + 1), *paths))
            paths = []
    if paths:
        raise ValueError(_("layers after the last pooling"))
    return stages


def _vit(model: TimmModel) -> list[StageModule]:
    stem = _stage(model, "stem", "patch_embed", "_pos_embed", "patch_drop", "norm_pre")
    blocks = [_stage(model, str(i + 1), f"blocks.{i}") for i in range(len(model.blocks) - 1)]
    last = len(model.blocks) - 1
    return [stem, *blocks, _stage(model, str(last + 1), f"blocks.{last}", "norm")]


def _convnext(model: TimmModel) -> list[StageModule]:
    stages = [_stage(model, str(i + 1), f"stages.{i}") for i in range(len(model.stages) - 1)]
    last = len(model.stages) - 1
    return [_stage(model, "stem", "stem"), *stages, _stage(model, str(last + 1), f"stages.{last}", "norm_pre")]


def _tower(model: TimmModel) -> list[StageModule]:
    """The picture half of an image–text network: see `models.tower`."""
    blocks = [_stage(model, str(i + 1), f"blocks.{i}") for i in range(len(model.blocks))]
    return [_stage(model, "stem", "embeddings", "norm_pre"), *blocks]


@functools.lru_cache(maxsize=64)
def describe(name: str) -> ModelCard:
    """The card of a timm model, read off the network itself. Raises InputError for a name timm does not know."""
    base = name.split(".")[0]
    if not timm.is_model(base):
        near = difflib.get_close_matches(base, timm.list_models(), n=3)
        raise InputError(
            Problem(
                _("model {name}", name=name),
                _("timm has no model of that name"),
                _("similar: {near}", near=", ".join(near) or _("none; see timm.list_models()")),
            )
        )
    try:
        timm.get_pretrained_cfg(name)
    except RuntimeError:
        tags = ", ".join(timm.list_pretrained(f"{base}.*")[:8])
        raise InputError(
            Problem(
                _("model {name}", name=name), _("timm knows no weights of that name"), _("known: {tags}", tags=tags)
            )
        ) from None
    try:
        model = typed(timm.create_model(name)).eval().requires_grad_(False)
        network = staged(model)
        channels, height, width = model.pretrained_cfg["input_size"]
        stages = measured_stages(network, torch.zeros(1, channels, height, width))
        head_inputs = network.head().in_features
    except (AttributeError, TypeError, ValueError, RuntimeError, AssertionError) as error:
        accepted = _("accepted: a network that ends in one linear layer")
        raise InputError(
            Problem(
                _("model {name}", name=name),
                _("its layout is not one that we can cut into a backbone and a head"),
                accepted,
            )
        ) from error
    config = model.pretrained_cfg
    hub = config.get("hf_hub_id") or None
    parameters = count(model.parameters())
    return ModelCard(
        name=name,
        title=base.replace("_", " "),
        family=type(model).__name__,
        parameters=parameters,
        download_bytes=4 * parameters,
        licence=SPDX.get(config.get("license") or "", config.get("license") or _("not stated")),
        source=_("{hub} on the Hugging Face hub", hub=hub) if hub else _("no published weights"),
        source_task=_("{num_classes:,} classes", num_classes=config["num_classes"])
        + (_(" (ImageNet-1k)") if config["num_classes"] == 1000 else ""),
        input=_(
            "{height} × {width} pixels, {rgb}",
            height=height,
            width=width,
            rgb="RGB" if channels == 3 else _("{channels} channels", channels=channels),
        ),
        stages=tuple(stages),
        head_inputs=head_inputs,
        hub=hub,
    )


def measured_stages(network: Staged, example: Tensor) -> list[Stage]:
    """Parameters, multiply-accumulates and width of each stage, counted by running it.

    What lies outside all modules (position codes, class tokens) is added to the input: it counts for the first stage.
    """
    found = measured(network.eval().stages, example)
    loose = count(network.parameters()) - count(network.head().parameters()) - sum(s.parameters for s in found)
    found[0] = replace(found[0], parameters=found[0].parameters + loose)
    for number, stage in enumerate(network.stages[:-1]):  # the last one is as wide as what the head reads
        example = stage.run(example)
        found[number] = replace(found[number], width=averaged(example).shape[1])
    return found
