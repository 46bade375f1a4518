"""Use a trained classifier of voices: load it, ask it, see when it decided, carry it home."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from engines import paths
from engines.cancellation import counted
from engines.contract import Predictor, Progress, Task
from engines.runs import RunFolder, no_model
from engines.speech.audio.clips import open_unlabelled
from engines.speech.audio.decode_cache import samples
from engines.speech.audio.recordings import Reading
from engines.speech.models import ge2e, speaker_catalogue
from engines.speech.models.ge2e_network import LAYERS, Encoder, looks
from engines.speech.settings import SpeakerSettings
from engines.training import devices, learnt_weights
from engines.training.staged import Staged


def load(task: Task, run: Path) -> Identifier:
    """See `contract.Task.load`."""
    return Identifier(run)


def model_folder(run: Path) -> Path:
    """The folder of a run's whole model. Raises InputError when it holds none, or its encoder is not to be had."""
    try:
        return learnt_weights.completed(run / "model", _as_it_came(run / "model"))
    except FileNotFoundError:
        raise no_model(run) from None


def keep_learnt_only(folder: Path) -> None:
    """See `training.learnt_weights.keep_folder_alone`."""
    learnt_weights.keep_folder_alone(folder, _as_it_came(folder))


def _as_it_came(folder: Path) -> Callable[[Path], None]:
    """Writes the weights that the model in `folder` started from into a folder, when it is called."""

    def write(out: Path) -> None:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        card = speaker_catalogue.find(config["architecture"])
        depth = config.get("layers", LAYERS)  # runs from before there was a choice have all
        model = ge2e.build(card, len(config["label_names"]), pretrained=True, seed=0, depth=depth).model
        save_file(model.state_dict(), out / learnt_weights.WHOLE)

    return write


class Identifier(Predictor):
    """A finished run's model, in memory. See `contract.Predictor`."""

    def __init__(self, run: Path):
        """Raises InputError when the run holds no model (yet)."""
        folder = model_folder(run)
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        state = load_file(folder / learnt_weights.WHOLE)
        self.reading = Reading.by(SpeakerSettings.parse(RunFolder(run).recipe.settings), "speaker")
        self.classes: list[str] = config["label_names"]
        own = config["headstart"]
        self.temperature, self.threshold = float(own["temperature"]), own["threshold"]
        self.centres = {name: np.array(centre) for name, centre in own["centres"].items()}
        self.device = devices.answers()
        self.model = Encoder(len(self.classes), config.get("layers", LAYERS))
        self.model.load_state_dict(state)
        self.model.eval().to(self.device)

    @property
    def network(self) -> Staged:
        """The same model in its stages."""
        return ge2e.staged(self.model)

    def ask(self, sound: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities (C,) and the embedding (WIDTH,) of float32 (N,) at 16 kHz."""
        with torch.no_grad():
            embedding = self.model.embed(looks(sound)[None].to(self.device))
            logits = self.model.head(embedding)[0].double().cpu()
        return (logits / self.temperature).softmax(0).numpy(), embedding[0].cpu().numpy()

    def stream(self, data: Path, progress: Progress | None = None) -> Iterator[dict[str, Any]]:
        """A row a file: label, confidence, probabilities, the embedding, its cosine with each known voice, and the
        cosine from which two clips count as one voice; of a table, the column that names the file. Of a long file,
        its first part is listened to."""
        work = paths.work(data)
        files, skipped = open_unlabelled(data, work, self.reading)
        yield from ({"file": entry.where, "error": entry.reason} for entry in skipped)
        for parts in counted(files, progress):
            probabilities, embedding = self.ask(samples(work, parts[0].checked, parts[0].span))
            best = int(probabilities.argmax())
            yield {
                "file": parts[0].source.name,
                "label": self.classes[best],
                "confidence": float(probabilities[best]),
                "probabilities": {c: float(p) for c, p in zip(self.classes, probabilities, strict=True)},
                "cosines": {name: float(embedding @ centre) for name, centre in self.centres.items()},
                "embedding": [round(float(x), 5) for x in embedding],
                "threshold": self.threshold,
                "seconds": round(parts[0].seconds, 2),
            } | parts[0].source.reading
