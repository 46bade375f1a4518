"""What is said of data of a new domain: labels, other classes, copies, too many of them."""

from __future__ import annotations

import numpy as np
import pytest

from engines.adaptation.rule import MOST
from engines.adaptation.target import Brought, Source, drawn, opened
from engines.contract import InputError, Skipped

SOURCE = Source(["bad", "good"], frozenset({"known"}))


def brought(written: list[str], contents: list[str] | None = None, *, told: bool = True, found: int = 0) -> Brought:
    n = len(written)
    names = [f"line {i}" for i in range(n)]
    return Brought(list(range(n)), names, contents or names, written, found or n, [], [], told)


def test_labels_are_set_aside() -> None:
    found = opened(brought(["good", "bad", ""]), SOURCE, "texts")
    assert found.labels.tolist() == [1, 0, -1]
    assert found.judged.tolist() == [0, 1]
    assert found.notes == ["2 of its texts have labels: these are set aside and used for the truth only."]


def test_numbers_are_one_class_however_they_are_written() -> None:
    assert opened(brought(["1.0", "0"]), Source(["0", "1"], frozenset()), "texts").labels.tolist() == [1, 0]


def test_other_classes_are_refused_where_a_column_says_them() -> None:
    with pytest.raises(InputError, match=r"its classes \('cat'\) are others than what is learnt; accepted: texts of"):
        opened(brought(["cat", "cat"]), SOURCE, "texts")


def test_folders_may_mean_something_else() -> None:
    found = opened(brought(["may", "june"], told=False), SOURCE, "photographs")
    assert found.judged.tolist() == []
    assert found.notes == ["Its folders ('june', 'may') are no classes that are learnt, so they are taken for none."]
    assert opened(brought(["new", "new"], told=False), SOURCE, "photographs").notes == []


def test_some_other_classes_are_told() -> None:
    found = opened(brought(["good", "cat"]), SOURCE, "texts")
    assert found.judged.tolist() == [0]
    assert "1 are of classes that are not learnt ('cat'): whatever is said of them is wrong." in found.notes


def test_what_is_learnt_from_tells_no_truth() -> None:
    found = opened(brought(["good", "bad"], ["known", "new"]), SOURCE, "texts")
    assert found.judged.tolist() == [1]
    assert any(note.startswith("1 of its texts are in the data to learn from too") for note in found.notes)
    same = opened(brought(["good"], ["known"]), SOURCE, "texts")
    assert same.judged.tolist() == []
    assert any(note.startswith("All of its texts are in the data to learn from too") for note in same.notes)


def test_of_too_many_some_are_drawn_and_it_is_said() -> None:
    assert drawn(MOST, 0) == list(range(MOST))
    some = drawn(20_000, 3)
    assert len(some) == MOST
    assert some == drawn(20_000, 3)
    assert some != drawn(20_000, 4)
    notes = opened(brought(["", ""], found=20_000), SOURCE, "texts").notes
    assert notes == ["2 of its 20,000 texts are used, drawn by the seed."]


def test_nothing_that_can_be_read() -> None:
    bad = Brought([], [], [], [], 1, [Skipped("a.csv", "is no image")], [])
    with pytest.raises(InputError, match=r"none of its photographs can be read \(a.csv is no image\)"):
        opened(bad, SOURCE, "photographs")


def test_copies_are_counted() -> None:
    found = opened(brought(["", "", ""], ["a", "a", "b"]), SOURCE, "texts")
    assert found.notes == ["1 of its texts are exact copies of another."]
    assert np.array_equal(found.learnt, [False] * 3)
