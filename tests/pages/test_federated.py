"""Data at several sites: asked for before a run, watched round by round, and who gained by joining."""

from __future__ import annotations

import json
import zipfile
from typing import Any

import pytest

from engines import paths, runs
from engines.contract import Job, State
from engines.federated import lost
from engines.jobs.serving import client
from engines.runs import RunFolder
from tests.pages import finished_run
from tests.pages.opening import opened, press, text
from tests.pages.test_comparison_asked_for import submitted
from tests.pages.test_comparison_page import queued
from tests.pages.test_strategy_step import chosen
from ui.comparisons import data_needed
from ui.federated import figures

__all__ = ["submitted"]
VISION = "pages/vision.py"
ASKED = {
    "sites": 2,
    "alpha": 0.1,
    "rounds": 3,
    "algorithm": "fedavg",
    "scratch": False,
    "lose": [],
    "patience": 0.0,
    "by": "class",
}
ROUNDS = [
    {"round": n, "value": value, "low": value - 0.1, "high": value + 0.05, "bytes": 40_000, "seconds": 2.0}
    | {"lost": [2] if n == 2 else [], "late": [], "refused": []}
    for n, value in ((1, 0.7), (2, 0.8), (3, 0.85))
]


def estimate(value: float, half: float = 0.05) -> dict[str, Any]:
    return {"value": value, "low": value - half, "high": value + half, "n": 62, "seeds": 1}


def site(number: int, classes: dict[str, int], alone: float, gained: float) -> dict[str, Any]:
    told = {"name": f"Site {number}", "n": sum(classes.values()), "classes": classes, "bytes": 30_000}
    return told | {"alone": estimate(alone), "gained": estimate(gained)}


FOUND: dict[str, Any] = {
    "united": "rounds",
    "sites": [site(1, {"animals": 40, "food": 3}, 0.4, 0.45), site(2, {"plants": 20}, 0.25, -0.2)],
    "classes": ["animals", "food", "plants"],
    "federated": estimate(0.85),
    "sums": estimate(0.83),
    "central": estimate(0.86),
    "scratch": estimate(0.4),
    "curve": ROUNDS,
    "scratch_curve": ROUNDS[:2],
    "bytes": {"sums": 60_000, "rounds": 120_000},
    "n_test": 62,
    "privacy": {"text": "This test cannot tell who was in the model's data.", "verdict": "none_found"},
    "said": [
        "2 sites together: 0.850 (0.800 to 0.900). Alone less.",
        "Who lost by joining: Site 2.",
        "the test's own sentence",
    ],
}


def started(done: int) -> RunFolder:
    run = RunFolder.create(Job(finished_run.recipe(), "federate", ASKED), paths.runs() / runs.new_id())
    run.emit("phase", name="rounds", title="Learning in rounds", series="transfer")
    for row in ROUNDS[:done]:
        run.emit("round", series="transfer", rounds=3, seconds_left=2.0 * (3 - row["round"]), **row)
    return run


def test_it_is_asked_for_before_a_run(monkeypatch: pytest.MonkeyPatch, submitted: list[Job]) -> None:
    monkeypatch.setattr(client, "ask", lambda *_, **__: {"macs_per_second": 1e10, "device_name": "a test"})
    monkeypatch.setattr(data_needed.plan, "hindrance", lambda _: "")
    at = chosen("vision.classification", {"a": 60, "b": 60}, splits={"train": 120, "validation": 30, "test": 60})
    assert "Each site adds up, class by class, what the frozen network sees." in text(at)
    at.slider(key="federated_sites").set_value(8)
    at.select_slider(key="federated_alpha").set_value(0.1).run()
    press(at, "Try it out")
    (job,) = submitted
    assert job.verb == "federate"
    assert (job.arguments["sites"], job.arguments["alpha"], job.arguments["rounds"]) == (8, 0.1, 0)
    assert "Data at 8 sites, α 0.1." in text(at), "it leads to its page"


def test_voices_can_be_divided_by_speaker(monkeypatch: pytest.MonkeyPatch, submitted: list[Job]) -> None:
    monkeypatch.setattr(client, "ask", lambda *_, **__: {"macs_per_second": 1e10, "device_name": "a test"})
    monkeypatch.setattr(data_needed.plan, "hindrance", lambda _: "")
    at = chosen("speech.speaker", {"a": 60, "b": 60}, splits={"train": 120, "validation": 30, "test": 60})
    at.segmented_control(key="federated_by").set_value("group").run()
    assert at.select_slider(key="federated_alpha").disabled
    press(at, "Try it out")
    (job,) = submitted
    assert job.arguments["by"] == "group"
    assert "each patient or speaker at one of them." in text(at)


