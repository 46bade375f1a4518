"""The interval of one network means what it says; and budgets are drawn fairly."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from engines.evidence import budgets, intervals


def outcomes(*classes: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Labels and correctness of classes given as (right, wrong)."""
    labels = np.concatenate([np.full(right + wrong, number) for number, (right, wrong) in enumerate(classes)])
    correct = np.concatenate([np.arange(right + wrong) < right for right, wrong in classes])
    return labels, correct


# --- one classifier -------------------------------------------------------------------------------


def test_balanced_is_the_mean_of_the_classes() -> None:
    labels, correct = outcomes((9, 1), (1, 3))
    assert intervals.balanced(labels, correct) == pytest.approx((0.9 + 0.25) / 2)
    assert correct.mean() == pytest.approx(10 / 14)
    assert intervals.balanced(*outcomes((9, 1), (9, 1))) == pytest.approx(0.9)


@pytest.mark.parametrize(("right", "wrong"), [(8, 2), (1, 9), (45, 5)])
def test_accuracy_interval_is_jeffreys(right: int, wrong: int) -> None:
    _, correct = outcomes((right, wrong))
    found = intervals.accuracy(correct)
    assert (found.value, found.n, found.seeds) == (right / (right + wrong), right + wrong, 1)
    exact = beta(right + 0.5, wrong + 0.5).ppf([0.025, 0.975])
    assert (found.low, found.high) == pytest.approx(exact, abs=0.01)


def test_balanced_accuracy_of_one_class_is_its_accuracy() -> None:
    labels, correct = outcomes((8, 2))
    one, other = intervals.balanced_accuracy(labels, correct), intervals.accuracy(correct)
    assert one.value == other.value
    assert (one.low, one.high) == pytest.approx((other.low, other.high), abs=0.01)


def test_all_correct_is_not_certain() -> None:
    for n in (3, 10, 100):
        found = intervals.balanced_accuracy(*outcomes((n, 0), (n, 0)))
        assert found.value == found.high == 1
        assert 0.3 < found.low < 1
    none = intervals.balanced_accuracy(*outcomes((0, 10), (0, 10)))
    assert none.value == none.low == 0
    assert 0 < none.high < 0.5


def test_more_examples_make_it_narrower() -> None:
    widths = []
    for n in (4, 16, 64, 256):
        found = intervals.balanced_accuracy(*outcomes((3 * n, n), (3 * n, n)))
        assert found.low < found.value < found.high
        widths.append(found.high - found.low)
    assert widths == sorted(widths, reverse=True)
    assert widths[1] / widths[3] == pytest.approx(4, rel=0.15)  # sixteen times the examples


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)).filter(any), min_size=1, max_size=5))
def test_the_interval_holds_the_value(classes: list[tuple[int, int]]) -> None:
    found = intervals.balanced_accuracy(*outcomes(*classes))
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.n == sum(map(sum, classes))


def test_the_same_outcomes_give_the_same_interval() -> None:
    assert intervals.balanced_accuracy(*outcomes((8, 2), (5, 5))) == intervals.balanced_accuracy(
        *outcomes((8, 2), (5, 5))
    )


@pytest.mark.parametrize(
    ("sizes", "chances"),
    [([40, 20], [0.9, 0.6]), ([10] * 10, [0.95] * 10), ([3] * 30, [0.9] * 30), ([32, 13, 8, 10], [0.9, 0.9, 0.8, 1.0])],
    ids=["two uneven classes", "ten small ones", "thirty of three", "like the photographs"],
)
def test_the_95_percent_interval_holds_the_truth_95_times_in_100(sizes: list[int], chances: list[float]) -> None:
    """300 simulated tests of a classifier whose true accuracy in each class is known."""
    rng = np.random.default_rng(1)
    labels = np.repeat(np.arange(len(sizes)), sizes)
    chance = np.repeat(chances, sizes)
    held = 0
    for _ in range(300):
        found = intervals.balanced_accuracy(labels, rng.random(len(labels)) < chance)
        held += found.low <= np.mean(chances) <= found.high
    assert 0.90 <= held / 300 <= 0.995


def test_effective_number_is_the_number_when_classes_are_even_and_less_otherwise() -> None:
    assert intervals.effective_number(np.repeat([0, 1, 2], 10)) == pytest.approx(30)
    assert intervals.effective_number(np.repeat([0, 1], [90, 10])) == pytest.approx(4 / (1 / 90 + 1 / 10))  # 36


def test_many_small_classes_do_not_pull_the_interval_down() -> None:
    """Thirty classes of three, 87 of 90 right: the value lies well inside, not at the edge."""
    labels = np.repeat(np.arange(30), 3)
    found = intervals.balanced_accuracy(labels, np.arange(90) >= 3)
    assert found.low + 0.01 < found.value < found.high - 0.01


# --- budgets --------------------------------------------------------------------------------------

LABELS = st.lists(st.sampled_from("abcd"), min_size=4, max_size=60)


@given(LABELS, st.integers(0, 5), st.data())
def test_a_larger_budget_contains_the_smaller(labels: list[str], seed: int, data: st.DataObject) -> None:
    classes = len(set(labels))
    small = data.draw(st.integers(classes, len(labels)))
    large = data.draw(st.integers(small, len(labels)))
    few, many = budgets.drawn(labels, small, seed), budgets.drawn(labels, large, seed)
    assert set(few) <= set(many)
    assert few == sorted(set(few))
    assert (len(few), len(many)) == (small, large)
    assert few == budgets.drawn(labels, small, seed)


@given(LABELS, st.integers(0, 5), st.data())
def test_a_budget_is_spread_over_the_classes(labels: list[str], seed: int, data: st.DataObject) -> None:
    """At least one of each class, and else within one and a half of its share."""
    have = Counter(labels)
    budget = data.draw(st.integers(len(have), len(labels)))
    got = Counter(labels[position] for position in budgets.drawn(labels, budget, seed))
    assert got.keys() == have.keys()
    for label, count in have.items():
        assert got[label] <= max(1.5, budget * count / len(labels) + 1.5)


def test_budgets_by_hand() -> None:
    labels = ["a"] * 8 + ["b"] * 2
    assert Counter(labels[i] for i in budgets.drawn(labels, 5, 0)) == {"a": 4, "b": 1}
    assert budgets.drawn(labels, 10, 3) == list(range(10))
    assert budgets.drawn(labels, 4, 0) != budgets.drawn(labels, 4, 1)
    for budget in (1, 11):
        with pytest.raises(ValueError, match=f"budget {budget} is not between 2 and 10"):
            budgets.drawn(labels, budget, 0)


def test_a_budget_of_seconds_takes_whole_clips_and_never_more_than_it() -> None:
    labels, sizes = ["a", "a", "a", "b", "b", "b"], [1.0, 2.0, 3.0, 1.5, 2.5, 0.5]
    assert budgets.bounds(labels, sizes) == (6, 11), "the longest of each, and all: 5.5 and 10.5"
    assert budgets.bounds(labels) == (2, 6)
    for seed in range(5):
        before: set[int] = set()
        for budget in range(6, 12):
            chosen = budgets.drawn(labels, budget, seed, sizes)
            assert sum(sizes[i] for i in chosen) <= budget
            assert {labels[i] for i in chosen} == {"a", "b"}
            assert before <= set(chosen), "a larger budget has all of a smaller one"
            before = set(chosen)
        assert len(before) == 6
    with pytest.raises(ValueError, match="not between 6 and 11"):
        budgets.drawn(labels, 5, 0, sizes)
