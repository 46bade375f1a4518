"""Whether curves say that a network learns by heart, in exact sentences, and the next thing to try."""

from __future__ import annotations

from typing import Any

import pytest

from engines.contract import BALANCED_ACCURACY, Metric, Strategy
from engines.training import overfitting
from engines.training.settings import TrainSettings

WER = Metric("wer", "Word error rate", "", higher_is_better=False, kind="share")
MASE = Metric("mase", "MASE", "", higher_is_better=False, kind="number")
Losses = list[tuple[float, float]]


def history(losses: Losses, **metrics: float) -> list[dict[str, Any]]:
    """A row a pass of (training loss, validation loss); the metrics are of every pass."""
    return [
        {"epoch": number, "train_loss": train, "validation_loss": validation, **metrics}
        for number, (train, validation) in enumerate(losses, 1)
    ]


LEVEL: Losses = [(1.0, 1.1), (0.8, 1.0), (0.7, 0.999)]
RISING: Losses = [(1.0, 1.1), (0.8, 1.0), (0.5, 1.1), (0.3, 1.25)]
FALLING: Losses = [(1.0, 1.1), (0.8, 0.9), (0.7, 0.8), (0.6, 0.72)]


@pytest.mark.parametrize(
    ("losses", "best", "metric", "metrics", "reading", "gap", "measure", "text"),
    [
        (
            *(LEVEL, 3, BALANCED_ACCURACY, {"train_metric": 0.99, "validation_metric": 0.82}),
            *("by heart", 0.17, "balanced_accuracy", "It knows its training texts 17 points better than new ones."),
        ),
        (
            *(LEVEL, 3, WER, {"train_metric": 0.10, "validation_metric": 0.40}),
            *("by heart", 0.30, "wer", "It knows its training texts 30 points better than new ones."),
        ),
        (
            *(RISING, 2, MASE, {"train_metric": 0.1, "validation_metric": 0.9}, "by heart", 0.2, "loss"),
            "After pass 2 of 4 the loss on new texts rose by 25 % while that on known ones went on falling: it began "
            "to learn by heart, and pass 2 was kept.",
        ),
        (
            *(RISING, 2, BALANCED_ACCURACY, {"train_metric": 0.9, "validation_metric": 0.88}, "by heart", 0.02),
            "balanced_accuracy",
            "After pass 2 of 4 the loss on new texts rose by 25 % while that on known ones went on falling: it began "
            "to learn by heart, and pass 2 was kept.",
        ),
        (
            *(FALLING, 4, MASE, {}, "still improving", 0.12, "loss"),
            "The loss on new texts was still falling when training ended, by 10 % in the last pass.",
        ),
        (
            *([*FALLING, *[(0.5, 0.7), (0.5, 0.69), (0.5, 0.68), (0.5, 0.66)]], 8, MASE, {}, "still improving", 0.16),
            *("loss", "The loss on new texts was still falling when training ended, by 4 % over the last 2 passes."),
        ),
        (
            *(LEVEL, 3, BALANCED_ACCURACY, {"train_metric": 0.93, "validation_metric": 0.82}, "fine", 0.11),
            *("balanced_accuracy", "No sign of learning by heart: new texts come out 11 points worse than known ones."),
        ),
        (
            *(LEVEL, 3, BALANCED_ACCURACY, {"train_metric": 0.80, "validation_metric": 0.81}, "fine", -0.01),
            *("balanced_accuracy", "No sign of learning by heart: new texts come out 1 point better than known ones."),
        ),
        (
            *(LEVEL, 3, WER, {"train_metric": 0.2, "validation_metric": 0.2}, "fine", 0.0),
            *("wer", "No sign of learning by heart: new texts and known ones come out alike."),
        ),
        (
            *(LEVEL, 3, MASE, {}, "fine", 0.299),
            *("loss", "No sign of learning by heart: the loss on new texts is 0.3 above that on known ones."),
        ),
    ],
)
def test_what_curves_say(
    losses: Losses,
    best: int,
    metric: Metric,
    metrics: dict[str, float],
    reading: str,
    gap: float,
    measure: str,
    text: str,
) -> None:
    fit = overfitting.read(history(losses, **metrics), best, metric, "texts")
    assert fit is not None
    assert (fit.reading, fit.gap, fit.measure, fit.text) == (reading, pytest.approx(gap), measure, text)
    assert overfitting.details(fit) == {
        "overfitting": {"reading": reading, "text": text, "gap": fit.gap, "measure": measure, "value": fit.value}
    }


def test_a_plateau_is_no_end_of_improving_and_a_better_loss_by_chance_is_not_either() -> None:
    """The last pass is the best one by a hair: nothing is left to gain. The best pass lies behind: neither."""
    for losses, best in (([(0.9, 1.0), (0.8, 0.99)], 2), ([(0.9, 1.0), (0.8, 0.9), (0.7, 0.93)], 2)):
        fit = overfitting.read(history(losses), best, MASE, "texts")
        assert fit is not None
        assert fit.reading == "fine"


def test_nothing_is_read_where_nothing_was_validated_or_learnt() -> None:
    assert overfitting.read([], 0, MASE, "texts") is None
    assert overfitting.read([{"epoch": 1, "train_loss": 1.0}], 1, MASE, "texts") is None
    assert overfitting.details(None) == {}


@pytest.mark.parametrize(
    ("settings", "more"),
    [
        (TrainSettings(), {"epochs": 24}),
        (TrainSettings(epochs=4), {"epochs": 8}),
        (TrainSettings(max_seconds=30.0), {"max_seconds": 60.0}),
    ],
)
def test_what_still_improves_goes_on_for_twice_as_long(settings: TrainSettings, more: dict[str, float]) -> None:
    fit = overfitting.read(history(FALLING), 4, MASE, "texts")
    assert fit is not None
    found = overfitting.longer(fit, Strategy.FULL, settings)
    assert found == {
        "text": "The loss on new texts was still falling when training ended, by 10 % in the last pass. "
        "Let it go on for twice as long.",
        "strategy": "full",
        "settings": more,
    }


def test_what_learns_by_heart_is_held_back_by_the_first_thing_that_changes_something() -> None:
    fit = overfitting.read(history(RISING), 2, MASE, "texts")
    assert fit is not None
    ways: list[overfitting.Way] = [
        ("smaller adapters leave it less room", Strategy.LORA, {"lora_rank": 4}),
        ("let less of it learn", Strategy.FEATURES, {}),
    ]
    known = fit.text.removesuffix(".")
    for strategy, rank, expected in (
        (Strategy.LORA, 8, (f"{known}: smaller adapters leave it less room.", "lora", {"lora_rank": 4})),
        (Strategy.LORA, 4, (f"{known}: let less of it learn.", "features", {})),
    ):
        found = overfitting.held_back(fit, strategy, TrainSettings(lora_rank=rank), "texts", ways)
        assert tuple(found.values()) == expected
    found = overfitting.held_back(fit, Strategy.FEATURES, TrainSettings(), "texts", ways[1:])
    assert found["strategy"] is None
    assert found["text"] == f"{known}: more texts would help most. Letting more of the network learn would not."
