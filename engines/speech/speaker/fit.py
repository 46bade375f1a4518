"""The study of a classifier of voices: clips, the GE2E encoder, and what is kept of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from safetensors.torch import save_file

from engines.classification.fit import ClassificationStudy
from engines.contract import Recipe, Run, Task
from engines.speech.audio import files
from engines.speech.models import ge2e, speaker_catalogue
from engines.speech.settings import SpeakerSettings
from engines.speech.speaker import prepare
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


class SpeakerStudy(ClassificationStudy[Prepared, SpeakerSettings]):
    """Clips of a few speakers."""

    steadier = ("more variation of the clips", {"augment": "speed"})

    def prepare(self) -> Prepared:
        return prepare.prepare(self.recipe, self.settings, self.run)

    def build(self, *, pretrained: bool, seed: int, depth: int = 0) -> Staged:
        return ge2e.build(self.card, len(self.prepared.classes), pretrained=pretrained, seed=seed, depth=depth)

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
            prepared.found["verification"] |= {"after": None, "why": "This encoder has learnt from every clip."}
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

    def free_baselines(self) -> Mapping[str, Callable[[Prepared], np.ndarray]]:
        return {"nearest_voice": nearest_voice}

    def own_details(self) -> dict[str, Any]:
        known = {"input": "mono sound, 16,000 samples a second", "load_snippet": SNIPPET}
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
