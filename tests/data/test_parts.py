"""Which names say what a part of the data is for, and which merely look like it."""

from __future__ import annotations

import pytest

from engines.data.parts import among, lacks_training, part_of, part_of_path

CLASSES = {"Apple", "Pear"}


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("Training", "train"),
        ("training_set", "train"),
        ("reviews-train.csv", "train"),
        ("TrainSet", "train"),
        ("trainset", "train"),
        ("ValidData", "validation"),
        ("val2", "validation"),
        ("dev", "validation"),
        ("eval", "validation"),
        ("TESTset", "test"),
        ("hold-out", "test"),
        ("positive_test", "test"),
        ("train_test", None),
        ("trainer", None),
        ("contest", None),
        ("latest", None),
        ("restrained", None),
        ("Prüfung", None),
    ],
)
def test_a_part_is_a_whole_word_within_a_name(name: str, part: str | None) -> None:
    assert part_of(name) == part


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("data/reviews_train.csv", "train"),
        ("test/0.parquet", "test"),
        ("train/x/dev.tsv", "validation"),
        ("a.csv", None),
    ],
)
def test_a_file_belongs_to_the_nearest_part_in_its_path(name: str, part: str | None) -> None:
    assert part_of_path(name) == part


def test_folders_are_parts_where_they_hold_the_same_classes() -> None:
    assert among({"Training": CLASSES, "Test": CLASSES, "extra": set()}) == {"Training": "train", "Test": "test"}
    assert among({"training_set": CLASSES, "test_set": {"apple ", "PEAR"}}) == {
        "training_set": "train",
        "test_set": "test",
    }
    assert among({"train": CLASSES, "mine": {"Plum"}, "test": CLASSES}) == {"train": "train", "test": "test"}


def test_folders_are_classes_where_none_trains_or_they_hold_something_else() -> None:
    assert among({"bus": set(), "car": set(), "train": set()}) == {}
    assert among({"positive_test": {"a"}, "negative_test": {"a"}}) == {}
    assert among({"bus": {"red"}, "car": {"red"}, "train": {"freight"}}) == {}
    assert among({"train": {"steam"}, "car": set(), "test": set()}) == {}
    assert among({"val": CLASSES, "test": CLASSES}) == {}


def test_parts_without_one_to_train_on_are_told_from_classes() -> None:
    assert lacks_training({"val": CLASSES, "test": CLASSES})
    assert not lacks_training({"train": CLASSES, "test": CLASSES})
    assert not lacks_training({"positive_test": CLASSES, "negative_test": CLASSES})
    assert not lacks_training({"val": set(), "test": set()})
