"""The control page: a robot made with sliders, what a run will take, and everything that a finished run says."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engines import paths, registry, runs
from engines.contract import Estimate, Side, State, Strategy, Verdict
from engines.control.policy.settings import ControlSettings
from engines.control.policy.strategies import IDENTIFIED, RANDOMISED
from engines.control.simulation.robots import COMMON, ROBOTS
from engines.control.simulation.target import Target
from engines.evidence.verdict import WORDS
from engines.jobs.serving import client
from engines.runs import RunFolder
from tests.pages import finished_policy
from tests.pages.opening import File, opened, press, shown, text
from ui.control import data as control_step
from ui.control import findings, plots
from ui.control import result as control_result
from ui.control import strategy as control_strategy
from ui.page import uploads
from ui.widgets import return_curve

PAGE = "pages/control.py"
TASK = finished_policy.TASK


def finished(**changes: Any) -> RunFolder:
    return finished_policy.write(paths.runs() / runs.new_id(), **changes)


def plain(at: AppTest) -> str:
    """The page's text without what keeps markdown from reading it."""
    return text(at).replace("\\", "")


@pytest.fixture
def empty_showcase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "showcase", lambda: tmp_path / "showcase")


def report(target: Target, **details: Any) -> dict[str, Any]:
    """What a check of that target answers."""
    splits = ControlSettings().splits(target.robot.name)
    return {
        "task": TASK,
        "data": "",
        "n_examples": sum(splits.values()),
        "classes": {},
        "splits": splits,
        "skipped": [],
        "notes": [],
        "sha256": "0",
        "gallery": [{"name": "nominal", "label": "", "text": "No film here."}],
        "details": {
            "robot": target.robot.name,
            "target": target.to_dict(),
            "kind": "target",
            "models": [target.robot.name, f"{target.robot.name}-randomised"],
            "strategies": list(registry.task(TASK).info.strategies),
            **details,
        },
    }


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The warm server, which reads a target and says what is in it; the questions that it was asked."""
    asked: list[dict[str, Any]] = []

    def ask(question: dict[str, Any], _: Callable[[int, int], None] | None = None) -> dict[str, Any]:
        asked.append(question)
        return report(Target.read(Path(question["data"])))

    monkeypatch.setattr(client, "ask", ask)
    return asked


def brought(target: Target, **details: Any) -> str:
    """The id of a robot that was brought and checked."""
    data_id = uploads.keep([File("robot.json", target.to_json().encode())], (".json",))
    (uploads.folder(data_id) / "report.json").write_text(json.dumps(report(target, **details)))
    return data_id


HEAVY = Target(ROBOTS["pendulum"], {"m": 1.4, "l": 1.3}, delay=1)


# --- data -----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("empty_showcase")
def test_without_any_run_it_opens_on_sliders_for_each_physical_value_and_offers_samples() -> None:
    at = opened(PAGE)
    pendulum = ROBOTS["pendulum"]
    assert pendulum.goal in plain(at)
    assert [slider.label.partition(",")[0] for slider in at.slider] == [p.title for p in (*pendulum.physics, *COMMON)]
    assert [slider.help for slider in at.slider] == [p.help for p in (*pendulum.physics, *COMMON)]
    assert "Nothing differs: this is the simulator itself." in plain(at)
    assert text(at).count("Use this sample") == len(registry.task(TASK).samples())


@pytest.mark.usefixtures("empty_showcase")
def test_sliders_make_the_same_robot_that_could_be_uploaded(answers: list[dict[str, Any]]) -> None:
    at = opened(PAGE)
    at.slider(key="pendulum_m").set_value(1.4)
    at.slider(key="pendulum_l").set_value(1.3)
    at.slider(key="pendulum_delay").set_value(1).run()
    said = "It differs in 3 values: **mass 1.4 kg** (simulator 1), **length 1.3 m** (simulator 1), **delay 1 step**"
    assert said in plain(at)
    press(at, "Use this robot")
    assert Target.read(Path(answers[0]["data"])) == HEAVY
    page = plain(at)
    assert "**Pendulum, m 1.4, l 1.3, delay 1.json**: Pendulum, 3 values unlike the simulator's" in page
    assert "1,000 real steps to learn from · 60 episodes to judge by" in page
    assert "No film here." in page
    assert list(at.dataframe[0].value["your robot"]) == [1.4, 1.3, 1.0]


@pytest.mark.usefixtures("empty_showcase", "answers")
def test_the_sliders_go_back_to_the_simulator() -> None:
    at = opened(PAGE)
    at.slider(key="pendulum_m").set_value(1.4).run()
    press(at, "As in the simulator")
    assert at.slider(key="pendulum_m").value == 1
    assert "Nothing differs" in plain(at)


@pytest.mark.usefixtures("empty_showcase")
def test_there_is_a_file_to_fill_in_for_each_format() -> None:
    at = opened(PAGE)
    files = ["log.csv", "log.jsonl", "log.npz", "robot.json"]
    offered = [button.proto.label for button in at.get("download_button")]
    assert offered == [*(f"pendulum-{name}" for name in files), "invertedpendulum-robot.xml"]
    at.button_group(key="robot").set_value("invertedpendulum").run()
    offered = [button.proto.label for button in at.get("download_button")]
    assert {f"invertedpendulum-{name}" for name in [*files, "robot.xml"]} < set(offered)


@pytest.mark.usefixtures("empty_showcase", "answers")
def test_another_robot_has_other_sliders() -> None:
    at = opened(PAGE)
    at.button_group(key="robot").set_value("cartpole").run()
    assert not at.exception
    assert [slider.label.partition(",")[0] for slider in at.slider][:2] == ["Cart's mass", "Half the pole's length"]


@pytest.mark.parametrize("robot", ROBOTS.values(), ids=ROBOTS)
def test_a_slider_can_be_put_on_the_simulator_s_own_value(robot: Any) -> None:
    for parameter in (*robot.physics, *COMMON):
        step = control_step.step_of(parameter)
        places_off = (parameter.nominal - parameter.low) / step
        assert abs(places_off - round(places_off)) < 1e-6, parameter
        assert (parameter.high - parameter.low) / step >= 199, parameter


@pytest.mark.usefixtures("empty_showcase")
def test_a_robot_that_makes_no_sense_is_refused_in_words_and_not_kept(answers: list[dict[str, Any]]) -> None:
    at = opened(PAGE, step="data")
    wrong = b'{"env": "Pendulum-v1", "physics": {"m": -1, "weight": 3}}'
    at.file_uploader(key="upload").set_value(("robot.json", wrong, "application/json")).run()
    page = plain(at)
    assert "physics m: found -1" in page.replace("*", "")
    assert "Pendulum has no such parameter" in page
    assert len(answers) == 1
    assert list(paths.uploads().iterdir()) == []


def test_logs_are_shown_and_no_real_return_is_promised() -> None:
    first = {"observations": {"angle": [0.0, 0.1]}, "actions": {"torque": [1.0, -1.0]}}
    data = brought(Target(ROBOTS["pendulum"]), kind="logs", transitions=1000, episodes=5, first_episode=first)
    at = opened(PAGE, data=data, step="data")
    page = plain(at)
    assert "1,000 logged steps of Pendulum" in page
    assert "without the robot there is no real return" in page
    assert (
        "every return of such a run is measured in the simulator that was fitted to the log, not on the robot" in page
    )
    assert shown(at, "plotly_chart") == 1


def test_a_robot_without_a_policy_is_said_to_have_none_and_is_not_trained() -> None:
    at = opened(PAGE, data=brought(Target(ROBOTS["bipedalwalker"]), models=[]), step="data")
    assert "No policy for BipedalWalker comes with Headstart yet" in plain(at)
    assert {button.label for button in at.button if button.disabled} == {"Train now", "Choose a model"}


# --- model, strategy ------------------------------------------------------------------------------


def test_only_the_policies_of_the_robot_are_offered_and_one_of_them_is_taken() -> None:
    data = brought(Target(ROBOTS["cartpole"]))
    at = opened(PAGE, data=data, step="model")
    names = {card.name for card in registry.task(TASK).models() if card.name.startswith("cartpole")}
    assert {key for b in at.button if (key := b.key or "").startswith("pick_")} == {f"pick_{name}" for name in names}
    assert at.button(key="pick_cartpole").disabled  # chosen
    assert "by its name" not in plain(at)


def test_the_strategy_step_speaks_of_the_gap_and_presents_the_bill() -> None:
    at = opened(PAGE, data=brought(HEAVY), step="strategy")
    page = plain(at)
    assert "How should it cross the gap?" in page
    offered = at.segmented_control(key="strategy_switch").options
    assert offered == [
        "As it came",
        "Vary the simulator",
        "Measure, then tune",
        "Small correction",
        "Tune on the robot",
        "From scratch",
    ]
    assert "A few real steps tell which physics your robot has" in page
    assert "- **:orange[1,000 real steps]**" in text(at)
    at.select_slider(key="real_steps_slider").set_value(2_000).run()
    assert "real_steps:2000" in at.query_params["set"]
    assert "- **:orange[2,000 real steps]**" in text(at)
    at.segmented_control(key="strategy_switch").set_value("randomised").run()
    assert "It takes **no real step** to learn." in text(at)
    assert not [s for s in at.select_slider if s.key == "real_steps_slider"]


def test_with_logs_only_what_needs_no_robot_is_offered() -> None:
    logs = {"kind": "logs", "transitions": 1000, "episodes": 5, "strategies": ["identified", "zero-shot"]}
    at = opened(PAGE, data=brought(Target(ROBOTS["pendulum"]), **logs), step="strategy", strategy="full")
    assert at.segmented_control(key="strategy_switch").options == ["As it came", "Measure, then tune"]
    assert at.segmented_control(key="strategy_switch").value == "identified"
    assert "The real steps are those in your logs" in plain(at)
    assert not [toggle for toggle in at.toggle if toggle.key == "baseline_toggle"]


def test_the_bill_says_what_each_strategy_takes() -> None:
    settings = ControlSettings(real_steps=500, sim_steps=4_000, repeats=2, episodes=10)
    said = {
        strategy: "; ".join(control_strategy.bill(strategy, settings, "pendulum"))
        for strategy in ControlSettings.default_epochs
    }
    assert all(("500 real steps" in line) == (strategy is not RANDOMISED) for strategy, line in said.items())
    assert [s for s, line in said.items() if "4,000 steps in the simulator" in line] == [IDENTIFIED, RANDOMISED]
    assert "2,000 real steps" in control_strategy.bill(Strategy.FULL, ControlSettings(), "cartpole")[0]
    assert control_strategy.fewest(Strategy.FULL, settings, ROBOTS["cartpole"]) == 2_000
    assert control_strategy.fewest(IDENTIFIED, settings, ROBOTS["cartpole"]) == 100
    zero = control_strategy.bill(Strategy.ZERO_SHOT, settings, "pendulum")
    assert zero == ["10 episodes to judge by"]


# --- training -------------------------------------------------------------------------------------


def test_a_run_on_its_way_shows_its_return_over_real_steps() -> None:
    run = finished()
    (run.path / "result.json").unlink()
    run.set_state(State.CANCELLED, "Cancelled.")
    at = opened(PAGE, run=run.id)
    values = {metric.label: metric.value for metric in at.metric}
    assert values[":orange[■] Return now"] == "−268"
    assert values[":blue[■] As it came"] == "−509"
    assert values["Real steps"] == "1,000"
    (drawn,) = (json.loads(chart.proto.spec) for chart in at.get("plotly_chart"))
    assert [label["text"] for label in drawn["layout"]["annotations"]] == ["from scratch", "as it came", "tuned"]
    assert drawn["layout"]["xaxis"]["title"]["text"] == "real steps"
    at.toggle(key="live_return_table").set_value(True).run()
    assert list(at.dataframe[0].value["95 % interval"])[2:] == ["−420 to −340", "−308 to −228"]


def test_where_no_real_step_is_taken_the_curve_is_over_the_simulator_s() -> None:
    run = RunFolder.create(finished_policy.recipe(strategy=RANDOMISED))
    run.set_state(State.RUNNING)
    for leg in (1, 2):
        run.emit(
            "epoch",
            series="transfer",
            epoch=leg,
            epochs=2,
            validation_metric=-300.0 + leg,
            low=-310.0,
            high=-290.0,
            real_steps=0,
            sim_steps=4_000 * leg,
        )
    run.set_state(State.CANCELLED, "Cancelled.")
    at = opened(PAGE, run=run.id)
    (drawn,) = (json.loads(chart.proto.spec) for chart in at.get("plotly_chart"))
    assert drawn["layout"]["xaxis"]["title"]["text"] == "steps in the simulator"
    assert drawn["data"][1]["x"] == [4_000, 8_000]


def test_the_first_point_is_joined_to_the_policy_as_it_came_and_the_band_is_not() -> None:
    point = {"series": "transfer", "real_steps": 500, "mean": -275.0, "low": -360.0, "high": -189.0}
    band, line, came = return_curve.curve([point], zero_shot=-282.0)["data"]
    assert (line["x"], line["y"]) == ([0, 500], [-282.0, -275.0])
    assert band["x"] == [500, 500]
    assert came["y"] == [-282.0, -282.0]


def test_what_is_next_to_nothing_is_said_to_be_nothing() -> None:
    assert findings.number(5.7e-9) == 0.0
    assert findings.number(1.4000000219) == 1.4


# --- a result -------------------------------------------------------------------------------------


def test_a_finished_run_says_how_much_of_the_gap_is_closed_and_what_it_cost() -> None:
    at = opened(PAGE, run=finished().id)
    page = plain(at)
    assert "66 % of the gap is closed." in page  # (509 - 268) of (509 - 146)
    assert "+241 over the model as it came" in page
    assert "95 % interval +205 to +276; higher is better · 60 episodes · 3 seeds" in page
    assert {metric.label: metric.value for metric in at.metric} == {
        ":orange[■] Tuned": "−268",
        ":blue[■] As it came": "−509",
        "Real steps": "1,000",
    }
    assert "Return, higher is better · −282 to −255 (95 % interval)" in page
    assert "Real steps in each repeat: 800 to learn from, 200 to check · 12,000 more to judge by" in page
    assert "A policy from scratch did not get as far within **4,000** real steps." in page
    assert shown(at, "plotly_chart") == 4  # cost, episodes, physics, saliency
    assert len(at.get("image")) == 3
    assert "2 of 3 intervals hold the value that was set" in page  # not the motor's strength
    assert "error one step ahead: 0.21 before, 0.004 after" in page
    assert "These steps do not tell all: friction hardly changes anything that was seen." in page
    assert "Integrated gradients, completeness error 0.2 %" in page
    assert "**mass 1.4 kg** (simulator 1)" in page
    assert "Train again: tune on the robot" in page
    assert "nothing was measured on a machine" in page
    assert "In its own simulator it gets −146; your robot may not allow as much." in page


def test_values_that_stand_for_others_are_not_counted_as_wrong() -> None:
    found = finished_policy.details()["identified"]
    del found["values"]["action_gain"]
    found["not_told"] = {"action_gain": "acts so much like m that this log cannot tell them apart: m stands for both"}
    page = plain(opened(PAGE, run=finished(identified=found).id))
    assert "intervals hold the value that was set" not in page
    assert "what these steps cannot tell apart shows up in the values that act alike" in page
    assert "action_gain acts so much like m" in page.replace("action\\_gain", "action_gain")


def test_what_scratch_needs_is_compared_with_what_was_used() -> None:
    run = finished(scratch_needs={"steps": 3_500, "within": 4_000})
    said = "A policy from scratch needs about **3,500** real steps to get as far, 3.5 times as many."
    assert said in plain(opened(PAGE, run=run.id))


@pytest.mark.parametrize(
    ("value", "source", "said"),
    [
        (-146.0, -146.0, "All of the gap is closed"),
        (-520.0, -146.0, "None of the gap is closed"),
        (-300.0, -505.0, ""),  # nothing was lost on the robot
    ],
)
def test_the_share_of_the_gap(value: float, source: float, said: str) -> None:
    result = finished().result
    assert result is not None
    result.details["source"] = {"value": source, "low": source - 15, "high": source + 15}
    assert control_result.closed(dataclasses.replace(result, value=value)) == said


@pytest.mark.parametrize(
    ("side", "words"), [("worse", "Worse than the model as it came"), ("unclear", "which may be chance")]
)
def test_every_verdict_has_its_words(side: Side, words: str) -> None:
    run = finished()
    result = run.result
    assert result is not None
    found = Verdict(WORDS[side], Estimate(-4.0, -20.0, 12.0, 60, 3), "zero_shot", side, "training")
    result.details["against_zero_shot"] = dataclasses.asdict(found)
    run.write("result.json", result.to_json())
    assert words in plain(opened(PAGE, run=run.id))


def test_where_the_source_was_kept_nothing_is_called_chance() -> None:
    found = Verdict("undecided", Estimate(0.0, 0.0, 0.0, 60, 3), "zero_shot")
    run = finished()
    result = run.result
    assert result is not None
    result.details["against_zero_shot"] = dataclasses.asdict(found)
    run.write("result.json", result.to_json())
    assert "### No different from the model as it came" in plain(opened(PAGE, run=run.id))


def test_where_there_are_only_logs_no_number_passes_for_a_real_one() -> None:
    at = opened(PAGE, run=finished(real=False, kind="logs").id)
    page = plain(at)
    assert "Return on the calibrated simulator." in plain(at)
    assert "There are only logs of this robot: every return here is one in the simulator" in page
    assert "on your robot" not in " ".join(metric.label for metric in at.metric)
    assert "intervals hold the value that was set" not in page  # nobody knows it
    assert "nothing was measured on a machine" not in page  # the logs may well have been


def test_a_policy_that_was_left_as_it_came_is_shown_alone() -> None:
    run = finished(strategy=Strategy.ZERO_SHOT, curve=[], identified=None, real_steps={"judging": 12_000}, next=None)
    at = opened(PAGE, run=run.id)
    page = plain(at)
    assert "### Return −509" in page
    assert "nothing was learnt, so there is nothing to compare with" in page
    assert "It took **no real step**" in page
    assert [metric.label for metric in at.metric] == [":blue[■] As it came", "Real steps"]
    assert len(at.get("image")) == 2


def test_a_machine_that_cannot_draw_gets_a_sentence() -> None:
    run = finished(films=False, video_note="There is no film of Hopper on this machine: MuJoCo draws with EGL.")
    at = opened(PAGE, run=run.id)
    assert "There is no film of Hopper on this machine" in plain(at)
    assert not at.get("image")


def test_a_run_without_pictures_of_any_kind_is_still_whole() -> None:
    run = finished(films=False, sensitivity=None, saliency=None, identified=None, source=None, scratch_needs=None)
    at = opened(PAGE, run=run.id)
    assert plain(at).count("It was not measured in this run.") == 2
    assert "### Return +241 over the model as it came" in plain(at)
    assert shown(at, "plotly_chart") == 2


def test_every_episode_is_one_opening_away() -> None:
    at = opened(PAGE, run=finished().id)
    at.session_state["every_episode"] = True
    at.run()
    table = next(shown.value for shown in at.dataframe if "episode" in shown.value)
    assert len(table) == 60
    assert list(table.columns) == ["episode", "as it came", "tuned", "difference", "steps", "diverged"]
    assert table["difference"].to_list() == [241.0] * 60


def test_the_map_marks_simulator_and_robot_where_they_lie() -> None:
    found = finished_policy.details()["sensitivity"]
    figure = plots.sensitivity(found, ("mass, kg", "length, m"))
    heat, simulator, robot = figure["data"]
    assert (simulator["x"], simulator["y"]) == ([2.0], [1.0])  # 1.0 is the third of 0.6, 0.8, 1.0 …
    assert (robot["x"], robot["y"]) == ([4.0], [3.0])
    halfway = plots.sensitivity(found | {"target": [1.3, 2.0]}, ("", ""))["data"][2]
    assert halfway["x"] == pytest.approx([3.5])
    assert halfway["y"] == [4.0]  # beyond the last row: at its edge
    assert (simulator["textposition"], robot["textposition"]) == ("middle left", "middle right")  # beside them
    labelled = {(note["x"], note["y"]) for note in figure["layout"]["annotations"]}
    every = {(x, y) for x in range(6) for y in range(5)}
    assert every - labelled == {(2, 1), (1, 1), (4, 3), (5, 3)}  # the marks' cells and their labels'
    between = plots.sensitivity(found | {"target": [1.4, 1.25]}, ("", ""))
    assert {(4, 2), (4, 3), (5, 2), (5, 3)} <= {(n["x"], n["y"]) for n in between["layout"]["annotations"]}
    edge = plots.sensitivity(found | {"target": [1.6, 1.3]}, ("", ""))["data"][2]
    assert edge["textposition"] == "middle left"
    assert heat["customdata"][3][4] == [1.4, 1.3]


def test_the_map_can_show_the_policy_as_it_came_on_the_same_shades() -> None:
    found = finished_policy.details()["sensitivity"]
    before = [[value - 200 for value in row] for row in found["z"]]
    at = opened(PAGE, run=finished(sensitivity=found | {"z_before": before}).id)
    at.segmented_control(key="sensitivity_of").set_value("as it came").run()
    heat = next(d for c in at.get("plotly_chart") for d in json.loads(c.proto.spec)["data"] if d["type"] == "heatmap")
    assert heat["z"] == before
    assert (heat["zmin"], heat["zmax"]) == (min(map(min, before)), max(map(max, found["z"])))
    assert "Mean return of the policy as it came" in plain(at)


# --- trying it ------------------------------------------------------------------------------------


def test_a_typed_observation_is_answered_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def ask(question: dict[str, Any], _: Any = None) -> dict[str, Any]:
        asked.append(Path(question["data"]).read_text(encoding="utf-8"))
        return {"rows": [{"file": "line 2", "label": "torque -1.25", "action": [-1.25]}], "milliseconds": 1.0}

    run = finished()
    (run.path / "model").mkdir()
    monkeypatch.setattr(client, "ask", ask)
    at = opened(PAGE, run=run.id)
    press(at, "What would it do?")
    assert ":orange[■] **torque -1.25**" in plain(at)
    assert asked[0].splitlines() == ["cosine of the angle,sine of the angle,angular velocity", "0.0,1.0,0.0"]
    assert not list(paths.uploads().iterdir())


def test_a_table_of_observations_is_answered_row_by_row(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"file": "line 2", "label": "torque 1.00", "action": [1.0]}, {"file": "line 3", "error": "has no number"}]
    monkeypatch.setattr(client, "ask", lambda *_, **__: {"rows": rows, "milliseconds": 1.0})
    run = finished()
    (run.path / "model").mkdir()
    at = opened(PAGE, run=run.id)
    at.file_uploader(key="try_file").set_value(("seen.csv", b"a,b,c\n0,1,0\n,,\n", "text/csv")).run()
    press(at, "What would it do?")
    table = next(frame.value for frame in at.dataframe if "problem" in frame.value)
    assert table["torque"].to_list()[0] == 1.0
    assert table["problem"].to_list()[1] == "has no number"
