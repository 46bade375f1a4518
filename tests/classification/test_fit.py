"""What is made of an image classifier's answers: measures, the confusing classes, what to try next."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from engines import lifecycle
from engines.classification import advice, cross_validation, metrics
from engines.classification.prepared import Prepared
from engines.contract import BALANCED_ACCURACY, Recipe, Skipped, Strategy
from engines.training import overfitting
from engines.vision.classification.fit import VisionStudy
from engines.vision.classification.settings import VisionSettings
from engines.vision.images.transforms import Photos

SURE = np.eye(3)


def answers(*predicted: int) -> np.ndarray:
    """Probabilities (N, 3) that name these classes."""
    return SURE[list(predicted)]


def test_a_free_baseline_in_folds_has_not_seen_what_it_is_tested_on() -> None:
    """It is asked once a fold, of that fold's parts; its answers come in the order of the test examples."""
    nothing = np.arange(0)
    examples = Photos(np.zeros((6, 1, 1, 3)), torch.zeros(6), np.arange(6), None, None, "")  # type: ignore[arg-type]
    parts = {"train": np.array([0, 1, 2, 4, 5]), "validation": nothing, "test": np.array([0, 1, 2, 4, 5])}
    folds = [
        {"train": np.array([0, 2, 5]), "validation": nothing, "test": np.array([1, 4])},
        {"train": np.array([1, 4]), "validation": nothing, "test": np.array([0, 2, 5])},
    ]
    prepared = Prepared(["a"], list("abcdef"), examples, parts, [], [], "0", folds=folds)

    def answers(of: Prepared) -> np.ndarray:
        assert not set(of.parts["train"]) & set(of.parts["test"])
        return of.parts["test"] * 10

    assert cross_validation.in_each_fold(answers, prepared).tolist() == [0, 10, 20, 40, 50]
    assert cross_validation.in_each_fold(lambda of: of.parts["test"], replace(prepared, folds=[])).tolist() == [
        0,
        1,
        2,
        4,
        5,
    ]


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40), st.integers(0, 9))
def test_macro_f1_is_scikit_learns(pairs: list[tuple[int, int]], seed: int) -> None:
    labels, predicted = np.array(pairs).T
    rows = np.random.default_rng(seed).integers(len(labels), size=(3, len(labels)))
    counts = np.stack([np.bincount(row, minlength=len(labels)) for row in rows])
    expected = [f1_score(labels[row], predicted[row], average="macro", zero_division=0) for row in rows]
    assert metrics.macro_f1(labels, predicted, counts) == pytest.approx(expected)


def test_further_metrics() -> None:
    labels = np.array([0, 0, 0, 1, 1, 2])
    found = metrics.further_metrics(labels, answers(0, 0, 1, 1, 1, 2))
    assert found["accuracy"].value == pytest.approx(5 / 6)
    assert found["macro_f1"].value == pytest.approx((0.8 + 0.8 + 1) / 3)
    for estimate in found.values():
        assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
        assert estimate.n == 6


def test_per_class() -> None:
    rows = metrics.per_class(np.array([0, 0, 0, 1]), answers(0, 0, 1, 1), ["cat", "dog", "owl"])
    assert [(row["class"], row["n"], row["recall"], row["precision"]) for row in rows] == [
        ("cat", 3, pytest.approx(2 / 3), 1),
        ("dog", 1, 1, 0.5),
        ("owl", 0, None, 0),
    ]
    assert rows[0]["low"] < 2 / 3 < rows[0]["high"]
    assert rows[2]["low"] is None


def test_skipped_files_are_named_up_to_three() -> None:
    skipped = [Skipped(f"{name}.png", "is damaged") for name in "abcde"]
    assert lifecycle.skipped_sentence(skipped[:1]) == "1 left out: a.png is damaged."
    assert lifecycle.skipped_sentence(skipped) == (
        "5 left out: a.png is damaged; b.png is damaged; c.png is damaged, and 2 more."
    )


def curves(train: float, validation: float) -> overfitting.Fit | None:
    """What one pass with these accuracies says."""
    row = {"epoch": 1, "train_loss": 1.0, "validation_loss": 1.0, "train_metric": train}
    return overfitting.read([row | {"validation_metric": validation}], 1, BALANCED_ACCURACY, "photographs")


