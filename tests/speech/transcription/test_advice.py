"""What a recogniser's curves suggest to train next."""

from __future__ import annotations

from typing import Any

import pytest

from engines.contract import Estimate, Recipe, Strategy
from engines.speech.settings import TranscriptionSettings
from engines.speech.transcription.details import advise
from engines.training.overfitting import Fit, Reading

BETTER = Estimate(-0.1, -0.2, 0.0, 20)


def fit(reading: Reading) -> Fit:
    return Fit(reading, "The curves say so.", 0.1, "loss", 1.0)


@pytest.mark.parametrize(
    ("strategy", "augment", "reading", "expected"),
    [
        (
            *(Strategy.PARTIAL, "none", "by heart"),
            ("The curves say so: more variation of the clips can hold that back.", "partial", {"augment": "both"}),
        ),
        (*(Strategy.PARTIAL, "both", "by heart"), ("The curves say so: let less of the model learn.", "features", {})),
        (
            *(Strategy.FEATURES, "both", "by heart"),
            ("The curves say so: more clips would help most. Letting more of the network learn would not.", None, {}),
        ),
        (
            *(Strategy.PARTIAL, "none", "still improving"),
            ("The curves say so. Let it go on for twice as long.", "partial", {"epochs": 6}),
        ),
    ],
)
def test_what_follows(
    strategy: Strategy, augment: str, reading: Reading, expected: tuple[str, str | None, dict[str, Any]]
) -> None:
    recipe = Recipe("speech.transcription", "/data", "whisper-tiny.en", strategy)
    found = advise(recipe, TranscriptionSettings(augment=augment), fit(reading), BETTER, 1.0)
    assert found is not None
    assert tuple(found.values()) == expected


def test_who_hears_worse_than_before_takes_smaller_steps_whatever_the_curves_say() -> None:
    recipe = Recipe("speech.transcription", "/data", "whisper-tiny.en", Strategy.PARTIAL)
    found = advise(recipe, TranscriptionSettings(), fit("by heart"), Estimate(0.1, 0.0, 0.2, 20), 1.0)
    assert found is not None
    assert found["settings"] == {"learning_rate": pytest.approx(2e-4 / 3)}
