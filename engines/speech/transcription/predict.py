"""Use a trained recogniser: keep it, load it, ask it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from engines import paths
from engines.cancellation import counted
from engines.contract import InputError, ModelCard, Predictor, Progress, Task
from engines.messages import _
from engines.runs import RunFolder, no_model
from engines.speech.audio.clips import Clip, open_unlabelled
from engines.speech.audio.recordings import Reading
from engines.speech.models import catalogue, recogniser
from engines.speech.models.recogniser import Recogniser
from engines.speech.models.states import AT_ONCE, EncoderStates
from engines.speech.settings import TranscriptionSettings
from engines.speech.transcription.train import TrainSpec
from engines.training import learnt_weights
from engines.training.devices import accelerator
from engines.training.settings import TrainSettings

INPUT = _("mono sound, 16,000 samples a second, up to 30 seconds at a time")
OWN = "headstart.json"
WEIGHTS = learnt_weights.WHOLE
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


def save(folder: Path, spec: TrainSpec, card: ModelCard) -> None:
    """Writes what Transformers loads, and what Headstart needs to know besides."""
    folder.mkdir(parents=True, exist_ok=True)
    spec.recogniser.network.to("cpu")
    spec.recogniser.save(folder)
    own = {"model": card.name, "language": spec.settings.language}
    (folder / OWN).write_text(json.dumps(own, indent=2), encoding="utf-8")
    spec.recogniser.network.to(spec.on.device)


def kept(run: Path) -> dict[str, Any]:
    """What a run's model/headstart.json says. Raises InputError when the run holds no model (yet)."""
    try:
        known: dict[str, Any] = json.loads((run / "model" / OWN).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise no_model(run) from None
    return known


def model_folder(run: Path) -> Path:
    """The folder of a run's whole model. Raises InputError when it holds none (yet), or the model that it came from is
    not to be had."""
    known = kept(run)
    try:
        return learnt_weights.completed(run / "model", _as_it_came(known["model"]))
    except FileNotFoundError:
        raise no_model(run) from None


def keep_learnt_only(folder: Path) -> None:
    """See `training.learnt_weights.keep_folder_alone`."""
    known = json.loads((folder / OWN).read_text(encoding="utf-8"))
    learnt_weights.keep_folder_alone(folder, _as_it_came(known["model"]))


def _as_it_came(model: str) -> Callable[[Path], None]:
    """Writes the pretrained model into a folder, when it is called."""
    return lambda folder: recogniser.build(catalogue.describe(model)).save(folder)


def load(task: Task, run: Path) -> Transcriber:
    """See `contract.Task.load`."""
    return Transcriber(run)


class Transcriber(Predictor):
    """A finished run's model, in memory. See `contract.Predictor`."""

    def __init__(self, run: Path):
        """Raises InputError when the run holds no model (yet)."""
        self.known, folder = kept(run), model_folder(run)
        self.reading = Reading.by(TranscriptionSettings.parse(RunFolder(run).recipe.settings), "transcription")
        self.device = accelerator(TrainSettings(mixed_precision="no")).device
        self.recogniser = recogniser.load(self.known["model"], folder / WEIGHTS, folder, self.known["language"])
        self.recogniser.network.to(self.device).eval()

    @cached_property
    def base(self) -> Recogniser | None:
        """The model before it learnt; None where its weights are no longer to be had."""
        try:
            card = catalogue.describe(self.known["model"])
            found = recogniser.build(card, self.known["language"])
        except InputError:
            return None
        found.network.to(self.device).eval()
        return found

    def stream(self, data: Path, progress: Progress | None = None) -> Iterator[dict[str, Any]]:
        """A row a file: {'file', 'label': what it hears now, 'before': what the model heard before, 'seconds'}; of a
        table also 'column', which names the file."""
        work = paths.work(data)
        files, skipped = open_unlabelled(data, work, self.reading)
        yield from ({"file": entry.where, "error": entry.reason} for entry in skipped)
        for parts in counted(files, progress):
            row: dict[str, Any] = {"file": parts[0].source.name, "label": self.heard(self.recogniser, parts, work)}
            if self.base is not None:
                row["before"] = self.heard(self.base, parts, work)
            seconds = round(sum(part.seconds for part in parts), 2)
            yield row | {"seconds": seconds} | parts[0].source.reading

    def heard(self, model: Recogniser, parts: list[Clip], work: Path) -> str:
        """What `model` hears in the parts of one file, one after another."""
        from engines.speech.audio.decode_cache import samples

        said: list[str] = []
        for some in (parts[i : i + AT_ONCE] for i in range(0, len(parts), AT_ONCE)):
            states = [model.hear(samples(work, part.checked, part.span)) for part in some]
            batch = EncoderStates(states, torch.zeros(len(some), 0, dtype=torch.int64)).to(self.device)
            said += [own.text for own in model.write(batch, 0, [part.seconds for part in some])]
        return " ".join(text for text in said if text)
