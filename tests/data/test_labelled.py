"""Classes as they are listed, labels that look like several, and test data of one's own beside separate ones."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from engines.data import several_labels
from engines.data.class_names import by_size
from engines.data.labelled import counted, with_test


@dataclass(frozen=True)
class Example:
    name: str
    label: str
    split: str | None
    sha256: str


@pytest.mark.parametrize(
    ("names", "ordered"),
    [
        (["10", "2", "1"], ["1", "2", "10"]),
        (["-1", "0", "-10"], ["-10", "-1", "0"]),
        (["01", "1", "2"], ["01", "1", "2"]),
        (["10", "2", "b"], ["10", "2", "b"]),
        (["b", "a", "a"], ["a", "b"]),
    ],
)
def test_whole_numbers_are_listed_by_size(names: list[str], ordered: list[str]) -> None:
    assert by_size(names) == ordered


def test_classes_are_counted_in_that_order() -> None:
    assert list(counted(["10", "2", "2"]).items()) == [("2", 2), ("10", 1)]


@pytest.mark.parametrize(
    ("classes", "joined"),
    [
        ("cat, dog, bird, cat|dog, cat|bird", 2),
        ("a;b, b;c, c;a, a", 3),
        ("red, big, old, red big, red old", 2),
        ("golden retriever, labrador retriever, pug", 0),
        ("cat, dog, cat|dog", 0),
        ("cat, dog", 0),
    ],
)
def test_classes_that_look_like_several_labels(classes: str, joined: int) -> None:
    counts = dict.fromkeys(classes.split(", "), 1)
    found = several_labels.joined(counts)
    assert (found is not None) == bool(joined)
    if found:
        note = several_labels.about_joined(found, counts, "images")
        assert note.startswith(f"{joined} of {len(counts)} images have a class such as ")


def test_a_test_of_the_datas_own_gives_way_to_separate_test_data_with_a_word() -> None:
    own = [Example("1", "a", "train", "1"), Example("2", "b", "train", "2"), Example("3", "a", "test", "3")]
    found, notes = with_test(own, [Example("x", "b", None, "2"), Example("y", "a", None, "3")], "extra", "texts")
    assert [(example.name, example.split) for example in found] == [("1", "train"), ("x", "test"), ("y", "test")]
    assert notes == [
        "1 texts that the data keep for a test of their own are not used: extra is tested on.",
        "1 texts are in the test data too: left out of training.",
    ]