@pytest.mark.parametrize(
    ("strategy", "blocks", "train", "validation", "strategy_next", "settings"),
    [
        (Strategy.SCRATCH, 1, 0.9, 0.5, "features", {}),
        (Strategy.FEATURES, 1, 0.85, 0.8, "partial", {"blocks": 1}),
        (Strategy.FEATURES, 1, 1.0, 0.8, "features", {"augment": "strong"}),
        (Strategy.FEATURES, 1, 0.92, 0.8, None, None),
        (Strategy.PARTIAL, 2, 1.0, 0.8, "partial", {"augment": "strong"}),
        (Strategy.PARTIAL, 1, 0.85, 0.8, "partial", {"blocks": 3}),
        (Strategy.PARTIAL, 4, 0.85, 0.8, "partial", {"blocks": 5}),
        (Strategy.PARTIAL, 5, 0.85, 0.8, None, None),
        (Strategy.FULL, 1, 1.0, 0.8, "full", {"augment": "strong"}),
        (Strategy.FULL, 1, 0.85, 0.8, None, None),
        (Strategy.FEATURES, 1, 0.85, None, None, None),
        (Strategy.FEATURES, 1, 1.0, 1.0, None, None),
    ],
)
def test_what_to_try_next(
    strategy: Strategy,
    blocks: int,
    train: float,
    validation: float | None,
    strategy_next: str | None,
    settings: dict[str, object] | None,
) -> None:
    fit = None if validation is None else curves(train, validation)
    recipe = Recipe("vision.classification", "/data", "resnet18", strategy)
    found = advice.advise(recipe, VisionSettings(blocks=blocks), fit, 5, "photographs", VisionStudy.steadier)
    assert (found and found["strategy"], found and found["settings"]) == (strategy_next, settings)
    assert found is None or found["text"].endswith(".")


@pytest.mark.parametrize(
    ("strategy", "frozen", "next_strategy"),
    [
        (Strategy.FEATURES, None, None),
        (Strategy.PARTIAL, None, "features"),
        (Strategy.LORA, {"side": "unclear"}, "features"),
        (Strategy.FULL, {"side": "better"}, None),
    ],
)
@pytest.mark.parametrize("augment", ["strong", None])
def test_more_capacity_is_no_advice_for_what_is_known_by_heart(
    strategy: Strategy, frozen: dict[str, object] | None, next_strategy: str | None, augment: str | None
) -> None:
    """Neither where variation is as strong as it gets, nor where the task knows of none."""
    settings = VisionSettings(augment=augment) if augment else VisionSettings()
    recipe = Recipe("vision.classification", "/data", "resnet18", strategy)
    steadier = VisionStudy.steadier if augment else None
    found = advice.advise(recipe, settings, curves(0.99, 0.82), 5, "photographs", steadier, frozen)
    assert found is not None
    assert found["strategy"] == next_strategy
    assert found["text"].startswith("It knows its training photographs 17 points better than new ones")
    assert ("would help most. Letting more" in found["text"]) == (next_strategy is None)


def test_where_scratch_did_better_more_of_the_network_is_let_learn() -> None:
    recipe = Recipe("vision.classification", "/data", "resnet18", Strategy.FEATURES)
    for settings, changed in ((VisionSettings(), {}), (VisionSettings(depth=3), {"depth": 0})):
        found = advice.advise(recipe, settings, curves(1.0, 0.8), 5, "digits", None, scratch_did_better=True)
        assert found == {
            "text": "Training from scratch did better: what is frozen does not suit these digits. "
            "Let more of it learn.",
            "strategy": "full",
            "settings": changed,
        }


def test_more_learns_of_the_whole_network_only() -> None:
    recipe = Recipe("vision.classification", "/data", "resnet18", Strategy.FEATURES)
    found = advice.advise(recipe, VisionSettings(depth=3), curves(0.85, 0.8), 5, "photographs", None)
    assert found is not None
    assert (found["strategy"], found["settings"]) == ("partial", {"blocks": 1, "depth": 0})
