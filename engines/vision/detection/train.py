"""How a detector learns, by any strategy: what is frozen runs once over every picture, as it is and mirrored."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator

from engines.contract import Run, Strategy
from engines.messages import _
from engines.training import devices, strategies
from engines.training.activation_cache import Cached, cache_activations
from engines.training.array_cache import key
from engines.training.checkpoint import Progress
from engines.training.devices import seed_everything
from engines.training.loop import Plan, predict, train
from engines.training.staged import Staged
from engines.training.transfer import TrainOutcome, trainable
from engines.vision.detection.evaluation import metrics
from engines.vision.detection.evaluation.metrics import Found
from engines.vision.detection.networks.decode import on_picture
from engines.vision.detection.networks.families import Family
from engines.vision.detection.prepare import Behind, Pictures, Resized
from engines.vision.detection.settings import MOST_MEASURED, SCALED, DetectionSettings
from engines.vision.images.transforms import Photos

AT_ONCE = 256
"""Pictures whose answers are held at the same time."""


@dataclass(frozen=True)
class TrainSpec:
    """What is to be learnt, from what, where."""

    family: Family
    """The kind of network: what it costs, and how boxes come of its answers."""
    build: Callable[[bool], Staged]
    """Makes the network with a fresh head, its backbone pretrained (True) or random (False)."""
    as_it_came: Callable[[], Staged]
    """Makes the network with the classes that it came with."""
    weights: str
    """Names the pretrained weights: part of what cached maps are filed under."""
    classes: int
    training: Pictures
    validation: Pictures | None
    settings: DetectionSettings
    seed: int
    unit: str
    run: Run
    on: Accelerator


def learn(spec: TrainSpec, strategy: Strategy, *, series: str = "transfer") -> TrainOutcome:
    """Trains one detector by one strategy. Raises InputError and Cancelled."""
    began, settings = time.monotonic(), spec.settings
    if strategy is Strategy.ZERO_SHOT:
        network = spec.as_it_came().to(spec.on.device)
        strategies.apply(network, Strategy.FEATURES, settings)
        return TrainOutcome(network, Progress(), 0, time.monotonic() - began)
    scratch = strategy is Strategy.SCRATCH
    network = spec.build(not scratch).to(spec.on.device)
    seed_everything(spec.seed, "adapters")
    strategies.apply(network, strategy, settings)
    learning = trainable(network)
    epochs, rate = settings.epochs_for(strategy), settings.learning_rate_for(strategy)
    phase, title = {
        Strategy.SCRATCH: ("scratch", _("Training the same network from scratch")),
        Strategy.FEATURES: ("head", _("Fitting the new head")),
    }.get(strategy, ("fine-tuning", _("Fine-tuning")))
    plan = Plan(phase, title, series, strategy, epochs, rate)
    if scratch:  # no early end on a plateau: a baseline that was not given a chance would flatter the transfer
        settings = replace(settings, patience=settings.patience or epochs)
    whole = spec.training
    loss = spec.family.loss(network, whole.boxes, whole.size, spec.on.device)
    examples = behind(spec, network, whole, varied=True)
    checks = None if spec.validation is None else behind(spec, network, spec.validation)
    looking = None if checks is None else partial(precision, spec, network, checks)
    if settings.max_seconds is not None:
        settings = replace(settings, max_seconds=max(1.0, settings.max_seconds - (time.monotonic() - began)))
    progress = train(
        network,
        plan,
        examples,
        checks,
        settings,
        loss=loss,
        metric=None,
        measured=looking,
        unit=spec.unit,
        seed=spec.seed,
        run=spec.run,
        accelerator=spec.on,
    )
    strategies.merge_adapters(network)
    seconds = time.monotonic() - began
    return TrainOutcome(network, progress, learning, seconds, rate, pretrained=not scratch)


def behind(spec: TrainSpec, network: Staged, pictures: Pictures, *, varied: bool = False) -> Behind | Pictures:
    """The pictures as seen from the freeze boundary, with `varied` mirrored and in other sizes too where they are to
    be; as they are where nothing is frozen, or nothing can be kept."""
    if not network.boundary or not keeps(network, network.boundary):
        return pictures
    mirrored, resized = None, []
    if varied and pictures.flip:
        mirrored = _cached(spec, network, replace(pictures.photos, look="flip"), _(", mirrored"))
    for number in range(SCALED if varied and pictures.scale_jitter else 0):
        view = Resized(pictures, number)
        resized.append((_cached(spec, network, view, _(", in other sizes")), view.boxes))
    seen = _cached(spec, network, pictures.photos)
    return Behind(seen, mirrored, pictures.boxes, pictures.size, tuple(resized))


def keeps(network: Staged, boundary: int) -> tuple[object, ...]:
    """What is kept of a picture where the first `boundary` stages are frozen, in as many words as tell it from what
    else might be; nothing where nothing can be kept."""
    model: Any = network.model
    return tuple(model.keeps(boundary)) if hasattr(model, "keeps") else tuple(getattr(model, "taps", ("maps",)))


def _cached(spec: TrainSpec, network: Staged, photos: Photos | Resized, how: str = "") -> Cached:
    name = key(
        "detector maps",
        spec.weights,
        network.boundary,
        photos.identity,
        keeps(network, network.boundary),
        *devices.filed_under(spec.on.device),
    )
    found = cache_activations(
        network,
        photos,
        views=1,
        name=name,
        run=spec.run,
        unit=spec.unit,
        device=spec.on.device,
        title=_("What the frozen part sees in {n:,} {unit}{mirrored}", n=len(photos), unit=spec.unit, mirrored=how),
        batch_size=8,
        of_maps=True,
    )
    assert isinstance(found, Cached)  # pictures are no tokens
    return found


def precision(spec: TrainSpec, network: Staged, checks: Behind | Pictures) -> float:
    """The mAP at overlap .5 of the network as it is, on the validation pictures, the first of many."""
    few = checks.subset(torch.arange(min(len(checks), MOST_MEASURED)))
    answering = spec.family.answering(network)
    said = predict(answering, network.boundary, few, spec.on.device, batch=16).numpy()
    read = [spec.family.boxes_of(network.model, own, few.size) for own in said]
    found = [Found(boxes, labels, scores) for boxes, scores, labels, _broken in read]
    there = [(own["boxes"].numpy(), own["labels"].numpy()) for own in few.boxes.apart()]
    truth = [Found(boxes, labels, np.ones(len(labels))) for boxes, labels in there]
    return metrics.matched(found, truth, spec.classes).mean(overlaps=slice(0, 1))


def find(spec: TrainSpec, network: Staged, pictures: Pictures, sizes: list[tuple[int, int]]) -> list[Found]:
    """What the network finds on each picture, in the picture's own pixels. `sizes`: width and height of each."""
    network = network.to(spec.on.device).eval()
    seen, found, answering = behind(spec, network, pictures), [], spec.family.answering(network)
    for some in torch.arange(len(pictures)).split(AT_ONCE):
        said = predict(answering, network.boundary, seen.subset(some), spec.on.device, batch=16).numpy()
        read = [spec.family.boxes_of(network.model, own, pictures.size) for own in said]
        found += [answered(own, pictures.size, *sizes[i]) for own, i in zip(read, some.tolist(), strict=True)]
    return found


def answered(read: tuple[np.ndarray, np.ndarray, np.ndarray, int], size: int, width: int, height: int) -> Found:
    """The boxes of `Family.boxes_of` on a picture of that width and height, in its own pixels."""
    boxes, scores, labels, broken = read
    back = on_picture(boxes, width, height, size)
    real = (back[:, :2] < back[:, 2:]).all(1)
    return Found(back[real], labels[real], scores[real], broken)
