"""What the pages say where each picture is tested once, in folds: before the run and after it."""

from __future__ import annotations

import json

import pytest

from engines import paths, runs
from engines.jobs.serving import client
from tests.pages import finished_run
from tests.pages.opening import File, checked, opened, text
from ui.page import uploads

VISION = "pages/vision.py"


def few(**query: str) -> str:
    """What is written on the page over 40 pictures that were checked."""
    data = uploads.keep([File("data.zip", b"1")], (".zip",))
    report = checked(finished_run.TASK, splits={"train": 24, "validation": 6, "test": 10}, details={"folds": 5})
    (uploads.folder(data) / "report.json").write_text(json.dumps(report))
    return text(opened(VISION, data=data, **query))


@pytest.mark.parametrize(
    ("query", "in_folds"),
    [
        ({}, True),
        ({"strategy": "partial"}, True),
        ({"strategy": "full"}, False),
        ({"set": "folds:0"}, False),
        ({"set": "max_seconds:60"}, False),
    ],
    ids=str,
)
def test_before_the_run_it_is_said_what_will_be_tested(query: dict[str, str], in_folds: bool) -> None:
    page = few(step="data", **query)
    assert ("each is tested once, in 5 folds, by a network that learns from the others" in page) == in_folds
    assert ("10 kept aside for the test" in page) != in_folds


def test_the_estimate_counts_the_folds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a machine so slow that its start counts for nothing: 5 × 32 pictures learn instead of 24."""
    monkeypatch.setattr(client, "ask", lambda *_, **__: {"macs_per_second": 1e5, "device_name": "a test"})
    hours = {}
    for folds in ("", "0"):
        page = few(step="strategy", strategy="partial", set=f"folds:{folds}")
        hours[folds] = int(page.split("about **")[1].split(" h")[0].replace(",", ""))
    assert 3 < hours[""] / hours["0"] < 160 / 24


def test_after_the_run_it_is_said_what_was_tested() -> None:
    parts = {"before": finished_run.measured(0.2), "after": finished_run.measured(0.05)}
    calibration = {"temperature": 0.634, "n_validation": 37, **parts}
    run = finished_run.write(paths.runs() / runs.new_id(), calibration=calibration)
    result = json.loads((run.path / "result.json").read_text(encoding="utf-8"))
    result["details"]["folds"] = 5
    result["baseline_details"]["scratch"] |= {"n": 36, "there": 0.85}
    (run.path / "result.json").write_text(json.dumps(result), encoding="utf-8")
    at = opened(VISION, run=run.id)
    page = text(at)
    assert "each of 62 photographs tested once, in 5 folds · seed 0" in page
    assert "36 of the photographs tested the one from scratch; there this run has 85.0 %" in page
    assert "62 tested by other networks, in 5 folds" in page
    at.session_state["calibration"] = True
    at.session_state["browser"] = True
    page = text(at.run())
    assert "that of each fold's network on what its fold held out, never on what it is tested on" in page
    assert "never on the test" not in page
