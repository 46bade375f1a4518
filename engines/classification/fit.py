"""A classifier's study: its data in parts or in folds, trained by any strategy, tested, and kept."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from engines import weights
from engines.classification import cross_validation, details, frozen_baseline, label_errors, metrics, predictions
from engines.classification.cross_validation import Fold
from engines.classification.few_labels import prototypes
from engines.classification.prepared import HoldsBack, Prepared, within_shots
from engines.classification.study.clients import DividedStudy
from engines.classification.study.start import Starting
from engines.classification.trial import ClassificationTrial
from engines.contract import Budgets, Estimate, Features, Items, Recipe, Run, Scores, Strategy, Trial
from engines.contract.study import Describes
from engines.data.folds import of_baseline
from engines.evidence import budgets, calibration
from engines.evidence.scores import Accuracies
from engines.messages import _
from engines.training import devices, strategies, transfer
from engines.training.examples import LabelledExamples
from engines.training.loop import BatchMix
from engines.training.settings import TrainSettings, require_blocks
from engines.training.staged import Staged
from engines.training.transfer import TrainOutcome, TrainSpec

P = TypeVar("P", bound=Prepared)
S = TypeVar("S", bound=TrainSettings)


class ClassificationStudy(Starting, HoldsBack, DividedStudy, Generic[P, S]):
    """A classifier's study. A domain says how its data are read, its networks built and its models kept."""

    steadier: ClassVar[tuple[str, dict[str, Any]] | None] = None
    """What holds back a network that learns its training data by heart: in words, and as settings."""

    def __init__(self, task: Describes, recipe: Recipe, settings: S, run: Run):
        """Reads and splits the data, in folds where that is how they are tested. Raises InputError and Cancelled."""
        super().__init__(task, recipe, settings, run)
        self.settings: S = replace(settings, views=1) if recipe.strategy is Strategy.PROTOTYPES else settings
        require_blocks(recipe.strategy, settings, len(self.card.stages))
        prepared = within_shots(self.prepare(), recipe, settings, self.info.unit)
        self.prepared: P = prepared
        """With what is tested as its test part."""
        self.everything: P = prepared
        """In folds, with all examples in its test part."""
        self.sha256, self.skipped = prepared.sha256, prepared.skipped
        self.notes = [*prepared.notes, *self.stands_on(prepared.classes)]
        self.on = devices.start(settings, run, recipe.strategy)
        self.device, self.precision = devices.name(self.on.device), devices.precision(self.on)
        self.folds: list[Fold] = []
        self.whole: Fold | None = None
        """The fold that tests nothing, by which the model that is kept learns."""
        self.calibrated: dict[str, Any] = {}
        self.probabilities = np.empty((0, 0))
        """float (N, C) on the test examples, calibrated."""
        self.frozen: dict[str, Any] | None = None
        """How the kept network compares with the frozen features that it started from."""

    # --- what a domain says ---------------------------------------------------------------------------

    @abstractmethod
    def prepare(self) -> P:
        """The recipe's data, read, checked and split. Raises InputError and Cancelled."""

    @abstractmethod
    def keep_model(self, outcome: TrainOutcome, *, temperature: float, value: float) -> None:
        """Writes the model to `run.path`/model, with what its exports need. Probabilities are softmax(logits /
        temperature)."""

    def columns(self, spec: TrainSpec, outcome: TrainOutcome) -> dict[str, Any]:
        """What predictions.parquet says of each test example besides."""
        return {}

    def shown(self, positions: np.ndarray) -> dict[str, list[str | None]]:
        """What shows the examples at these positions: 'thumbnail', written below `run.path` and relative to it, or
        'text'."""
        return {}

    def free_baselines(self) -> Mapping[str, Callable[[P], np.ndarray]]:
        """Name -> (prepared) -> the class it gives each test example, int64 (N,)."""
        return {}

    def own_details(self) -> dict[str, Any]:
        """What only this domain's page reads of `Result.details`."""
        return {}

    def mix(self) -> BatchMix | None:
        """How the examples of a batch are mixed."""
        return None

    def looks(self, examples: Any) -> list[Any]:
        """The same examples seen in several ways, over which answers are averaged."""
        return [examples]

    def zero_shot(self) -> Staged:
        """A network that answers from the classes' names alone."""
        raise NotImplementedError(f"{self.info.name} offers no zero-shot")

    # --- what follows from it -------------------------------------------------------------------------

    @property
    def labels(self) -> np.ndarray:
        """int64 (N,): of the test examples."""
        return self.prepared.labels("test")

    def train_spec(self, settings: TrainSettings, seed: int, run: Run) -> TrainSpec:
        """What `training.transfer` needs to teach the network."""
        path, start = weights.find(self.card), self.start
        named = weights.sha256(path) if path else self.card.name
        validation = self.prepared.part("validation") if len(self.prepared.parts["validation"]) else None
        return TrainSpec(
            build=lambda pretrained: self.begun(pretrained=pretrained, seed=seed, depth=settings.depth),
            weights=f"{named} {start.digest}" if start else named,
            training=self.prepared.part("train"),
            validation=validation,
            classes=len(self.prepared.classes),
            settings=settings,
            seed=seed,
            metric=metrics.balanced_accuracy,
            unit=self.info.unit,
            run=run,
            on=self.on,
            mix=self.mix(),
            zero_shot=self.zero_shot,
            begin=start.head(self.prepared.classes) if start else None,
        )

    def answered(
        self, spec: TrainSpec, outcome: TrainOutcome, examples: LabelledExamples, at: Tensor | None = None
    ) -> np.ndarray:
        """float32 (N, C): what the network answers, averaged over the looks at each example that the settings ask for.

        With `at`, only for the examples at these positions.
        """
        looks = [transfer.logits(spec, outcome, seen, at) for seen in self.looks(examples)]
        return np.asarray(np.mean(looks, axis=0))

    def require(self) -> None:
        self.before()
        if (strategy := self.recipe.strategy) is Strategy.ZERO_SHOT:
            self.zero_shot()
        else:
            self.begun(pretrained=strategy is not Strategy.SCRATCH, seed=self.recipe.seed, depth=self.settings.depth)

    def before(self) -> dict[str, Scores]:
        """Takes folds where the settings ask for them, or the data carry them by themselves; a comparison never does.
        Raises InputError."""
        shots = getattr(self.settings, "shots", 0)
        carried = 0 if shots else cross_validation.carried_folds(self.prepared, self.recipe)
        stages, prepared = len(self.card.stages), self.prepared
        count = self.settings.folds_for(self.recipe.strategy, stages, 0 if prepared.has_own_parts else carried)
        if count:
            self.everything, self.folds, self.whole = cross_validation.folded(
                prepared, self.recipe, replace(self.settings, folds=count)
            )
            tested = self.everything.parts["test"][cross_validation.tested_in(self.folds)]
            self.prepared = replace(self.everything, parts=self.everything.parts | {"test": tested})
            self.tell(cross_validation.in_folds(len(self.folds), len(tested), self.info.unit))
        elif carried:
            n, tests = sum(map(len, prepared.parts.values())), len(prepared.parts["test"])
            offered = 0 if "folds" in self.settings.hidden else carried
            self.tell(cross_validation.few_to_test(tests, n, self.info.unit, offered))
        return {}

    # --- trained and tested ---------------------------------------------------------------------------

    def trial(
        self,
        strategy: Strategy,
        *,
        series: str = "transfer",
        seed: int | None = None,
        run: Run | None = None,
        budget: int | None = None,
    ) -> ClassificationTrial:
        own = strategy is self.recipe.strategy
        settings = self.settings if own else transfer.scratch_settings(self.settings)
        seed = self.recipe.seed if seed is None else seed
        spec = self.train_spec(settings, seed, run or self.run)
        if self.folds and budget is None:
            return self._in_folds(spec, strategy, series, own)
        chosen = checked = None
        if budget is not None:
            spec = replace(spec, training=self.may_be_learnt, validation=None)
            chosen, checked = (torch.tensor(own, dtype=torch.int64) for own in self._within(budget, seed))
            checked = checked if len(checked) else None
        outcome = prototypes.learn(spec, strategy, series=series, chosen=chosen, checked=checked)
        if own and strategy is not Strategy.ZERO_SHOT and budget is None:
            outcome.on_training = transfer.logits_on_training(spec, outcome)
        spec.run.emit("phase", name="testing", title=self._testing, series=series)
        logits = self.answered(spec, outcome, self.prepared.part("test"))
        return ClassificationTrial(
            spec, outcome, logits, self.labels, outcome.progress, outcome.seconds, groups=self.items().groups
        )

    @property
    def _testing(self) -> str:
        return _("Testing on {labels:,} {unit} never seen", labels=len(self.labels), unit=self.info.unit)

    def _in_folds(self, spec: TrainSpec, strategy: Strategy, series: str, own: bool) -> ClassificationTrial:
        """Each example by the network of the fold that tests it; and, of the run's own strategy, one that is kept."""
        assert self.whole is not None
        examples = self.everything.part("test")
        spec = replace(spec, training=examples, validation=None)

        def answers(of: TrainSpec, outcome: TrainOutcome, at: Tensor) -> np.ndarray:
            return self.answered(of, outcome, examples, at)

        folds, kept = self.folds, None
        if own:
            whole = self.whole
            kept = prototypes.learn(spec, strategy, series=series, chosen=whole.chosen, checked=whole.checked)
            title = _("{testing}, in {folds} folds", testing=self._testing, folds=len(folds))
            spec.run.emit("phase", name="testing", title=title, series=series)
        else:  # the baseline: some folds will do to compare on the same examples
            folds = folds[: of_baseline(len(folds), len(examples))]
        logits, how = cross_validation.answers_of_folds(
            spec, strategy, folds, spec.run, answers, series=series, reported=kept is None
        )
        at = cross_validation.tested_in(self.folds)
        if kept:
            kept.progress.halved = max(kept.progress.halved, how.halved)
            self.prepared.fold_rates = how.rates
        progress, seconds = (kept.progress if kept else how.progress), how.seconds
        return ClassificationTrial(
            spec, kept, logits[at], self.labels, progress, seconds, how.temperatures[at], how, self.items().groups
        )

    @cached_property
    def learnable(self) -> np.ndarray:
        """int64 (N,): positions of all that a budget may be drawn from, whatever is not tested on."""
        parts = self.prepared.parts
        return np.sort(np.concatenate([parts["train"], parts["validation"]]))

    @cached_property
    def may_be_learnt(self) -> LabelledExamples:
        """The examples at these positions."""
        return self.prepared.examples.subset(torch.from_numpy(self.learnable))

    def _within(self, budget: int, seed: int) -> tuple[list[int], list[int]]:
        """What is learnt from and what decides when to stop, as positions in `learnable`."""
        labels, groups = self.may_be_learnt.labels.tolist(), self.prepared.groups
        return budgets.within(labels, [groups[i] for i in self.learnable], budget, seed, self.sizes)

    @property
    def sizes(self) -> list[float] | None:
        """What each of `learnable` counts in a budget; None: one."""
        return None

    @property
    def budgets(self) -> Budgets:
        low, high = budgets.bounds(self.may_be_learnt.labels.tolist(), self.sizes)
        return Budgets(low, high, self.info.unit, _("one a class"), _("(all that are not tested on)"))

    def simple_methods(self) -> Mapping[str, Callable[[P], np.ndarray]]:
        """Of a comparison, as `free_baselines`."""
        return self.free_baselines()

    def simple(self, budget: int, seed: int) -> dict[str, np.ndarray]:
        chosen, checked = self._within(budget, seed)
        own = self.learnable[np.sort(np.array([*chosen, *checked], dtype=np.int64))]
        parts = self.prepared.parts | {"train": own, "validation": own[:0]}
        given = replace(self.prepared, parts=parts, folds=[])
        methods = self.simple_methods()
        return {name: (answers(given) == self.labels).astype(float) for name, answers in methods.items()}

    def scores(self, outcomes: Sequence[np.ndarray]) -> Accuracies:
        return Accuracies(self.labels, outcomes, self.items().groups)

    def items(self) -> Items:
        groups = np.array([self.prepared.groups[i] for i in self.prepared.parts["test"]])
        return Items(np.ones(len(groups)), self.labels, np.unique(groups, return_inverse=True)[1])

    def features(
        self, part: str, *, model: str | None = None, depth: int | None = None, pretrained: bool = True
    ) -> Features | None:
        if model not in {None, self.card.name}:
            other = type(self)(self.task, replace(self.recipe, model=str(model), start=None), self.settings, self.run)
            return other.features(part, depth=depth, pretrained=pretrained)
        settings, seed = replace(self.settings, depth=depth or 0), self.recipe.seed
        spec = self.train_spec(settings, seed, self.run)
        spec = spec if pretrained else replace(spec, weights=f"random {seed} {self.card.name}")
        network = spec.build(pretrained).to(self.on.device)
        strategies.apply(network, Strategy.FEATURES, self.settings)
        seen = transfer.features(spec, network, self.prepared.part(part), views=1)
        return Features(seen.activations[:, 0].numpy(), seen.labels.numpy())

    # --- kept and told --------------------------------------------------------------------------------

    def keep(self, trial: Trial, value: Estimate) -> None:
        assert isinstance(trial, ClassificationTrial)
        prepared, outcome = self.prepared, trial.kept
        held_out = None if outcome.held_out is None else (outcome.held_out.numpy(), prepared.labels("validation"))
        self.calibrated = calibration.report(trial.logits, self.labels, held_out, trial.temperatures)
        temperature = self.calibrated["temperature"]
        temperatures = temperature if trial.temperatures is None else trial.temperatures
        self.probabilities = calibration.probabilities(trial.logits, temperatures)
        if outcome.before is not None and held_out is not None:
            self.frozen = frozen_baseline.compared(held_out[1], outcome.before.numpy(), held_out[0], self.info.unit)
            self.tell(self.frozen["text"])
        self.keep_model(outcome, temperature=temperature, value=value.value)
        predictions.write(self.run.path, prepared, self.probabilities, self.columns(trial.spec, outcome))
        if outcome.on_training is not None:
            of_validation = held_out and held_out[0]
            label_errors.write(self.run.path, prepared, outcome.on_training, of_validation, temperature, self.shown)

    def keep_rival(self, rival: Trial) -> None:
        assert isinstance(rival, ClassificationTrial)
        predictions.write_rival(self.run.path, self.prepared, rival.logits)

    def counts(self, trial: Trial) -> tuple[int, int, int]:
        n_train, n_validation, n_test = (len(self.prepared.parts[part]) for part in ("train", "validation", "test"))
        return n_train, n_validation, n_test

    def metrics(self, trial: Trial) -> dict[str, Estimate]:
        return metrics.further_metrics(self.labels, self.probabilities)

    def baselines(self, trial: Trial) -> dict[str, Scores | float]:
        # What always answering the commonest class would get: 1 / classes, by the metric's definition.
        found: dict[str, Scores | float] = {"majority": 1 / len(np.unique(self.labels))}
        for title, answers in self.free_baselines().items():
            found[title] = self.scores(
                [(cross_validation.in_each_fold(answers, self.prepared) == self.labels).astype(float)]
            )
        return found

    def baseline_details(self, trial: Trial, rival: Trial) -> dict[str, Any]:
        known = super().baseline_details(trial, rival)
        ours, theirs = trial.scores, rival.scores
        assert isinstance(ours, Accuracies)
        assert isinstance(theirs, Accuracies)
        if theirs.n < ours.n:
            there = ours.on(theirs.asked).estimate()
            known |= {"n": theirs.n, "there": there.value}
            self.tell(cross_validation.compared_on_some(theirs.n, ours.n, there, self.info))
        return known

    def details(self, trial: Trial, before: Mapping[str, Scores], rival: Trial | None) -> dict[str, Any]:
        assert isinstance(trial, ClassificationTrial)
        return details.found(self, trial, rival) | self.own_details()
