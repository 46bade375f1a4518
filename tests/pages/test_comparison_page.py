"""The page of a comparison: while it goes on, when it stopped, and what it came to."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engines import paths, registry, runs
from engines.contract import Event, Job, State
from engines.jobs import backends
from engines.jobs.contract import JobStatus
from engines.runs import RunFolder
from tests.pages import compared_run, finished_run
from tests.pages.opening import opened, press, text
from ui.comparisons import figures, found, live, told
from ui.runs import list as run_list

VISION = "pages/vision.py"
INFO = registry.task(finished_run.TASK).info


class Queue:
    """A queue that only changes when it is told to, and remembers what it was asked."""

    def __init__(self, run: RunFolder, state: State, **status: Any):
        self.standing, self.submitted, self.asked = JobStatus(run.id, state, **status), list[Any](), list[str]()

    def status(self, run_id: str) -> JobStatus:
        return replace(self.standing, id=run_id)

    def events(self, run_id: str, after: int = -1) -> list[Event]:
        return RunFolder.find(run_id).events(after)

    def cancel(self, run_id: str) -> JobStatus:
        self.asked.append(run_id)
        self.standing = replace(self.standing, state=State.CANCELLED, may_resume=True)
        return self.standing

    def submit(self, job: Job | None, resume: str | None = None) -> str:
        self.submitted.append(job or resume)
        self.standing = replace(self.standing, state=State.QUEUED, may_resume=False)
        return resume or RunFolder.create(job).id  # type: ignore[arg-type]


def queued(monkeypatch: pytest.MonkeyPatch, run: RunFolder, state: State = State.DONE, **status: Any) -> Queue:
    queue = Queue(run, state, **status)
    monkeypatch.setitem(backends._open, ("local", paths.home()), queue)
    return queue


def place() -> Any:
    return paths.runs() / runs.new_id()


def charts(at: AppTest) -> list[Any]:
    return list(at.get("plotly_chart"))


# --- while it goes on -----------------------------------------------------------------------------


def test_while_it_goes_on_it_shows_how_far_it_is_what_has_come_and_the_last_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = compared_run.write(place(), state=State.RUNNING)
    queued(monkeypatch, run, State.RUNNING)
    at = opened(VISION, run=run.id)
    (bar,) = at.get("progress")
    assert bar.proto.text == "4 of 20 trainings · at most about 3 min 20 s left · Training the head"
    assert "After 2 seeds: +8 points, between +1 and +15." in text(at)
    assert "Not decided yet: another seed follows, up to 5." in text(at)
    assert len(charts(at)) == 1
    assert "learning from 20, 60, 150, with up to 5 seeds" in text(at)


def test_a_comparison_is_cancelled_and_resumed(monkeypatch: pytest.MonkeyPatch) -> None:
    run = compared_run.write(place(), state=State.RUNNING)
    queue = queued(monkeypatch, run, State.RUNNING)
    at = opened(VISION, run=run.id)
    press(at, "Cancel")
    assert queue.asked == [run.id]
    assert "The trainings that were done are kept." in text(at)
    press(at, "Resume")
    assert queue.submitted == [run.id]


def test_one_that_did_not_work_out_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    run = compared_run.write(place(), state=State.FAILED)
    queued(monkeypatch, run, State.FAILED, message="budgets: found 900; accepted: 4 to 150 photographs")
    at = opened(VISION, run=run.id)
    assert "budgets: found 900" in text(at).replace("\\", "")
    assert len(charts(at)) == 1, "the points that have come stay"


# --- what it came to ------------------------------------------------------------------------------


def test_what_it_came_to_is_a_verdict_three_promises_and_all_points() -> None:
    run = compared_run.write(place(), found=compared_run.answer())
    at = opened(VISION, run=run.id)
    page = text(at)
    assert "Transfer pays: better than training from scratch" in page
    assert "98.3 % interval +31 to +57 points, higher is better" in page
    assert "62 test examples, 3 seeds of at most 5, which decided it" in page
    assert "shows differences from about 19 points" in page
    for title in ("Better with less data", "Faster convergence", "Less time"):
        assert f"**{title}**" in page
    assert "**Labels saved:** more than 130 photographs" in page
    assert "**Time saved:** it takes 0.19 of the time" in page.replace("\\", "")
    assert "Head only: 44.5 % after epoch 1, best 85.3 % at epoch 5" in page
    assert len(charts(at)) == 3
    assert len(at.dataframe) == 4, "a table beside each promise, and all points"
    assert "SHA-256 0123456789abcdef" in page
    assert "2 left out: a.jpg is no picture." in page.replace("\\", "")
    assert [m.value for m in at.metric] == ["87.0 %", "43.0 %"]
    assert "More seeds" not in page, "it was decided"


def test_where_nothing_was_measured_the_sentence_of_the_comparison_stands() -> None:
    lacking = compared_run.answer(convergence=[], time_saved=None, time_saved_text="No time could be told apart.")
    for point in lacking["points"]:
        point["seconds"] = None
    at = opened(VISION, run=compared_run.write(place(), found=lacking).id)
    page = text(at)
    assert told.NO_COURSES in page
    assert "**Time saved:** no time could be told apart." in page
    assert page.count("There is nothing to draw: it was not measured.") == 2
    assert len(charts(at)) == 1


@pytest.mark.parametrize("step", ["train", "result"])
def test_both_steps_lead_to_the_comparison(step: str) -> None:
    run = compared_run.write(place(), found=compared_run.answer())
    assert "Transfer pays" in text(opened(VISION, run=run.id, step=step))


def test_one_budget_is_drawn_as_intervals_below_each_other() -> None:
    known = compared_run.answer(budgets=(150,))
    arms = found.arms(INFO, finished_run.recipe(), known["points"])
    figure = figures.learning_curve(arms, known["points"], x="photographs", y="accuracy", share=True)
    assert figure["data"][-1]["y"] == ["weighing the pixels themselves", "from scratch", "head only"]
    assert [len(trace["x"]) for trace in figure["data"][:-1]] == [3, 3, 3], "a dot a seed"
    at = opened(VISION, run=compared_run.write(place(), found=known, budgets=()).id)
    assert "learning from all there is, just as one run did" in text(at)


def test_nothing_decided_may_go_on_with_more_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    undecided = compared_run.answer(verdict="undecided", side="unclear", stopped_early=False, seeds=5)
    run = compared_run.write(place(), found=undecided)
    queue = queued(monkeypatch, run)
    at = opened(VISION, run=run.id)
    assert "such a comparison shows" not in text(at), "it is said with the verdict already"
    assert "1 seed more, at most about 1 min 15 s" in text(at)
    press(at, "More seeds")
    (job,) = queue.submitted
    assert (job.verb, job.arguments) == ("compare", {"budgets": [20, 60, 150], "seeds": 6, "first": run.id})
    assert job.recipe.settings == run.recipe.settings
    at = opened(VISION, run=compared_run.write(place(), found=undecided | {"reason": "one class has 3"}).id)
    assert "More seeds" not in text(at), "they do not help there"


# --- pieces ---------------------------------------------------------------------------------------


def test_points_that_come_are_means_over_seeds_and_count_once() -> None:
    run = compared_run.write(place(), state=State.RUNNING)
    own, scratch = found.so_far(run.events())
    assert (own["strategy"], own["budget"], own["seeds"]) == ("features", 150, 2)
    assert own["mean"] == pytest.approx(0.88)
    assert scratch["values"] == pytest.approx([0.43, 0.45])


def test_the_time_left_waits_until_both_sides_are_known() -> None:
    run = compared_run.write(place(), state=State.RUNNING)
    first_only = [event for event in run.events() if event.data.get("strategy") != "scratch"]
    assert live.standing(first_only).text == "4 of 20 trainings · Training the head"
    assert live.standing(run.events()).share == pytest.approx(0.2)
    assert live.standing([]).text == "Starting"


def test_far_budgets_stand_by_their_ratio_and_seeds_as_dots() -> None:
    points = compared_run.answer()["points"]
    arms = found.arms(INFO, finished_run.recipe(), points)
    figure = figures.learning_curve(arms, points, x="photographs", y="accuracy", share=True)
    assert figure["layout"]["xaxis"]["type"] == "log"
    assert figure["layout"]["xaxis"]["tickvals"] == [20, 60, 150]
    assert [label["x"] for label in figure["layout"]["annotations"]] == pytest.approx([2.17609] * 3)
    assert [len(trace["x"]) for trace in figure["data"]] == [6, 6, 6, 9, 9, 9, 3, 3, 3], "bands, dots, lines"
    assert {trace["line"]["dash"] for trace in figure["data"][6:]} == {"solid", "dash", "dashdot"}
    near = figures.learning_curve(arms, [p for p in points if p["budget"] > 20], x="", y="", share=True)
    assert "type" not in near["layout"]["xaxis"]


def test_a_seed_that_stopped_keeps_its_last_value() -> None:
    long, short = compared_run.course("features", 0), compared_run.course("features", 1, epochs=2)
    epochs, means, lows, highs = figures.held([short, long])
    assert epochs == [1, 2, 3, 4, 5]
    assert lows[4] == short["values"][1]
    assert highs[4] == long["values"][4]
    assert means[4] == pytest.approx((short["values"][1] + long["values"][4]) / 2)


def test_all_points_leave_as_numbers() -> None:
    points = compared_run.answer()["points"]
    arms = found.arms(INFO, finished_run.recipe(), points)
    rows = list(csv.DictReader(io.StringIO(told.as_csv(INFO, arms, points, "photographs"))))
    assert len(rows) == 9
    assert (rows[0]["budget"], rows[0]["strategy"], rows[0]["called"]) == ("20", "features", "head only")
    assert [float(value) for value in rows[0]["values"].split()] == pytest.approx([0.69, 0.70, 0.71])


def test_the_line_that_repeats_it_says_everything_but_where_the_data_lie() -> None:
    recipe = replace(finished_run.recipe(), settings={"epochs": 5, "corrections": "{}"}, seed=3)
    line = told.command(recipe, found.Asked((20, 60), 4), [])
    assert line == (
        "python -m engines compare vision.classification --data YOUR_DATA --model tf_efficientnet_lite0 "
        "--strategy features --budgets 20,60 --seeds 4 --seed 3 --set epochs=5 --out comparison"
    )


def test_the_list_of_runs_names_its_word(monkeypatch: pytest.MonkeyPatch) -> None:
    run = compared_run.write(place(), found=compared_run.answer())
    queued(monkeypatch, run)
    entry = run_list.entry(run.id)
    assert entry is not None
    assert entry.kind == "Comparison"
    assert entry.about.startswith("Comparison · Vision")
    assert entry.number == "Transfer pays: balanced accuracy +44 points over training from scratch"
    going = run_list.entry(compared_run.write(place(), state=State.RUNNING).id)
    assert going is not None
    assert going.number == ""
