"""How long a run takes, on a card of three stages that cost 100, 200 and 300."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.contract import ModelCard, Stage, Strategy
from engines.training import cost
from engines.training.settings import TrainSettings
from engines.vision.settings import VisionSettings

SIZES = {"n_train": 10, "n_test": 5, "macs_per_second": 1000.0}


def card(*macs: int) -> ModelCard:
    stages = tuple(Stage(str(number), 10 * (number + 1), each) for number, each in enumerate(macs))
    return ModelCard(
        "toy", "Toy", "toy", 100, 400, "MIT", "us", "nothing", "vectors", stages, head_inputs=4,
    )  # fmt: skip


TOY = card(100, 200, 300)


@pytest.mark.parametrize(
    ("strategy", "changes", "seconds"),
    [
        (Strategy.ZERO_SHOT, {}, 3),  # 5 tests
        (Strategy.FEATURES, {}, 3 + 24),  # and 4 views of 10 examples, once
        (Strategy.PARTIAL, {"blocks": 1}, 3 + 24 + 12 + 2 * 9),  # and 4 views to the boundary, then 2 epochs above it
        (Strategy.PARTIAL, {"blocks": 3}, 3 + 24 + 2 * 18),
        (Strategy.FULL, {}, 3 + 24 + 2 * 18),
        (Strategy.LORA, {}, 3 + 24 + 2 * 18),
        (Strategy.SCRATCH, {}, 3 + 2 * 18),
    ],
)
def test_seconds(strategy: Strategy, changes: dict[str, Any], seconds: float) -> None:
    settings = TrainSettings(epochs=2, views=4, **changes)
    assert cost.seconds(TOY, strategy, settings, **SIZES) == pytest.approx(cost.START_UP_SECONDS + seconds)


@pytest.mark.parametrize(
    ("strategy", "seconds"),
    [
        (Strategy.FEATURES, 24),  # all 10, seen in 4 views, are tested on the way
        # 8 of 10 to learn from, 5 times over; what is above the boundary is run once more to test
        (Strategy.PARTIAL, 24 + 12 + 3 + 5 * 2 * 7.2),
        (Strategy.SCRATCH, 6 + 5 * 2 * 14.4),
    ],
)
def test_folds(strategy: Strategy, seconds: float) -> None:
    settings = TrainSettings(epochs=2, views=4, blocks=1)
    sizes = SIZES | {"n_test": 0, "folds": 5}
    assert cost.seconds(TOY, strategy, settings, **sizes) == pytest.approx(cost.START_UP_SECONDS + seconds)


@pytest.mark.parametrize(("n", "trainings"), [(50, 4), (150, 1)])
def test_the_baseline_in_folds(n: int, trainings: int) -> None:
    """Each learns from 80 % of the other folds and is tested on its own."""
    sizes = SIZES | {"n_train": n, "n_test": 0, "folds": 5}
    each = n * 0.8 * 0.8 * TrainSettings.default_epochs[Strategy.SCRATCH] * 1.8 + n * 0.2 * 0.6
    assert cost.baseline_seconds(TOY, TrainSettings(), **sizes) == pytest.approx(trainings * each)


@pytest.mark.parametrize(
    ("strategy", "changes", "folds"),
    [
        (Strategy.FEATURES, {}, 4),
        (Strategy.PARTIAL, {"blocks": 2}, 4),
        (Strategy.PARTIAL, {"blocks": 3}, 0),  # nothing is frozen
        (Strategy.FULL, {}, 0),
        (Strategy.LORA, {}, 0),
        (Strategy.SCRATCH, {}, 0),
        (Strategy.ZERO_SHOT, {}, 0),  # nothing learns
        (Strategy.FEATURES, {"max_seconds": 60.0}, 0),
        (Strategy.FULL, {"folds": 3}, 3),
        (Strategy.FEATURES, {"folds": 0}, 0),
    ],
)
def test_who_is_tested_in_folds_by_itself(strategy: Strategy, changes: dict[str, Any], folds: int) -> None:
    assert VisionSettings(**changes).folds_for(strategy, 3, 4) == folds
    assert TrainSettings(**changes).folds_for(strategy, 3, 4) == changes.get("folds", 0), "others: where it is chosen"


def test_the_baseline_takes_its_own_epochs() -> None:
    """Whatever the run beside it takes."""
    for settings in (TrainSettings(), TrainSettings(epochs=1), TrainSettings(epochs=60)):
        expected = 3 + TrainSettings.default_epochs[Strategy.SCRATCH] * 18
        assert cost.baseline_seconds(TOY, settings, **SIZES) == pytest.approx(expected)


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=12), st.integers(2, 50), st.integers(1, 500))
def test_more_blocks_never_cost_less(macs: list[int], epochs: int, n_train: int) -> None:
    settings = [TrainSettings(epochs=epochs, blocks=blocks) for blocks in range(1, len(macs) + 1)]
    sizes = SIZES | {"n_train": n_train}
    each = [cost.seconds(card(*macs), Strategy.PARTIAL, one, **sizes) for one in settings]
    assert each == sorted(each)
    assert each[-1] == cost.seconds(card(*macs), Strategy.FULL, settings[0], **sizes)


def test_forward_macs() -> None:
    assert [cost.forward_macs(TOY, *part) for part in ((), (1,), (0, 2), (3,))] == [600, 500, 300, 0]
