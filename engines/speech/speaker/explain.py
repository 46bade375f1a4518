"""Which moments of a clip told the speaker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from engines import paths
from engines.attribution import faithfulness
from engines.contract import InputError, Problem, Task
from engines.messages import _
from engines.speech.audio import spectrograms
from engines.speech.audio.clips import clips_to_explain
from engines.speech.audio.decode_cache import samples
from engines.speech.audio.files import RATE
from engines.speech.speaker.predict import Identifier

METHODS = {"leave-out": "Leave-one-moment-out"}
MOMENT = 0.25  # seconds
WIDTH = int(MOMENT * RATE)  # samples


def explain(
    task: Task, run: Path, data: Path, out: Path, *, method: str | None = None, example: str | None = None
) -> list[dict[str, Any]]:
    """A spectrogram (PNG, below `out`) for each clip, bright where silencing a moment makes the answer less sure.

    Every MOMENT is silenced by itself (occlusion, Zeiler & Fergus 2014). The first rows tell their 'faithfulness' (see
    `attribution.faithfulness`): whether the answer follows these moments more than it follows the loud ones. Raises
    InputError.
    """
    if method not in {None, *METHODS}:
        raise InputError(
            Problem(
                "method", _("found {method!r}", method=method), _("accepted: {methods}", methods=", ".join(METHODS))
            )
        )
    identifier, work = Identifier(run), paths.work(data)
    clips, skipped = clips_to_explain(data, work, example, identifier.reading)
    out.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = [{"file": entry.where, "error": entry.reason} for entry in skipped]
    for number, clip in enumerate(clips):
        sound = samples(work, clip.checked, clip.span)
        label, losses = moments(identifier, sound)
        matters = np.maximum(losses, 0) / max(float(losses.max()), 1e-12)
        picture = out / f"{number:04d}-{Path(clip.source.name).stem[:60]}.png"
        loud = spectrograms.log_mel(sound).numpy()
        bright = np.interp(np.linspace(0, 1, loud.shape[1]), np.linspace(0, 1, len(matters)), matters)
        Image.fromarray(spectrograms.coloured(loud * (0.3 + 0.7 * bright))).save(picture)
        name = clip.source.name if example is None else clip.name
        row: dict[str, Any] = {"file": name, "label": label, "method": METHODS["leave-out"], "picture": str(picture)}
        if number < faithfulness.MOST:
            row["faithfulness"] = tested(identifier, sound, label, losses)
        rows.append(row | clip.source.reading)
    return rows


def moments(identifier: Identifier, sound: np.ndarray) -> tuple[str, np.ndarray]:
    """The answer, and what each MOMENT adds to its log-probability: how much is lost where it is silent, float (M,)."""
    probabilities, _ = identifier.ask(sound)
    best = int(probabilities.argmax())
    alone = np.eye(-(-len(sound) // WIDTH), dtype=bool)
    less = probability(identifier, sound, best, alone)
    losses: np.ndarray = np.log(max(probabilities[best], 1e-12)) - np.log(np.maximum(less, 1e-12))
    return identifier.classes[best], losses


def probability(identifier: Identifier, sound: np.ndarray, target: int, silent: np.ndarray) -> np.ndarray:
    """float (K,): how likely voice `target` is where some moments are silent, bool (K, M). Of silence alone: 0."""
    found = []
    for moments_ in silent:
        left = np.where(np.repeat(moments_, WIDTH)[: len(sound)], np.float32(0), sound)
        found.append(float(identifier.ask(left)[0][target]) if np.abs(left).max() > 0 else 0.0)
    return np.array(found)


def tested(identifier: Identifier, sound: np.ndarray, label: str, losses: np.ndarray) -> dict[str, Any] | None:
    """Whether the probability of the voice follows what each moment adds more than how loud the moment is."""
    target = identifier.classes.index(label)
    loud = [float(np.mean(np.square(sound[start : start + WIDTH]))) for start in range(0, len(sound), WIDTH)]
    return faithfulness.tested(
        lambda silent: probability(identifier, sound, target, silent), losses, np.array(loud), named="loudness"
    )
