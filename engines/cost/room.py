"""What a training holds in memory whatever its data are, and which ways of training need less. Light: pages ask it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engines.contract import ModelCard, Strategy

FLOAT, BYTE = 4, 1
LEARNS = 3 * FLOAT
"""Bytes more of a weight that learns: its gradient, and the two moments that AdamW keeps of it."""
SHORT = 0.8
"""Share of what is free from which on memory is short: examples on their way through the network need some, too."""
EIGHT_BITS: dict[str, Any] = {"eight_bits": True}


def held(card: ModelCard, strategy: Strategy, blocks: int, settings: Mapping[str, Any]) -> int:
    """Bytes of weights, gradients and moments, in float32, without what examples take on their way through. Adapters
    and a new head count for nothing; in 8 bits (`eight_bits`) all but the first stage, which holds the words."""
    stages = [stage.parameters for stage in card.stages]
    learning = stages[strategy.boundary(len(stages), blocks) :] if strategy is not Strategy.LORA else []
    learns = card.parameters if sum(learning) == sum(stages) and learning else sum(learning)
    if strategy is Strategy.LORA and settings.get("eight_bits"):
        return FLOAT * stages[0] + BYTE * (card.parameters - stages[0])
    return FLOAT * card.parameters + LEARNS * learns


def less(
    card: ModelCard, strategy: Strategy, blocks: int, settings: Mapping[str, Any], most: int, *, eight_bits: bool
) -> list[tuple[Strategy, dict[str, Any], int]]:
    """Ways of training that hold less than this one and fit into `most` bytes: strategy, settings, bytes; the one that
    changes the most of the network first. `eight_bits`: the task can hold frozen weights in 8 bits."""
    now = held(card, strategy, blocks, settings)
    ways: list[tuple[Strategy, dict[str, Any]]] = [(Strategy.PARTIAL, {}), (Strategy.LORA, {})]
    ways += [(Strategy.LORA, EIGHT_BITS)] if eight_bits else []
    found = [(way, own, held(card, way, blocks, own)) for way, own in ways]
    return [each for each in found if each[2] < min(now, most)]
