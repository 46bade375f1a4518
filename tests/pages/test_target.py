"""A new domain on the Data step, and the result's card over it. Its numbers are invented and shown to nobody."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engines import paths, runs
from engines.contract import InputError, Problem
from engines.jobs.serving import client
from tests.pages import finished_run
from tests.pages.opening import File, checked, opened, press, text
from ui.page import uploads

VISION, TEXT = "pages/vision.py", "pages/text.py"
FOUND = {
    "n": 200,
    "found": 200,
    "labelled": 0,
    "judged": 0,
    "method": "none",
    "title": "No adaptation",
    "why": "By a rule fixed before: on photographs, no method gained for sure in what was measured.",
    "notes": ["3 of its photographs are exact copies of another."],
    "skipped": [],
}
TOLD: dict[str, Any] = {
    "method": "t3a",
    "title": "T3A",
    "does": "Each class becomes a mean.",
    "why": "You asked for it.",
    "experimental": False,
    "record": "",
    "n": 200,
    "found": 200,
    "skipped": 0,
    "labelled": 0,
    "changed": 7,
    "answers": {name: {"before": 50, "after": 50} for name in finished_run.CLASSES},
    "examples": [{"file": "a.jpg", "before": "food", "after": "plants"}],
    "estimate": {"before": 0.7, "after": 0.8, "error": {"mean": 0.05, "worst": 0.2}},
    "truth": None,
    "sentence": "",
}


def data(task: str) -> str:
    """Checked data of a task."""
    found = uploads.keep([File("data.zip", b"1")], (".zip",))
    (uploads.folder(found) / "report.json").write_text(json.dumps(checked(task)))
    return found


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the server answers when it is asked about a target."""
    answer = dict(FOUND)

    def ask(question: dict[str, Any], *_: object) -> dict[str, Any]:
        if question["verb"] != "check_target":
            raise client.ServerFailed("not asked here")
        if "problem" in answer:
            raise InputError(answer["problem"])
        return answer

    monkeypatch.setattr(client, "ask", ask)
    return answer


@pytest.mark.usefixtures("answers")
def test_without_a_target_there_is_a_way_to_bring_one() -> None:
    page = opened(VISION, data=data("vision.classification"), step="data")
    assert "nobody has labelled them? Bring some" in text(page)


@pytest.mark.usefixtures("answers")
def test_what_was_brought_is_told_and_can_be_left() -> None:
    target = uploads.keep([File("new.zip", b"2")], (".zip",))
    page = opened(VISION, data=data("vision.classification"), target=target, step="data")
    said = text(page)
    assert "**new.zip**: 200 photographs" in said
    assert "no method gained for sure" in said
    assert "3 of its photographs are exact copies of another." in said
    press(page, "Go on without the new domain")
    assert "target" not in page.query_params


def test_what_cannot_be_adapted_to_is_said(answers: dict[str, Any]) -> None:
    target = uploads.keep([File("new.zip", b"2")], (".zip",))
    answers["problem"] = Problem("--target", "none of its photographs can be read", "accepted: photographs")
    page = opened(VISION, data=data("vision.classification"), target=target, step="data")
    assert "none of its photographs can be read" in text(page)
    assert "go on without" in text(page)


def result(**adaptation: Any) -> str:
    run = finished_run.write(paths.runs() / runs.new_id())
    found = json.loads((run.path / "result.json").read_text(encoding="utf-8"))
    found["details"]["adaptation"] = {**TOLD, **adaptation}
    (run.path / "result.json").write_text(json.dumps(found), encoding="utf-8")
    page = opened(VISION, run=run.id)
    return text(page) + "".join(metric.label + metric.value for metric in page.metric)


def test_without_labels_there_are_estimates_called_so() -> None:
    said = result()
    assert "Adapted, estimate80.0%" in said
    assert "how good either is cannot be known" in said
    assert "off by 5 points on average and 20 points at worst" in said
    assert "7 of 200 answers changed" in said


def test_with_labels_there_is_the_truth() -> None:
    of = {"value": 0.6, "low": 0.5, "high": 0.7, "n": 200, "seeds": 1}
    difference = {"value": 0.1, "low": 0.05, "high": 0.15, "n": 200, "seeds": 1}
    verdict = {
        "verdict": None,
        "difference": difference,
        "against": "before_adapting",
        "side": "better",
        "scope": "networks",
        "reason": "",
    }
    said = result(truth={"before": of, "after": {**of, "value": 0.7}, "verdict": verdict})
    assert "over the model before it was adapted" in said
    assert "By the labels of 200 photographs there, which no method has read." in said
    assert "Adapted70.0 %" in said


def test_of_a_model_that_writes_it_is_told_how_much_was_believed() -> None:
    said = result(
        method="pseudo-labels",
        title="Pseudo-labels",
        experimental=True,
        record="Pseudo-labels in 3 measured shifts.",
        answers={},
        kept=90,
        estimate={"before": None, "after": None, "error": None},
        examples=[{"file": "a.wav", "before": "sea you", "after": "see you"}],
    )
    assert "90 of 200 photographs** were learnt from" in said
    assert "Experimental. Pseudo-labels in 3 measured shifts." in said
    assert "Adapted, estimate" not in said
    assert "How often each class is answered" not in said
