"""Tables in the shapes that the usual tools write and people report: read, asked about, or refused in words."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from engines import registry
from engines.contract import DataReport, InputError

GB = ("good", "bad")
CLASSIFY, CHAT, TRANSLATE = "text.sentiment", "text.generation", "text.translation"


def told(n: int) -> str:
    return f"the sentence number {n} says something"


def table(heading: Iterable[object], rows: Iterable[Iterable[object]], separator: str = ",") -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=separator, lineterminator="\n").writerows([heading, *rows])
    return out.getvalue()


def records(n: int = 24) -> list[dict[str, Any]]:
    return [{"text": told(i), "label": GB[i % 2]} for i in range(n)]


def lines(rows: Iterable[Any], end: str = "\n") -> str:
    return "".join(json.dumps(row) + end for row in rows)


def write(folder: Path, name: str, content: str | bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder / name


def check(path: Path, task: str = CLASSIFY, **settings: Any) -> DataReport:
    chosen = registry.task(task)
    return chosen.check(path, settings=chosen.settings.parse(settings), gallery=path.parent)


def roles(report: DataReport) -> dict[str, str]:
    found: dict[str, str] = report.details["roles"]
    return found


ENOUGH = range(24)
EVEN = {"good": 12, "bad": 12}
FRENCH = [("café à la crème n° " + str(i), ("gut", "böse")[i % 2]) for i in ENOUGH]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("no_heading.csv", "".join(f"{told(i)},{GB[i % 2]}\n" for i in ENOUGH)),
        ("quotes.tsv", "".join(f'{GB[i % 2]}\t"quoted" {told(i)} "\n' for i in ENOUGH)),
        ("commas.jsonl", lines(records(), ",\n\n")),
        ("brackets.jsonl", "[\n" + ",\n".join(map(json.dumps, records())) + "\n]\n"),
        ("over_lines.jsonl", "\n".join(json.dumps(row, indent=2) for row in records())),
        ("over_lines.json", "\n".join(json.dumps(row, indent=2) for row in records())),
        (
            "wrapped.json",
            json.dumps({"version": 1, "data": [{"meta": {"id": i}, "doc": row} for i, row in enumerate(records())]}),
        ),
        ("columns.json", json.dumps({key: [row[key] for row in records()] for key in ("text", "label")})),
        (
            "pandas.json",
            json.dumps({key: {str(i): row[key] for i, row in enumerate(records())} for key in ("text", "label")}),
        ),
        (
            "split.json",
            json.dumps(
                {"columns": ["text", "label"], "index": [*ENOUGH], "data": [list(row.values()) for row in records()]}
            ),
        ),
        ("index.json", json.dumps({f"row{i}": row for i, row in enumerate(records())})),
        ("lists.jsonl", lines({**row, "label": [row["label"]]} for row in records())),
        ("python_lists.csv", table(("text", "label"), ((row["text"], f"['{row['label']}']") for row in records()))),
        ("twice.csv", table(("text", "label", "label"), ((told(i), GB[i % 2], f"x{i % 3}") for i in ENOUGH))),
        (
            "dates.csv",
            table(("date", "text", "category"), ((f"2024-01-{1 + i:02}", told(i), GB[i % 2]) for i in ENOUGH)),
        ),
    ],
)
def test_read_without_asking(name: str, content: str, tmp_path: Path) -> None:
    report = check(write(tmp_path, name, content))
    assert (report.classes, report.skipped) == (EVEN, [])


@pytest.mark.parametrize(("encoding", "note"), [("cp1252", "Windows-1252"), ("utf-16", "UTF-16"), ("utf-8-sig", None)])
def test_letters_of_old_programs(encoding: str, note: str | None, tmp_path: Path) -> None:
    report = check(write(tmp_path, "a.csv", table(("text", "label"), FRENCH).encode(encoding)))
    assert report.classes == {"böse": 12, "gut": 12}
    assert note is None or any(note in said for said in report.notes)


def test_parts_in_a_json_object(tmp_path: Path) -> None:
    own = {"train": records(), "test": [{"text": told(i + 50), "label": GB[i % 2]} for i in range(6)]}
    report = check(write(tmp_path, "a.json", json.dumps(own)))
    assert report.splits["test"] == 6
    assert check(write(tmp_path, "a.json", json.dumps(own)), parts="drawn").splits["test"] == 8


def test_is_valid_as_fastai_writes_it(tmp_path: Path) -> None:
    rows = [(GB[i % 2], told(i), str(i % 4 == 0)) for i in ENOUGH]
    report = check(write(tmp_path, "texts.csv", table(("label", "text", "is_valid"), rows)))
    assert roles(report) == {"text": "text", "label": "label", "split": "is_valid"}
    assert report.splits == {"train": 13, "validation": 6, "test": 5}


def test_rows_of_no_part_are_left_out_and_a_column_that_says_none_is_not_used(tmp_path: Path) -> None:
    def rows(parts: tuple[str, ...]) -> list[tuple[str, str, str]]:
        return [(told(i), GB[i // 4 % 2], parts[i % 4]) for i in range(40)]

    heading = ("text", "label", "split")
    report = check(write(tmp_path, "a.csv", table(heading, rows(("train", "train", "test", "unsup")))))
    assert report.n_examples == 30
    assert len(report.skipped) == 10
    assert report.skipped[0].reason == "is for 'unsup' by the column 'split': neither train, validation nor test"
    report = check(write(tmp_path, "a.csv", table(heading, rows(("1", "1", "2", "3")))))
    assert "The column 'split' does not say train, validation or test ('1', '2', '3'): it is not used." in report.notes


def test_tested_in_secret_as_glue_writes_it(tmp_path: Path) -> None:
    write(tmp_path, "train.csv", table(("sentence", "label"), ((told(i), i % 2) for i in ENOUGH)))
    write(tmp_path, "test.csv", table(("sentence", "label"), ((told(i + 100), -1) for i in range(8))))
    report = check(tmp_path)
    assert (report.classes, sum(report.splits.values())) == ({"0": 12, "1": 12}, 24)
    assert "test.csv has no classes in its column 'label': it is left out." in report.notes


def test_a_damaged_table_beside_good_ones_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, "train.csv", table(("text", "label"), ((told(i), GB[i % 2]) for i in ENOUGH)))
    write(tmp_path, "test.parquet", b"PAR1 and no more")
    report = check(tmp_path)
    assert report.classes == EVEN
    assert [(each.where, each.reason) for each in report.skipped] == [
        ("test.parquet", "cannot be read: it is damaged, or no Parquet file")
    ]


def test_what_is_asked(tmp_path: Path) -> None:
    rows = [
        (5000 + i, ("pos", "neg", "so-so")[i % 3], ("United", "Delta", "Virgin")[i // 3 % 3], told(i))
        for i in range(45)
    ]
    path = write(tmp_path, "tweets.csv", table(("tweet_id", "airline_sentiment", "airline", "text"), rows))
    with pytest.raises(InputError, match="'airline_sentiment', 'airline' are as likely to hold the classes") as caught:
        check(path)
    assert caught.value.problems[0].choices == ("airline_sentiment", "airline")
    assert check(path, label_column="airline").classes == {"Delta": 15, "United": 15, "Virgin": 15}
    assert check(path, accept_guesses=True).classes == {"neg": 15, "pos": 15, "so-so": 15}


def test_what_is_said_of_columns(tmp_path: Path) -> None:
    def notes(heading: tuple[str, ...], rows: Iterable[Iterable[object]], **settings: Any) -> str:
        return " ".join(check(write(tmp_path, "a.csv", table(heading, rows)), **settings).notes)

    both = notes(("text", "label", "label_text"), ((told(i), i % 2, GB[i % 2]) for i in ENOUGH))
    assert "'label_text' says the same as 'label' in other words." in both
    html = notes(("review", "sentiment"), ((f"a film<br />was {i} &amp; more", GB[i % 2]) for i in ENOUGH))
    assert "24 of the texts hold HTML such as <br />" in html
    stars = notes(("review", "stars"), ((told(i), 1 + i % 5) for i in range(50)))
    assert "'stars' holds grades: each is a class of its own" in stars
    scores = notes(("sentence", "score"), ((told(i), (0.25, 0.5, 0.75, 1.0)[i % 4]) for i in range(40)))
    assert "The classes look like measurements (0.25, 0.5, 0.75, …)" in scores
    flags = [(told(i), i % 2, int(i % 3 == 0), int(i % 5 == 0)) for i in range(40)]
    toxic = notes(("text", "toxic", "obscene", "threat"), flags, label_column="toxic")
    assert "'toxic', 'obscene', 'threat' hold nothing but 0 and 1: this looks like several labels a row" in toxic


def test_one_and_true_are_kept_apart_and_said(tmp_path: Path) -> None:
    labels = [1, "1", True, 0, "0", False]
    report = check(write(tmp_path, "a.jsonl", lines({"text": told(i), "label": labels[i % 6]} for i in range(36))))
    assert report.classes == {"0": 12, "1": 12, "false": 6, "true": 6}
    assert "'label' holds numbers with quotation marks around them and without: both are read alike." in report.notes
    assert any(note.startswith("'0' and '1' and 'false' and 'true' are kept apart") for note in report.notes)


@pytest.mark.parametrize(
    ("word", "n", "is_class"),
    [("null", 8, True), ("null", 2, False), ("nan", 8, False), ("NaN", 2, False), ("None", 2, True), ("N/A", 8, True)],
)
def test_words_for_nothing_among_the_classes(word: str, n: int, is_class: bool, tmp_path: Path) -> None:
    labels = [*GB * 8, *[word] * n]
    path = write(tmp_path, "a.csv", table(("text", "label"), ((told(i), label) for i, label in enumerate(labels))))
    rows = f"{n} rows"
    said = f"taken for a class, of {rows}." if is_class else f"taken for nothing: {rows} left out."
    report = check(path)
    assert report.classes == {"good": 8, "bad": 8} | ({word: n} if is_class else {})
    assert f"'{word}' in the column 'label' is {said}" in report.notes
    assert check(path, missing="class").classes == {"good": 8, "bad": 8, word: n}
    assert check(path, missing="missing").classes == {"good": 8, "bad": 8}


def test_rows_of_several_classes_are_left_out_with_their_count(tmp_path: Path) -> None:
    rows = [{"text": told(i), "label": list(GB) if i % 4 == 0 else [GB[i % 2]]} for i in ENOUGH]
    report = check(write(tmp_path, "a.jsonl", lines(rows)))
    assert report.n_examples == 18
    assert report.skipped[0].reason == "names several classes (good, bad)"
    assert any(
        note.startswith("6 of 24 texts have several labels each (such as good and bad)") for note in report.notes
    )


# --- conversations and translations ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "found", "first"),
    [
        (
            [
                {"instruction": f"Say {i}", "input": "" if i % 2 else f"and {i}", "output": f"it is {i}"}
                for i in range(12)
            ],
            {"prompt": "instruction", "context": "input", "response": "output"},
            ["Say 0\n\nand 0", "Say 1"],
        ),
        (
            [
                {"instruction": f"Say {i}", "context": f"All of {i}", "response": f"it is {i}", "category": "qa"}
                for i in range(12)
            ],
            {"prompt": "instruction", "context": "context", "response": "response"},
            ["Say 0\n\nAll of 0", "Say 1\n\nAll of 1"],
        ),
        (
            [
                {
                    "id": f"x{i}",
                    "conversations": [{"from": "human", "value": f"{i}?"}, {"from": "gpt", "value": f"{i}!"}],
                }
                for i in range(12)
            ],
            {"messages": "conversations"},
            ["0?", "1?"],
        ),
        (
            [
                {"messages": [{"role": "user", "content": f"{i}?"}, {"role": "assistant", "content": f"{i}!"}]}
                for i in range(12)
            ],
            {"messages": "messages"},
            ["0?", "1?"],
        ),
        (
            [{"prompt": f"Say {i}", "chosen": f"it is {i}", "rejected": "no"} for i in range(12)],
            {"prompt": "prompt", "response": "chosen"},
            ["Say 0", "Say 1"],
        ),
    ],
    ids=["alpaca", "dolly", "sharegpt", "openai", "preferences"],
)
def test_conversations(rows: list[Any], found: dict[str, str], first: list[str], tmp_path: Path) -> None:
    report = check(write(tmp_path, "a.json", json.dumps(rows)), CHAT)
    assert roles(report) == found
    assert [example["text"] for example in report.gallery[:2]] == first
    unread = [name for name in rows[0] if name not in found.values()]
    assert [note for note in report.notes if "Not read" in note] == [f"Not read: '{name}'." for name in unread]


def test_what_a_conversation_begins_with(tmp_path: Path) -> None:
    rows = [{"system_prompt": "Be kind.", "question": f"{i}?", "response": f"{i}!"} for i in range(12)]
    report = check(write(tmp_path, "a.jsonl", lines(rows)), CHAT)
    assert report.gallery[0]["messages"] == [["system", "Be kind."], ["user", "0?"], ["assistant", "0!"]]


@pytest.mark.parametrize(("task", "columns"), [(CHAT, ("prompt", "response")), (TRANSLATE, ("en", "fr"))])
def test_own_parts_and_their_leaks(task: str, columns: tuple[str, str], tmp_path: Path) -> None:
    """A question that is tested, or that the model is chosen by, is not learnt from: as a text is not."""
    parts = ["train"] * 12 + ["dev"] * 4 + ["test"] * 4
    rows = [(f"What of {i % 14}?", f"It is {i}.", part) for i, part in enumerate(parts)]
    path = write(tmp_path, "a.csv", table((*columns, "split"), rows))
    report = check(path, task)
    assert report.splits == {"train": 6, "validation": 4, "test": 4}
    assert [(each.where, each.reason.rsplit(" ", 1)[-1]) for each in report.skipped] == [
        ("line 2", "validation"),
        ("line 3", "validation"),
        ("line 4", "test"),
        ("line 5", "test"),
        ("line 6", "test"),
        ("line 7", "test"),
    ]
    assert next(guess for guess in report.read_as if guess.setting == "parts").alternatives == ["drawn"]
    assert sum(check(path, task, parts="drawn").splits.values()) == 20


def test_questions_in_nested_objects_are_not_guessed_at(tmp_path: Path) -> None:
    squad = {"data": [{"title": f"Title {i}", "paragraphs": [{"qas": [{"question": "q"}]}]} for i in range(9)]}
    with pytest.raises(InputError, match="there is no column for the response"):
        check(write(tmp_path, "squad.json", json.dumps(squad)), CHAT)


def archive(path: Path, files: dict[str, list[str]]) -> Path:
    with zipfile.ZipFile(path, "w") as out:
        for name, said in files.items():
            out.writestr(name, "".join(f"{line}\n" for line in said))
    return path


def test_two_files_side_by_side_as_moses_has_them(tmp_path: Path) -> None:
    sizes = {"train": 20, "dev": 4, "test": 4}
    files = {f"corpus/{part}.en": [f"the house {part} {i}" for i in range(n)] for part, n in sizes.items()}
    files |= {f"corpus/{part}.de": [f"das Haus {part} {i}" for i in range(n)] for part, n in sizes.items()}
    report = check(archive(tmp_path / "a.zip", files), TRANSLATE)
    assert roles(report) == {"source": "en", "target": "de"}
    assert report.splits == {"train": 20, "validation": 4, "test": 4}
    assert (report.gallery[0]["text"], report.gallery[0]["label"]) == ("the house train 0", "das Haus train 0")


def test_two_files_side_by_side_as_opus_has_them(tmp_path: Path) -> None:
    files = {
        "Tatoeba.de-en.de": [f"das Haus {i}" for i in range(20)],
        "Tatoeba.de-en.en": [f"the house {i}" for i in range(20)],
    }
    report = check(archive(tmp_path / "a.zip", files | {"Tatoeba.de-en.xml": ["<x/>"], "README": ["x"]}), TRANSLATE)
    assert report.n_examples == 20
    turned = check(tmp_path / "a.zip", TRANSLATE, source_column="de", target_column="en")
    assert (turned.gallery[0]["text"], turned.gallery[0]["label"]) == ("das Haus 0", "the house 0")


def test_flash_cards_with_a_column_of_sources(tmp_path: Path) -> None:
    """Anki's pairs have no heading, and a third column: which is which is asked, by the columns' numbers."""
    cards = "".join(f"Go {i}.\tVa {i} !\tCC-BY 2.0 (France) tatoeba.org #{i}\n" for i in range(20))
    with pytest.raises(InputError) as caught:
        check(write(tmp_path, "fra.txt", cards), TRANSLATE)
    assert caught.value.problems[0].choices == ("column_1", "column_2", "column_3")
    report = check(tmp_path / "fra.txt", TRANSLATE, source_column="column_1", target_column="column_2")
    assert (report.n_examples, report.gallery[0]["text"]) == (20, "Go 0.")
