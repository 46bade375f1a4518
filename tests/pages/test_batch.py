"""Many new examples on a page: asked below a result, watched while it goes on, looked through, taken along."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from engines import paths, registry, runs
from engines.contract import Job, State
from engines.reporting import answers
from engines.runs import RunFolder
from tests.pages import finished_run
from tests.pages.opening import File, opened, press, text
from tests.pages.test_comparison_asked_for import submitted
from tests.pages.test_comparison_page import queued
from ui.batch import asked, offer, page
from ui.page import recorded, uploads
from ui.runs import list as run_list

__all__ = ["submitted"]
VISION = "pages/vision.py"
INFO = registry.task(finished_run.TASK).info
ROWS = [
    {"file": "cut.png", "error": "is cut short"},
    {"file": "a.png", "label": "food", "confidence": 0.9, "probabilities": {"food": 0.9, "plants": 0.1}},
    {"file": "=b.png", "label": "plants", "confidence": 0.6, "probabilities": {"food": 0.4, "plants": 0.6}},
]


def finished(model: bool = True) -> RunFolder:
    run = finished_run.write(paths.runs() / runs.new_id())
    if model:
        (run.path / "model").mkdir(exist_ok=True)
    return run


def started(of: RunFolder, title: str = "holiday.zip") -> RunFolder:
    recipe = finished_run.recipe(title=title, data=str(paths.uploads() / "0123abcd.zip"))
    return RunFolder.create(Job(recipe, "predict", {"run": of.id}))


def test_it_is_offered_where_the_model_is() -> None:
    assert "Ask about these" in text(opened(VISION, run=finished().id))
    assert "Ask about these" not in text(opened(VISION, run=finished(model=False).id))


def test_files_become_a_job_that_asks_this_run(submitted: list[Job], monkeypatch: pytest.MonkeyPatch) -> None:
    run = finished()
    found = recorded.finished(run)
    assert found is not None
    monkeypatch.setattr("streamlit.rerun", lambda **_: None)
    offer.ask(INFO, found, [File("a.png", b"one"), File("b.png", b"two")])
    (job,) = submitted
    assert (job.verb, job.arguments, job.recipe.title) == ("predict", {"run": run.id}, "2 files")
    assert uploads.find(job.recipe.data)
    assert job.recipe.created > run.recipe.created
    assert (job.recipe.model, job.recipe.strategy) == (run.recipe.model, run.recipe.strategy)


def test_a_table_of_a_table_task_is_kept_as_it_is(submitted: list[Job], monkeypatch: pytest.MonkeyPatch) -> None:
    found = recorded.finished(finished())
    assert found is not None
    monkeypatch.setattr("streamlit.rerun", lambda **_: None)
    offer.ask(registry.task("text.sentiment").info, found, [File("mine.csv", b"text\nfine\n")])
    assert Path(submitted[0].recipe.data).read_bytes() == b"text\nfine\n"
    assert submitted[0].recipe.title == "mine.csv"


@pytest.mark.parametrize("task", registry.TASKS)
def test_every_task_says_what_it_takes(task: str) -> None:
    by_table = task.partition(".")[0] in {"text", "forecasting", "control"}
    assert ("table of any size" in offer._what(registry.task(task).info)) == by_table


def test_while_it_goes_on_it_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    of = finished()
    run = started(of)
    run.emit("phase", name="predicting", title="Asking the model")
    run.emit("progress", phase="predicting", done=200, total=1000, unit="photographs", rate=20.0, seconds_left=40.0)
    now = page.standing(INFO, run.events())
    assert (now.share, now.text) == (0.2, "200 of 1,000 photographs · about 40 s left")
    queue = queued(monkeypatch, run, State.RUNNING)
    at = opened(VISION, run=run.id)
    assert "holiday.zip" in text(at)
    assert "Four kinds of things" in text(at), "whose model is asked"
    press(at, "Cancel")
    assert queue.asked == [run.id]


def test_the_answers_can_be_looked_through_and_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    run = started(finished())
    answers.write(run.path, ROWS)
    queued(monkeypatch, run)
    at = opened(VISION, run=run.id)
    assert "**2 answers**" in text(at)
    assert at.expander[0].label == "1 could not be read, and why"
    assert [len(table.value) for table in at.dataframe] == [1, 3]
    at.selectbox(key="answers_shown").select("plants").run()
    assert at.dataframe[-1].value["file"].tolist() == ["=b.png"]
    at.selectbox(key="answers_shown").select("All").run()
    at.toggle(key="answers_least_sure").set_value(True).run()
    assert at.dataframe[-1].value["file"].tolist() == ["=b.png", "a.png", "cut.png"]
    assert not at.exception
    content = page._csv(run.path / answers.TABLE)()
    assert isinstance(content, io.BufferedReader), "Streamlit hands over no other file"
    with io.TextIOWrapper(content, encoding="utf-8-sig", newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["file", "error", "label", "confidence", "p_food", "p_plants"]
    assert [row[0] for row in rows] == ["cut.png", "a.png", "'=b.png"]
    assert asked.in_short(run) == "2 answers, 1 could not be read"


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (State.FAILED, "no image in it; accepted: pictures"),
        (State.INTERRUPTED, "It stopped before it was done"),
        (State.CANCELLED, "Stopped. What was answered is kept."),
    ],
)
def test_what_stopped_is_told_and_can_be_asked_again(monkeypatch: pytest.MonkeyPatch, state: State, said: str) -> None:
    run = started(finished())
    queue = queued(monkeypatch, run, state, message="0123abcd.zip: no image in it; accepted: pictures", may_resume=True)
    at = opened(VISION, run=run.id)
    assert said in text(at).replace("\\", "")  # markdown is kept from reading it
    assert "0123abcd" not in text(at), "the name that its owner gave it"
    press(at, "Ask again")
    assert queue.submitted == [run.id]


def test_the_list_of_runs_calls_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    run = started(finished())
    answers.write(run.path, ROWS)
    queued(monkeypatch, run)
    line = run_list.entry(run.id)
    assert line is not None
    assert (line.kind, line.number) == ("Answers", "2 answers, 1 could not be read")


def test_where_the_run_that_was_asked_is_gone_the_answers_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    of = finished()
    run = started(of)
    answers.write(run.path, ROWS)
    of.path.rename(of.path.with_name("elsewhere"))
    queued(monkeypatch, run)
    at = opened(VISION, run=run.id)
    assert "no longer there" in text(at)
    assert "**2 answers**" in text(at)
