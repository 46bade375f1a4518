"""What a run has to do, on a card of three stages that cost 100, 200 and 300."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.contract import ModelCard, Stage, Strategy
from engines.cost.work import Sizes
from engines.training import cost
from engines.training.settings import TrainSettings
from engines.vision.classification.settings import VisionSettings

SIZES = Sizes(train=10, test=5)


def card(*macs: int) -> ModelCard:
    stages = tuple(Stage(str(number), 10 * (number + 1), each) for number, each in enumerate(macs))
    return ModelCard("toy", "Toy", "toy", 100, 400, "MIT", "us", "nothing", "vectors", stages, head_inputs=4)


TOY = card(100, 200, 300)


def macs(
    strategy: Strategy, settings: TrainSettings, sizes: Sizes, of: ModelCard = TOY, warms_up: bool = True
) -> dict[str, float]:
    """Thousands of multiply-accumulates of each phase."""
    found: defaultdict[str, float] = defaultdict(float)
    for one in cost.work(of, strategy, settings, sizes, warms_up=warms_up):
        if one.unit == "MACs":
            found[one.phase] += one.amount / 1000
    return found


def steps(strategy: Strategy, settings: TrainSettings, sizes: Sizes) -> float:
    found = cost.work(TOY, strategy, settings, sizes)
    return sum(one.amount for one in found if one.unit == "optimiser steps" and one.phase == "training")


@pytest.mark.parametrize(
    ("strategy", "augment", "saved", "made"),
    [
        (Strategy.FEATURES, "randaugment", 0, 0),
        (Strategy.PARTIAL, "randaugment", 2 * 16 * 30, 0),  # of the last stage, twice
        (Strategy.FULL, "randaugment", 2 * 16 * 60, 2 * 10 * 0.074 / 32),
        (Strategy.FULL, "strong", 2 * 16 * 60, 0),  # which a card does itself
        (Strategy.LORA, "randaugment", 0, 2 * 10 * 0.074 / 32),
    ],
)
def test_what_is_saved_and_what_processors_make(strategy: Strategy, augment: str, saved: float, made: float) -> None:
    found: defaultdict[str, float] = defaultdict(float)
    for one in cost.work(TOY, strategy, VisionSettings(epochs=2, augment=augment), SIZES):
        found[one.unit] += one.amount
    assert found["bytes saved"] == saved
    assert found["seconds of a core"] == pytest.approx(made)


@pytest.mark.parametrize(
    ("strategy", "changes", "encoding", "training"),
    [
        (Strategy.ZERO_SHOT, {}, 0, 0),
        (Strategy.FEATURES, {}, 24, 0),  # 4 views of 10 examples, once
        (Strategy.FEATURES, {"depth": 3}, 24, 0),
        (Strategy.FULL, {"depth": 2}, 24, 2 * 18),  # refused later; all of it learns
        (Strategy.PARTIAL, {"blocks": 1}, 24 + 12, 2 * 9),  # and 4 views to the boundary, then 2 epochs above it
        (Strategy.PARTIAL, {"blocks": 3}, 24, 2 * 18),
        (Strategy.FULL, {}, 24, 2 * 18),
        (Strategy.LORA, {}, 24, 2 * 18),
        (Strategy.SCRATCH, {}, 0, 2 * 18),
    ],
)
def test_phases(strategy: Strategy, changes: dict[str, Any], encoding: float, training: float) -> None:
    settings = TrainSettings(epochs=2, views=4, **changes)
    found = macs(strategy, settings, SIZES)
    assert (found["encoding"], found["training"], found["testing"]) == pytest.approx((encoding, training, 3))


def test_what_lies_behind_the_features_costs_nothing() -> None:
    found = macs(Strategy.FEATURES, TrainSettings(epochs=2, views=4, depth=2), SIZES)
    assert (found["encoding"], found["training"], found["testing"]) == pytest.approx((12, 0, 1.5))


def test_what_validates_is_seen_once_and_after_every_epoch() -> None:
    found = macs(Strategy.PARTIAL, TrainSettings(epochs=2, views=4, blocks=1), Sizes(10, 2, 5))
    assert found["encoding"] == pytest.approx(24 + 12 + 2 * 0.6 + 2 * 0.3)
    assert found["training"] == pytest.approx(2 * (9 + 2 * 0.3))


def test_without_a_new_head_only_what_is_frozen_is_encoded() -> None:
    settings = TrainSettings(epochs=2, views=4, blocks=1)
    for strategy, encoding in ((Strategy.PARTIAL, 12), (Strategy.FULL, 0), (Strategy.FEATURES, 24)):
        assert macs(strategy, settings, SIZES, warms_up=False)["encoding"] == pytest.approx(encoding)


def test_a_longer_example_costs_as_much_more() -> None:
    once, twice = (macs(Strategy.FULL, TrainSettings(), Sizes(10, 2, 5, each=each)) for each in (1, 2))
    assert twice == pytest.approx({name: 2 * amount for name, amount in once.items()})


@pytest.mark.parametrize(("n", "batch", "expected"), [(10, 32, 2), (33, 32, 4), (33, 8, 10)])
def test_optimiser_steps(n: int, batch: int, expected: int) -> None:
    assert steps(Strategy.FULL, TrainSettings(epochs=2, batch_size=batch), Sizes(n)) == expected


def test_random_weights_take_small_steps() -> None:
    assert steps(Strategy.SCRATCH, TrainSettings(epochs=2, batch_size=32), Sizes(33)) == 2 * 3


@pytest.mark.parametrize(
    ("strategy", "encoding", "training", "testing"),
    [
        (Strategy.FEATURES, 24, 0, 0),  # all 10, seen in 4 views, are tested on the way
        # 8 of 10 to learn from, 5 times over; what is above the boundary is run once more to test
        (Strategy.PARTIAL, 24 + 12, 5 * 2 * 7.2, 3),
        (Strategy.SCRATCH, 0, 5 * 2 * 14.4, 6),
    ],
)
def test_folds(strategy: Strategy, encoding: float, training: float, testing: float) -> None:
    found = macs(strategy, TrainSettings(epochs=2, views=4, blocks=1), Sizes(10, folds=5))
    assert (found["encoding"], found["training"], found["testing"]) == pytest.approx((encoding, training, testing))


@pytest.mark.parametrize(("n", "trainings"), [(50, 4), (150, 1)])
def test_the_baseline_in_folds(n: int, trainings: int) -> None:
    """Each learns from 80 % of the other folds and is tested on its own."""
    each = n * 0.8 * 0.8 * TrainSettings.default_epochs[Strategy.SCRATCH] * 1.8 + n * 0.2 * 0.6
    found = macs(Strategy.FEATURES, TrainSettings(baseline="scratch"), Sizes(n, folds=5))
    assert found["baseline"] == pytest.approx(trainings * each)


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
    """Whatever the run beside it takes; of a run from scratch there is none."""
    for epochs in (None, 1, 60):
        settings = TrainSettings(epochs=epochs, baseline="scratch")
        expected = 3 + TrainSettings.default_epochs[Strategy.SCRATCH] * 18
        assert macs(Strategy.FEATURES, settings, SIZES)["baseline"] == pytest.approx(expected)
        assert macs(Strategy.SCRATCH, settings, SIZES)["baseline"] == 0


@settings(deadline=None)
@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=12), st.integers(2, 50), st.integers(1, 500))
def test_more_blocks_never_cost_less(each: list[int], epochs: int, n_train: int) -> None:
    chosen = [TrainSettings(epochs=epochs, blocks=blocks) for blocks in range(1, len(each) + 1)]
    sizes = Sizes(n_train, test=5)
    found = [sum(macs(Strategy.PARTIAL, one, sizes, card(*each)).values()) for one in chosen]
    assert found == sorted(found)
    assert found[-1] == sum(macs(Strategy.FULL, chosen[0], sizes, card(*each)).values())


def test_forward_macs() -> None:
    assert [cost.forward_macs(TOY, *part) for part in ((), (1,), (0, 2), (3,))] == [600, 500, 300, 0]
