"""A classifier that learns while it is being shown: what it tells, what it cannot use, and what it keeps."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from engines.classification.few_labels.showing import Shown
from engines.contract import Embedder
from engines.datasets.folder import DatasetFolder, New


class Letters:
    """Sees how often each of three letters is in a text; of an empty one nothing. Counts what it was asked."""

    identity = "letters"

    def __init__(self) -> None:
        self.asked: list[bytes] = []

    def embed(self, examples: Sequence[bytes]) -> list[np.ndarray | str]:
        self.asked += examples
        seen = [np.array([example.count(letter) for letter in (b"a", b"b", b"c")], np.float32) for example in examples]
        return [one if one.any() else "is black: is the lens covered?" for one in seen]


@pytest.fixture
def letters() -> Letters:
    return Letters()


@pytest.fixture
def shown(letters: Letters) -> Shown:
    def embedder(kind: str) -> Embedder:
        assert kind == "texts"
        return letters

    return Shown(embedder)


@pytest.fixture
def dataset() -> DatasetFolder:
    return DatasetFolder.create("texts", "Letters")


def told(shown: Shown, dataset: DatasetFolder, ask: bytes | None = None) -> dict[str, Any]:
    question = {"dataset": dataset.id} | ({"ask": base64.b64encode(ask).decode()} if ask else {})
    return shown.answer(question, lambda *_: None)


def show(dataset: DatasetFolder, label: str, *texts: str) -> None:
    dataset.add_all([New(text.encode(), text, label) for text in texts])


def test_it_begins_to_answer_with_the_second_class(shown: Shown, dataset: DatasetFolder) -> None:
    dataset.add_class("B")
    show(dataset, "A", "aab", "aaab")
    first = told(shown, dataset, b"aaa")
    assert (first["method"], first["left_out"], first["counts"]) == (None, None, {"B": 0, "A": 2})
    assert "probabilities" not in first
    show(dataset, "B", "abb")
    second = told(shown, dataset, b"aaa")
    assert (second["method"], second["left_out"]) == ("prototypes", None), "of a single example nothing is left"
    assert second["probabilities"]["A"] > 0.5 > second["probabilities"]["B"]


def test_how_well_it_does_has_an_interval_and_grows_a_curve(shown: Shown, dataset: DatasetFolder) -> None:
    for label, letter in (("A", "a"), ("B", "b"), ("C", "c")):
        show(dataset, label, *(letter * n + "abc" for n in range(3, 9)))
    found = told(shown, dataset)
    assert (found["left_out"]["value"], found["left_out"]["n"]) == (1.0, 18)
    assert 0.7 < found["left_out"]["low"] < found["left_out"]["high"] == 1.0
    assert [(row["k"], row["n"]) for row in found["curve"]] == [(1, 6), (2, 9), (3, 12), (5, 18)]


def test_from_ten_a_class_a_regression_answers(shown: Shown, dataset: DatasetFolder) -> None:
    for label, letter in (("A", "a"), ("B", "b")):
        show(dataset, label, *(letter * n + "abc" for n in range(1, 11)))
    found = told(shown, dataset, b"bbbb")
    assert found["method"] == "logistic regression"
    assert found["probabilities"]["B"] > 0.9
    dataset.undo()
    assert told(shown, dataset)["method"] is None


def test_each_example_is_looked_at_once_and_questions_are_not_kept(
    shown: Shown, letters: Letters, dataset: DatasetFolder
) -> None:
    show(dataset, "A", "a", "aab")
    show(dataset, "B", "b")
    told(shown, dataset, b"ab")
    told(shown, dataset, b"ab")
    assert sorted(letters.asked) == [b"a", b"aab", b"ab", b"ab", b"b"]
    again = Letters()
    assert told(Shown(lambda _: again), dataset, b"b")["method"] == "prototypes"
    assert again.asked == [b"b"], "the others lay in its cache"
    kept = {path.read_bytes() for path in (dataset.path / "items").iterdir()}
    assert kept == {b"a", b"aab", b"b"}


def test_what_is_black_is_said_and_left_out(shown: Shown, dataset: DatasetFolder) -> None:
    show(dataset, "A", "a", "night")
    show(dataset, "B", "b")
    found = told(shown, dataset, b"fog")
    assert found["counts"] == {"A": 1, "B": 1}
    assert found["unusable"] == [{"file": "night", "error": "is black: is the lens covered?"}]
    assert found["unclear"] == "What is shown is black: is the lens covered?"


def test_the_same_one_twenty_times_is_one_example(shown: Shown, dataset: DatasetFolder) -> None:
    show(dataset, "A", *["a"] * 20)
    show(dataset, "B", "b", "bb")
    found = told(shown, dataset)
    assert (found["counts"], found["repeated"]) == ({"A": 1, "B": 2}, 19)
    assert found["left_out"] is None


def test_a_new_name_needs_no_new_look(shown: Shown, letters: Letters, dataset: DatasetFolder) -> None:
    show(dataset, "A", "a", "aab")
    show(dataset, "B", "b", "abb")
    told(shown, dataset)
    dataset.rename_class("B", "Bee")
    found = told(shown, dataset, b"bb")
    assert max(found["probabilities"], key=found["probabilities"].get) == "Bee"
    assert len(letters.asked) == 5
