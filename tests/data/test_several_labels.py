"""Examples with several labels at once: found in lists, in columns of 0 and 1, in names and in further columns."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.data import several_labels as several


@dataclass(frozen=True)
class Example:
    name: str
    label: str
    sha256: str
    split: str | None = None


@pytest.mark.parametrize(
    ("cell", "label"),
    [
        ("cat", "cat"),
        ('["cat"]', "cat"),
        ("['cat']", "cat"),
        ('["cat", "cat"]', "cat"),
        ("[]", ""),
        ("[b]", "[b]"),
        ("[3]", "3"),
    ],
)
def test_one_label(cell: str, label: str) -> None:
    assert several.one_of(cell) == label


@pytest.mark.parametrize("cell", ['["dog", "cat"]', "['dog' 'cat']", '["dog" "cat"]', "['cat', 'dog']"])
def test_several_labels_however_a_program_writes_them(cell: str) -> None:
    with pytest.raises(several.Several, match=r"^names several classes \((dog, cat|cat, dog)\)$"):
        several.one_of(cell)
    assert several.one_of(cell, several.TOGETHER) == "cat + dog"


@pytest.mark.parametrize("cell", ['[[0, 4, "PER"]]', '[{"start": 0}]', '{"a": 1}'])
def test_marks_within_a_text_are_no_class(cell: str) -> None:
    with pytest.raises(ValueError, match="marks places within the text"):
        several.one_of(cell)


def test_a_place_for_each_class_is_no_list_of_labels() -> None:
    with pytest.raises(ValueError, match="write the classes' names instead"):
        several.one_of("[0, 1, 0]")


def test_columns_of_marks() -> None:
    columns = {"cat": ["1", "0", "0", "1"], "dog": ["0", "1", "0", "1"], "bird": ["0", "0", "1", "0"]}
    found = several.marked(columns)
    assert found == [["cat"], ["dog"], ["bird"], ["cat", "dog"]]
    assert several.about_marked(found, list(columns), "'cat', 'dog' and 'bird'") == (
        "of 4 rows, 3 have a 1 in one of the 3 columns 'cat', 'dog' and 'bird', 1 in several of them; the column's "
        "name is the class."
    )


def test_marks_that_have_nothing_to_do_with_each_other_are_no_classes() -> None:
    assert several.marked({"smiles": ["1", "1", "0", "0"], "hat": ["1", "0", "1", "0"]}) is None
    assert several.marked({"alone": ["1", "0"]}) is None
    assert several.marked({"spam": ["1", "0", "0"], "link": ["0", "1", "0"]}) is None, "two may be a class and a remark"
    assert several.marked({"spam": ["1", "0"], "ham": ["0", "1"]}) == [["spam"], ["ham"]]


@given(st.lists(st.lists(st.booleans(), min_size=2, max_size=4), min_size=1, max_size=20))
def test_marks_are_read_as_they_stand(rows: list[list[bool]]) -> None:
    width = min(map(len, rows))
    columns = {str(at): ["1" if row[at] else "0" for row in rows] for at in range(width)}
    found = several.marked(columns)
    single = sum(sum(row[:width]) == 1 for row in rows)
    enough = single == len(rows) if width == 2 else single >= several.MOSTLY_ONE * len(rows)
    if found is None:
        assert not enough or len({at for row in rows for at in range(width) if row[at]}) < 2
    else:
        assert found == [[str(at) for at in range(width) if row[at]] for row in rows]


def test_names_of_words_are_labels_only_under_a_heading_that_says_so() -> None:
    counts = Counter({"clear primary": 3, "haze primary": 2, "clear water": 2, "haze water": 1, "clear": 1})
    assert several.joined(counts, "label") is None
    assert several.joined(counts, "tags") == several.Joined(
        " ", frozenset({"clear primary", "haze primary", "clear water", "haze water"})
    )


def examples(*labels: str) -> list[Example]:
    return [Example(f"{n}", label, f"content {n}") for n, label in enumerate(labels)]


def test_joined_names_are_learnt_as_they_stand_and_said_or_left_out() -> None:
    given_ = examples("cat", "dog", "bird", "cat|dog", "cat|bird")
    kept, told = several.without_joined(given_, "auto", "texts", "label")
    assert kept == given_
    assert told.notes[0].startswith("2 of 5 texts have a class such as 'cat|dog'")
    assert told.notes[0].endswith("several_labels=left-out leaves them out.")
    assert (told.read_as[0].value, told.read_as[0].alternatives) == ("combined", ["left-out"])
    kept, told = several.without_joined(given_, "left-out", "texts", "label")
    assert [example.label for example in kept] == ["cat", "dog", "bird"]
    assert [entry.reason for entry in told.skipped] == [
        "names several classes (cat, dog)",
        "names several classes (bird, cat)",
    ]
    assert told.notes[0].startswith("2 of 5 texts have several labels each (such as cat and dog; bird and cat)")


def test_folders_are_never_taken_for_several_labels() -> None:
    given_ = examples("cat", "dog", "bird", "cat,dog", "cat,bird")
    assert several.without_joined(given_, "auto", "images") == (given_, several.Sorted())


def test_one_content_in_two_classes_is_left_out_where_that_is_asked() -> None:
    given_ = [Example("a", "cat", "same"), Example("b", "dog", "same"), Example("c", "dog", "other")]
    kept, told = several.without_joined(given_, "left-out", "images")
    assert [example.name for example in kept] == ["c"]
    assert told.notes == [
        "2 of 3 images have several labels each (such as cat and dog): they are left out, because one class each is "
        "learnt."
    ]
    assert several.without_joined(given_, "auto", "images")[0] == given_


def test_further_columns_are_told_by_their_names() -> None:
    assert several.further("label1", ["text", "label1", "label2", "label", "labels"]) == ["label2"]
    assert several.further("label", ["label_2", "label 3"]) == ["label_2", "label 3"]
    pairs = [("cat", ""), ("cat", "dog"), ("dog", "dog")]
    assert several.about_further("label1", "label2", pairs) == [
        "The column 'label2' names a further class in 1 of 3 rows (such as 'cat' and 'dog'): only 'label1' is learnt."
    ]