def test_files_of_sites_are_united_and_tested_on_what_is_here(
    monkeypatch: pytest.MonkeyPatch, submitted: list[Job]
) -> None:
    monkeypatch.setattr(client, "ask", lambda *_, **__: {"macs_per_second": 1e10, "device_name": "a test"})
    at = chosen("vision.classification", {"a": 60, "b": 60}, splits={"train": 120, "validation": 30, "test": 60})
    uploader = next(one for one in at.get("file_uploader") if one.key == "unite_files")
    for name in ("north.npz", "south.npz"):
        uploader.upload(name, b"1", "application/zip")
    at.run()
    press(at, "Unite them")
    (job,) = submitted
    (packed,) = job.arguments["sites"]
    assert job.verb == "merge"
    assert (job.recipe.data, job.recipe.test) == (packed, job.recipe.test)
    with zipfile.ZipFile(packed) as files:
        assert sorted(files.namelist()) == ["north.npz", "south.npz"]


def test_of_united_sites_the_result_says_who_brought_what(monkeypatch: pytest.MonkeyPatch) -> None:
    run = finished_run.write(paths.runs() / runs.new_id())
    run.write("job.json", Job(run.recipe, "merge", {"sites": ["/nowhere/sites.zip"]}).to_json())
    result = json.loads((run.path / "result.json").read_text())
    result["details"]["federated"] = {"sites": FOUND["sites"]}
    run.write("result.json", json.dumps(result))
    queued(monkeypatch, run)
    assert "#### Who brought what" in text(opened(VISION, run=run.id))


def test_of_masked_sites_nothing_is_known_but_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    run = finished_run.write(paths.runs() / runs.new_id())
    run.write("job.json", Job(run.recipe, "merge", {"sites": ["/nowhere/sites.zip"]}).to_json())
    result = json.loads((run.path / "result.json").read_text())
    rows = [{"name": name, "n": None, "classes": {}, "alone": None} for name in ("north.npz", "south.npz")]
    result["details"]["federated"] = {"sites": rows, "masked": True}
    run.write("result.json", json.dumps(result))
    queued(monkeypatch, run)
    page = text(opened(VISION, run=run.id))
    assert "Their sums came masked" in page
    assert "north.npz, south.npz" in page.replace("\\", "")


@pytest.mark.parametrize(
    ("task", "query"), [("forecasting.forecast", {}), ("vision.classification", {"strategy": "scratch"})]
)
def test_where_nothing_could_travel_it_is_not_offered(
    task: str, query: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "ask", lambda *_, **__: {"macs_per_second": 1e10, "device_name": "a test"})
    at = chosen(task, {"a": 60, "b": 60}, splits={"train": 120, "validation": 30, "test": 60}, **query)
    assert "Try it out" not in text(at)


def test_rounds_are_watched_and_a_site_can_be_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    run = started(2)
    queued(monkeypatch, run, State.RUNNING)
    at = opened(VISION, run=run.id)
    page = text(at)
    assert "Data at 2 sites, α 0.1." in page
    assert "0.08 MB moved so far; 1 answer was not used." in page
    assert len(at.get("plotly_chart")) == 1
    press(at, "Lose site 2")
    assert lost.asked(run) == {2}
    assert "Taken away: 2." in text(at)
    assert "Lose site 1" not in text(at), "one of them has to stay"


def test_the_outcome_says_who_gained_and_what_left_a_site(monkeypatch: pytest.MonkeyPatch) -> None:
    run = finished_run.write(paths.runs() / runs.new_id())
    run.write("job.json", Job(run.recipe, "federate", ASKED).to_json())
    run.write("federation.json", json.dumps(FOUND))
    queued(monkeypatch, run)
    at = opened(VISION, run=run.id)
    page = text(at)
    assert "### 2 sites together\\: 0.850 \\(0.800 to 0.900\\)." in page
    assert "Who lost by joining\\: Site 2." in page
    assert "What travels in every round are the numbers that a site has learnt, 0.12 MB in all." in page
    assert "This test cannot tell who was in the model's data." in page
    assert "Where did it look?" in page or "Try it" in page, "and below it an ordinary result"


def test_the_arms_and_the_map() -> None:
    names = [entry["name"] for entry in figures.arms(FOUND)]
    assert names == [
        "Together",
        "Together, by sums",
        "All in one place",
        "Together, from scratch",
        "Site 1 alone",
        "Site 2 alone",
    ]
    (cells,) = figures.who_has_what(FOUND)["data"]
    assert cells["z"] == [[40, 3, 0], [0, 0, 20]]
    curves = figures.by_round([{"series": "transfer", **row} for row in ROUNDS], y="accuracy", share=True)["data"]
    assert [curve.get("name") for curve in curves][-1] == "pretrained"
