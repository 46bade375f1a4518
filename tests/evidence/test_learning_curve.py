"""What a comparison says it saved, and only inside what was measured; trials are files."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engines.evidence import curve, trial_files
from engines.evidence.budgets import within
from engines.evidence.curve import Curve, labels_saved, time_saved
from engines.evidence.scores import Accuracies
from engines.evidence.trial_files import Left

LABELS = np.arange(200) % 2


def at(share: float, seeds: int = 3) -> Accuracies:
    """Networks that are right in that share of the test, in the same examples."""
    right = (np.arange(200) < 200 * share).astype(float)
    return Accuracies(LABELS, [right] * seeds)


def test_labels_saved_is_the_distance_between_the_curves() -> None:
    ours, theirs = {10: 0.6, 40: 0.7, 160: 0.8}, {10: 0.5, 40: 0.6, 160: 0.7}
    scores = {n: {"features": at(ours[n]), "scratch": at(theirs[n])} for n in ours}
    found = labels_saved(scores, "features", "scratch", "photographs", higher_is_better=True)
    assert found.numbers is not None
    assert found.numbers["value"] == pytest.approx(120, abs=3)
    assert found.numbers["low"] <= found.numbers["value"] <= found.numbers["high"]
    assert found.text.startswith("About 1")


@pytest.mark.parametrize(
    ("ours", "text"),
    [
        (
            {10: 0.9, 160: 0.9},
            "More than 150 photographs: with 10 it is already where training from scratch is with 160.",
        ),
        ({10: 0.3, 160: 0.4}, "None: with 160 photographs it is not yet where training from scratch is."),
    ],
)
def test_nothing_is_said_beyond_what_was_measured(ours: dict[int, float], text: str) -> None:
    scores = {n: {"features": at(ours[n]), "scratch": at(0.7)} for n in ours}
    found = labels_saved(scores, "features", "scratch", "photographs", higher_is_better=True)
    assert (found.text, found.numbers) == (text, None)


def test_one_budget_and_a_rival_without_labels_tell_nothing() -> None:
    one = labels_saved({10: {"a": at(0.5), "scratch": at(0.4)}}, "a", "scratch", "texts", higher_is_better=True)
    scores = {n: {"a": at(0.5), "zero_shot": at(0.4)} for n in (5, 10)}
    none = labels_saved(scores, "a", "zero_shot", "texts", higher_is_better=True)
    assert one.numbers is none.numbers is None
    assert "learns from no label" in none.text


def test_a_curve_is_made_to_rise() -> None:
    assert curve._isotonic(np.array([0.5, 0.4, 0.6, 0.3])) == pytest.approx([0.45, 0.45, 0.45, 0.45])
    assert curve._isotonic(np.array([0.1, 0.3, 0.2, 0.9])) == pytest.approx([0.1, 0.25, 0.25, 0.9])
    assert curve._crossing([10, 1000], np.array([0.2, 0.4]), 0.3) == pytest.approx(100)


def test_time_to_where_the_other_ends() -> None:
    ours = [Curve([1, 2], [0.7, 0.9], [2.0, 3.0])] * 2 + [Curve([1, 2], [0.5, 0.8], [2.0, 3.0])]
    theirs = [Curve([1, 2, 3], [0.2, 0.6, 0.5], [10.0, 20.0, 30.0])] * 3
    found = time_saved(ours, theirs, higher_is_better=True)
    assert found.numbers is not None
    assert found.numbers["ratio"] == pytest.approx((0.1 * 0.1 * 0.15) ** (1 / 3), abs=1e-3)
    assert (found.numbers["seconds"], found.numbers["steps"]) == pytest.approx((53 / 3, 2 / 3), abs=1e-3)
    never = time_saved(theirs, ours, higher_is_better=True)
    assert (never.numbers, never.text[:4]) == (None, "None")
    assert time_saved(ours[:2], theirs[:2], higher_is_better=True).numbers is None, "two seeds"
    wild = [Curve([1], [0.9], [seconds]) for seconds in (0.1, 5.0, 30.0)]
    assert time_saved(wild, theirs, higher_is_better=True).text.startswith("Not to be told: in 3 seeds it took from")
    assert time_saved([None], theirs[:1], higher_is_better=True).numbers is None


def test_what_a_training_left_is_read_as_it_was_written() -> None:
    left = Left(np.array([[1.0, 2.0], [math.nan, 4.0]]), 3.5, Curve([1], [0.5], [2.0]))
    again = trial_files.read(trial_files.written(left))
    assert np.array_equal(again.outcome, left.outcome, equal_nan=True)
    assert (again.seconds, again.curve) == (left.seconds, left.curve)


def test_a_budget_counts_what_decides_when_to_stop() -> None:
    labels, groups = ["a"] * 30 + ["b"] * 30, [f"g{i // 2}" for i in range(60)]
    chosen, checked = within(labels, groups, 40, 0)
    assert len(chosen) + len(checked) == 40
    assert 6 <= len(checked) <= 10
    assert not {groups[i] for i in chosen} & {groups[i] for i in checked}, "copies stay together"
    chosen, checked = within(labels, groups, 8, 0)
    assert (len(chosen), checked) == (8, []), "of four a class none is spared"
