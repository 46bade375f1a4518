"""Fine-tuning is told from the frozen features that it started from, on the same examples."""

from __future__ import annotations

import numpy as np
import pytest

from engines.classifying import against_frozen
from engines.classifying.next_step import what_next
from engines.contract import Recipe, Strategy
from engines.training.checkpoint import Progress
from engines.training.settings import TrainSettings

LABELS = np.arange(80) % 2


def answers(right: int) -> np.ndarray:
    """Logits (80, 2) of which the first `right` are right."""
    said = np.where(np.arange(80) < right, LABELS, 1 - LABELS)
    return np.eye(2)[said]


@pytest.mark.parametrize(
    ("before", "after", "verdict", "words"),
    [
        (72, 56, "hurts", "Fine-tuning did worse than frozen features with a new head: -20.0 points (95 % interval -"),
        (56, 72, "pays", "Fine-tuning did better than frozen features with a new head: +20.0 points (95 % interval +"),
        (64, 66, "undecided", "Fine-tuning cannot be told from frozen features with a new head: +2.5 points (95 % int"),
    ],
)
def test_the_sentence_and_what_follows(before: int, after: int, verdict: str, words: str) -> None:
    found = against_frozen.compared(LABELS, answers(before), answers(after), "photographs")
    assert (found["before"], found["after"]) == (before / 80, after / 80)
    assert found["low"] <= found["difference"] <= found["high"]
    assert found["verdict"] == verdict
    assert found["text"].startswith(words)
    assert found["text"].endswith("paired on 80 validation photographs).")
    history = [{"epoch": 1, "train_metric": 0.8, "validation_metric": 0.8}]
    recipe = Recipe("vision.classification", "/data", "resnet18", Strategy.FULL)
    advice = what_next(recipe, TrainSettings(), Progress(1, 1, history=history), 5, "photographs", None, found)
    assert (advice and advice["strategy"]) == ("features" if verdict == "hurts" else None)
