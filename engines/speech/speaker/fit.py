"""The study of a classifier of voices: clips, the GE2E encoder, and what is kept of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from engines import paths
from engines.adaptation.target import Brought, Source
from engines.classification.adapting import AdaptingStudy
from engines.contract import Budgets, Recipe, Run, Task
from engines.messages import _
from engines.speech.audio import decode_cache, files
from engines.speech.audio.files import RATE
from engines.speech.audio.preview import SPOKEN
from engines.speech.models import ge2e, speaker_catalogue
from engines.speech.settings import SpeakerSettings
from engines.speech.speaker import prepare, target
from engines.speech.speaker.prepare import Prepared, Voices
from engines.training.staged import Staged
from engines.training.transfer import TrainOutcome, TrainSpec

MOST_CLIPS = 200
SNIPPET = """\
import json, safetensors.torch, torch
from voice import Encoder, looks  # voice.py lies beside the weights
config = json.load(open("config.json"))
model = Encoder(len(config["label_names"]), config["layers"]).eval()
model.load_state_dict(safetensors.torch.load_file("model.safetensors"))"""


def open_study(task: Task, recipe: Recipe, settings: SpeakerSettings, run: Run) -> SpeakerStudy:
    """See `contract.Task.open`."""
    return SpeakerStudy(task, recipe, settings, run)


class SpeakerStudy(AdaptingStudy[Prepared, SpeakerSettings]):
    """Clips of a few speakers."""

    steadier = (_("more variation of the clips"), {"augment": "speed"})

    def prepare(self) -> Prepared:
        return prepare.prepare(self.recipe, self.settings, self.run)

    def build(self, *, pretrained: bool, seed: int, depth: int = 0) -> Staged:
        return ge2e.build(self.card, len(self.prepared.classes), pretrained=pretrained, seed=seed, depth=depth)

    def source(self) -> Source:
        return Source(self.prepared.classes, frozenset(self.prepared.groups))

    def open_target(self, source: Source) -> Brought:
        return target.open_target(Path(str(self.recipe.target)), source, self.settings, seed=self.recipe.seed)

    def target_examples(self, brought: Brought) -> Voices:
        work = paths.work(Path(str(self.recipe.target)))
        sounds = [decode_cache.samples(work, clip.checked, clip.span) for clip in brought.items]
        return Voices(sounds, torch.full((len(sounds),), -1), "none")

    def keep_model(self, outcome: TrainOutcome, *, temperature: float, value: float) -> None:
        """Also finds out what the embeddings say, while the network is at hand."""
        prepared, folder = self.prepared, self.run.path / "model"
        folder.mkdir(parents=True, exist_ok=True)
        state = {
            name: tensor.detach().cpu().contiguous() for name, tensor in outcome.network.model.state_dict().items()
        }
        save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
        came_with = self.build(pretrained=True, seed=0)
        prepared.found = prepare.findings(prepared, came_with, outcome.network, self.recipe.seed)
        if self.folds and self.recipe.strategy.boundary(1, 1) == 0:
            prepared.found["verification"] |= {"after": None, "why": _("This encoder has learnt from every clip.")}
        checked = prepared.found["verification"]["after"]
        config = {
            "architecture": self.card.name,
            "label_names": prepared.classes,
            "layers": len(outcome.network.stages),
            "headstart": {
                "temperature": temperature,
                "threshold": checked["threshold"] if checked else None,
                "centres": prepared.found["centres"],
            },
        }
        (folder / "config.json").write_text(json.dumps(config, ensure_ascii=False), encoding="utf-8")

    def columns(self, spec: TrainSpec, outcome: TrainOutcome) -> dict[str, Any]:
        """The test clips as small Ogg files, the most confident mistakes first among those that are kept."""
        rows, predicted = self.prepared.parts["test"], self.probabilities.argmax(1)
        order = np.lexsort((-self.probabilities.max(1), predicted == self.labels))[:MOST_CLIPS]
        sounds: list[str | None] = [None] * len(rows)
        for i in order.tolist():
            sounds[i] = f"clips/{i:05d}.ogg"
            files.write(self.run.path / f"clips/{i:05d}.ogg", self.prepared.voices.samples[rows[i]])
        return {"sound": sounds}

    @cached_property
    def sizes(self) -> list[float]:
        """In seconds, for a label is as long as its clip."""
        samples = self.prepared.voices.samples
        return [len(samples[i]) / RATE for i in self.learnable]

    @property
    def budgets(self) -> Budgets:
        return replace(super().budgets, unit=SPOKEN, low_reason=_("the longest clip of each voice"))

    def learnt_from(self, budget: int) -> int:
        return max(1, round(budget / float(np.mean(self.sizes))))

    def free_baselines(self) -> Mapping[str, Callable[[Prepared], np.ndarray]]:
        return {"nearest_voice": nearest_voice}

    def own_details(self) -> dict[str, Any]:
        known = {"input": _("mono sound, 16,000 samples a second"), "load_snippet": SNIPPET}
        return known | {name: value for name, value in self.prepared.found.items() if name != "centres"}


def nearest_voice(prepared: Prepared) -> np.ndarray:
    """int64 (N,): the speaker whose training clips are nearest on average, by the encoder as it came."""
    network = ge2e.build(speaker_catalogue.card(), len(prepared.classes), pretrained=True, seed=0)
    learning, testing = prepared.part("train"), prepared.part("test")
    assert isinstance(learning, Voices)
    assert isinstance(testing, Voices)
    known, labels = prepare.embeddings(network, learning), learning.labels.numpy()
    centres = np.stack(
        [
            prepare.unit(known[labels == c].mean(0)) if (labels == c).any() else np.full(known.shape[1], -1.0)
            for c in range(len(prepared.classes))
        ]
    )
    answers: np.ndarray = (prepare.embeddings(network, testing) @ centres.T).argmax(1)
    return answers
