"""How long a run takes, on a card of three stages that cost 100, 200 and 300."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.contract import ModelCard, Stage, Strategy
from engines.training import cost
from engines.training.settings import TrainSettings

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
