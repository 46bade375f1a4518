"""A run reads new data as it read its own: the same columns, and it says which."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from engines import lifecycle, registry
from engines.contract import InputError, Recipe, Strategy
from engines.runs import RunFolder
from engines.text.generative import new_inputs
from engines.text.sentiment import predict
from engines.text.unlabelled import open_unlabelled
from tests import tiny_text

CASES = Path(__file__).resolve().parents[1] / "cases"
TITLES = CASES / "text-title-and-body.csv"


@pytest.fixture(scope="module", autouse=True)
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("models")
    tiny_text.write_bert(folder)
    tiny_text.write_gpt(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_MODELS", str(folder))
        patch.setenv("HEADSTART_HOME", str(tmp_path_factory.mktemp("home")))
        yield


def fitted(folder: Path, task: str, data: Path, model: str, strategy: Strategy, **settings: object) -> Path:
    recipe = Recipe(task, str(data), model, strategy, settings={"device": "cpu", **settings})
    run = RunFolder.create(recipe, folder / "run")
    lifecycle.fit(registry.task(task), recipe, run)
    return run.path


@pytest.fixture(scope="module")
def by_title(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that learnt from the column 'title', where 'body' would be guessed."""
    settings = {"text_column": "title", "epochs": 1, "baseline": "none"}
    return fitted(tmp_path_factory.mktemp("a"), "text.sentiment", TITLES, "tiny-bert", Strategy.FEATURES, **settings)


def test_the_runs_own_column_is_read(by_title: Path, tmp_path: Path) -> None:
    with TITLES.open(encoding="utf-8") as file:
        titles = [row["title"] for row in csv.DictReader(file)]
    rows = registry.task("text.sentiment").load(by_title).predict(TITLES)
    assert [row["text"] for row in rows] == titles
    assert {row["column"] for row in rows} == {"title"}
    explained = registry.task("text.sentiment").explain(by_title, TITLES, tmp_path)
    assert {row["column"] for row in explained} == {"title"}
    assert explained[0]["tokens"] == titles[0].split()


def test_a_table_without_it_says_so(by_title: Path, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("n,body\n1,a striker and a trophy\n2,a soup of spice\n", encoding="utf-8")
    rows = registry.task("text.sentiment").load(by_title).predict(tmp_path / "new.csv")
    assert [(row["column"], row["note"]) for row in rows] == [
        ("body", "There is no column 'title', from which the model learnt: 'body' is read.")
    ] * 2


def test_a_run_from_before_columns_were_kept(by_title: Path) -> None:
    config = by_title / "model" / "config.json"
    kept = config.read_text(encoding="utf-8")
    old = json.loads(kept)
    assert old["headstart"].pop("columns") == {"text": "title", "label": "label"}
    config.write_text(json.dumps(old), encoding="utf-8")
    try:
        assert predict.TextClassifier(by_title).text_column == "title", "the recipe names it"
    finally:
        config.write_text(kept, encoding="utf-8")


def test_one_word_in_the_first_line_is_a_text(by_title: Path) -> None:
    rows = registry.task("text.sentiment").load(by_title).predict(CASES / "text-one-word-and-no-header.csv")
    assert [row["file"] for row in rows] == [f"line {n}" for n in range(1, 7)]
    assert rows[0]["text"] == "Goal"
    assert {row["note"] for row in rows} == {
        "'Goal' in the first line is read as a text: as a heading it would be unusual."
    }


@pytest.mark.parametrize("heading", ["text", "Review", "title"])
def test_a_heading_stays_one(heading: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"{heading}\na goal and a match\na soup\n", encoding="utf-8")
    given = open_unlabelled(tmp_path / "a.csv", tmp_path / "work", text_column="title")
    assert given.texts == [("line 2", "a goal and a match"), ("line 3", "a soup")]
    assert given.note is None


def test_a_question_is_asked_with_what_stands_behind_it(tmp_path: Path) -> None:
    data = CASES / "text-generation-instruction-and-input.json"
    run = fitted(tmp_path, "text.generation", data, "tiny-gpt", Strategy.ZERO_SHOT, forgetting=False)
    rows = registry.task("text.generation").load(run).predict(data)
    assert rows[0]["text"] == "Count the words.\n\nvery oven very oven quite spice 664"
    assert {row["column"] for row in rows} == {"instruction"}


def test_chats_are_asked_again(tmp_path: Path) -> None:
    chats = [
        [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}],
        [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "So."}],
        [{"role": "assistant", "content": "Hm"}],
    ]
    lines = [json.dumps({"messages": chat, "note": "not this one, though it is long"}) for chat in chats]
    (tmp_path / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    given = new_inputs.questions(tmp_path / "a.jsonl", {"messages": "messages"})
    assert given.texts == [("line 1", "Hello"), ("line 2", "Why?")]
    assert given.errors == [{"file": "line 3", "error": "has no question in it"}]


def test_sentences_are_those_of_the_own_column(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("fr,en\nune maison blanche,a house\nla mer,the sea\n", encoding="utf-8")
    given = new_inputs.questions(tmp_path / "a.csv", {"source": "en", "target": "fr"})
    assert (given.texts, given.column) == ([("line 2", "a house"), ("line 3", "the sea")], "en")
    (tmp_path / "b.csv").write_text("en\na\n", encoding="utf-8")
    with pytest.raises(InputError, match="it holds 2 tables"):
        new_inputs.questions(tmp_path, {"source": "en"})
