"""What a run of a classifier of voices brings to `engines.classifying`, and what it keeps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from accelerate import Accelerator
from safetensors.torch import save_file

from engines.classifying.domain import Domain
from engines.contract import ModelCard, Recipe, Run
from engines.speech import audio, ge2e, speaker_card, voices
from engines.speech.settings import SpeakerSettings
from engines.speech.voices import Prepared, Voices
from engines.training.staged import Staged
from engines.training.transfer import Learnt

MOST_CLIPS = 200
SNIPPET = """\
import json, safetensors.torch, torch
from voice import Encoder, looks  # voice.py lies beside the weights
config = json.load(open("config.json"))
model = Encoder(len(config["label_names"])).eval()
model.load_state_dict(safetensors.torch.load_file("model.safetensors"))"""


def keep(
    run: Run, prepared: Prepared, learnt: Learnt, card: ModelCard, recipe: Recipe, settings: SpeakerSettings,  # noqa: ARG001
    *, on: Accelerator, temperature: float, value: float,  # noqa: ARG001
) -> None:  # fmt: skip
    """See `classifying.domain.Keep`. Also finds out what the embeddings say, while the network is at hand."""
    folder = run.path / "model"
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in learnt.network.model.state_dict().items()}
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    came_with = came_as(card, len(prepared.classes))
    prepared.found = voices.findings(prepared, came_with, learnt.network, recipe.seed)
    checked = prepared.found["verification"]["after"]
    config = {
        "architecture": card.name,
        "label_names": prepared.classes,
        "headstart": {
            "temperature": temperature,
            "threshold": checked["threshold"] if checked else None,
            "centres": prepared.found["centres"],
        },
    }
    (folder / "config.json").write_text(json.dumps(config, ensure_ascii=False), encoding="utf-8")


def came_as(card: ModelCard, classes: int) -> Staged:
    return ge2e.build(card, classes, pretrained=True, seed=0)


def columns(folder: Path, prepared: Prepared, probabilities: np.ndarray, *_: object) -> dict[str, Any]:
    """The test clips as small Ogg files, the most confident mistakes first among those that are kept."""
    rows = prepared.parts["test"]
    labels, predicted = prepared.labels("test"), probabilities.argmax(1)
    order = np.lexsort((-probabilities.max(1), predicted == labels))[:MOST_CLIPS]
    sounds: list[str | None] = [None] * len(rows)
    for i in order.tolist():
        sounds[i] = f"clips/{i:05d}.ogg"
        audio.write(folder / f"clips/{i:05d}.ogg", prepared.voices.samples[rows[i]])
    return {"sound": sounds}


def details(card: ModelCard, settings: SpeakerSettings, prepared: Prepared) -> dict[str, Any]:  # noqa: ARG001
    known = {"input": "mono sound, 16,000 samples a second", "load_snippet": SNIPPET}
    return known | {name: value for name, value in prepared.found.items() if name != "centres"}


def nearest_voice(prepared: Prepared) -> np.ndarray:
    """int64 (N,): the speaker whose training clips are nearest on average, by the encoder as it came."""
    network = came_as(speaker_card.card(), len(prepared.classes))
    learning, testing = prepared.part("train"), prepared.part("test")
    assert isinstance(learning, Voices)
    assert isinstance(testing, Voices)
    known, labels = voices.embeddings(network, learning), learning.labels.numpy()
    centres = np.stack([
        voices.unit(known[labels == c].mean(0)) if (labels == c).any() else np.full(known.shape[1], -1.0)
        for c in range(len(prepared.classes))
    ])  # fmt: skip
    answers: np.ndarray = (voices.embeddings(network, testing) @ centres.T).argmax(1)
    return answers


DOMAIN = Domain(
    settings=SpeakerSettings,
    prepare=voices.prepare,
    build=ge2e.build,
    keep=keep,
    columns=columns,
    details=details,
    baselines={"nearest_voice": nearest_voice},
    steadier=("more variation of the clips will hold it back", {"augment": "speed"}),
)
