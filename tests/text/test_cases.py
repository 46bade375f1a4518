"""What people brought to other tools (tests/cases/text-*) is read as it was meant, and what was guessed is said."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from engines import registry
from engines.contract import DataReport, InputError
from engines.text.sentiment.dataset import open_texts
from engines.text.settings import TextSettings

CASES = Path(__file__).resolve().parents[1] / "cases"


def check(name: str, task: str = "text.sentiment", *, test: str | None = None, **settings: Any) -> DataReport:
    chosen = registry.task(task)
    tested = CASES / test if test else None
    return chosen.check(CASES / name, settings=chosen.settings.parse(settings), test=tested, gallery=Path("unused"))


def read_as(report: DataReport) -> dict[str | None, tuple[str, list[str]]]:
    """Setting -> what was guessed, and what else it may be."""
    return {guess.setting: (guess.value, guess.alternatives) for guess in report.read_as}


def test_title_and_body_are_both_offered() -> None:
    assert read_as(check("text-title-and-body.csv"))["text_column"] == ("body", ["title", "id"])
    assert read_as(check("text-title-and-body.csv", text_column="title"))["text_column"] == ("title", ["body", "id"])


def test_whole_numbers_are_one_class_however_they_are_written() -> None:
    report = check("text-labels-as-floats.train.csv", test="text-labels-as-floats.test.csv")
    assert report.classes == {"0": 20, "1": 20}
    assert report.splits["test"] == 10
    assert "Whole numbers are one class however they are written: '0.0' is '0' here (2 so written)." in report.notes
    turned = check("text-labels-as-floats.test.csv", test="text-labels-as-floats.train.csv")
    assert (turned.classes, turned.splits["test"]) == ({"0": 20, "1": 20}, 30)


def test_a_class_called_null() -> None:
    report = check("text-class-called-null.csv")
    assert report.classes == {"food": 10, "null": 10, "sport": 10}
    assert read_as(report)["missing"] == ("class", ["missing"])
    assert "'null' in the column 'intent' is taken for a class, of 10 rows." in report.notes
    otherwise = check("text-class-called-null.csv", missing="missing")
    assert otherwise.classes == {"food": 10, "sport": 10}
    assert "'null' in the column 'intent' is taken for nothing: 10 rows left out." in otherwise.notes


def test_a_test_table_without_labels() -> None:
    report = check("text-test-table-without-labels.zip")
    assert report.classes == {"0": 15, "1": 15}
    assert sum(report.splits.values()) == 30
    assert "test.csv has no column 'target': it is left out." in report.notes
    assert [(each.where, each.reason) for each in report.skipped] == [
        ("sample_submission.csv", "says not what it is for: train or test"),
        ("test.csv", "has no column 'target'"),
    ]


def test_instruction_and_input_are_asked_together() -> None:
    name = "text-generation-instruction-and-input.json"
    report = check(name, "text.generation")
    assert report.gallery[0]["text"] == "Count the words.\n\nvery oven very oven quite spice 664"
    assert read_as(report)["context_column"] == ("input", ["nothing"])
    alone = check(name, "text.generation", context_column="nothing")
    assert alone.gallery[0]["text"] == "Count the words."
    assert read_as(alone)["context_column"] == ("", ["input"])


def test_emoticons_decide() -> None:
    report = check("text-emoticons-decide.csv")
    assert (report.classes, report.skipped) == ({"happy": 12, "sad": 12}, [])
    assert not any("Copies" in note or "same text" in note for note in report.notes)
    found = open_texts(CASES / "text-emoticons-decide-own-split.csv", TextSettings())
    assert Counter((each.split, each.label) for each in found.examples)["train", "happy"] == 20
    assert found.skipped == []


def test_a_label_in_a_list() -> None:
    assert check("text-label-in-a-list.jsonl").classes == {"food": 10, "space": 10, "sport": 10}


def test_notes_on_the_first_sheet() -> None:
    name = "text-notes-on-the-first-sheet.xlsx"
    report = check(name)
    assert report.splits == {"train": 17, "validation": 3, "test": 10}
    assert read_as(report)["parts"] == ("by the tables' names", ["drawn"])
    one = check(name, sheet="test")
    assert sum(one.splits.values()) == 10
    assert read_as(one)["sheet"] == ("test", ["Readme", "train"])
    with pytest.raises(InputError, match="it has no sheet 'more'; its sheets are 'Readme', 'train', 'test'"):
        check(name, sheet="more")


def test_json_by_columns() -> None:
    assert check("text-json-by-columns.json").classes == {"food": 10, "space": 10, "sport": 10}


def test_class_names_in_the_schema() -> None:
    report = check("text-class-names-in-the-schema.parquet")
    assert report.classes == {"food": 10, "space": 10, "sport": 10}
    assert "The names of the classes in 'label' stand in the file: 'sport', 'food', 'space'." in report.notes


def test_several_labels_a_row() -> None:
    report = check("text-several-labels-a-row.csv")
    (note,) = (note for note in report.notes if "several labels at once" in note)
    assert note.startswith("20 of 40 texts have a class such as 'sport|food'")


def test_answers_that_were_rejected() -> None:
    report = check("text-answers-rejected.jsonl")
    (note,) = (note for note in report.notes if "reject" in note)
    assert note.startswith("The column 'answer' says of 10 rows 'reject'")
