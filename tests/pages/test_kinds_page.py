"""The page Kinds of transfer: the map with each run on it, a sample of each kind that runs, and the plot of labels."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import pytest

from engines import paths, registry, runs
from engines.contract import Strategy
from engines.evidence.kind import Kind
from engines.jobs import backends
from engines.runs import RunFolder
from tests.pages import finished_run
from tests.pages.opening import opened, shown, text
from ui.kinds import drawing, placing, samples, shots
from ui.kinds.meanings import MEANINGS
from ui.kinds.shots import overtaken
from ui.page import domains, local_storage, uploads, visitor
from ui.steps import data

KINDS = "pages/kinds.py"
POINT = {"shots": 1, "value": 0.6, "low": 0.5, "high": 0.7, "n": 63, "draws": 20}
SHOTS = {
    "seed": 0,
    "draws": 20,
    "C": 100.0,
    "samples": [
        {
            "task": "text.sentiment",
            "sample": "films",
            "title": "Film reviews",
            "model_title": "MiniLM",
            "classes": 2,
            "zero_shot": {**POINT, "shots": 0, "draws": 1, "asked": "This is {label}."},
            "lines": {"prototypes": [POINT], "logistic regression": [POINT, {**POINT, "shots": 20, "value": 0.8}]},
        },
        {
            "task": "vision.classification",
            "sample": "photographs",
            "title": "Photographs",
            "model_title": "Lite0",
            "classes": 4,
            "lines": {"prototypes": [POINT]},
        },
    ],
}


@pytest.fixture
def ids(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runs that the browser knows; tests add to it."""
    known: list[str] = []
    monkeypatch.setattr(local_storage, "recent", lambda **_: known)
    monkeypatch.setattr(shots, "recorded", lambda: SHOTS)
    return known


def test_every_kind_is_drawn_and_told() -> None:
    assert set(get_args(Kind)) == set(MEANINGS) == set(drawing.PLACES) == set(drawing.STACKED)
    svg = drawing.themap(dict.fromkeys(MEANINGS, 2), "inductive", own=True)
    for number, meaning in enumerate(MEANINGS.values()):
        assert svg.count(f'data-block="{number}"') == 2, "on a desk, and on a phone"
        assert f'aria-label="{meaning.title}: ' in svg
    assert svg.count('aria-pressed="true"') == 2


def test_no_two_kinds_lie_on_one_another() -> None:
    for places in (drawing.PLACES, drawing.STACKED):
        rows: dict[int, list[tuple[float, float]]] = {}
        for row, first, last in places.values():
            rows.setdefault(row, []).append((first, last))
        for spans in rows.values():
            ordered = sorted(spans)
            assert all(end <= start for (_, end), (start, _) in pairwise(ordered))


@pytest.mark.parametrize(
    "example", [e for m in MEANINGS.values() for e in m.examples], ids=lambda e: f"{e.task}-{e.what}"
)
def test_each_sample_is_there_and_of_its_kind(example: Any) -> None:
    task = registry.task(example.task)
    assert example.sample in {sample.name for sample in task.samples()}
    assert Strategy(example.strategy) in task.info.strategies
    assert not task.lacks(Strategy(example.strategy), task.describe(task.info.default_model))


def test_the_recorded_runs_stand_where_a_visitor_has_none(ids: list[str]) -> None:
    at = opened(KINDS)
    assert "recorded with Headstart" in text(at)
    assert "Inductive: recorded runs" in text(at)
    assert "New task: 0 of its 4 classes (animals, food, household, …)" in text(at).replace("\\", "")
    ids.append(finished_run.write(paths.runs() / runs.new_id(), title="Mine").id)
    at = opened(KINDS)
    assert "Inductive: your runs" in text(at)
    assert "**Mine**" in text(at)
    assert "recorded with" not in text(at)


def test_until_the_browser_has_answered_no_run_is_placed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_storage, "recent", lambda **_: None)
    assert "recorded runs" not in text(opened(KINDS))


def test_a_run_that_is_gone_or_not_done_is_left_out(ids: list[str]) -> None:
    ids += ["x" * 22, RunFolder.create(finished_run.recipe()).id]
    assert placing.gather(ids).recorded


@pytest.mark.parametrize("name", MEANINGS)
@pytest.mark.usefixtures("ids")
def test_a_link_opens_a_kind(name: Kind) -> None:
    at = opened(KINDS, kind=name)
    assert MEANINGS[name].text in text(at)
    assert len([b for b in at.button if b.label == "Train it"]) == len(MEANINGS[name].examples)


