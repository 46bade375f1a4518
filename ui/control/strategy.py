"""Step 3 of control: how many real steps may be used, and what a run will take."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engines.contract import Strategy
from engines.control.policy.guard import Guard
from engines.control.policy.settings import ControlSettings
from engines.control.policy.strategies import IDENTIFIED, RANDOMISED
from engines.control.simulation.robots import Robot, find
from engines.messages import _, _n
from ui.page import user_changes, words
from ui.page.draft import Draft
from ui.steps import strategy as strategy_step

ROUND = [number * 10**power for power in range(2, 7) for number in (1, 2, 5)]
"""Budgets that the slider offers."""
REAL = {IDENTIFIED, Strategy.FEATURES, Strategy.FULL, Strategy.SCRATCH}
"""What learns from steps of the robot."""
SIMULATED = {IDENTIFIED, RANDOMISED}


def budget(draft: Draft, report: dict[str, Any] | None) -> bool:
    """The slider of real steps, and the bill. Says whether a policy from scratch can be trained beside it: not without
    the robot."""
    robot = find((report or {}).get("details", {}).get("robot") or draft.model.partition("-")[0])
    settings = ControlSettings.parse(draft.settings)
    logs = (report or {}).get("details", {}).get("kind") == "logs"
    left, right = st.columns([3, 2])
    with left:
        if draft.strategy not in REAL:
            st.caption(_("It takes **no real step** to learn."))
        elif logs:
            st.caption(_("The real steps are those in your logs; no further ones are to be had."))
        else:
            _slider(draft, settings.real_steps_for(robot.name, draft.strategy), fewest(draft.strategy, settings, robot))
    with right:
        st.markdown("\n".join(f"- {line}" for line in bill(draft.strategy, settings, robot.name, logs)))
    return not logs


def fewest(strategy: Strategy, settings: ControlSettings, robot: Robot) -> int:
    """Real steps that a strategy needs at least: what learns on the robot is checked there, too."""
    guarded = strategy in {Strategy.FULL, Strategy.FEATURES} and settings.check_share > 0
    return Guard.least(robot.steps) if guarded else ROUND[0]


def _slider(draft: Draft, chosen: int, least: int) -> None:
    options = sorted({*(number for number in ROUND if number >= least), chosen})
    st.session_state["real_steps_slider"] = chosen

    def move() -> None:
        strategy_step.choose_setting(draft, "real_steps", st.session_state["real_steps_slider"])

    st.select_slider(
        _("Real steps it may use"),
        options,
        key="real_steps_slider",
        on_change=user_changes.changed("real_steps_slider", move),
        format_func=lambda number: f"{number:,}",
        help=_("One step is one command to the robot. Steps spent on checking count too."),
    )


def bill(strategy: Strategy, settings: ControlSettings, robot: str, logs: bool = False) -> list[str]:
    """What a run with these choices uses, a phrase a line."""
    lines = []
    if strategy in REAL and not logs:
        lines.append(f"**:orange[{words.count(settings.real_steps_for(robot, strategy), 'real steps')}]**")
    if strategy in SIMULATED:
        lines.append(
            _(
                "{steps} in the simulator, which cost nothing real",
                steps=_n("{n:,} step", "{n:,} steps", settings.sim_steps_for(robot)),
            )
        )
    if strategy is not Strategy.ZERO_SHOT and settings.repeats > 1:
        lines.append(_("all of it {repeats} times, from different seeds", repeats=settings.repeats))
    times = "" if strategy is Strategy.ZERO_SHOT else _(" each")
    lines.append(
        _(
            "{episodes}{times} to judge by",
            episodes=_n("{n:,} episode", "{n:,} episodes", settings.episodes),
            times=times,
        )
    )
    return lines
