"""A classifier's study that also adapts what it has learnt to data of a new domain, and keeps it so."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import torch
from scipy.special import softmax
from torch import nn

from engines.adaptation import batch_norms, rule
from engines.adaptation.linear import Linear, Scaling, as_sure, fitted
from engines.adaptation.methods import METHODS, Heads, Seen
from engines.adaptation.outcome import Adapted, details, write
from engines.adaptation.target import Brought, Source, Target, opened
from engines.classification.fit import ClassificationStudy
from engines.classification.prepared import Prepared
from engines.classification.trial import ClassificationTrial
from engines.contract import Estimate, InputError, Problem, Recipe, Run, Scores, Trial
from engines.contract.study import Describes
from engines.evidence import calibration
from engines.messages import _, told
from engines.training import transfer
from engines.training.examples import LabelledExamples
from engines.training.loop import predict
from engines.training.settings import TrainSettings
from engines.training.staged import Staged
from engines.training.transfer import TrainOutcome, TrainSpec

P = TypeVar("P", bound=Prepared)
S = TypeVar("S", bound=TrainSettings)


class AdaptingStudy(ClassificationStudy[P, S]):
    """A classifier's study whose recipe may name a target."""

    def __init__(self, task: Describes, recipe: Recipe, settings: S, run: Run):
        super().__init__(task, recipe, settings, run)
        self.target: Target | None = None
        self.adapted: Adapted | None = None
        asked: str = getattr(settings, "adapt", rule.RULE)
        if recipe.target is None:
            rule.require_none(asked)
            return
        run.emit("phase", name="target", title=_("Reading the data of the new domain"))
        source = self.source()
        self.target = opened(self.open_target(source), source, self.info.unit)
        self.choice = rule.choose(asked, len(self.target), self.info.adapts_by or (), self.info.unit)
        self.notes += self.target.notes
        method = told(rule.METHODS).get(self.choice.method)
        if method and method.norms and not batch_norms.norms(self.build(pretrained=False, seed=recipe.seed)):
            found = _(
                "{title} needs a network with batch norms, and {card_title} has none",
                title=method.title,
                card_title=self.card.title,
            )
            raise InputError(Problem(_("setting adapt"), found, _("accepted: another method")))

    @abstractmethod
    def source(self) -> Source:
        """What the target is compared with."""

    @abstractmethod
    def open_target(self, source: Source) -> Brought:
        """What the recipe's target holds. Raises InputError and Cancelled."""

    @abstractmethod
    def target_examples(self, brought: Brought) -> LabelledExamples:
        """Its examples as the network reads them, in order; their labels mean nothing."""

    def keep(self, trial: Trial, value: Estimate) -> None:
        """As every classifier's, with the adapted network in the place of the one that learnt."""
        assert isinstance(trial, ClassificationTrial)
        if self.target is None:
            super().keep(trial, value)
            return
        self.run.emit(
            "phase",
            name="adapting",
            title=_("Adapting to {target:,} {unit}", target=len(self.target), unit=self.info.unit),
        )
        self.adapted = self.adapt(trial, self.target, self.choice)
        with worn(trial.kept.network, self.adapted):
            super().keep(trial, value)
        write(self.run.path, self.target, self.adapted, self.prepared.classes)

    def adapt(self, trial: ClassificationTrial, target: Target, choice: rule.Choice) -> Adapted:
        """What the chosen method makes of the network, which itself stays as it is; and the answers of both."""
        spec, outcome = trial.spec, trial.kept
        examples = self.target_examples(target.brought)
        source, labels = self.source_features(spec, outcome)
        of_target = self.seen(spec, outcome, examples)
        of_test = None if self.folds else self.seen(spec, outcome, self.prepared.part("test"))
        head, temperature = linear(outcome.network), self.temperature(outcome)
        before = head(of_target)
        found = Adapted(choice, before, before, temperature, self.labels, sure_before=self.sure(trial, temperature))
        if choice.method == rule.NONE:
            return found
        seen = Seen(source, labels, of_target, head, temperature)
        if told(rule.METHODS)[choice.method].norms:
            return self._by_norms(found, seen, examples, spec, outcome)
        heads = METHODS[choice.method](seen)
        heads = as_sure_as(heads, seen, source)
        sure = None if of_test is None else softmax(heads.source(of_test) / temperature, axis=1)
        return replace(found, head=heads.target, after=heads.target(of_target), sure_after=sure)

    def _by_norms(
        self, found: Adapted, seen: Seen, examples: LabelledExamples, spec: TrainSpec, outcome: TrainOutcome
    ) -> Adapted:
        """AdaBN and TENT: the labelled data under their own statistics, with a head fitted anew, and the target under
        its own."""
        network, device = outcome.network, self.on.device
        was = batch_norms.state(network)
        try:
            batch_norms.take_statistics(network, spec.training, device)
            source = predict(Features(network), 0, spec.training, device).numpy().astype(np.float64)
            heads = refitted(source, spec.training.labels.numpy(), seen.classes)
            heads = as_sure_as(heads, seen, source)
            changed = replace(found, head=heads.target)
            with worn(network, changed):
                batch_norms.take_statistics(network, examples, device)
                if found.choice.method == "tent":
                    batch_norms.make_sure(network, examples, device, self.recipe.seed)
                after = predict(network, 0, examples, device).numpy().astype(np.float64)
                return replace(changed, after=after, norms=batch_norms.state(network))
        finally:
            network.model.load_state_dict(was, strict=False)

    def source_features(self, spec: TrainSpec, outcome: TrainOutcome) -> tuple[np.ndarray, np.ndarray]:
        """Features float64 (N, D) and labels int64 (N,) of all that the kept network has learnt from or chosen by."""
        parts = [spec.training, *([] if spec.validation is None else [spec.validation])]
        made = [features(spec, outcome, part) for part in parts]
        return np.concatenate(made), np.concatenate([part.labels.numpy() for part in parts])

    def seen(self, spec: TrainSpec, outcome: TrainOutcome, examples: LabelledExamples) -> np.ndarray:
        """What the head reads of the examples, averaged over the looks at each: float64 (M, D)."""
        mean: np.ndarray = np.mean([features(spec, outcome, look) for look in self.looks(examples)], axis=0)
        return mean

    def temperature(self, outcome: TrainOutcome) -> float:
        """By which the kept model's logits are divided, as `evidence.calibration.report` chooses it."""
        if outcome.held_out is None:
            return 1.0
        return calibration.temperature(outcome.held_out.numpy(), self.prepared.labels("validation"))

    def sure(self, trial: ClassificationTrial, temperature: float) -> np.ndarray:
        """Calibrated probabilities float64 (N, C) of the test examples, by networks that had not seen them."""
        own = temperature if trial.temperatures is None else trial.temperatures
        return calibration.probabilities(trial.logits, own)

    def details(self, trial: Trial, before: Mapping[str, Scores], rival: Trial | None) -> dict[str, Any]:
        known = super().details(trial, before, rival)
        if self.target is None or self.adapted is None:
            return known
        found = details(self.target, self.adapted, self.info, self.prepared.classes)
        return known | {"adaptation": found, "card": known["card"] | {"adapted": found["sentence"]}}


