"""Step 1 of control: which robot it is and how it differs from its simulator, by sliders, a description or logs."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from engines import registry
from engines.control.logs import templates
from engines.control.simulation.robots import COMMON, ROBOTS, Parameter, Robot, find
from engines.control.simulation.target import Target
from ui.control import plots as control_plots
from ui.control import videos
from ui.page import frame, uploads, words
from ui.page.draft import Draft
from ui.steps import data
from ui.widgets import plots

FINE = 200  # positions of a slider, at least


# --- sliders make a robot -------------------------------------------------------------------------


def describe(draft: Draft) -> None:
    """Pick a robot, say what differs, and use it: the same JSON that could be uploaded."""
    with frame.card("Describe your robot", key="describe"):
        st.caption(
            "The policy learnt in :blue[■ a simulator]. Say in what :orange[■ your robot] differs from it: that is the "
            "gap it has to cross."
        )
        known = {card.name.partition("-")[0] for card in registry.task(draft.task).models()}
        names = [name for name in ROBOTS if name in known]
        name = st.pills(
            "Robot",
            names,
            default=names[0],
            key="robot",
            format_func=lambda name: ROBOTS[name].title,
            required=True,
            label_visibility="collapsed",
            persist_state="page",
        )
        robot = ROBOTS[name or names[0]]
        st.markdown(robot.goal)
        st.fragment(_sliders)(draft.task, Target(robot), robot.name)
        _templates(draft.task, robot)


def _templates(task: str, robot: Robot) -> None:
    """Files to fill in for this robot, where those below the upload box are for another."""
    if f"{robot.name}-log.csv" in registry.task(task).templates():
        return
    with st.popover("Files to fill in", icon=":material/download:", type="tertiary"):
        st.caption(f"For {robot.title}: fill one in, and upload it below.")
        data.downloads(templates.of(robot), key="robot")


def _sliders(task: str, start: Target, key: str) -> None:
    """A slider for each physical value, beginning at those of `start`, and a button that makes it the robot."""
    robot = start.robot
    chosen = {}
    with st.grid(min_column_width=210):
        for parameter in (*robot.physics, *COMMON):
            chosen[parameter.name] = _slider(parameter, start.value(parameter.name), f"{key}_{parameter.name}")
    target = start.changed(**chosen)
    st.markdown(differences(target))
    with st.container(horizontal=True, vertical_alignment="center"):
        use = st.button("Use this robot", type="primary", icon=":material/check:", key=f"{key}_use")
        st.button(
            "As in the simulator",
            icon=":material/undo:",
            type="tertiary",
            key=f"{key}_reset",
            on_click=_reset,
            args=(robot, key),
        )
        with st.popover("As JSON", icon=":material/data_object:", type="tertiary"):
            st.code(target.to_json(), language="json")
            st.caption("What the command line takes as --data. It can be uploaded here, too.")
    if use:
        data.take(task, [uploads.Made(file_name(target), target.to_json().encode())])


def _slider(parameter: Parameter, start: float, key: str) -> float:
    step = step_of(parameter)
    unit = f", {parameter.unit}" if parameter.unit else ""
    whole = parameter.name == "delay"
    kind: Callable[[float], float] = int if whole else float
    st.session_state.setdefault(key, kind(start))
    chosen = st.slider(
        f"{parameter.title}{unit}  \n:small[:blue[■] simulator {parameter.nominal:g}]",
        kind(parameter.low),
        kind(parameter.high),
        step=1 if whole else step,
        key=key,
        help=parameter.help,
        format="%d" if whole else f"%.{max(0, -math.floor(math.log10(step) + 1e-9))}f",
        persist_state="page",
    )
    return float(f"{chosen:.9g}")  # a slider's steps add up to 1.4000000000000001


def step_of(parameter: Parameter) -> float:
    """A round step, at least FINE of which make the range, and on whose grid the simulator's own value lies."""
    step = 10.0 ** math.floor(math.log10((parameter.high - parameter.low) / FINE) + 1)
    for share in (1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01):
        places = (parameter.nominal - parameter.low) / (step * share)
        fine = (parameter.high - parameter.low) / (step * share) >= FINE - 1e-9
        if fine and abs(places - round(places)) < 1e-6:
            return step * share
    return step * 0.01


def _reset(robot: Robot, key: str) -> None:
    for parameter in (*robot.physics, *COMMON):
        nominal = parameter.nominal
        st.session_state[f"{key}_{parameter.name}"] = int(nominal) if parameter.name == "delay" else float(nominal)


def differences(target: Target) -> str:
    """'It differs in 2 values: Mass 1.4 kg (simulator 1), …', for a page."""
    found = target.differences()
    own = " It has a model of its own (MJCF)." if target.mjcf else ""
    if not found:
        return own.strip() or "Nothing differs: this is the simulator itself."
    said = ", ".join(
        f"**{p.title.lower()} {_with_unit(value, p.unit)}** (simulator {p.nominal:g})" for p, value in found
    )
    return f"It differs in {words.count(len(found), 'values')}: {said}.{own}"


