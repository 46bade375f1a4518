"""Splits: every example once, duplicates together, classes in proportion, the same draw every time."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.data.splits import complete, split

SHARES = st.sampled_from([0.0, 0.1, 0.2, 0.25, 0.45])
SEEDS = st.integers(0, 2**32 - 1)
EXAMPLES = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 15)), max_size=60)


def singletons(counts: dict[str, int]) -> tuple[list[str], list[str]]:
    labels = [label for label, count in counts.items() for _ in range(count)]
    return labels, [f"group {n}" for n in range(len(labels))]


def table(counts: dict[str, int], validation: float, test: float, seed: int = 0) -> dict[str, dict[str, int]]:
    """Class -> part -> examples, when no example has a duplicate."""
    labels, groups = singletons(counts)
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for label, part in zip(labels, split(labels, groups, validation=validation, test=test, seed=seed), strict=True):
        found[label][part] += 1
    return {label: dict(parts) for label, parts in found.items()}


def test_shares_of_each_class() -> None:
    assert table({"cats": 100, "dogs": 10}, validation=0.2, test=0.3) == {
        "cats": {"train": 50, "validation": 20, "test": 30},
        "dogs": {"train": 5, "validation": 2, "test": 3},
    }


def test_small_classes_train_first_then_test_then_validate() -> None:
    assert table({"one": 1, "two": 2, "three": 3, "four": 4}, validation=0.1, test=0.1) == {
        "one": {"train": 1},
        "two": {"train": 1, "test": 1},
        "three": {"train": 1, "validation": 1, "test": 1},
        "four": {"train": 2, "validation": 1, "test": 1},
    }


def test_without_a_test_share_two_examples_train_and_validate() -> None:
    assert table({"two": 2, "ten": 10}, validation=0.2, test=0.0) == {
        "two": {"train": 1, "validation": 1},
        "ten": {"train": 8, "validation": 2},
    }


def test_large_shares_leave_something_to_train_on() -> None:
    assert table({"three": 3, "two": 2}, validation=0.49, test=0.5) == {
        "three": {"train": 1, "validation": 1, "test": 1},
        "two": {"train": 1, "test": 1},
    }


def test_a_photograph_copied_fifty_times_stays_in_training() -> None:
    groups = ["copied"] * 50 + [f"single {n}" for n in range(50)]
    parts = split(["cats"] * 100, groups, validation=0.1, test=0.2, seed=3)
    assert set(parts[:50]) == {"train"}
    assert Counter(parts[50:]) == {"train": 20, "validation": 10, "test": 20}


def test_a_group_with_two_labels_stays_together_with_the_commoner() -> None:
    labels = ["cats", "cats", "dogs"] + ["dogs"] * 9
    groups = ["shared"] * 3 + [f"dog {n}" for n in range(9)]
    parts = split(labels, groups, validation=0.2, test=0.2, seed=0)
    assert parts[:3] == ["train"] * 3  # cats have one group only


def test_wrong_shares_and_lengths_are_refused() -> None:
    for validation, test in [(0.5, 0.5), (-0.1, 0.2), (0.2, 1.0)]:
        with pytest.raises(ValueError, match="must be 0 or more and below 1 together"):
            split(["a"], ["1"], validation=validation, test=test, seed=0)
    with pytest.raises(ValueError, match="1 labels but 2 groups"):
        split(["a"], ["1", "2"], validation=0.1, test=0.1, seed=0)


def test_the_seed_changes_the_draw_and_nothing_else_does() -> None:
    labels, groups = singletons({"cats": 30, "dogs": 30})
    first = split(labels, groups, validation=0.2, test=0.2, seed=1)
    assert first == split(labels, groups, validation=0.2, test=0.2, seed=1)
    assert first != split(labels, groups, validation=0.2, test=0.2, seed=2)
    fewer = split(labels[:30], groups[:30], validation=0.2, test=0.2, seed=1)
    assert first[:30] == fewer  # another class does not touch this one


@given(EXAMPLES, SHARES, SHARES, SEEDS, st.randoms(use_true_random=False))
def test_groups_stay_together_and_order_does_not_matter(
    examples: list[tuple[str, int]], validation: float, test: float, seed: int, random: object
) -> None:
    def drawn(pairs: list[tuple[str, int]]) -> list[str]:
        labels, groups = [label for label, _ in pairs], [str(group) for _, group in pairs]
        return list(split(labels, groups, validation=validation, test=test, seed=seed))

    parts = drawn(examples)
    assert len(parts) == len(examples)
    assert set(parts) <= {"train"} | ({"validation"} if validation else set()) | ({"test"} if test else set())
    part_of: dict[int, str] = {}
    for (_, group), part in zip(examples, parts, strict=True):
        assert part_of.setdefault(group, part) == part
    shuffled = random.sample(examples, len(examples))  # type: ignore[attr-defined]
    assert {group: part for (_, group), part in zip(shuffled, drawn(shuffled), strict=True)} == part_of


@given(st.dictionaries(st.text(max_size=3), st.integers(1, 60), max_size=5), SHARES, SHARES, SEEDS)
def test_each_class_is_within_one_of_its_share(
    counts: dict[str, int], validation: float, test: float, seed: int
) -> None:
    for label, parts in table(counts, validation, test, seed).items():
        n = counts[label]
        assert parts["train"] >= 1
        assert sum(parts.values()) == n
        if n >= 2:
            assert abs(parts.get("test", 0) - test * n) <= 1
            assert abs(parts.get("validation", 0) - validation * n) <= 1
            assert not test or parts["test"] >= 1
        if n >= 3:
            assert not validation or parts["validation"] >= 1


@given(st.dictionaries(st.sampled_from("abc"), st.lists(st.integers(1, 9), min_size=2, max_size=9), min_size=1), SEEDS)
def test_classes_of_large_groups_reach_train_and_test(sizes: dict[str, list[int]], seed: int) -> None:
    labels, groups = [], []
    for label, members in sizes.items():
        for number, size in enumerate(members):
            labels += [label] * size
            groups += [f"{label}{number}"] * size
    parts = split(labels, groups, validation=0.2, test=0.2, seed=seed)
    for label, members in sizes.items():
        reached = {part for own, part in zip(labels, parts, strict=True) if own == label}
        assert {"train", "test"} <= reached
        assert len(members) < 3 or "validation" in reached


def test_what_the_data_say_stays_and_the_missing_part_is_drawn() -> None:
    labels, groups = singletons({"cats": 20})
    given_parts = ["test"] * 5 + ["train"] * 5 + [None] * 10
    parts = complete(given_parts, labels, groups, validation=0.2, test=0.5, seed=0)
    assert parts[:5] == ["test"] * 5
    assert Counter(parts[5:]) == {"train": 12, "validation": 3}
    both = complete(["test", "validation", "train", None], *singletons({"a": 4}), validation=0.4, test=0.4, seed=0)
    assert both == ["test", "validation", "train", "train"]
    nothing = complete([None] * 20, labels, groups, validation=0.2, test=0.2, seed=7)
    assert nothing == split(labels, groups, validation=0.2, test=0.2, seed=7)