class Features(nn.Module):
    """A network without its head."""

    def __init__(self, network: Staged):
        super().__init__()
        self.network = network

    def forward(self, x: Any, start: int = 0) -> torch.Tensor:
        found: torch.Tensor = self.network.run(x, start, len(self.network.stages))
        return found


def features(spec: TrainSpec, outcome: TrainOutcome, examples: LabelledExamples) -> np.ndarray:
    """What the head reads of the examples as they are: float64 (N, D)."""
    network, device = outcome.network.to(spec.on.device), spec.on.device
    views = spec.settings.views if examples is spec.training else 1  # those were seen while it learnt
    if network.boundary:
        examples = transfer.cached_behind_boundary(spec, network, examples, views=views)
    return predict(Features(network), network.boundary, examples, device).numpy().astype(np.float64)


def linear(network: Staged) -> Linear:
    """A copy of its head."""
    head = network.head()
    weight, bias = (part.detach().cpu().numpy().astype(np.float64) for part in (head.weight, head.bias))
    return Linear(weight, bias)


def refitted(source: np.ndarray, labels: np.ndarray, classes: int) -> Heads:
    """A new head on labelled features, for both domains."""
    scaling = Scaling.of(source)
    scaled = scaling(source)
    made = fitted(scaled, labels, classes).of_raw(scaling)
    return Heads(made, made)


def as_sure_as(heads: Heads, seen: Seen, source: np.ndarray) -> Heads:
    """The same answers, as sure on labelled examples as the model was there when its logits are divided by its
    temperature: so one temperature does for both. `source`: these examples as the heads see them, float64 (N, D)."""
    wanted = softmax(seen.head(seen.source) / seen.temperature, axis=1).max(1).mean()
    factor = as_sure(heads.source(source) / seen.temperature, float(wanted))
    return Heads(heads.target.times(factor), heads.source.times(factor))


@contextmanager
def worn(network: Staged, adapted: Adapted) -> Iterator[None]:
    """Within it the network is the adapted one."""
    if adapted.head is None:
        yield
        return
    head, model = network.head(), network.model
    was = head.weight.detach().clone(), head.bias.detach().clone()
    norms = batch_norms.state(network) if adapted.norms else {}
    try:
        put(head, torch.from_numpy(adapted.head.weight), torch.from_numpy(adapted.head.bias))
        model.load_state_dict(adapted.norms, strict=False)
        yield
    finally:
        put(head, *was)
        model.load_state_dict(norms, strict=False)


def put(head: nn.Linear, weight: torch.Tensor, bias: torch.Tensor) -> None:
    with torch.no_grad():
        head.weight.copy_(weight)
        head.bias.copy_(bias)
