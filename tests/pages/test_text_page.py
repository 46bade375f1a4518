"""The text page on a run of a tiny network: what it shows of texts, and what it says of a bad table."""

from __future__ import annotations

from pathlib import Path

import pytest

from engines import paths, runs
from engines.contract import Recipe, Strategy
from engines.jobs import worker
from engines.jobs.serving import client
from engines.runs import RunFolder
from tests import tiny_text
from tests.pages.opening import File, opened, press, shown, text
from ui.page import uploads

TEXT = "pages/text.py"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run's folder, trained for a few epochs on tiny texts."""
    folder = tmp_path_factory.mktemp("text")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_MODELS", str(folder / "models"))
        patch.setenv("HEADSTART_HOME", str(folder / "home"))
        tiny_text.write_bert(folder / "models")
        data = tiny_text.write_reviews(folder / "data")
        recipe = Recipe("text.sentiment", str(data), "tiny-bert", Strategy.FULL, settings={"epochs": 2})
        run = RunFolder.create(recipe, folder / "run")
        assert worker.execute(run) == worker.DONE, run.state
    return folder / "run"


@pytest.fixture
def run(trained: Path) -> RunFolder:
    """The same run where this test's pages look for it."""
    import shutil

    target = paths.runs() / runs.new_id()
    shutil.copytree(trained, target)
    return RunFolder(target)


def test_the_result_shows_texts_other_ways_and_where_it_is_wrong(run: RunFolder) -> None:
    at = opened(TEXT, run=run.id)
    page = text(at)
    assert "Beside other ways" in page
    assert "counting words" in page.lower()
    assert "a second" in page
    assert "says " in page
    assert ", is " in page
    assert "AutoModelForSequenceClassification.from_pretrained" in at.code[0].value
    assert [area.label for area in at.text_area] == ["A sentence of yours"]


def test_a_cell_of_the_matrix_shows_its_texts(run: RunFolder) -> None:
    at = opened(TEXT, run=run.id)
    before = shown(at, "html")
    boxes = [box for box in at.selectbox if box.label == "True class"]
    if not boxes:  # the choice is drawn on demand
        at.session_state["confusion_choose"] = True
        at.run()
        boxes = [box for box in at.selectbox if box.label == "True class"]
    if boxes:
        boxes[0].select("good").run()
        assert not at.exception
        assert "true class good" in text(at)
        assert shown(at, "html") > before


def test_a_table_is_shown_with_its_columns_which_can_be_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, object]] = []

    def check(question: dict[str, object], _: object = None) -> dict[str, object]:
        from engines.text.sentiment.task import Sentiment
        from engines.text.settings import TextSettings

        if question["verb"] != "check":
            raise client.ServerFailed("it is not asked here")
        asked.append(question)
        report = Sentiment().check(
            Path(str(question["data"])),
            settings=TextSettings.parse(question.get("settings") or {}),  # type: ignore[arg-type]
            gallery=Path(str(question["gallery"])),
        )
        from dataclasses import asdict

        return asdict(report)

    monkeypatch.setattr(client, "ask", check)
    sold = ("yes", "no")
    reviews = tiny_text.reviews(8, twisted=0)
    rows = "\n".join(f'"{review}",{label},{sold[i % 2]}' for i, (review, label) in enumerate(reviews))
    data = uploads.keep([File("shop.csv", f"opinion,label,sold\n{rows}\n".encode())], (".csv",))
    at = opened(TEXT, data=data, step="data")
    assert "24 texts in 3 classes" in text(at)
    assert {box.label: box.value for box in at.selectbox} == {"Texts": "opinion", "Classes": "label"}
    next(box for box in at.selectbox if box.label == "Classes").select("sold").run()
    assert not at.exception
    assert asked[-1]["settings"] == {"label_column": "sold"}
    assert "24 texts in 2 classes" in text(at)


def test_a_table_of_no_use_is_one_sentence_and_another_can_be_brought(monkeypatch: pytest.MonkeyPatch) -> None:
    from engines.contract import InputError, Problem

    def check(*_: object, **__: object) -> dict[str, object]:
        raise InputError(Problem("shop.csv", "it has one column", "accepted: a column of texts and one of classes"))

    monkeypatch.setattr(client, "ask", check)
    data = uploads.keep([File("shop.csv", b"review\nnice\n")], (".csv",))
    at = opened(TEXT, data=data, step="data")
    assert "it has one column" in text(at)
    press(at, "Bring other data")
    assert "Bring your texts" in text(at)
