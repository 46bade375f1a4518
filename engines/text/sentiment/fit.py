"""The study of a text classifier: texts as tokens, a network of Transformers, and what is kept of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from engines.adaptation.target import Brought, Source
from engines.classification.adapting import AdaptingStudy
from engines.contract import Recipe, Run, Task
from engines.messages import _
from engines.text.models import encoders
from engines.text.models.tokenising import TextExamples
from engines.text.sentiment import baselines, check, embedding_map, export_script, predict, prepare, target, zero_shot
from engines.text.sentiment.prepare import Prepared
from engines.text.settings import TextSettings
from engines.training.staged import Staged
from engines.training.transfer import TrainOutcome, TrainSpec


def open_study(task: Task, recipe: Recipe, settings: TextSettings, run: Run) -> TextStudy:
    """See `contract.Task.open`."""
    return TextStudy(task, recipe, settings, run)


class TextStudy(AdaptingStudy[Prepared, TextSettings]):
    """Texts of a few classes."""

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
        export_script.record(self, outcome, value)

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
        }
