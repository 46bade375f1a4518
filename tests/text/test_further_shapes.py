"""Texts as annotation tools and trackers have them: Label Studio, doccano, Prodigy, fastText, pandas, Hugging Face."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engines.contract import InputError
from tests.text.test_usual_shapes import check, lines, table, told, write

PETS = ("cat", "dog", "bird")
MANY = range(60)


def own(n: int) -> str:
    return PETS[n % 3]


def several(n: int) -> list[str]:
    """Two labels for every fifth text."""
    return [own(n), own(n + 1)] if n % 5 == 0 else [own(n)]


def studio(n: int) -> dict[str, object]:
    """As Label Studio exports a task."""
    chosen = {"from_name": "topic", "to_name": "text", "type": "choices", "value": {"choices": several(n)}}
    return {
        "id": n,
        "data": {"text": told(n)},
        "annotations": [{"result": [chosen]}, {"was_cancelled": True, "result": []}],
    }


SEVERAL = {
    "lists": ("a.jsonl", lines({"text": told(n), "labels": several(n)} for n in MANY)),
    "doccano": ("a.jsonl", lines({"id": n, "text": told(n), "label": several(n)} for n in MANY)),
    "prodigy": ("a.jsonl", lines({"text": told(n), "accept": several(n), "answer": "accept"} for n in MANY)),
    "Label Studio": ("a.json", json.dumps([studio(n) for n in MANY])),
    "Label Studio, JSON-MIN": (
        "a.json",
        json.dumps([{"text": told(n), "topic": own(n) if n % 5 else {"choices": several(n)}} for n in MANY]),
    ),
    "fastText": ("a.txt", "".join(" ".join(f"__label__{one}" for one in several(n)) + f" {told(n)}\n" for n in MANY)),
    "NumPy": (
        "a.csv",
        table(("text", "labels"), ((told(n), "[" + " ".join(map(repr, several(n))) + "]") for n in MANY)),
    ),
    "columns of 0 and 1": (
        "a.csv",
        table(("text", *PETS), ((told(n), *(int(pet in several(n)) for pet in PETS)) for n in MANY)),
    ),
}


@pytest.mark.parametrize("how", SEVERAL)
def test_several_labels_a_text_are_left_out_and_counted_or_combined(how: str, tmp_path: Path) -> None:
    path = write(tmp_path, *SEVERAL[how])
    report = check(path)
    assert report.classes == {"bird": 16, "cat": 16, "dog": 16}
    (note,) = (note for note in report.notes if "several labels each" in note)
    assert note.startswith("12 of 60 texts have several labels each (such as cat and dog; ")
    (guess,) = (guess for guess in report.read_as if guess.setting == "several_labels")
    assert (guess.value, guess.alternatives) == ("left-out", ["combined"])
    assert {entry.reason.partition(" (")[0] for entry in report.skipped} == {"names several classes"}
    together = check(path, several_labels="combined")
    assert together.n_examples == 60
    assert together.classes["cat + dog"] == 4


def test_labels_with_a_bar_between_are_combinations_or_left_out(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", table(("text", "label"), ((told(n), "|".join(several(n))) for n in MANY)))
    assert check(path).classes["cat|dog"] == 4
    assert check(path, several_labels="left-out").classes == {"bird": 16, "cat": 16, "dog": 16}


def test_columns_of_marks_are_classes(tmp_path: Path) -> None:
    content = table(("text", *PETS), ((told(n), *(int(pet == own(n)) for pet in PETS)) for n in MANY))
    report = check(write(tmp_path, "a.csv", content))
    assert report.classes == {"bird": 20, "cat": 20, "dog": 20}
    assert (
        "a.csv: each row has a 1 in one of the columns 'cat', 'dog', 'bird'; the column's name is the class."
        in report.notes
    )


def test_a_further_column_of_labels_is_said(tmp_path: Path) -> None:
    rows = ((told(n), own(n), own(n + 1) if n % 5 == 0 else "") for n in MANY)
    report = check(write(tmp_path, "a.csv", table(("text", "label1", "label2"), rows)))
    said = (
        "The column 'label2' names a further class in 12 of 60 rows (such as 'cat' and 'dog'): only 'label1' is learnt."
    )
    assert said in report.notes


def test_a_text_in_several_classes_is_said_and_can_be_left_out(tmp_path: Path) -> None:
    rows = [(told(n), one) for n in MANY for one in several(n)]
    path = write(tmp_path, "a.csv", table(("text", "label"), rows))
    assert any("Each counts in all of its classes (12 texts)" in note for note in check(path).notes)
    assert check(path, several_labels="left-out").classes == {"bird": 16, "cat": 16, "dog": 16}


@pytest.mark.parametrize(
    ("label", "reason"),
    [([[0, 4, "PER"]], "marks places within the text"), ([0, 1, 0], "a list of 0 and 1, a place for each class")],
)
def test_what_is_no_class_is_refused_by_name(label: object, reason: str, tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", lines({"text": told(n), "label": label} for n in MANY))
    with pytest.raises(InputError, match=reason):
        check(path)


def test_zeros_before_numbers_stay(tmp_path: Path) -> None:
    codes = ("00501", "0501", "501")
    content = table(("text", "label"), ((told(n), codes[n % 3]) for n in MANY))
    assert check(write(tmp_path, "a.csv", content)).classes == dict.fromkeys(("501", "00501", "0501"), 20)


def test_a_quotation_mark_without_a_partner_ends_with_its_line(tmp_path: Path) -> None:
    """pytorch/audio issue 2838."""
    rows = "".join(('"' if n % 15 == 0 else "") + f"{told(n)}\t{own(n)}\n" for n in MANY)
    assert check(write(tmp_path, "a.tsv", "text\tlabel\n" + rows)).n_examples == 60
