"""Use a trained classifier of voices: load it, ask it, see when it decided, carry it home."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file

from engines import places
from engines.contract import InputError, Problem
from engines.export.parcel import parcel
from engines.runs import no_model
from engines.speech import ge2e, pictures
from engines.speech.audio import RATE
from engines.speech.checked import samples
from engines.speech.clips import clips_to_explain, open_unlabelled

METHODS = {"leave-out": "Leave-one-moment-out"}
MOMENT = 0.25  # seconds


class Identifier:
    """A finished run's model, in memory. See `contract.Predictor`."""

    def __init__(self, run: Path):
        """Raises InputError when the run holds no model (yet)."""
        try:
            config = json.loads((run / "model" / "config.json").read_text(encoding="utf-8"))
            state = load_file(run / "model" / "model.safetensors")
        except FileNotFoundError:
            raise no_model(run) from None
        self.classes: list[str] = config["label_names"]
        own = config["headstart"]
        self.temperature, self.threshold = float(own["temperature"]), own["threshold"]
        self.centres = {name: np.array(centre) for name, centre in own["centres"].items()}
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model = ge2e.Encoder(len(self.classes))
        self.model.load_state_dict(state)
        self.model.eval().to(self.device)

    def ask(self, sound: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities (C,) and the embedding (WIDTH,) of float32 (N,) at 16 kHz."""
        with torch.no_grad():
            embedding = self.model.embed(ge2e.looks(sound)[None].to(self.device))
            logits = self.model.head(embedding)[0].double().cpu()
        return (logits / self.temperature).softmax(0).numpy(), embedding[0].cpu().numpy()

    def predict(self, data: Path) -> list[dict[str, Any]]:
        """A row a file: label, confidence, probabilities, the embedding, its cosine with each known voice, and the
        cosine from which two clips count as one voice. Of a long file, its first part is listened to."""
        work = places.work(data)
        files, skipped = open_unlabelled(data, work)
        rows: list[dict[str, Any]] = [{"file": entry.where, "error": entry.reason} for entry in skipped]
        for parts in files:
            probabilities, embedding = self.ask(samples(work, parts[0].checked, parts[0].span))
            best = int(probabilities.argmax())
            rows.append(
                {
                    "file": parts[0].source.name,
                    "label": self.classes[best],
                    "confidence": float(probabilities[best]),
                    "probabilities": {c: float(p) for c, p in zip(self.classes, probabilities, strict=True)},
                    "cosines": {name: float(embedding @ centre) for name, centre in self.centres.items()},
                    "embedding": [round(float(x), 5) for x in embedding],
                    "threshold": self.threshold,
                    "seconds": round(parts[0].seconds, 2),
                }
            )
        return rows


def explain(
    run: Path, data: Path, out: Path, *, method: str | None = None, example: str | None = None
) -> list[dict[str, Any]]:
    """A spectrogram (PNG, below `out`) for each clip, bright where silencing a moment makes the answer less sure.

    Every MOMENT is silenced by itself (occlusion, Zeiler & Fergus 2014). Raises InputError.
    """
    if method not in {None, *METHODS}:
        raise InputError(Problem("method", f"found {method!r}", f"accepted: {', '.join(METHODS)}"))
    identifier, work = Identifier(run), places.work(data)
    clips, skipped = clips_to_explain(data, work, example, needs="speaker")
    out.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = [{"file": entry.where, "error": entry.reason} for entry in skipped]
    for number, clip in enumerate(clips):
        sound = samples(work, clip.checked, clip.span)
        label, matters = moments(identifier, sound)
        picture = out / f"{number:04d}-{Path(clip.source.name).stem[:60]}.png"
        loud = pictures.log_mel(sound).numpy()
        bright = np.interp(np.linspace(0, 1, loud.shape[1]), np.linspace(0, 1, len(matters)), matters)
        Image.fromarray(pictures.coloured(loud * (0.3 + 0.7 * bright))).save(picture)
        name = clip.source.name if example is None else clip.name
        rows.append({"file": name, "label": label, "method": METHODS["leave-out"], "picture": str(picture)})
    return rows


def moments(identifier: Identifier, sound: np.ndarray) -> tuple[str, np.ndarray]:
    """The answer, and how much each MOMENT matters to it, float (M,) in [0, 1]."""
    probabilities, _ = identifier.ask(sound)
    best, width = int(probabilities.argmax()), int(MOMENT * RATE)
    loss = []
    for start in range(0, len(sound), width):
        without = sound.copy()
        without[start : start + width] = 0
        less = identifier.ask(without)[0][best] if np.abs(without).max() > 0 else 0.0
        loss.append(np.log(max(probabilities[best], 1e-12)) - np.log(max(float(less), 1e-12)))
    matters = np.maximum(np.array(loss), 0)
    return identifier.classes[best], matters / max(float(matters.max()), 1e-12)


def export(run: Path, out: Path) -> Path:
    """Weights, config, voice.py to load them with, model card and recipe; a zip when `out` ends in .zip.

    Raises InputError when the run holds no model.
    """
    Identifier(run)
    with parcel(out) as folder:
        for file in (
            run / "model" / "model.safetensors", run / "model" / "config.json", run / "README.md", run / "recipe.json",
            Path(__file__).with_name("voice.py"),
        ):  # fmt: skip
            shutil.copyfile(file, folder / file.name)
    return out