@pytest.mark.usefixtures("ids")
def test_a_kind_that_is_none_is_ignored() -> None:
    assert MEANINGS["inductive"].text in text(opened(KINDS, kind="<b>"))


@pytest.mark.usefixtures("ids")
def test_series_and_control_are_said_to_have_their_own_form() -> None:
    assert "domain randomisation" in text(opened(KINDS, kind="transductive"))
    assert "Domain randomisation: a policy" in text(opened(KINDS, kind="zero-shot"))


@pytest.mark.usefixtures("ids")
@pytest.mark.parametrize(
    ("kind", "task", "strategy", "settings"),
    [
        ("zero-shot", "text.sentiment", "zero-shot", {}),
        ("few-shot", "vision.classification", "prototypes", {"shots": 5}),
    ],
)
def test_a_press_trains_a_sample(
    kind: Kind, task: str, strategy: str, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With the right data, strategy, settings and page, without asking anything else."""
    jobs: list[Any] = []

    class Backend:
        def submit(self, job: Any, resume: str | None = None) -> str:
            jobs.append(job)
            return RunFolder.create(job.recipe).id

        def status(self, run: str) -> Any:
            return backends.LocalBackend().status(run)

    monkeypatch.setattr(visitor, "backend", Backend)
    monkeypatch.setattr(data, "sample_id", lambda task, name: uploads.take_sample(task, name, tmp_path))
    went: list[Any] = []
    monkeypatch.setattr(
        samples.st, "switch_page", lambda page, query_params: went.append((page.url_path, query_params))
    )
    monkeypatch.setattr(samples, "hindrance", lambda _: "")
    at = opened(KINDS, kind=kind)
    at.button(key=f"run_{kind}_0").click().run()
    (job,) = jobs
    assert (job.recipe.task, str(job.recipe.strategy), job.recipe.data) == (task, strategy, str(tmp_path))
    assert {name: value for name, value in job.recipe.settings.items() if name != "baseline"} == settings
    assert went[0][0] == task.partition(".")[0]
    assert went[0][1]["run"]


@pytest.mark.usefixtures("ids")
def test_the_plot_tells_every_number() -> None:
    at = opened(KINDS)
    (plot,) = [json.loads(plot.proto.spec) for plot in at.get("plotly_chart")]
    named, prototypes, logistic = plot["data"]
    assert (named["name"], named["x"], named["y"]) == ("from names alone", [pytest.approx(-0.04)], [0.6])
    assert prototypes["error_y"]["array"] == [pytest.approx(0.1)]
    assert logistic["x"] == [pytest.approx(1.04), pytest.approx(5.04)]
    assert plot["layout"]["shapes"][0]["y0"] == 0.5
    assert "20 draws (seed 0)" in text(at)
    assert shots.rows(SHOTS["samples"][0])[0] == {  # type: ignore[index]
        "labels a class": 0,
        "learnt by": "from names alone",
        "balanced accuracy": "60.0 %",
        "interval": "50.0 – 70.0 %",
        "test examples": 63,
        "draws": 1,
    }


@pytest.mark.parametrize(
    ("learnt", "said"),
    [
        ([0.5, 0.55, 0.61], "names alone did at least as well as 2 labels a class, and 5 did better."),
        ([0.7, 0.8, 0.9], "1 label a class did better than names alone."),
        ([0.5, 0.5, 0.5], "names alone did at least as well as 5 labels a class."),
    ],
)
def test_what_names_are_worth_is_said(learnt: list[float], said: str) -> None:
    line = [{**POINT, "shots": shots, "value": value} for shots, value in zip((1, 2, 5), learnt, strict=True)]
    sample = {"zero_shot": {**POINT, "value": 0.6}, "lines": {"logistic regression": line}}
    assert overtaken(sample) == f"On this sample {said}"
    assert overtaken({"lines": {"logistic regression": line}}) == ""


def test_photographs_begin_at_one_and_say_why() -> None:
    sample = SHOTS["samples"][1]  # type: ignore[index]
    assert "It begins at 1" in shots.about(sample, SHOTS)
    assert [name for name, _ in shots.points(sample)] == ["prototypes"]


@pytest.mark.usefixtures("ids")
def test_without_a_recording_there_is_no_plot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shots, "recorded", dict)
    assert shown(opened(KINDS), "plotly_chart") == 0


def test_home_leads_here() -> None:
    links = [link.proto.page for link in opened().get("page_link")]
    assert "kinds" in links


def test_a_page_that_is_not_there_is_no_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert domains.further("kinds") is not None
    monkeypatch.setattr(paths, "PROJECT", tmp_path)
    assert domains.further("showing") is None
