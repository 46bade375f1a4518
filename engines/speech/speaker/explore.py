"""Clips without labels as a frozen encoder of voices hears them: see `engines.unlabelled`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from engines import paths
from engines.contract import InputError, Progress, Skipped, Task
from engines.speech.audio import decode_cache, files, folders
from engines.speech.audio.recordings import Reading
from engines.speech.models import ge2e
from engines.speech.models.ge2e_network import Encoder, looks
from engines.speech.settings import SpeakerSettings
from engines.unlabelled.examples import Unlabelled, drawn

AT_ONCE = 16
ALIKE = 0.98
"""Cosine of two clips that count as nearly the same; two clips of one voice come up to .95."""


def embed(
    task: Task, data: Path, settings: SpeakerSettings, seed: int, out: Path, progress: Progress | None
) -> Unlabelled:
    """float32 (N, 256) of each clip's first part, which is kept as a small file below out/previews.

    Voices decide what lies together, not words. Raises InputError where there is no sound file, or the weights are not
    here.
    """
    card, work, reading = task.describe(task.info.default_model), paths.work(data), Reading.by(settings, "speaker")
    found, skipped = folders.unlabelled(data, work, reading)
    chosen = drawn(found, seed)
    network = ge2e.build(card, 1, pretrained=True, seed=0).model
    assert isinstance(network, Encoder)
    network.eval()
    names, previews, originals, vectors = [], [], [], []
    for start in range(0, len(chosen), AT_ONCE):
        part, sounds = chosen[start : start + AT_ONCE], []
        outcomes = decode_cache.check_all([recording.path for recording in part], work)
        for number, (recording, outcome) in enumerate(zip(part, outcomes, strict=True), start):
            if outcome.reason:
                skipped.append(Skipped(recording.name, outcome.reason))
                continue
            samples = decode_cache.samples(work, outcome, outcome.spans[0])
            files.write(out / f"previews/{number:05d}.ogg", samples)
            names.append(recording.name)
            originals.append(recording.path)
            previews.append(f"previews/{number:05d}.ogg")
            sounds.append(looks(samples))
        if sounds:
            with torch.no_grad():
                vectors.append(network.embed(torch.stack(sounds)).numpy())
        if progress:
            progress(start + len(part), len(chosen))
    together = np.concatenate(vectors) if vectors else np.empty((0, 1), np.float32)
    came_as = _speakers(data, work, reading, names)
    return Unlabelled("sounds", names, previews, together, ALIKE, len(found), originals, came_as, skipped)


def _speakers(data: Path, work: Path, reading: Reading, names: list[str]) -> list[str]:
    """Who speaks in each clip, where the data turn out to say so; else nothing."""
    try:
        known = {
            recording.name: recording.speaker or "" for recording in folders.listing(data, work, reading).recordings
        }
    except InputError:
        return []
    own = [known.get(name, "") for name in names]
    return own if all(own) and len(set(own)) > 1 else []
