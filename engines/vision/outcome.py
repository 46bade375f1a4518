"""What a run of an image classifier brings to `engines.classifying`, and what it keeps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from PIL import Image

from engines.classifying.domain import Domain
from engines.contract import ModelCard, Recipe, Run
from engines.training.loop import Mix
from engines.training.transfer import Learnt
from engines.vision import networks, predicting, preparing, to_script
from engines.vision.mixing import mixing
from engines.vision.pixels import LOOKS, Photos
from engines.vision.preparing import Prepared
from engines.vision.settings import VisionSettings

MOST_THUMBNAILS = 1000
THUMBNAIL_PIXELS = 160


def keep(
    run: Run, prepared: Prepared, learnt: Learnt, card: ModelCard, recipe: Recipe, settings: VisionSettings,
    *, on: Accelerator, temperature: float, value: float,
) -> None:  # fmt: skip
    """See `classifying.domain.Keep`."""
    folder = run.path / "model"
    predicting.save(
        folder,
        learnt.network,
        card,
        prepared.classes,
        prepared.photos.format,
        temperature=temperature,
        test_time=settings.test_time,
    )
    to_script.record(folder, prepared, card, recipe, settings, learnt=learnt, on=on, value=value)


def thumbnails(folder: Path, prepared: Prepared, probabilities: np.ndarray, *_: object) -> dict[str, Any]:
    """Thumbnails of the test pictures, the most confident mistakes first."""
    rows = prepared.parts["test"]
    labels, predicted = prepared.labels("test"), probabilities.argmax(1)
    order = np.lexsort((-probabilities.max(1), predicted == labels))[:MOST_THUMBNAILS]
    made: list[str | None] = [None] * len(rows)
    for i, name in zip(order, pictures(folder, prepared, rows[order]), strict=True):
        made[i] = name
    return {"thumbnail": made}


def shown(folder: Path, prepared: Prepared, positions: np.ndarray) -> dict[str, list[str | None]]:
    """See `classifying.domain.Domain.shown`. They lie apart from those of test pictures."""
    return {"thumbnail": pictures(folder, prepared, positions, "thumbnails/learnt_from")}


def pictures(folder: Path, prepared: Prepared, positions: np.ndarray, into: str = "thumbnails") -> list[str | None]:
    """Thumbnails of the photographs at these positions, by their paths relative to `folder`."""
    (folder / into).mkdir(parents=True, exist_ok=True)
    made: list[str | None] = []
    for position in positions.tolist():
        square = prepared.photos.pixels(torch.tensor([position]))[0].permute(1, 2, 0).numpy()
        made.append(f"{into}/{position:06d}.jpg")
        Image.fromarray(square).resize((THUMBNAIL_PIXELS,) * 2).save(folder / str(made[-1]), quality=85)
    return made


def details(card: ModelCard, settings: VisionSettings, prepared: Prepared) -> dict[str, Any]:  # noqa: ARG001
    return {"image_size": prepared.photos.format.size, "load_snippet": predicting.SNIPPET}


def mix(prepared: Prepared, settings: VisionSettings) -> Mix | None:
    return mixing(settings.mix, len(prepared.classes))


def looks(photos: Photos, settings: VisionSettings) -> list[Photos]:
    return [photos if look == photos.look else replace(photos, look=look) for look in LOOKS[settings.test_time]]


DOMAIN = Domain(
    settings=VisionSettings,
    prepare=preparing.prepare,
    build=networks.build,
    keep=keep,
    columns=thumbnails,
    shown=shown,
    mix=mix,
    looks=looks,
    details=details,
    steadier=("stronger variation of the pictures", {"augment": "strong"}),
)
