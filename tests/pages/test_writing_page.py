"""The text page on runs whose model writes: answers before and after, the chat box, worst and best sentences."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from engines import paths, registry, runs
from engines.contract import Recipe, Strategy
from engines.jobs import worker
from engines.jobs.serving import client
from engines.runs import RunFolder
from tests import tiny_text, tiny_writers
from tests.pages.opening import opened, press, text
from tests.pages.test_text_page import TEXT, File
from ui.page import uploads

MAKES: dict[str, tuple[str, Callable[[Path], Any], Callable[[Path], Path]]] = {
    "text.generation": ("tiny-gpt", tiny_text.write_gpt, tiny_writers.write_chats),
    "text.translation": ("tiny-marian", tiny_writers.write_marian, tiny_writers.write_pairs),
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A finished run of either task, trained for an epoch."""
    folder = tmp_path_factory.mktemp("writing")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_MODELS", str(folder / "models"))
        patch.setenv("HEADSTART_HOME", str(folder / "home"))
        for task, (model, write_model, write_data) in MAKES.items():
            write_model(folder / "models")
            data = write_data(folder / "data")
            recipe = Recipe(task, str(data), model, Strategy.LORA, settings={"epochs": 1})
            run = RunFolder.create(recipe, folder / task)
            assert worker.execute(run) == worker.DONE, run.state
    return {task: folder / task for task in MAKES}


def placed(folder: Path) -> RunFolder:
    """The same run where this test's pages look for it."""
    target = paths.runs() / runs.new_id()
    shutil.copytree(folder, target)
    return RunFolder(target)


def test_a_chatbot_is_talked_with_and_compared(trained: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    def stream(question: dict[str, Any]) -> Iterator[str]:
        asked.append(question)
        yield from ("It is ", "*5*", f", says {question['who']}.")

    monkeypatch.setattr(client, "stream", stream)
    run = placed(trained["text.generation"])
    at = opened(TEXT, run=run.id)
    page = text(at)
    assert "What it forgot" in page
    assert "the answer in the data" in page
    assert "Guessing every token alike would be at" in page
    assert "AutoModelForCausalLM.from_pretrained" in at.code[0].value
    at.chat_input[0].set_value("What is 2 and 3?").run()
    assert not at.exception
    assert [question["who"] for question in asked] == ["tuned", "base"]
    assert asked[0]["messages"] == [{"role": "user", "content": "What is 2 and 3?"}]
    assert "says tuned" in text(at)
    at.chat_input[0].set_value("And 4?").run()
    assert asked[-1]["messages"] == [
        {"role": "user", "content": "What is 2 and 3?"},
        {"role": "assistant", "content": "It is *5*, says base."},
        {"role": "user", "content": "And 4?"},
    ]
    assert r"It is \*5\*, says base\." in text(at) or r"It is \*5\*, says base." in text(at), "no markup of the model's"
    press(at, "New chat")
    assert "says tuned" not in text(at)


def test_a_model_that_cannot_be_asked_is_a_sentence(trained: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def stream(_: dict[str, Any]) -> Iterator[str]:
        yield "It "
        raise client.ServerFailed("gone")

    monkeypatch.setattr(client, "stream", stream)
    at = opened(TEXT, run=placed(trained["text.generation"]).id)
    at.chat_input[0].set_value("Hi").run()
    assert not at.exception
    assert "The model could not be asked." in text(at)


def test_a_translator_shows_its_worst_and_best(trained: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {"rows": [{"file": "row 1", "translation": "le chat", "label": "le chat"}], "milliseconds": 12.0}
    monkeypatch.setattr(client, "ask", lambda *_: answer)
    at = opened(TEXT, run=placed(trained["text.translation"]).id)
    page = text(at)
    assert "Its worst and best sentences" in page
    assert "handing back the source" in page or "BLEU" in page
    assert "AutoModelForSeq2SeqLM.from_pretrained" in at.code[0].value
    at.text_area[0].set_value("the cat").run()
    assert not at.exception
    assert "le chat" in text(at)


@pytest.mark.parametrize(
    ("task", "name", "content", "columns", "seen"),
    [
        ("text.generation", "chats.csv", "ask,say\nHi,Yes?\nBye,So long\nHm,What?\n", {"ask", "say", "names"}, "Hi"),
        (
            "text.translation",
            "pairs.csv",
            "en,fr\nthe cat,le chat\na dog,un chien\nthe car,la voiture\n",
            {"en", "fr", "names"},
            "le chat",
        ),
    ],
)
def test_the_data_step_shows_both_sides(
    task: str, name: str, content: str, columns: set[str], seen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check(question: dict[str, Any], _: object = None) -> dict[str, Any]:
        found = registry.task(task)
        settings = found.settings.parse(question.get("settings") or {})
        return asdict(found.check(Path(question["data"]), settings=settings, gallery=Path(question["gallery"])))

    monkeypatch.setattr(client, "ask", check)
    data = uploads.keep([File(name, content.encode())], (".csv",))
    at = opened(TEXT, task=task, data=data, step="data")
    assert {box.value for box in at.selectbox} == columns
    assert seen in text(at)
