"""What is made of an image classifier's answers: measures, the confusing classes, what to try next."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from engines.classifying import measures, next_step, outcome
from engines.classifying.domain import Prepared
from engines.contract import Recipe, Skipped, Strategy
from engines.training.checkpoint import Progress
from engines.vision.outcome import DOMAIN
from engines.vision.pixels import Photos
from engines.vision.settings import VisionSettings

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

    assert outcome.of_baseline_beside(answers, prepared).tolist() == [0, 10, 20, 40, 50]
    assert outcome.of_baseline_beside(lambda of: of.parts["test"], replace(prepared, folds=[])).tolist() == [
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
    assert measures.macro_f1(labels, predicted, counts) == pytest.approx(expected)


def test_further_metrics() -> None:
    labels = np.array([0, 0, 0, 1, 1, 2])
    found = measures.further_metrics(labels, answers(0, 0, 1, 1, 1, 2))
    assert found["accuracy"].value == pytest.approx(5 / 6)
    assert found["macro_f1"].value == pytest.approx((0.8 + 0.8 + 1) / 3)
    for estimate in found.values():
        assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
        assert estimate.n == 6


def test_per_class() -> None:
    rows = measures.per_class(np.array([0, 0, 0, 1]), answers(0, 0, 1, 1), ["cat", "dog", "owl"])
    assert [(row["class"], row["n"], row["recall"], row["precision"]) for row in rows] == [
        ("cat", 3, pytest.approx(2 / 3), 1), ("dog", 1, 1, 0.5), ("owl", 0, None, 0),
    ]  # fmt: skip
    assert rows[0]["low"] < 2 / 3 < rows[0]["high"]
    assert rows[2]["low"] is None


def test_skipped_files_are_named_up_to_three() -> None:
    skipped = [Skipped(f"{name}.png", "is damaged") for name in "abcde"]
    assert outcome.skipped_sentence(skipped[:1]) == "1 left out: a.png is damaged."
    assert outcome.skipped_sentence(skipped) == (
        "5 left out: a.png is damaged; b.png is damaged; c.png is damaged, and 2 more."
    )


@pytest.mark.parametrize(
    ("strategy", "blocks", "train", "validation", "strategy_next", "settings"),
    [
        (Strategy.SCRATCH, 1, 0.9, 0.5, "features", {}),
        (Strategy.FEATURES, 1, 0.85, 0.8, "partial", {"blocks": 1}),
        (Strategy.FEATURES, 1, 1.0, 0.8, "partial", {"blocks": 1, "augment": "strong"}),
        (Strategy.PARTIAL, 1, 0.85, 0.8, "partial", {"blocks": 3}),
        (Strategy.PARTIAL, 4, 0.85, 0.8, "partial", {"blocks": 5}),
        (Strategy.PARTIAL, 5, 0.85, 0.8, None, None),
        (Strategy.FULL, 1, 1.0, 0.8, "features", {}),
        (Strategy.FULL, 1, 0.85, 0.8, None, None),
        (Strategy.FEATURES, 1, 0.85, None, None, None),
        (Strategy.FEATURES, 1, 1.0, 1.0, None, None),
    ],
)
def test_what_to_try_next(
    strategy: Strategy, blocks: int, train: float, validation: float | None, strategy_next: str | None,
    settings: dict[str, object] | None,
) -> None:  # fmt: skip
    row = {"epoch": 1, "train_metric": train} | ({} if validation is None else {"validation_metric": validation})
    recipe = Recipe("vision.classification", "/data", "resnet18", strategy)
    found = next_step.what_next(
        recipe, VisionSettings(blocks=blocks), Progress(1, 1, history=[row]), 5, "photographs", DOMAIN.steadier
    )
    assert (found and found["strategy"], found and found["settings"]) == (strategy_next, settings)
    assert found is None or found["text"].endswith(".")
