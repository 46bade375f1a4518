"""The study of an image classifier: photographs, a network of timm, and what is kept of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from PIL import Image

from engines.adaptation.target import Brought, Source
from engines.classification.adapting import AdaptingStudy
from engines.classification.few_labels import prompts
from engines.classification.trial import ClassificationTrial
from engines.contract import Estimate, Recipe, Run, Task, Trial
from engines.messages import _
from engines.training.loop import BatchMix
from engines.training.staged import Staged
from engines.training.transfer import TrainOutcome, TrainSpec
from engines.vision.classification import clinic, export_script, predict, prepare, target
from engines.vision.classification.prepare import Prepared
from engines.vision.classification.settings import VisionSettings
from engines.vision.images import pixel_baseline
from engines.vision.images.batch_mixing import mixing
from engines.vision.images.transforms import LOOKS, Later, Photos
from engines.vision.models import image_text, network
from engines.vision.models.catalogue import reads_names

MOST_THUMBNAILS = 1000
THUMBNAIL_PIXELS = 160


def open_study(task: Task, recipe: Recipe, settings: VisionSettings, run: Run) -> VisionStudy:
    """See `contract.Task.open`."""
    return VisionStudy(task, recipe, settings, run)


class VisionStudy(AdaptingStudy[Prepared, VisionSettings]):
    """Photographs of a few classes."""

    clinical: Mapping[str, Any] = MappingProxyType({})
    """What its result says besides where its pictures are of patients."""
    steadier = (_("stronger variation of the pictures"), {"augment": "strong"})

    def prepare(self) -> Prepared:
        return prepare.prepare(self.recipe, self.card, self.settings, self.run)

    def compute(self) -> None:
        """Decodes the photographs."""
        squares = self.prepared.photos.squares
        assert isinstance(squares, Later)
        _ = squares.array

    def build(self, *, pretrained: bool, seed: int, depth: int = 0) -> Staged:
        return network.build(self.card, len(self.prepared.classes), pretrained=pretrained, seed=seed, depth=depth)

    def zero_shot(self) -> Staged:
        return image_text.named(
            self.card, prompts.sentences(self.prepared.classes, self.settings.prompt, self.settings.class_names)
        )

    def source(self) -> Source:
        return Source(self.prepared.classes, frozenset(self.prepared.groups))

    def open_target(self, source: Source) -> Brought:
        return target.open_target(Path(str(self.recipe.target)), source, self.settings, seed=self.recipe.seed)

    def target_examples(self, brought: Brought) -> Photos:
        return prepare.unlabelled(brought.items, brought.contents, self.prepared.photos.format, self.run)

    def keep_model(self, outcome: TrainOutcome, *, temperature: float, value: float) -> None:
        self.save(outcome, temperature)
        export_script.record(self, outcome, value)

    def save(self, outcome: TrainOutcome, temperature: float) -> None:
        """Writes the model alone."""
        predict.save(
            self.run.path / "model",
            outcome.network,
            self.card,
            self.prepared.classes,
            self.prepared.photos.format,
            temperature=temperature,
            test_time=self.settings.test_time,
            further=clinic.kept_with_model(self.settings) if self.prepared.clinical else {},
        )

    def keep(self, trial: Trial, value: Estimate) -> None:
        super().keep(trial, value)
        assert isinstance(trial, ClassificationTrial)
        self.clinical = clinic.found(self, trial) if self.prepared.clinical else {}

    def columns(self, spec: TrainSpec, outcome: TrainOutcome) -> dict[str, Any]:
        """Thumbnails of the test pictures, the most confident mistakes first."""
        rows, predicted = self.prepared.parts["test"], self.probabilities.argmax(1)
        order = np.lexsort((-self.probabilities.max(1), predicted == self.labels))[:MOST_THUMBNAILS]
        made: list[str | None] = [None] * len(rows)
        for i, name in zip(order, self.pictures(rows[order]), strict=True):
            made[i] = name
        return {"thumbnail": made}

    def shown(self, positions: np.ndarray) -> dict[str, list[str | None]]:
        """Thumbnails, which lie apart from those of test pictures."""
        return {"thumbnail": self.pictures(positions, "thumbnails/learnt_from")}

    def pictures(self, positions: np.ndarray, into: str = "thumbnails") -> list[str | None]:
        """Thumbnails of the photographs at these positions, by their paths relative to the run."""
        folder = self.run.path
        (folder / into).mkdir(parents=True, exist_ok=True)
        made: list[str | None] = []
        for position in positions.tolist():
            square = self.prepared.photos.pixels(torch.tensor([position]))[0].permute(1, 2, 0).numpy()
            made.append(f"{into}/{position:06d}.jpg")
            Image.fromarray(square).resize((THUMBNAIL_PIXELS,) * 2).save(folder / str(made[-1]), quality=85)
        return made

    def simple_methods(self) -> Mapping[str, Callable[[Prepared], np.ndarray]]:
        return {"pixels_logistic_regression": weighed_pixels}

    def own_details(self) -> dict[str, Any]:
        size = self.prepared.photos.format.size
        said = _("{size} pixels square, RGB. Normalisation and framing are in `config.json`", size=size)
        early = self.settings.ends_early(len(self.card.stages))
        lines = predict.snippet(ends_early=early, of_tower=reads_names(self.card))
        library = {"library": "transformers"} if reads_names(self.card) else {}
        return {"image_size": size, "input": said, "load_snippet": lines, **library, **self.clinical}

    def mix(self) -> BatchMix | None:
        return mixing(self.settings.mix, len(self.prepared.classes))

    def looks(self, examples: Photos) -> list[Photos]:
        looks = LOOKS[self.settings.test_time]
        return [examples if look == examples.look else replace(examples, look=look) for look in looks]


def weighed_pixels(prepared: Prepared) -> np.ndarray:
    """The class, int64 (N,), of each test picture by its pixels alone, learnt from all that is not tested on."""
    rows = np.concatenate([prepared.parts["train"], prepared.parts["validation"]])
    labels = prepared.examples.labels.numpy()[rows]
    return pixel_baseline.logistic_regression(prepared.photos, labels, rows, prepared.parts["test"])
