"""What a run of a text classifier brings to `engines.classifying`, and what it keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from accelerate import Accelerator

from engines.classifying.domain import Domain
from engines.contract import ModelCard, Recipe, Run
from engines.text import baselines, maps, networks, predicting, preparing, to_script, zero_shot
from engines.text.preparing import Prepared
from engines.text.settings import TextSettings
from engines.training.transfer import Learnt, Lesson


def keep(
    run: Run, prepared: Prepared, learnt: Learnt, card: ModelCard, recipe: Recipe, settings: TextSettings,
    *, on: Accelerator, temperature: float, value: float,
) -> None:  # fmt: skip
    """See `classifying.domain.Keep`."""
    predicting.save(run.path / "model", learnt.network, card, prepared.classes, settings, temperature=temperature)
    to_script.record(run.path / "model", prepared, card, recipe, settings, learnt=learnt, on=on, value=value)


def columns(_: Path, prepared: Prepared, _probabilities: np.ndarray, lesson: Lesson, learnt: Learnt) -> dict[str, Any]:
    """The test texts themselves, and where they lie on the maps before and after the training."""
    rows = prepared.parts["test"]
    lesson.run.emit("phase", name="mapping", title="Drawing the map of the texts")
    return {"text": [prepared.texts[i].text for i in rows], **maps.of_test(prepared, lesson, learnt)}


def shown(_: Path, prepared: Prepared, positions: np.ndarray) -> dict[str, list[str | None]]:
    """See `classifying.domain.Domain.shown`."""
    return {"text": [prepared.texts[i].text for i in positions]}


def details(card: ModelCard, settings: TextSettings, prepared: Prepared) -> dict[str, Any]:
    read = f"windows of up to {settings.max_tokens:,} tokens, at most {settings.max_windows} a text"
    return {
        "load_snippet": predicting.snippet(card),
        "input": f"text, read in {read}; the answer is the mean over its windows",
        "long": prepared.long,
        "left_out": prepared.left_out,
    }


DOMAIN = Domain(
    settings=TextSettings,
    prepare=preparing.prepare,
    build=networks.build,
    keep=keep,
    columns=columns,
    shown=shown,
    details=details,
    baselines={"tfidf_logistic_regression": baselines.tfidf_logistic_regression},
    zero_shot=zero_shot.network,
)
