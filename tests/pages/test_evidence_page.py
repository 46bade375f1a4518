"""The page Evidence: this browser's comparisons, ways of training apart from pairs of networks; the recorded ones."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from engines import paths, runs
from engines.contract import Estimate, Verdict
from engines.reporting import collected
from engines.runs import RunFolder
from tests.pages import finished_policy, finished_run
from tests.pages.opening import opened, shown, text
from ui.evidence import forest
from ui.evidence.gathered import gather
from ui.page import local_storage

EVIDENCE = "pages/evidence.py"
EVIL = "<b>bold</b> & <"


@pytest.fixture
def ids(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runs that the browser knows; tests add to it."""
    known: list[str] = []
    monkeypatch.setattr(local_storage, "recent", lambda **_: known)
    return known


def run_of(seeds: int, word: Any = "pays", title: str = "Four kinds of things", **details: Any) -> RunFolder:
    """A finished run whose comparison with training from scratch is of that many seeds."""
    run = finished_run.write(paths.runs() / runs.new_id(), title=title)
    result = run.result
    assert result is not None
    scope: Any = "training" if seeds > 1 else "networks"
    found = Verdict(word if seeds > 1 else None, Estimate(0.443, 0.31, 0.56, 62, seeds), "scratch", "better", scope)
    changed = dataclasses.replace(result, verdict=found, details=result.details | details)
    run.write("result.json", changed.to_json())
    return run


def plots(at: Any) -> list[dict[str, Any]]:
    return [json.loads(plot.proto.spec) for plot in at.get("plotly_chart")]


# --- the page -------------------------------------------------------------------------------------


def test_without_runs_of_ones_own_the_recorded_ones_are_shown_and_said_to_be(ids: list[str]) -> None:
    at = opened(EVIDENCE)
    assert "recorded with Headstart" in text(at)
    for domain in ("Vision", "Text", "Speech", "Forecasting", "Control"):
        assert domain in [heading.value for heading in at.subheader]
    assert "recorded_digits_seed_0" not in text(at)
    ids.append(run_of(seeds=5).id)
    assert "recorded with Headstart" not in text(opened(EVIDENCE))


def test_until_the_browser_has_answered_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_storage, "recent", lambda **_: None)
    at = opened(EVIDENCE)
    assert "recorded with Headstart" not in text(at)
    assert shown(at, "plotly_chart") == 0


def test_one_seed_stands_apart_from_several(ids: list[str]) -> None:
    ids += [run_of(seeds=5, title="Five seeds").id, run_of(seeds=1, title="One seed").id]
    at = opened(EVIDENCE)
    page = text(at)
    assert "**1 comparison of ways to train**: 1 pays. **1 pair of networks**." in page
    assert "Never said: hurts, no difference worth having, undecided." in page
    assert page.index("ways of training, over several seeds") < page.index("Classify, balanced accuracy: two networks")
    training, networks = (frame.value for frame in at.dataframe)
    assert list(training["run"]) == ["Five seeds"]
    assert list(training["said"]) == ["pays"]
    assert list(training["difference"]) == ["+44.3 points"]
    assert list(training["interval"]) == ["+31.0 to +56.0"]
    assert (list(networks["run"]), list(networks["said"])) == (["One seed"], ["better than"])
    first, second = plots(at)
    assert [trace["name"] for trace in first["data"] + second["data"]] == ["pays", "two networks"]
    assert first["data"][0]["x"] == [pytest.approx(44.3)]
    assert first["data"][0]["error_x"]["arrayminus"] == [pytest.approx(13.3)]
    assert first["layout"]["shapes"][0]["x0"] == 0


def test_a_run_that_is_gone_and_one_that_is_not_done_are_left_out(ids: list[str]) -> None:
    waiting = RunFolder.create(finished_run.recipe())
    ids += ["x" * 22, waiting.id, run_of(seeds=3).id]
    found = gather(ids)
    assert [run.id for run in found.runs] == ids[1:]
    assert [line.run for line in found.lines] == [ids[2]]
    assert not found.recorded


