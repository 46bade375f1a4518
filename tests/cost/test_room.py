"""What a training holds in memory, in exact small numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engines import registry
from engines.contract import Stage, Strategy
from engines.cost import room

CARD = replace(
    registry.task("text.generation").models()[0],
    parameters=1000,
    stages=(Stage("words", 200, 0), *(Stage(f"block {n}", 200, 0) for n in range(1, 5))),
)


@pytest.mark.parametrize(
    ("strategy", "blocks", "settings", "held"),
    [
        (Strategy.FULL, 2, {}, 16 * 1000),
        (Strategy.SCRATCH, 2, {}, 16 * 1000),
        (Strategy.PARTIAL, 2, {}, 4 * 1000 + 12 * 400),
        (Strategy.PARTIAL, 5, {}, 16 * 1000),
        (Strategy.LORA, 2, {}, 4 * 1000),
        (Strategy.LORA, 2, {"eight_bits": True}, 4 * 200 + 800),
    ],
)
def test_bytes_of_weights_gradients_and_moments(strategy: Strategy, blocks: int, settings: dict, held: int) -> None:
    assert room.held(CARD, strategy, blocks, settings) == held


def test_what_takes_less_and_fits() -> None:
    found = room.less(CARD, Strategy.FULL, 2, {}, 5000, eight_bits=True)
    assert [(strategy, held) for strategy, _, held in found] == [(Strategy.LORA, 4000), (Strategy.LORA, 1600)]
    assert room.less(CARD, Strategy.LORA, 2, {}, 5000, eight_bits=False) == []
