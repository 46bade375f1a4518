"""What a control run found out: the robot's physics with their intervals, and what the policy looks at."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engines.control.simulation.robots import COMMON, Parameter, Robot
from engines.control.simulation.target import Target
from engines.messages import _, _n
from ui.page import words
from ui.widgets import explanation, plots

NOTHING = 1e-6  # in units of a parameter, or of usual spreads


def number(value: float) -> float:
    """To four digits; what is next to nothing is 0."""
    return 0.0 if abs(value) < NOTHING else float(f"{value:.4g}")


def parameter_of(robot: Robot, name: str) -> Parameter:
    """A parameter of the robot or of all robots."""
    return next((p for p in COMMON if p.name == name), None) or robot.parameter(name)


def with_unit(robot: Robot, name: str) -> str:
    """'mass, kg'"""
    parameter = parameter_of(robot, name)
    return f"{parameter.title.lower()}, {parameter.unit}" if parameter.unit else parameter.title.lower()


def physics(details: dict[str, Any], robot: Robot) -> None:
    """Each identified value beside the simulator's and, where it is known, the robot's own; and what it is worth."""
    found = details["identified"]
    truth = Target.parse(details["target"]) if details.get("real", True) and details.get("kind") != "logs" else None
    rows, right = [], 0
    for name, bounds in found["values"].items():
        value, low, high = (bounds[key] for key in ("value", "low", "high")) if isinstance(bounds, dict) else bounds
        parameter = parameter_of(robot, name)
        row: dict[str, Any] = {
            "": parameter.title if name == parameter.title.lower() else f"{parameter.title} ({name})",
            "unit": parameter.unit,
            "simulator": parameter.nominal,
            "identified": number(value),
            "95 % interval": _("{number:.4g} to {number_high:.4g}", number=number(low), number_high=number(high)),
        }
        if truth:
            row["your robot"] = truth.value(name)
            right += number(low) <= number(truth.value(name)) <= number(high)
        rows.append(row)
    plots.rows(rows)
    said = (
        [_("From {real_steps}", real_steps=_n("{n:,} real step", "{n:,} real steps", found["transitions"]))]
        if found.get("transitions")
        else []
    )
    hidden = [
        name for name in found.get("not_told") or () if truth and truth.value(name) != parameter_of(robot, name).nominal
    ]
    if hidden:
        said.append(_("what these steps cannot tell apart shows up in the values that act alike"))
    elif truth:
        said.append(_("{right} of {rows} intervals hold the value that was set", right=right, rows=len(rows)))
    said += _errors(found)
    st.caption(" · ".join(said))
    if not_told := found.get("not_told"):
        reasons = [f"{name} {words.plain(why)}" for name, why in not_told.items()]
        st.caption(_("These steps do not tell all: {reasons}.", reasons="; ".join(reasons)))


def _errors(found: dict[str, Any]) -> list[str]:
    """How well the calibrated simulator foretells steps that it was not fitted to."""
    said = []
    for key, title in (("one_step", _("one step ahead")), ("rollout", _("played on"))):
        errors = found.get(key) or {}
        if errors.get("nominal"):
            steps = f" {words.count(errors['steps'], 'steps')}" if errors.get("steps") else ""
            after = errors["calibrated"]
            exact = _("next to none") if after < NOTHING else f"{after:.3g}"
            line = (
                _(", {linear:.3g} by a straight line through the same steps", linear=errors["linear"])
                if errors.get("linear")
                else ""
            )
            said.append(
                _(
                    "error {title}{steps}: {nominal:.3g} before, {exact} after{line}",
                    title=title,
                    steps=steps,
                    nominal=errors["nominal"],
                    exact=exact,
                    line=line,
                )
            )
    return said


def saliency(details: dict[str, Any], robot: Robot) -> None:
    """How much each number that the robot sees moves its action."""
    found = details.get("saliency")
    if not found:
        st.caption(_("It was not measured in this run."))
        return
    names = found.get("observations") or [name for name, _ in robot.observations]
    scores = dict(sorted(zip(names, found["scores"], strict=True), key=lambda pair: -pair[1])[:12])
    total = sum(found["scores"]) or 1.0
    shares = {name: score / total for name, score in scores.items()}
    plots.show(
        plots.bars(shares, x=_("share of the action"), colour=plots.TRAINED, share=True),
        "saliency",
        alt="; ".join(f"{name}: {100 * score / total:.0f} %" for name, score in scores.items()),
        table=lambda: [
            {_("observation"): name, _("how much it moved the action, on average"): score}
            for name, score in zip(names, found["scores"], strict=True)
        ],
    )
    error = found.get("completeness_error")
    checked = _(", completeness error {metric}", metric=words.metric("accuracy", error)) if error is not None else ""
    states = (
        _(" over {states} that it visited", states=_n("{n:,} state", "{n:,} states", found["states"]))
        if found.get("states")
        else ""
    )
    st.caption(
        _(
            "How much each observation moved the action{states} · {method}{checked}",
            states=states,
            method=found.get("method", _("Integrated gradients")),
            checked=checked,
        )
    )
    explanation.faithful(found)
