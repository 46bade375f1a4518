"""Which moments of a clip told the speaker: on a voice that is known by one moment alone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from engines.speech.speaker import explain

MOMENTS, TELLING, LOUD = 12, 5, 2


def ask(sound: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sure while the telling moment is there, however loud the others are."""
    there = np.abs(sound[TELLING * explain.WIDTH : (TELLING + 1) * explain.WIDTH]).max() > 0
    return np.array([0.9, 0.1] if there else [0.1, 0.9]), np.zeros(1)


IDENTIFIER: Any = SimpleNamespace(classes=["anna", "ben"], ask=ask)


@pytest.fixture
def sound() -> np.ndarray:
    sound = np.full(MOMENTS * explain.WIDTH - 100, 0.1, dtype=np.float32)  # the last moment is not whole
    sound[LOUD * explain.WIDTH : (LOUD + 1) * explain.WIDTH] = 0.9
    return sound


def test_what_is_lost_where_a_moment_is_silent(sound: np.ndarray) -> None:
    label, losses = explain.moments(IDENTIFIER, sound)
    assert label == "anna"
    expected = np.zeros(MOMENTS)
    expected[TELLING] = np.log(9)
    assert losses == pytest.approx(expected)


def test_silence_alone_says_nothing(sound: np.ndarray) -> None:
    silent = np.stack([np.zeros(MOMENTS, dtype=bool), np.ones(MOMENTS, dtype=bool)])
    assert explain.probability(IDENTIFIER, sound, 0, silent).tolist() == [0.9, 0.0]


def test_the_telling_moment_beats_the_loud_one(sound: np.ndarray) -> None:
    """It is gone in the first of the eight steps that take 1, 3, 4, 6, 8, 9, 10 and 12 moments away."""
    label, losses = explain.moments(IDENTIFIER, sound)
    found = explain.tested(IDENTIFIER, sound, label, losses)
    assert found is not None
    assert (found["heuristic"], found["units"]) == ("loudness", MOMENTS)
    assert found["deletion"] < found["random"] < found["insertion"]
    assert found["deletion"] < found["heuristic_deletion"]
