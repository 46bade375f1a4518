"""Pictures without labels as a frozen network sees them: see `engines.unlabelled`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import numpy as np
import torch

from engines import paths
from engines.contract import Progress, Skipped, Task
from engines.training.staged import Staged
from engines.unlabelled.examples import Unlabelled, drawn
from engines.vision.classification.dataset import open_unlabelled
from engines.vision.classification.prepare import input_format
from engines.vision.classification.settings import VisionSettings
from engines.vision.images import reading
from engines.vision.images.transforms import DECODERS, InputFormat
from engines.vision.models import backbones

AT_ONCE = 32
ALIKE = 0.95
"""Cosine of two pictures that count as nearly the same: docs/few_labels/label_first.md says what it finds."""
THUMBNAIL_PIXELS = 160


def embed(
    task: Task, data: Path, settings: VisionSettings, seed: int, out: Path, progress: Progress | None
) -> Unlabelled:
    """float32 (N, 1280) of the task's default network at each picture, and its thumbnail below out/previews.

    Raises InputError where there is no picture at all, or the weights are not here.
    """
    card = task.describe(task.info.default_model)
    found, skipped = open_unlabelled(data, paths.work(data))
    chosen = drawn(found, seed)
    format = input_format(card, settings)
    network = backbones.build(card, 1, pretrained=True, seed=0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network.to(device).eval()
    names, previews, originals, vectors = [], [], [], []
    with ThreadPoolExecutor(DECODERS) as pool:
        for start in range(0, len(chosen), AT_ONCE):
            part, pictures = chosen[start : start + AT_ONCE], []
            outcomes = pool.map(lambda entry: _read(entry[1], format), part)
            for number, ((name, path), outcome) in enumerate(zip(part, outcomes, strict=True), start):
                if isinstance(outcome, str):
                    skipped.append(Skipped(name, outcome))
                    continue
                thumbnail = out / f"previews/{number:05d}.jpg"
                reading.thumbnail(path, thumbnail, THUMBNAIL_PIXELS)
                names.append(name)
                originals.append(path)
                previews.append(f"previews/{thumbnail.name}")
                pictures.append(outcome)
            if pictures:
                vectors.append(seen(network, np.stack(pictures), format, device))
            if progress:
                progress(start + len(part), len(chosen))
    together = np.concatenate(vectors) if vectors else np.empty((0, 1), np.float32)
    return Unlabelled("pictures", names, previews, together, ALIKE, len(found), originals, folders_of(names), skipped)


def seen(network: Staged, squares: np.ndarray, format: InputFormat, device: torch.device) -> np.ndarray:
    """float32 (B, D): what the head would read of uint8 (B, stored, stored, 3)."""
    pixels = torch.from_numpy(squares).permute(0, 3, 1, 2)
    with torch.no_grad():
        return network.run(format.plain(pixels).to(device), 0, len(network.stages)).float().cpu().numpy()


def folders_of(names: list[str]) -> list[str]:
    """The folder of each picture, where there are several and none lies outside: likely its class. Else nothing."""
    own = [PurePosixPath(name).parent.name for name in names]
    return own if all(own) and len(set(own)) > 1 else []


def _read(path: Path, format: InputFormat) -> np.ndarray | str:
    """The picture as a square, or why it cannot be read."""
    try:
        return format.read(path)
    except reading.UnreadableImage as error:
        return str(error)
