"""Use a trained recogniser: keep it, load it, ask it, carry it home."""

from __future__ import annotations

import json
import shutil
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from engines import places
from engines.contract import InputError, ModelCard
from engines.export.parcel import parcel
from engines.runs import no_model
from engines.speech import catalogue, recogniser
from engines.speech.adapting import AT_ONCE, Lesson
from engines.speech.clips import Clip, open_unlabelled
from engines.speech.heard import Heard
from engines.speech.recogniser import Recogniser
from engines.training.devices import accelerator
from engines.training.settings import TrainSettings

INPUT = "mono sound, 16,000 samples a second, up to 30 seconds at a time"
OWN = "headstart.json"
WEIGHTS = "model.safetensors"
WHISPER = """\
from transformers import WhisperForConditionalGeneration, WhisperProcessor
model = WhisperForConditionalGeneration.from_pretrained(".")
processor = WhisperProcessor.from_pretrained(".")"""
CTC = """\
from transformers import AutoModelForCTC, Wav2Vec2Processor
model = AutoModelForCTC.from_pretrained(".")
processor = Wav2Vec2Processor.from_pretrained(".")"""
"""Load the exported model back, in the folder it was unpacked to."""


def snippet(model: Recogniser) -> str:
    return WHISPER if hasattr(model, "extractor") and hasattr(model, "prompt") else CTC


def save(folder: Path, lesson: Lesson, card: ModelCard) -> None:
    """Writes what Transformers loads, and what Headstart needs to know besides."""
    folder.mkdir(parents=True, exist_ok=True)
    lesson.recogniser.network.to("cpu")
    lesson.recogniser.save(folder)
    own = {"model": card.name, "language": lesson.settings.language}
    (folder / OWN).write_text(json.dumps(own, indent=2), encoding="utf-8")
    lesson.recogniser.network.to(lesson.on.device)


def kept(run: Path) -> dict[str, Any]:
    """What a run's model/headstart.json says. Raises InputError when the run holds no model (yet)."""
    try:
        known: dict[str, Any] = json.loads((run / "model" / OWN).read_text(encoding="utf-8"))
        if (run / "model" / WEIGHTS).is_file():
            return known
    except FileNotFoundError:
        pass
    raise no_model(run)


class Transcriber:
    """A finished run's model, in memory. See `contract.Predictor`."""

    def __init__(self, run: Path):
        """Raises InputError when the run holds no model (yet)."""
        self.known = kept(run)
        folder = run / "model"
        self.device = accelerator(TrainSettings()).device
        self.recogniser = recogniser.load(self.known["model"], folder / WEIGHTS, folder, self.known["language"])
        self.recogniser.network.to(self.device).eval()

    @cached_property
    def base(self) -> Recogniser | None:
        """The model before it learnt; None where its weights are no longer to be had."""
        try:
            card = catalogue.find(self.known["model"]) or catalogue.describe(self.known["model"])
            found = recogniser.build(card, self.known["language"])
        except InputError:
            return None
        found.network.to(self.device).eval()
        return found

    def predict(self, data: Path) -> list[dict[str, Any]]:
        """A row a file: {'file', 'label': what it hears now, 'before': what the model heard before, 'seconds'}."""
        work = places.work(data)
        files, skipped = open_unlabelled(data, work)
        rows: list[dict[str, Any]] = [{"file": entry.where, "error": entry.reason} for entry in skipped]
        for parts in files:
            row: dict[str, Any] = {"file": parts[0].source.name, "label": self.heard(self.recogniser, parts, work)}
            if self.base is not None:
                row["before"] = self.heard(self.base, parts, work)
            rows.append(row | {"seconds": round(sum(part.seconds for part in parts), 2)})
        return rows

    def heard(self, model: Recogniser, parts: list[Clip], work: Path) -> str:
        """What `model` hears in the parts of one file, one after another."""
        from engines.speech.checked import samples

        said: list[str] = []
        for some in (parts[i : i + AT_ONCE] for i in range(0, len(parts), AT_ONCE)):
            states = [model.hear(samples(work, part.checked, part.span)) for part in some]
            batch = Heard(states, torch.zeros(len(some), 0, dtype=torch.int64)).to(self.device)
            said += model.write(batch, 0, [part.seconds for part in some])
        return " ".join(text for text in said if text)


def export(run: Path, out: Path) -> Path:
    """The model in Transformers' files, model card and recipe, as a folder, or as a zip when `out` ends in .zip.

    Raises InputError when the run holds no model.
    """
    kept(run)
    with parcel(out) as folder:
        for file in sorted((run / "model").iterdir()):
            if file.name not in {OWN, "lesson.json", "split.csv"}:
                shutil.copyfile(file, folder / file.name)
        for file in (run / "README.md", run / "recipe.json"):
            shutil.copyfile(file, folder / file.name)
    return out
