"""Step 5 of control: how much of the gap was crossed, what it cost in real steps, and what the policy looks at."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engines import registry
from engines.contract import Result, Strategy, TaskInfo
from engines.control.simulation.robots import find
from engines.control.simulation.target import Target
from engines.messages import _, _n, told
from engines.reporting import comparisons
from ui.control import data, episodes, findings, try_it, videos
from ui.page import frame, recorded, words
from ui.steps import cost
from ui.steps import result as result_step
from ui.widgets import plots, return_curve

FILMS = (
    ("source_nominal", _(":blue[■] as it came, in the simulator")),
    ("source_target", _(":blue[■] as it came, on your robot")),
    ("tuned_target", _(":orange[■] tuned, on your robot")),
)


def show(found: recorded.Finished) -> None:
    """Everything about a finished control run."""
    info, result = registry.task(found.recipe.task).info, found.result
    details = result.details
    robot = find(details["robot"])
    _headline(info, result)
    result_step.try_and_take(info, found, lambda: st.fragment(try_it.show)(found, robot))
    _films(found)
    with frame.card(_("What it cost")):
        _cost(info, result)
    left, right = st.columns([1, 1])
    with (
        left,
        frame.card(_("Episode by episode"), help=_("Each dot is an episode; above them the mean and its interval.")),
    ):
        episodes.drawn(info, result)
    with right, frame.card(_("How it depends on the physics")):
        st.fragment(episodes.by_physics)(details)
    st.fragment(episodes.table)(found)
    result_step.advise(found)
    with result_step.further_details():
        left, right = st.columns([1, 1])
        with left, frame.card(_("What the policy looks at")):
            findings.saliency(details, robot)
        with right, frame.card(_("Your robot")):
            st.markdown(data.differences(Target.parse(details["target"])))
            st.caption(robot.goal)
        if details.get("identified"):
            with frame.card(
                _("Which physics your robot has"), help=_("Identified from its steps, with 95 % intervals.")
            ):
                findings.physics(details, robot)
        if not _is_crossed_by_steps(result):
            result_step.how_it_learnt(info, found)
        result_step.kept_and_trained(found)
        _small_print(info, found)


# --- the verdict ----------------------------------------------------------------------------------


def where(details: dict[str, Any]) -> str:
    """What the policy was judged on, so that no simulated number passes for a real one."""
    return _("your robot") if details.get("real", True) else _("the calibrated simulator")


ABOUT_ROBOT = {
    True: _("It is simulated here, with the physics that were described: nothing was measured on a machine."),
    False: _(
        "There are only logs of this robot: every return here is one in the simulator that was "
        "calibrated to them, not one on the robot."
    ),
}
"""By whether what was judged on is the robot that was described."""


def _headline(info: TaskInfo, result: Result) -> None:
    details = result.details
    came = result.baselines.get("zero_shot")
    with st.container(border=True, key="verdict", gap="small"):
        said, numbers = st.columns([1, 1], vertical_alignment="center", gap="small")
        with said, st.container(gap="xsmall"):
            _verdict(info, result)
        learnt = {Strategy.SCRATCH: _(":gray[■] From scratch"), Strategy.ZERO_SHOT: _(":blue[■] As it came")}
        with numbers, st.container(horizontal=True):
            label = learnt.get(Strategy(result.strategy), ":orange[■] Tuned")
            result_step.number(info, label, result.value, result.low, result.high)
            if came is not None and result.strategy != Strategy.ZERO_SHOT:
                bounds = result.baseline_details.get("zero_shot") or {}
                result_step.number(info, _(":blue[■] As it came"), came, bounds.get("low"), bounds.get("high"))
            with st.container(width=result_step.NUMBER, gap=None):
                used = sum((details.get("real_steps") or {}).get(part, 0) for part in ("learning", "checking"))
                st.metric(
                    _("Real steps"), f"{used:,}", help=_("Spent on learning and on checking; judging comes on top.")
                )
                st.caption(_("in each repeat"))
        st.caption(
            _(
                ":material/info: {title} on {where}. {about_robot}",
                title=info.metric.title,
                where=where(details),
                about_robot=told(ABOUT_ROBOT)[details.get("real", True)],
            )
        )
        if details.get("diverged"):
            st.caption(
                _(
                    ":material/warning: The simulator diverged in {episodes}.",
                    episodes=_n("{n:,} episode", "{n:,} episodes", details["diverged"]),
                )
            )


def _verdict(info: TaskInfo, result: Result) -> None:
    seeds = len(result.details.get("returns", {}).get("after") or [()])
    rests_on = f"{words.count(result.n_test, 'episodes')} · {words.count(seeds, 'seeds')}"
    found = comparisons.against(result, "zero_shot")
    if not found:
        st.markdown(f"### {info.metric.title} {words.metric(info.metric, result.value)}")
        learnt = result.strategy != Strategy.ZERO_SHOT
        st.caption(
            rests_on
            if learnt
            else _("{rests_on} · nothing was learnt, so there is nothing to compare with", rests_on=rests_on)
        )
        return
    result_step.first(info, found, result.strategy)
    if found.side == "better" and (share := closed(result)):
        st.markdown(f"{share}.")
    st.caption(f"{words.verdict(found, info.metric)[1]} · {rests_on}")
    if result.verdict and result.verdict.against == "scratch":
        result_step.further(info, [result.verdict])
        if budget := (result.details.get("real_steps") or {}).get("budget"):
            st.caption(
                _(
                    "This run and the one from scratch were given {budget:,} real steps each, in every repeat.",
                    budget=budget,
                )
            )
    if source := result.details.get("source"):
        short = result.value < source["low"]
        st.caption(
            _(
                "In its own simulator it gets {metric}{your_robot_may}.",
                metric=words.metric(info.metric, source["value"]),
                your_robot_may=_("; your robot may not allow as much") if short else "",
            )
        )


def closed(result: Result) -> str:
    """'94 % of the gap is closed': of what the policy lost on the robot, how much it has back. Empty where the policy
    lost nothing worth speaking of, or nothing was learnt."""
    source = result.details.get("source") or {}
    came = result.baselines.get("zero_shot")
    if came is None or "value" not in source or result.strategy in {Strategy.ZERO_SHOT, Strategy.SCRATCH}:
        return ""
    gap = source["value"] - came
    noise = max(source.get("high", source["value"]) - source["value"], 0.0)
    if gap <= max(noise, 1e-9):
        return ""
    share = (result.value - came) / gap
    if share <= 0:
        return _("None of the gap is closed")
    return (
        _("All of the gap is closed") if share >= 0.995 else _("{share:.0f} % of the gap is closed", share=100 * share)
    )


# --- the worlds, and what it cost -----------------------------------------------------------------


def _films(found: recorded.Finished) -> None:
    note = str(found.result.details.get("video_note") or "")
    films = [(found.run.path / "videos" / f"{name}.gif", caption) for name, caption in told(FILMS)]
    if found.result.strategy == Strategy.ZERO_SHOT:
        films = films[:2]
    if found.result.strategy == Strategy.SCRATCH:
        films[2] = (films[2][0], _(":gray[■] from scratch, on your robot"))
    if note or any(path.is_file() for path, _ in films):
        with frame.card(_("The gap, seen"), help=_("The same start in all of them.")):
            videos.side_by_side(films, note)


def _cost(info: TaskInfo, result: Result) -> None:
    details = result.details
    points = details.get("curve") or []
    came = result.baselines.get("zero_shot")
    if _is_crossed_by_steps(result):
        plots.show(
            return_curve.curve(points, zero_shot=came),
            "cost_curve",
            alt="; ".join(
                _(
                    "{series} after {real_steps:,} real steps: {mean:.0f}",
                    series=p["series"],
                    real_steps=p["real_steps"],
                    mean=p["mean"],
                )
                for p in points
            ),
            table=lambda: return_curve.curve_rows(points, info.metric),
        )
    else:
        st.markdown(_("It took **no real step**: nothing was learnt on the robot."))
    st.caption(" · ".join(_bill(result)))
    if needs := scratch_needs(result):
        st.markdown(needs)


def _is_crossed_by_steps(result: Result) -> bool:
    """Whether there is a curve over real steps."""
    return len({point["real_steps"] for point in result.details.get("curve") or []}) > 1


def _bill(result: Result) -> list[str]:
    used = result.details.get("real_steps") or {}
    parts = [
        _("{used:,} to {verb}", used=used[name], verb=verb)
        for name, verb in (("learning", _("learn from")), ("checking", "check"))
        if used.get(name)
    ]
    said = [_("Real steps in each repeat: {parts}", parts=", ".join(parts))] if parts else []
    if used.get("judging"):
        said.append(_("{judging:,} more to judge by", judging=used["judging"]))
    if simulated := result.details.get("sim_steps"):
        said.append(_("{simulated:,} in the simulator", simulated=simulated))
    return said or [_("No step was learnt from.")]


def scratch_needs(result: Result) -> str:
    """How many real steps a policy from scratch needs to get as far, in a sentence; empty where none was trained."""
    needs = result.details.get("scratch_needs")
    if not needs:
        return ""
    used = sum((result.details.get("real_steps") or {}).get(part, 0) for part in ("learning", "checking"))
    if needs.get("steps") is None:
        return _(
            ":gray[■] A policy from scratch did not get as far within **{within:,}** real steps.",
            within=needs["within"],
        )
    times = _(", {steps:.1f} times as many", steps=needs["steps"] / used) if used else ""
    return _(
        ":gray[■] A policy from scratch needs about **{steps:,}** real steps to get as far{times}.",
        steps=needs["steps"],
        times=times,
    )


def _small_print(info: TaskInfo, found: recorded.Finished) -> None:
    result = found.result
    st.caption(
        _(
            "{episodes} judged · {duration} on {device} · seed {seed} · {moment} · {title}: {help}",
            episodes=_n("{n:,} episode", "{n:,} episodes", result.n_test),
            duration=words.duration(result.seconds),
            device=result.device,
            seed=result.seed,
            moment=words.moment(found.finished),
            title=info.metric.title,
            help=info.metric.help,
        )
    )
    cost.after(result)
    result_step.notes(result)