def test_a_comparison_counts_like_a_run(ids: list[str]) -> None:
    run = RunFolder.create(finished_run.recipe(title="Budgets"))
    verdict = Verdict("no_difference", Estimate(0.01, -0.02, 0.03, 200, 5), "scratch", "close", "training")
    run.write("comparison.json", json.dumps({"points": [], **dataclasses.asdict(verdict)}))
    ids.append(run.id)
    (line,) = gather(ids).lines
    assert (line.title, line.word, line.difference) == ("Budgets", "no_difference", ("+1.0 points", "-2.0 to +3.0"))
    assert "1 no difference worth having" in text(opened(EVIDENCE))


def test_a_comparison_of_before_verdicts_knew_their_scope_claims_less() -> None:
    old = {"verdict": "pays", "against": "scratch", "value": 0.4, "low": 0.2, "high": 0.5, "n": 60, "seeds": 1}
    found = collected.of_comparison({"points": [], **old})
    assert (found.verdict, found.side, found.scope) == (None, "better", "networks")


def test_returns_are_no_points_and_each_task_has_its_own_plot(ids: list[str]) -> None:
    policy = finished_policy.write(paths.runs() / runs.new_id(), films=False)
    ids += [run_of(seeds=5).id, policy.id]
    at = opened(EVIDENCE)
    titles = [plot["layout"]["xaxis"]["title"]["text"] for plot in plots(at)]
    assert titles == ["points, right is better", "difference, right is better"]
    assert [len(plot["layout"]["shapes"]) for plot in plots(at)] == [2, 1], "what is not worth having is told in points"
    assert "Control, return: ways of training, over several seeds" in text(at)


def test_a_name_is_shown_as_it_is_written(ids: list[str]) -> None:
    ids += [run_of(seeds=5, title=EVIL).id, run_of(seeds=5, title="Another").id]
    at = opened(EVIDENCE)
    assert plots(at)[0]["data"][0]["y"] == ["1 · &lt;b&gt;bold&lt;/b&gt; &amp; &lt;", "2 · Another"]
    assert not [body for element in at.get("html") if "<b>" in (body := element.body)]
    assert list(at.dataframe[0].value["run"]) == [EVIL, "Another"]


def test_every_word_has_a_colour_and_a_shape_of_its_own() -> None:
    marks = [forest.MARKS[word] for word in (*collected.WORDS, "two networks")]
    assert len({colour for colour, _, _ in marks}) == len({shape for _, shape, _ in marks}) == 5


# --- what was said before -------------------------------------------------------------------------


def test_forecasts_are_graded_and_their_order_only_from_eight_on(ids: list[str]) -> None:
    for i in range(8):
        run = run_of(seeds=1, title=f"Run {i}")
        value = 0.5 + i / 20
        result = dataclasses.replace(run.result, value=value)  # type: ignore[type-var]
        run.write("result.json", result.to_json())
        forecast = {"model": finished_run.MODEL, "depth": 0, "sha256": None, "n": 300, "seed": 0}
        known = {"expected": {"value": value - 0.02, "error": 0.1}, "gain": None}
        run.write("forecast.json", json.dumps(forecast | known))
        ids.append(run.id)
    page = text(opened(EVIDENCE))
    assert "100 % came within what was forecast; 2.0 points off on average." in page
    assert "rank correlation of **1.00**" in page
    (paths.runs() / ids.pop() / "forecast.json").unlink()
    page = text(opened(EVIDENCE))
    assert "not graded yet: 7 of the 8 pairs" in page
    assert "rank correlation" not in page


def test_what_it_was_said_to_cost_stands_beside_what_it_took(ids: list[str]) -> None:
    ids += [run_of(seeds=5, cost={"said": 50.0, "took": 60.0}).id, run_of(seeds=5, title="Another").id]
    at = opened(EVIDENCE)
    (costs,) = [frame.value for frame in at.dataframe if "took" in frame.value]
    assert (list(costs["said"]), list(costs["took"]), list(costs["off"])) == (["50 s"], ["1 min"], ["+20 %"])
    assert "The median run was off by 20 %" in text(at)
    ids.pop(0)
    assert "None of these runs was told what it would cost" in text(opened(EVIDENCE))
