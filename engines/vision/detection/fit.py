"""The study of a detector: pictures with boxes, a network in stages, and what is kept of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import torch

from engines import starts, weights
from engines.contract import (
    Budgets,
    Estimate,
    InputError,
    Items,
    Problem,
    Recipe,
    Run,
    Scores,
    Strategy,
    Study,
    Task,
    Trial,
)
from engines.contract.study import Describes
from engines.evidence import budgets
from engines.messages import _
from engines.training import devices, overfitting
from engines.training.settings import require_blocks
from engines.training.staged import Staged
from engines.vision.detection import details, export_script, predict, predictions
from engines.vision.detection.cost import passes_from_scratch
from engines.vision.detection.evaluation import baselines, came_with, metrics
from engines.vision.detection.evaluation.metrics import Found, Matches, Precisions
from engines.vision.detection.networks import families, kinds
from engines.vision.detection.prepare import Prepared, prepare
from engines.vision.detection.settings import DetectionSettings
from engines.vision.detection.train import TrainSpec, find, learn
from engines.vision.detection.trial import DetectionTrial
from engines.vision.images.transforms import Later


def open_study(task: Task, recipe: Recipe, settings: DetectionSettings, run: Run) -> DetectionStudy:
    """See `contract.Task.open`."""
    return DetectionStudy(task, recipe, settings, run)


class DetectionStudy(Study):
    """Pictures, and what is where on them."""

    def __init__(self, task: Describes, recipe: Recipe, settings: DetectionSettings, run: Run):
        """Reads and splits the pictures. Raises InputError and Cancelled."""
        super().__init__(task, recipe, settings, run)
        self.settings: DetectionSettings = settings
        require_blocks(recipe.strategy, settings, len(self.card.stages))
        self.start = starts.folder(recipe)
        self.prepared: Prepared = prepare(recipe, self.card, settings, run)
        opened = self.prepared.opened
        self.sha256, self.notes, self.skipped = opened.sha256, list(opened.notes), opened.skipped
        self.notes += [starts.told()] if self.start else []
        self.on = devices.start(settings, run, recipe.strategy)
        self.device, self.precision = devices.name(self.on.device), devices.precision(self.on)
        self.threshold: dict[str, Any] = {}
        """From which score on a box is told, and where that was chosen; known once the model is kept."""

    @property
    def classes(self) -> list[str]:
        return self.prepared.opened.classes

    def hold_back_test(self) -> None:
        opened = self.prepared.opened
        learning, parts = opened.at("train"), opened.parts.copy()
        self.require_held_out(len(opened.at("validation")))
        kinds, groups = zip(*((opened.kinds[i], opened.pictures[i].sha256) for i in learning), strict=True)
        checked = budgets.within(kinds, groups, len(learning), self.recipe.seed)[1]
        parts[opened.at("test")] = "held back"
        parts[opened.at("validation")] = "test"
        parts[learning[np.array(checked, dtype=np.int64)]] = "validation"
        self.prepared = replace(self.prepared, opened=replace(opened, parts=parts))

    def compute(self) -> None:
        """Decodes the pictures."""
        squares = self.prepared.pictures.photos.squares
        assert isinstance(squares, Later)
        _squares = squares.array

    def build(self, *, pretrained: bool, seed: int) -> Staged:
        size, classes = self.prepared.format.size, len(self.classes)
        network = self.family.build(self.card, classes, pretrained=pretrained, seed=seed, size=size)
        if pretrained and self.start:
            came_with.go_on(network, self.start, self.classes, self.family.OF_CLASSES)
        return network

    @cached_property
    def family(self) -> families.Family:
        return families.of(self.card.name)

    @cached_property
    def columns(self) -> list[int]:
        """Of each class its place among those that the model came with; -1: it is not there."""
        return came_with.columns(self.classes, self.family.source_classes(self.card))

    def as_it_came(self, columns: list[int] | None = None) -> Staged:
        """The network with the classes that it came with; by default told as those of these data. Raises InputError
        where none of these is among them."""
        if columns is None and max(self.columns, default=-1) < 0:
            found = _("it came with none of these classes: {names}", names=", ".join(self.classes[:12]))
            accepted = _("accepted: classes by the names that the model knows, or a strategy that learns")
            raise InputError(Problem(_("model {name}", name=self.card.name), found, accepted))
        chosen = self.columns if columns is None else columns
        return self.family.as_it_came(self.card, chosen, size=self.prepared.format.size)

    def require(self) -> None:
        if self.recipe.strategy is Strategy.ZERO_SHOT:
            self.as_it_came()
            return
        self.build(pretrained=self.recipe.strategy is not Strategy.SCRATCH, seed=self.recipe.seed)

    # --- trained and tested ---------------------------------------------------------------------------

    def before(self) -> dict[str, Scores]:
        """What a detector finds as it came, where it came with some of these classes."""
        if self.recipe.strategy in {Strategy.SCRATCH, Strategy.ZERO_SHOT} or not kinds.finds_already(self.card):
            return {}
        if max(self.columns, default=-1) < 0:
            return {}
        self.tell(came_with.told(self.classes, self.columns))
        trial = self.trial(Strategy.ZERO_SHOT, series="zero_shot")
        return {"zero_shot": trial.scores}

    def trial(
        self,
        strategy: Strategy,
        *,
        series: str = "transfer",
        seed: int | None = None,
        run: Run | None = None,
        budget: int | None = None,
    ) -> DetectionTrial:
        own = strategy is self.recipe.strategy
        seed, run = self.recipe.seed if seed is None else seed, run or self.run
        settings = self.settings if own else self.for_the_rival()
        training, checks = (self.prepared.opened.at(part) for part in ("train", "validation"))
        if budget is not None:
            training, checks = self.within(budget, seed)
        spec = self.train_spec(settings, seed, run, training, checks)
        outcome = learn(spec, strategy, series=series)
        run.emit(
            "phase", name="testing", title=_("Finding things on {n:,} test pictures", n=len(self.truth)), series=series
        )
        found = find(spec, outcome.network, self.prepared.part("test"), self.sizes("test"))
        if broken := sum(each.broken for each in found):
            self.tell(_("{n:,} answers were no numbers and were left out of the test.", n=broken))
        matches = metrics.matched(found, self.truth, len(self.classes))
        scores = Precisions([matches.influences()], matches.estimate(), self.too_few)
        return DetectionTrial(spec, outcome, found, matches, scores)

    def train_spec(
        self, settings: DetectionSettings, seed: int, run: Run, training: np.ndarray, checks: np.ndarray
    ) -> TrainSpec:
        path = weights.find(self.card)
        pictures = self.prepared.pictures
        return TrainSpec(
            family=self.family,
            as_it_came=self.as_it_came,
            build=lambda pretrained: self.build(pretrained=pretrained, seed=seed),
            weights=starts.filed_under(weights.sha256(path) if path else self.card.name, self.start),
            classes=len(self.classes),
            training=pictures.subset(torch.from_numpy(training)),
            validation=pictures.subset(torch.from_numpy(checks)) if len(checks) else None,
            settings=settings,
            seed=seed,
            unit=self.info.unit,
            run=run,
            on=self.on,
        )

    def for_the_rival(self) -> DetectionSettings:
        """Of the training from random weights: as many passes as the recipe's own computation pays for, where nobody
        says how many."""
        passes = self.settings.baseline_epochs or passes_from_scratch(self.card, self.recipe.strategy, self.settings)
        return replace(self.settings, epochs=passes, learning_rate=None)

    @cached_property
    def truth(self) -> list[Found]:
        return self.prepared.truth("test")

    def sizes(self, part: str) -> list[tuple[int, int]]:
        pictures = self.prepared.opened.pictures
        return [(pictures[i].width, pictures[i].height) for i in self.prepared.opened.at(part)]

    @property
    def too_few(self) -> str:
        """Why a test with so few boxes decides nothing."""
        return details.too_few(self.prepared.opened.counted("test"))

    def scores(self, outcomes: Sequence[np.ndarray]) -> Precisions:
        return Precisions(outcomes, too_few=self.too_few)

    # --- budgets --------------------------------------------------------------------------------------

    @cached_property
    def learnable(self) -> np.ndarray:
        """int64 (N,): positions of all that a budget may be drawn from."""
        opened = self.prepared.opened
        return np.sort(np.concatenate([opened.at("train"), opened.at("validation")]))

    @property
    def budgets(self) -> Budgets:
        kinds = self.prepared.opened.kinds
        low, high = budgets.bounds([kinds[i] for i in self.learnable])
        return Budgets(low, high, self.info.unit, _("one a class"), _("(all that are not tested on)"))

    def within(self, budget: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Positions of what is learnt from and of what decides when to stop."""
        opened = self.prepared.opened
        kinds = [opened.kinds[i] for i in self.learnable]
        groups = [opened.pictures[i].sha256 for i in self.learnable]
        chosen, checked = budgets.within(kinds, groups, budget, seed)
        return self.learnable[chosen], self.learnable[np.array(checked, dtype=np.int64)]

    def simple(self, budget: int, seed: int) -> dict[str, np.ndarray]:
        positions = np.concatenate(self.within(budget, seed))
        return {"usual_boxes": self._usual_boxes(positions).influences()}

    def _usual_boxes(self, positions: np.ndarray) -> Matches:
        pictures = self.prepared.opened.pictures
        found = baselines.usual_boxes([pictures[i] for i in positions], self.sizes("test"), len(self.classes))
        return metrics.matched(found, self.truth, len(self.classes))

    def items(self) -> Items:
        opened = self.prepared.opened
        groups = [opened.pictures[i].sha256 for i in opened.at("test")]
        n = len(groups)
        return Items(np.ones(n), np.zeros(n, dtype=np.int64), np.unique(groups, return_inverse=True)[1])

    # --- kept and told --------------------------------------------------------------------------------

    def keep(self, trial: Trial, value: Estimate) -> None:
        assert isinstance(trial, DetectionTrial)
        self.threshold = self.chosen_threshold(trial)
        predict.save(
            self.run.path / "model",
            trial.network,
            self.card,
            self.classes,
            self.prepared.format,
            threshold=self.threshold["value"],
        )
        predictions.write(self.run, self.prepared, trial.found, self.threshold["value"])
        export_script.record(self.recipe, self.card, self.prepared, trial, value.value)

    def chosen_threshold(self, trial: DetectionTrial) -> dict[str, Any]:
        """The score at which F1 is best on the validation pictures, and how many these are."""
        checks = self.prepared.opened.at("validation")
        best = None
        if len(checks):
            found = find(trial.spec, trial.network, self.prepared.part("validation"), self.sizes("validation"))
            best = metrics.best_threshold(metrics.matched(found, self.prepared.truth("validation"), len(self.classes)))
        if best is None:
            return {"value": predict.USUAL_THRESHOLD, "f1": None, "n": 0}
        return {"value": best[0], "f1": best[1], "n": len(checks)}

    def counts(self, trial: Trial) -> tuple[int, int, int]:
        n_train, n_validation, n_test = (len(self.prepared.opened.at(part)) for part in ("train", "validation", "test"))
        return n_train, n_validation, n_test

    def metrics(self, trial: Trial) -> dict[str, Estimate]:
        assert isinstance(trial, DetectionTrial)
        return {"map": trial.matches.estimate(slice(None))}

    def baselines(self, trial: Trial) -> dict[str, Scores | float]:
        """What one gets who never looks: the usual boxes of each class, the same on every picture."""
        matches = self._usual_boxes(self.prepared.opened.at("train"))
        return {"usual_boxes": Precisions([matches.influences()], matches.estimate(), self.too_few)}

    def workload(self) -> dict[str, Any]:
        return {"relative_cost": details.relative_cost(self.settings)}

    @cached_property
    def sure_before(self) -> list[Found]:
        """What it found on the test pictures of all the classes that it came with, before it learnt."""
        return self._of_old_classes(self.as_it_came(self._old_classes))

    @property
    def _old_classes(self) -> list[int]:
        return came_with.all_of(self.family.source_classes(self.card))

    def _of_old_classes(self, network: Staged) -> list[Found]:
        spec = self.train_spec(self.settings, self.recipe.seed, self.run, *map(self.prepared.opened.at, ("train",) * 2))
        return find(spec, network.requires_grad_(False), self.prepared.part("test"), self.sizes("test"))

    def forgotten(self, trial: DetectionTrial) -> dict[str, Any]:
        """`came_with`: what it still finds of the classes that it came with, see `came_with.kept`; `forgetting`, that
        in a sentence. Nothing of a network that came with none, or did not learn."""
        learns = self.recipe.strategy not in {Strategy.SCRATCH, Strategy.ZERO_SHOT}
        if not learns or not kinds.finds_already(self.card) or not self._old_classes:
            return {}
        again = came_with.give_back(self.as_it_came(self._old_classes), trial.network, self.family.OF_CLASSES)
        found = came_with.kept(self.sure_before, self._of_old_classes(again), len(self._old_classes))
        return {"came_with": found, "forgetting": found["text"]}

    def details(self, trial: Trial, before: Mapping[str, Scores], rival: Trial | None) -> dict[str, Any]:
        assert isinstance(trial, DetectionTrial)
        fit = overfitting.read(trial.progress.history, trial.progress.best_epoch, self.info.metric, self.info.unit)
        settings, strategy = self.settings, self.recipe.strategy
        return {
            **details.found(trial.found, self.truth, trial.matches, self.classes, self.threshold),
            "stages": self.card.stage_view(strategy, settings.blocks),
            "head_parameters": sum(p.numel() for p in trial.network.head().parameters()),
            "image_size": self.prepared.format.size,
            "input": _(
                "{size} pixels square, RGB, the whole picture. Normalisation is in `config.json`",
                size=self.prepared.format.size,
            ),
            "load_snippet": predict.SNIPPET,
            **overfitting.details(fit),
            **self.forgotten(trial),
            **({"library": self.family.NAME} if self.family.NAME != "pyramid" else {}),
            "card": details.card(self.prepared.opened),
        }
