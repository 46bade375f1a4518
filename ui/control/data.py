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
from engines.messages import _, _n
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
    with frame.card(_("Describe your robot"), key="describe"):
        st.caption(
            _(
                "The policy learnt in :blue[■ a simulator]. Say in what :orange[■ your robot] differs from it: "
                "that is the gap it has to cross."
            )
        )
        known = {card.name.partition("-")[0] for card in registry.task(draft.task).models()}
        names = [name for name in ROBOTS if name in known]
        name = st.pills(
            _("Robot"),
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
    with st.popover(_("Files to fill in"), icon=":material/download:", type="tertiary"):
        st.caption(_("For {title}: fill one in, and upload it below.", title=robot.title))
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
        use = st.button(_("Use this robot"), type="primary", icon=":material/check:", key=f"{key}_use")
        st.button(
            _("As in the simulator"),
            icon=":material/undo:",
            type="tertiary",
            key=f"{key}_reset",
            on_click=_reset,
            args=(robot, key),
        )
        with st.popover(_("As JSON"), icon=":material/data_object:", type="tertiary"):
            st.code(target.to_json(), language="json")
            st.caption(_("What the command line takes as --data. It can be uploaded here, too."))
    if use:
        data.take(task, [uploads.Made(file_name(target), target.to_json().encode())])


def _slider(parameter: Parameter, start: float, key: str) -> float:
    step = step_of(parameter)
    unit = f", {parameter.unit}" if parameter.unit else ""
    whole = parameter.name == "delay"
    kind: Callable[[float], float] = int if whole else float
    st.session_state.setdefault(key, kind(start))
    chosen = st.slider(
        _(
            "{title}{unit}  \n:small[:blue[■] simulator {nominal:g}]",
            title=parameter.title,
            unit=unit,
            nominal=parameter.nominal,
        ),
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
    own = _(" It has a model of its own (MJCF).") if target.mjcf else ""
    if not found:
        return own.strip() or _("Nothing differs: this is the simulator itself.")
    said = ", ".join(
        _(
            "**{title} {with_unit}** (simulator {nominal:g})",
            title=p.title.lower(),
            with_unit=_with_unit(value, p.unit),
            nominal=p.nominal,
        )
        for p, value in found
    )
    return _(
        "It differs in {values}: {said}.{own}", values=_n("{n:,} value", "{n:,} values", len(found)), said=said, own=own
    )


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
    judged = _("{test:,} episodes to judge by", test=use["test"])
    if details["kind"] == "logs":
        n = _n("{n:,} logged step", "{n:,} logged steps", details["transitions"])
        return _("{n} of {title}", n=n, title=robot.title), _(
            "{judged}, in a simulator: without the robot there is no real return", judged=judged
        )
    changed = len(Target.parse(details["target"]).differences())
    differs = (
        _("{values} unlike the simulator's", values=_n("{n:,} value", "{n:,} values", changed))
        if changed
        else _("the simulator itself")
    )
    return f"{robot.title}, {differs}", _(
        "{real_steps} to learn from · {judged}",
        real_steps=_n("{n:,} real step", "{n:,} real steps", use["train"]),
        judged=judged,
    )


def found(draft: Draft, report: dict[str, Any]) -> None:
    """The domain's own part of a checked robot or of its logs."""
    details = report["details"]
    if not details["models"]:
        st.warning(
            _(
                "No policy for {title} comes with Headstart yet: there is nothing to start from. Take another robot.",
                title=find(details["robot"]).title,
            ),
            icon=":material/info:",
        )
    if details["kind"] == "logs":
        _logs(report)
        return
    target = Target.parse(details["target"])
    _worlds(report)
    left, right = st.columns([3, 2])
    with left, frame.card(_("How your robot differs")):
        _table(target)
    with right, frame.card(_("What it is for")):
        st.markdown(target.robot.goal)
        st.caption(
            _(
                "It sees {width} numbers: {listed}.",
                width=target.robot.width,
                listed=_listed([name for name, _ in target.robot.observations]),
            )
        )
        st.caption(_("It does: {listed}.", listed=_listed(list(target.robot.actions))))
    with st.expander(_("Change this robot"), icon=":material/tune:"):
        st.fragment(_sliders)(draft.task, target, str(draft.data))


def _worlds(report: dict[str, Any]) -> None:
    films = {str(row["name"]): Path(row["thumbnail"]) for row in report["gallery"] if row.get("thumbnail")}
    notes = [str(row["text"]) for row in report["gallery"] if row.get("text")]
    with frame.card(
        _("The same policy in both worlds"), help=_("As it came, from the same start. Nothing has learnt yet.")
    ):
        videos.side_by_side(
            [
                (films.get("nominal"), _(":blue[■] in the simulator it knows")),
                (films.get("target"), _(":blue[■] on your robot, as it came")),
            ],
            notes[0] if notes else "",
        )


def _table(target: Target) -> None:
    """What differs, with what it means; what does not differ behind a toggle."""
    everything = st.toggle(_("Also what is the same"), key="all_parameters")
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
        st.caption(_("Nothing differs: this is the simulator itself."))
    if target.mjcf:
        st.caption(_("The robot is a MuJoCo model of its own; the values above change that model."))


def _listed(names: list[str], most: int = 6) -> str:
    more = _(" and {names} more", names=len(names) - most) if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _logs(report: dict[str, Any]) -> None:
    details = report["details"]
    robot = find(details["robot"])
    with frame.card(_("What {title} did", title=robot.title)):
        stretches = _n("{n:,} stretch", "{n:,} stretches", details["episodes"])
        st.markdown(
            _(
                "{steps} in {stretches} without a gap. A run finds the physics that explain them, "
                "and tunes the policy in a simulator with those physics.",
                steps=_n("{n:,} step", "{n:,} steps", details["transitions"]),
                stretches=stretches,
            )
        )
        first = details.get("first_episode")
        if first:
            figure = control_plots.episode(first)
            plots.show(
                figure,
                "logged_episode",
                alt=_("The first logged episode: what the robot saw and did"),
                table=lambda: control_plots.episode_rows(first),
            )
    st.info(
        _(
            "A log says what the robot did, not what it would do with another policy. So every return of "
            "such a run is measured in the simulator that was fitted to the log, not on the robot."
        ),
        icon=":material/info:",
    )
