"""Fine-tuning is told from the frozen features that it started from, on the same examples."""

from __future__ import annotations

import numpy as np
import pytest

from engines.classification import frozen_baseline
from engines.classification.advice import advise
from engines.contract import Recipe, Strategy
from engines.training.settings import TrainSettings

LABELS = np.arange(80) % 2


def answers(right: int) -> np.ndarray:
    """Logits (80, 2) of which the first `right` are right."""
    said = np.where(np.arange(80) < right, LABELS, 1 - LABELS)
    return np.eye(2)[said]


@pytest.mark.parametrize(
    ("before", "after", "side", "words"),
    [
        (72, 56, "worse", "Fine-tuning did worse than frozen features with a new head: -20.0 points (95 % interval -"),
        (
            56,
            72,
            "better",
            "Fine-tuning did better than frozen features with a new head: +20.0 points (95 % interval +",
        ),
        (64, 66, "unclear", "Fine-tuning cannot be told from frozen features with a new head: +2.5 points (95 % int"),
    ],
)
def test_the_sentence_and_what_follows(before: int, after: int, side: str, words: str) -> None:
    found = frozen_baseline.compared(LABELS, answers(before), answers(after), "photographs")
    assert (found["before"], found["after"]) == (before / 80, after / 80)
    assert found["low"] <= found["difference"] <= found["high"]
    assert found["side"] == side
    assert found["text"].startswith(words)
    assert found["text"].endswith("paired on 80 validation photographs).")
    recipe = Recipe("vision.classification", "/data", "resnet18", Strategy.FULL)
    advice = advise(recipe, TrainSettings(), None, 5, "photographs", None, found)
    assert (advice and advice["strategy"]) == ("features" if side == "worse" else None)