def _with_unit(value: float, unit: str) -> str:
    if unit.startswith("×"):
        return f"× {value:g}"
    return words.count(int(value), unit) if unit == "steps" else f"{value:g} {unit}".strip()


def file_name(target: Target) -> str:
    """'Pendulum, m 1.4, l 1.3.json': what the robot is called from now on."""
    said = [target.robot.title, *(f"{parameter.name} {value:g}" for parameter, value in target.differences())]
    return f"{', '.join(said)[:100]}.json"


# --- what was found -------------------------------------------------------------------------------


def policies(draft: Draft) -> list[str]:
    """The policies that suit the draft's robot; all of them while there is none."""
    if draft.data is None:
        return []
    return list(data.checked(draft)["details"].get("models") or ())


def told(report: dict[str, Any]) -> tuple[str, str]:
    """What was found, and what a run with it uses."""
    details, use = report["details"], report["splits"]
    robot = find(details["robot"])
    judged = f"{use['test']:,} episodes to judge by"
    if details["kind"] == "logs":
        n = words.count(details["transitions"], "logged steps")
        return f"{n} of {robot.title}", f"{judged}, in a simulator: without the robot there is no real return"
    changed = len(Target.parse(details["target"]).differences())
    differs = f"{words.count(changed, 'values')} unlike the simulator's" if changed else "the simulator itself"
    return f"{robot.title}, {differs}", f"{words.count(use['train'], 'real steps')} to learn from · {judged}"


def found(draft: Draft, report: dict[str, Any]) -> None:
    """The domain's own part of a checked robot or of its logs."""
    details = report["details"]
    if not details["models"]:
        st.warning(
            f"No policy for {find(details['robot']).title} comes with Headstart yet: there is nothing to start from. "
            "Take another robot.",
            icon=":material/info:",
        )
    if details["kind"] == "logs":
        _logs(report)
        return
    target = Target.parse(details["target"])
    _worlds(report)
    left, right = st.columns([3, 2])
    with left, frame.card("How your robot differs"):
        _table(target)
    with right, frame.card("What it is for"):
        st.markdown(target.robot.goal)
        st.caption(f"It sees {target.robot.width} numbers: {_listed([name for name, _ in target.robot.observations])}.")
        st.caption(f"It does: {_listed(list(target.robot.actions))}.")
    with st.expander("Change this robot", icon=":material/tune:"):
        st.fragment(_sliders)(draft.task, target, str(draft.data))


def _worlds(report: dict[str, Any]) -> None:
    films = {str(row["name"]): Path(row["thumbnail"]) for row in report["gallery"] if row.get("thumbnail")}
    notes = [str(row["text"]) for row in report["gallery"] if row.get("text")]
    with frame.card("The same policy in both worlds", help="As it came, from the same start. Nothing has learnt yet."):
        videos.side_by_side(
            [
                (films.get("nominal"), ":blue[■] in the simulator it knows"),
                (films.get("target"), ":blue[■] on your robot, as it came"),
            ],
            notes[0] if notes else "",
        )


def _table(target: Target) -> None:
    """What differs, with what it means; what does not differ behind a toggle."""
    everything = st.toggle("Also what is the same", key="all_parameters")
    rows = [
        {
            "": parameter.title,
            "unit": parameter.unit,
            "simulator": parameter.nominal,
            "your robot": target.value(parameter.name),
            "meaning": parameter.help,
        }
        for parameter in (*target.robot.physics, *COMMON)
        if everything or target.value(parameter.name) != parameter.nominal
    ]
    if rows:
        plots.rows(rows)
    else:
        st.caption("Nothing differs: this is the simulator itself.")
    if target.mjcf:
        st.caption("The robot is a MuJoCo model of its own; the values above change that model.")


def _listed(names: list[str], most: int = 6) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _logs(report: dict[str, Any]) -> None:
    details = report["details"]
    robot = find(details["robot"])
    with frame.card(f"What {robot.title} did"):
        stretches = words.count(details["episodes"], "stretches")
        st.markdown(
            f"{words.count(details['transitions'], 'steps')} in {stretches} without a gap. A run finds the physics "
            "that explain them, and tunes the policy in a simulator with those physics."
        )
        first = details.get("first_episode")
        if first:
            figure = control_plots.episode(first)
            plots.show(
                figure,
                "logged_episode",
                alt="The first logged episode: what the robot saw and did",
                table=lambda: control_plots.episode_rows(first),
            )
    st.info(
        "A log says what the robot did, not what it would do with another policy. So every return of such a run is "
        "measured in the simulator that was fitted to the log, not on the robot.",
        icon=":material/info:",
    )
