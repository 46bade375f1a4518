"""Whether an explanation of a recogniser points at what it hears by, on a recogniser whose truth is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from engines.speech.models import heard_where
from engines.speech.models.heard_where import WIDTH
from engines.speech.models.states import Answers, EncoderStates

MOMENTS, TELLING, LOUD = 40, tuple(range(2, 18)), 30
CPU = torch.device("cpu")


class Listener:
    """Is the surer of its only word the more of the TELLING moments it hears."""

    def hear(self, samples: np.ndarray) -> Tensor:
        return torch.tensor([float(np.abs(samples[at * WIDTH : (at + 1) * WIDTH]).max() > 0) for at in TELLING])

    def network(self, heard: EncoderStates) -> Tensor:
        return heard.states[0].mean()

    def loss(self, outputs: Tensor, targets: Answers, smoothing: float) -> Tensor:
        assert (targets.ids.tolist(), smoothing) == ([[7]], 0.0)
        return -torch.log(0.1 + 0.8 * outputs)

    def spell(self, text: str) -> tuple[list[int], list[int]]:
        if text == "?":
            raise ValueError("unknown letters")
        return [], [7]


LISTENER: Any = Listener()


@pytest.fixture
def sound() -> np.ndarray:
    found = np.full(MOMENTS * WIDTH - 100, 0.1, dtype=np.float32)  # the last moment is not whole
    found[LOUD * WIDTH : (LOUD + 1) * WIDTH] = 0.9
    return found


def test_the_likelihood_is_that_of_what_was_heard_without_some_moments(sound: np.ndarray) -> None:
    silent = np.zeros((3, MOMENTS), dtype=bool)
    silent[1, TELLING[0]] = silent[2, :] = True
    found = heard_where.likelihood(LISTENER, CPU, sound, ([], [7]), silent)
    assert found == pytest.approx([0.9, 0.9 - 0.8 / 16, 0.1])


def test_what_points_at_it_is_faithful_and_loudness_is_not_enough(sound: np.ndarray) -> None:
    right = np.isin(np.arange(MOMENTS), TELLING).astype(float)
    found = heard_where.tested(LISTENER, CPU, sound, "seven", right)
    assert found is not None
    assert found["faithful"]
    assert (found["heuristic"], found["orders"], found["units"]) == ("loudness", 10, MOMENTS)
    loud = heard_where.tested(LISTENER, CPU, sound, "seven", np.arange(MOMENTS) == LOUD)
    assert loud is not None
    assert not loud["faithful"]


def test_nothing_is_tested_where_nothing_was_heard_or_it_cannot_be_spelt(sound: np.ndarray) -> None:
    for text in ("", "?"):
        assert heard_where.tested(LISTENER, CPU, sound, text, np.zeros(MOMENTS)) is None


def test_states_are_added_up_by_moment() -> None:
    assert heard_where.by_moment(np.array([1.0, 2.0, 3.0, 4.0]), 1.0).tolist() == [1, 2, 3, 4]
    assert heard_where.by_moment(np.ones(100), 0.6).tolist() == pytest.approx([42, 42, 16])
    assert heard_where.by_moment(np.zeros(0), 0.3).tolist() == [0, 0]
