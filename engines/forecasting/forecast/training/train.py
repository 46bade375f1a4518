"""Adapt the forecaster to a table of series: what it reads, and how far its weights move."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor

from engines.contract import Strategy
from engines.forecasting.forecast.prepare import Prepared
from engines.forecasting.forecast.training import hub_training
from engines.forecasting.forecast.training.train_spec import TrainSpec
from engines.forecasting.forecast.windows import Slot, Windows, slots
from engines.forecasting.models import hub_models, inputs, stages
from engines.forecasting.models.rollout import InputWeights
from engines.forecasting.series.splits import FEWEST_SEEN
from engines.messages import _
from engines.training import checkpoint, strategies
from engines.training.loop import Plan, predict, train
from engines.training.staged import Staged, count

UNIT = "windows"
SHARES = (0.25, 0.5, 0.75, 1.0)
"""How much of the way from the pretrained weights to the trained ones may be gone. Never nothing of it: few validation
windows often see no gain in what pays afterwards (benchmarks/forecasting_recipe.py)."""
MOST_CHECKS = 256
"""Validation windows of the whole table, before each is also turned upside down."""
PHASES = {Strategy.FEATURES: "head", Strategy.SCRATCH: "scratch"}


@dataclass
class TrainOutcome:
    """An adapted network and how it went."""

    network: Staged
    progress: checkpoint.Progress
    trainable: int
    share: float
    """How far from the pretrained weights to the trained ones; chosen on the validation part."""
    seconds: float


def teach(lesson: TrainSpec, strategy: Strategy, *, series: str = "transfer") -> TrainOutcome:
    """Trains the network by one strategy. Never looks at the test part. Raises InputError and Cancelled.

    Whatever started from pretrained weights ends between those and the trained ones, where the validation part is
    forecast best (Wortsman et al. 2022, 'Robust fine-tuning of zero-shot models'): with few windows, going all the
    way forgets more than it learns.
    """
    began = time.monotonic()
    settings = lesson.settings
    if hub_models.is_borrowed(lesson.card):
        return _of_the_hub(lesson, strategy, began)
    pretrained = strategy is not Strategy.SCRATCH
    network = stages.build(lesson.card, pretrained=pretrained, seed=lesson.seed, start=lesson.start)
    network.to(lesson.on.device)
    if strategy is Strategy.ZERO_SHOT:
        return TrainOutcome(network.eval(), checkpoint.Progress(), 0, 0.0, time.monotonic() - began)
    strategies.apply(network, strategy, settings)
    phase = PHASES.get(strategy, "fine-tuning")
    title = {
        "head": _("Fine-tuning the head"),
        "fine-tuning": "Fine-tuning",
        "scratch": _("Training the same network from scratch"),
    }[phase]
    plan = Plan(phase, title, series, strategy, settings.epochs_for(strategy), settings.learning_rate_for(strategy))
    training = lesson.windows(training_slots(lesson))
    validation = lesson.windows(checking_slots(lesson.prepared, lesson.prepared.usable, lesson.mixes))
    start = {name: tensor.detach().clone() for name, tensor in network.trainable().items()}
    fixed = network.boundary > 0
    examples = behind(network, training, lesson, views=4) if fixed else training
    checks = behind(network, validation, lesson, views=1) if fixed else validation
    progress = train(
        network,
        plan,
        examples,
        checks,
        settings,
        loss=inputs.pinball,
        metric=inputs.mase,
        run=lesson.run,
        accelerator=lesson.on,
        seed=lesson.seed,
        unit=UNIT,
    )
    learning = count(network.trainable().values())
    share = 1.0
    if strategy is not Strategy.SCRATCH:
        share = _go_so_far(network, start, checks, lesson.on)
    return TrainOutcome(network, progress, learning, share, time.monotonic() - began)


def _of_the_hub(lesson: TrainSpec, strategy: Strategy, began: float) -> TrainOutcome:
    """A model behind sktime: as it comes, or fine-tuned there."""
    model, share, learning = hub_models.Borrowed(lesson.card, lesson.prepared.season), 0.0, 0
    if strategy is not Strategy.ZERO_SHOT:
        lesson.run.emit("phase", name="fine-tuning", title=_("Fine-tuning, by sktime"), series="transfer")
        epochs, rate = lesson.settings.epochs_for(strategy), lesson.settings.learning_rate_for(strategy)
        model, share, learning = hub_training.tune(lesson, epochs, rate)
    return TrainOutcome(hub_models.network(model), checkpoint.Progress(), learning, share, time.monotonic() - began)


def _go_so_far(network: Staged, start: dict[str, Tensor], checks: Windows | Seen, on: Accelerator) -> float:
    """Sets the weights to the best blend of `start` and what was learnt; returns its share."""
    end = {name: tensor.detach().clone() for name, tensor in network.trainable().items()}
    targets = checks.targets(torch.arange(len(checks))).to(on.device)

    def loss(share: float) -> float:
        network.model.load_state_dict(stages.blended(start, end, share), strict=False)
        return float(inputs.pinball(predict(network, network.boundary, checks, on.device).to(on.device), targets))

    best = min(SHARES, key=loss)
    network.model.load_state_dict(stages.blended(start, end, best), strict=False)
    return best


def training_slots(lesson: TrainSpec) -> list[Slot]:
    """Slots over the training part of every series and each way of reading it, `settings.windows` in all where there
    are so many; every second one upside down."""
    p = lesson.prepared
    ranges: list[tuple[float, Slot]] = []
    for series in p.usable:
        split = p.splits[series]
        assert split is not None
        until = split.validation
        begin = 0 if lesson.history is None else max(0, until - lesson.history)
        last = until - min(p.horizon, until - begin - FEWEST_SEEN)
        for lag, share in lesson.mixes[series].items():
            first = min(last, begin + lag + max(FEWEST_SEEN, min(2 * p.season, (last - begin) // 3)))
            ranges.append((share * (last - first + 1), Slot(series, first, last, until, lag)))
    total = sum(size for size, _ in ranges)
    found: list[Slot] = []
    for size, whole in ranges:
        count = max(1, round(lesson.settings.windows * size / total))
        found += slots(whole.series, whole.first, whole.last, whole.until, whole.lag, count)
    if len(found) > lesson.settings.windows:
        drawn = np.random.default_rng(lesson.seed).choice(len(found), lesson.settings.windows, replace=False)
        found = [found[i] for i in sorted(drawn)]
    return [replace(slot, upside_down=bool(number % 2)) for number, slot in enumerate(found)]


def checking_slots(prepared: Prepared, among: list[int], mixes: list[InputWeights]) -> list[Slot]:
    """Validation windows of these series, each both ways up: fixed origins, thinned out where there are many series;
    the ways of reading a series take turns by their shares."""
    every = []
    for series in among:
        if (split := prepared.splits[series]) is None:
            continue
        origins = split.checks(prepared.horizon)
        lags = np.random.default_rng(0).choice(list(mixes[series]), len(origins), p=list(mixes[series].values()))
        pairs = zip(origins, lags.tolist(), strict=True)
        every += [Slot(series, origin, origin, split.test, lag) for origin, lag in pairs]
    keep = np.unique(np.linspace(0, len(every) - 1, min(len(every), MOST_CHECKS)).round().astype(int))
    kept = [every[i] for i in keep]
    return kept + [replace(slot, upside_down=True) for slot in kept]


# --- behind the frozen part -----------------------------------------------------------------------


@dataclass
class Seen:
    """Windows as the frozen part of the network hands them on, computed once."""

    activations: Tensor
    """float32 (N, …)"""
    known: Tensor
    """The targets: float32 (N, 48, 6)."""
    identity: str = ""
    variation: str = ""
    lengths: Tensor | None = None

    def __len__(self) -> int:
        return len(self.known)

    def weight(self, indices: Tensor) -> float:
        return len(indices)

    def subset(self, chosen: Tensor) -> Seen:
        return Seen(self.activations[chosen], self.known[chosen])

    def targets(self, indices: Tensor) -> Tensor:
        return self.known[indices]

    def varied(self, indices: Tensor, generator: torch.Generator) -> Tensor:
        return self.activations[indices]

    def plain(self, indices: Tensor) -> Tensor:
        return self.activations[indices]


def behind(network: Staged, windows: Windows, lesson: TrainSpec, *, views: int) -> Seen:
    """What stage `network.boundary` will be given: each slot's newest window and, with more `views`, drawn ones."""
    network.eval()
    generator = torch.Generator().manual_seed(lesson.seed)
    activations, targets = [], []
    for view in range(views):
        for indices in torch.arange(len(windows)).split(32):
            lesson.run.check_cancelled()
            given = windows.varied(indices, generator) if view else windows.plain(indices)
            with torch.no_grad():
                activations.append(network.run(given.to(lesson.on.device), 0, network.boundary).float().cpu())
            targets.append(windows.targets(indices))
    return Seen(torch.cat(activations), torch.cat(targets))
