"""The study of a text classifier: texts as tokens, a network of Transformers, and what is kept of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from engines.adaptation.target import Brought, Source
from engines.classification.adapting import AdaptingStudy
from engines.contract import Cancelled, InputError, Problem, Recipe, Run, Scores, Strategy, Task, Trial
from engines.messages import _
from engines.text.models import encoders, masked_words
from engines.text.models.masked_words import ContinuedPretraining
from engines.text.models.tokenising import TextExamples
from engines.text.sentiment import baselines, check, embedding_map, export_script, predict, prepare, target, zero_shot
from engines.text.sentiment.prepare import Prepared
from engines.text.settings import TextSettings
from engines.training.settings import TrainSettings
from engines.training.staged import Staged
from engines.training.transfer import TrainOutcome, TrainSpec
from engines.trial_runs import TrialRun


def open_study(task: Task, recipe: Recipe, settings: TextSettings, run: Run) -> TextStudy:
    """See `contract.Task.open`."""
    return TextStudy(task, recipe, settings, run)


class TextStudy(AdaptingStudy[Prepared, TextSettings]):
    """Texts of a few classes."""

    reads_on: ContinuedPretraining | None = None
    """What the network goes on with before it learns the classes, where that was asked for."""

    def __init__(self, task: Task, recipe: Recipe, settings: TextSettings, run: Run):
        super().__init__(task, recipe, settings, run)
        if not settings.masked_words:
            return
        if (strategy := recipe.strategy) in {Strategy.ZERO_SHOT, Strategy.SCRATCH}:
            found = _("with '{strategy}' nothing goes on from the model's own weights", strategy=strategy)
            raise InputError(Problem(_("setting masked_words"), found, _("accepted: 0, or a strategy that does")))
        reader, seed = self.prepared.reader, recipe.seed
        masked_words.require(self.build(pretrained=False, seed=seed), reader, self.card.title)
        own, parts = [text.text for text in self.prepared.texts], self.prepared.parts
        known = [own[i] for part in ("train", "validation") for i in parts[part]] + self.prepared.unlabelled
        known += [str(text) for text in self.target.brought.items] if self.target else []
        texts = masked_words.some(known, [own[i] for i in parts["test"]], seed)
        self.reads_on = ContinuedPretraining(reader, texts, settings.masked_words, seed, run)
        self.notes.append(
            _(
                "Continued pretraining, an experiment: masked words of {n:,} texts, whatever their class, before "
                "anything is learnt from labels. Nothing that is tested on is among them.",
                n=len(texts),
            )
        )

    def before(self) -> dict[str, Scores]:
        known = super().before()
        if self.reads_on and self.folds:
            found = _("in folds every text is tested on, so that none may be read before")
            raise InputError(Problem(_("setting masked_words"), found, _("accepted: 0, or setting folds=0")))
        return known

    def train_spec(self, settings: TrainSettings, seed: int, run: Run) -> TrainSpec:
        spec = super().train_spec(settings, seed, run)
        return self.reads_on.behind(spec) if self.reads_on else spec

    def baselines(self, trial: Trial) -> dict[str, Scores | float]:
        """With continued pretraining also the same without it; not where that is cancelled, for the model is there."""
        known = super().baselines(trial)
        if self.reads_on:
            aside, self.reads_on = self.reads_on, None
            try:
                run = TrialRun(self.run, "checkpoint/without masked words")
                plain = self.trial(self.recipe.strategy, series="aside", run=run)
                known["without_masked_words"] = plain.scores
            except Cancelled:
                pass
            finally:
                self.reads_on = aside
        return known

    def prepare(self) -> Prepared:
        return prepare.prepare(self.recipe, self.card, self.settings, self.run)

    def build(self, *, pretrained: bool, seed: int, depth: int = 0) -> Staged:
        return encoders.build(self.card, len(self.prepared.classes), pretrained=pretrained, seed=seed, depth=depth)

    def zero_shot(self) -> Staged:
        return zero_shot.network(self.prepared, self.settings, self.card)

    def source(self) -> Source:
        prepared = self.prepared
        return Source(prepared.classes, frozenset(text.content for text in prepared.texts), prepared.reading)

    def open_target(self, source: Source) -> Brought:
        return target.open_target(Path(str(self.recipe.target)), source, self.settings, seed=self.recipe.seed)

    def target_examples(self, brought: Brought) -> TextExamples:
        return prepare.unlabelled(brought.items, brought.contents, self.prepared.reader, self.run)

    def keep_model(self, outcome: TrainOutcome, *, temperature: float, value: float) -> None:
        self.save(outcome, temperature)
        export_script.record(self, outcome, value)

    def save(self, outcome: TrainOutcome, temperature: float) -> None:
        """Writes the model alone."""
        folder, prepared = self.run.path / "model", self.prepared
        predict.save(
            folder,
            outcome.network,
            self.card,
            prepared.classes,
            self.settings,
            temperature=temperature,
            columns=prepared.reading,
        )

    def columns(self, spec: TrainSpec, outcome: TrainOutcome) -> dict[str, Any]:
        """The test texts themselves, and where they lie on the maps before and after the training."""
        self.run.emit("phase", name="mapping", title=_("Drawing the map of the texts"))
        return self.shown(self.prepared.parts["test"]) | embedding_map.of_test(self.prepared, spec, outcome)

    def shown(self, positions: np.ndarray) -> dict[str, list[str | None]]:
        return {"text": [self.prepared.texts[i].text for i in positions]}

    def workload(self) -> dict[str, Any]:
        return {"relative_cost": check.relative_cost(self.prepared.texts)}

    def free_baselines(self) -> Mapping[str, Callable[[Prepared], np.ndarray]]:
        return {"tfidf_logistic_regression": baselines.tfidf_logistic_regression}

    def own_details(self) -> dict[str, Any]:
        settings = self.settings
        read = _(
            "windows of up to {max_tokens:,} tokens, at most {max_windows} a text",
            max_tokens=settings.max_tokens,
            max_windows=settings.max_windows,
        )
        return {
            "load_snippet": predict.snippet(self.card),
            "input": _("text, read in {read}; the answer is the mean over its windows", read=read),
            "long": self.prepared.long,
            "left_out": self.prepared.left_out,
            **({"masked_words": len(self.reads_on.texts)} if self.reads_on else {}),
        }
