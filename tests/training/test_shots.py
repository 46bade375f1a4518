"""A few examples a class: how many, which, and what is tested."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engines.training.shots import Parts, drawn


def parts(*sizes: int) -> Parts:
    ends = np.cumsum(sizes)
    return {
        name: np.arange(end - size, end)
        for name, size, end in zip(("train", "validation", "test"), sizes, ends, strict=True)
    }


LABELS = np.array([0, 0, 0, 1, 1, 1, 0, 1])
OWN = [str(i) for i in range(8)]


def test_all_others_are_the_test() -> None:
    found, said = drawn(parts(4, 2, 2), LABELS, OWN, 2, 0, own_test=False, unit="texts")
    assert Counter(LABELS[found["train"]].tolist()) == {0: 2, 1: 2}
    assert sorted([*found["train"], *found["test"]]) == list(range(8))
    assert len(found["validation"]) == 0
    assert said == "2 texts of each class are learnt from, drawn with seed 0: the 4 others are the test."


def test_a_test_of_its_own_stays_as_it_is() -> None:
    found, said = drawn(parts(4, 2, 2), LABELS, OWN, 2, 0, own_test=True, unit="texts")
    assert found["test"].tolist() == [6, 7]
    assert set(found["train"]) <= set(range(6))
    assert said.endswith(": the 2 others are left out.")


def test_a_small_class_keeps_one_to_be_tested_on() -> None:
    labels = np.array([0, 0, 0, 0, 1, 1, 2, 0])
    found, said = drawn(parts(8, 0, 0), labels, OWN, 3, 0, own_test=False, unit="texts")
    assert Counter(labels[found["train"]].tolist()) == {0: 3, 1: 1, 2: 1}
    assert "(all but one of each of 2 smaller classes)" in said


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 6)), min_size=3, max_size=30), st.integers(1, 4))
def test_copies_are_on_one_side_and_the_seed_decides(examples: list[tuple[int, int]], shots: int) -> None:
    labels = np.array([label for label, _ in examples])
    groups = [f"{label} {group}" for label, group in examples]
    given = parts(len(examples), 0, 0)
    found, said = drawn(given, labels, groups, shots, 7, own_test=False, unit="clips")
    assert not {groups[i] for i in found["train"]} & {groups[i] for i in found["test"]}
    assert max(Counter(labels[found["train"]].tolist()).values()) <= shots
    again, same = drawn(given, labels, groups, shots, 7, own_test=False, unit="clips")
    assert all(np.array_equal(found[part], again[part]) for part in found)
    assert said == same
