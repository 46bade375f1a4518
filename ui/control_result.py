"""Step 5 of control: how much of the gap was crossed, what it cost in real steps, and what the policy looks at."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engines import registry
from engines.contract import Estimate, Result, Strategy, TaskInfo, Verdict
from engines.control.robots import find
from engines.control.target import Target
from ui import (
    control_learnt,
    control_plots,
    control_step,
    control_try,
    frame,
    plots,
    recorded,
    result_step,
    take_home,
    words,
    worlds,
)

FILMS = (
    ("source_nominal", ":blue[■] as it came, in the simulator"),
    ("source_target", ":blue[■] as it came, on your robot"),
    ("tuned_target", ":orange[■] tuned, on your robot"),
)
BADGES = {
    "pays": ("green", ":material/trending_up:", "The gap is smaller"),
    "undecided": ("yellow", ":material/drag_handle:", "Undecided"),
    "hurts": ("red", ":material/trending_down:", "The gap is wider"),
}


FROM_SCRATCH = {"pays": "Better than the source policy", "hurts": "Worse than the source policy"}


def show(found: recorded.Finished) -> None:
    """Everything about a finished control run."""
    info, result = registry.task(found.recipe.task).info, found.result
    details = result.details
    robot = find(details["robot"])
    _headline(info, result)
    _films(found)
    with frame.card("What it cost"):
        _cost(info, result)
    left, right = st.columns([1, 1])
    with left:
        with frame.card("Episode by episode", help="Each dot is an episode; above them the mean and its interval."):
            _episodes(info, result)
        with frame.card("What the policy looks at"):
            control_learnt.saliency(details, robot)
    with right:
        with frame.card("How it depends on the physics"):
            st.fragment(_sensitivity)(details)
        with frame.card("Your robot"):
            st.markdown(control_step.differences(Target.parse(details["target"])))
            st.caption(robot.goal)
    if details.get("identified"):
        with frame.card("Which physics your robot has", help="Identified from its steps, with 95 % intervals."):
            control_learnt.physics(details, robot)
    st.fragment(_table)(found)
    if not _is_crossed_by_steps(result):
        result_step.how_it_learnt(info, found)
    result_step.kept_and_trained(found)
    left, right = st.columns([1, 1])
    with left, frame.card("Try it"):
        st.fragment(control_try.show)(found, robot)
    with right, frame.card("Take it home"):
        take_home.show(info, found)
    result_step.what_next(found)
    _small_print(info, found)


# --- the verdict ----------------------------------------------------------------------------------


def where(details: dict[str, Any]) -> str:
    """What the policy was judged on, so that no simulated number passes for a real one."""
    return "your robot" if details.get("real", True) else "the calibrated simulator"


def _headline(info: TaskInfo, result: Result) -> None:
    details = result.details
    came = result.baselines.get("zero_shot")
    with st.container(border=True, key="verdict"):
        said, own, other, cost = st.columns([5, 3, 3, 2], vertical_alignment="center")
        with said:
            _verdict(info, result)
        learnt = {Strategy.SCRATCH: ":gray[■] From scratch", Strategy.ZERO_SHOT: ":blue[■] As it came"}
        with own:
            label = learnt.get(Strategy(result.strategy), ":orange[■] Tuned")
            _number(info, f"{label}, on {where(details)}", result.value, result.low, result.high)
        if came is not None and result.strategy != Strategy.ZERO_SHOT:
            with other:
                bounds = result.baseline_details.get("zero_shot") or {}
                _number(info, ":blue[■] As it came", came, bounds.get("low"), bounds.get("high"))
        with cost:
            used = sum((details.get("real_steps") or {}).get(part, 0) for part in ("learning", "checking"))
            st.metric("Real steps", f"{used:,}", help="Spent on learning and on checking; judging comes on top.")
            st.caption("in each repeat")
        if not details.get("real", True):
            st.caption(
                ":material/info: There are only logs of this robot: every return here is one in the simulator that was "
                "calibrated to them, not one on the robot."
            )
        else:
            st.caption(
                ":material/info: Your robot is simulated here, with the physics that were described: nothing was "
                "measured on a machine."
            )
        if details.get("diverged"):
            st.caption(f":material/warning: The simulator diverged in {words.count(details['diverged'], 'episodes')}.")


def against_zero_shot(result: Result) -> Verdict | None:
    """Whether the policy does better than it did as it came, in the same episodes."""
    if found := result.details.get("against_zero_shot"):
        return Verdict(**{**found, "difference": Estimate(**found["difference"])})
    return result.verdict if result.verdict and result.verdict.against == "zero_shot" else None


def _verdict(info: TaskInfo, result: Result) -> None:
    seeds = len(result.details.get("returns", {}).get("after") or [()])
    rests_on = f"{words.count(result.n_test, 'episodes')} · {words.count(seeds, 'seeds')}"
    found = against_zero_shot(result)
    if not found:
        st.markdown(f"### {info.metric_title} {words.metric(result.metric, result.value)}")
        learnt = result.strategy != Strategy.ZERO_SHOT
        st.caption(rests_on if learnt else f"{rests_on} · nothing was learnt, so there is nothing to compare with")
        return
    colour, icon, short = BADGES[found.verdict]
    _, line = words.verdict(found, result.metric)
    sentence = f"{words.difference(result.metric, found.difference.value)} against the policy as it came"
    if found.difference.low == found.difference.high == 0:
        sentence = "No different from the policy as it came"
    elif found.verdict == "undecided":
        sentence += ", which may be chance"
    if result.strategy == Strategy.SCRATCH:  # which has no gap to cross
        short = FROM_SCRATCH.get(found.verdict, short)
    st.badge(short, icon=icon, color=colour)  # type: ignore[arg-type]
    share = closed(result) if found.verdict == "pays" else ""
    st.markdown(f"### {share or sentence}")
    if share:
        st.markdown(sentence)
    st.caption(f"{line} · {rests_on}")
    if source := result.details.get("source"):
        short = result.value < source["low"]
        st.caption(
            f"In its own simulator it gets {words.metric(result.metric, source['value'])}"
            f"{'; your robot may not allow as much' if short else ''}."
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
        return "None of the gap is closed"
    return "All of the gap is closed" if share >= 0.995 else f"{100 * share:.0f} % of the gap is closed"


def _number(info: TaskInfo, label: str, value: float, low: float | None, high: float | None) -> None:
    st.metric(label, words.metric(info.metric, value), help=f"{info.metric_title}: {info.metric_help}")
    if low is not None and high is not None:
        st.caption(f"{words.interval(info.metric, low, high)}, 95 % interval")


# --- the worlds, and what it cost -----------------------------------------------------------------


def _films(found: recorded.Finished) -> None:
    note = str(found.result.details.get("video_note") or "")
    films = [(found.run.path / "videos" / f"{name}.gif", caption) for name, caption in FILMS]
    if found.result.strategy == Strategy.ZERO_SHOT:
        films = films[:2]
    if found.result.strategy == Strategy.SCRATCH:
        films[2] = (films[2][0], ":gray[■] from scratch, on your robot")
    if note or any(path.is_file() for path, _ in films):
        with frame.card("The gap, seen", help="The same start in all of them."):
            worlds.side_by_side(films, note)


def _cost(info: TaskInfo, result: Result) -> None:
    details = result.details
    points = details.get("curve") or []
    came = result.baselines.get("zero_shot")
    if _is_crossed_by_steps(result):
        plots.show(
            control_plots.curve(points, zero_shot=came),
            "cost_curve",
            alt="; ".join(f"{p['series']} after {p['real_steps']:,} real steps: {p['mean']:.0f}" for p in points),
            table=lambda: control_plots.curve_rows(points, info.metric),
        )
    else:
        st.markdown("It took **no real step**: nothing was learnt on the robot.")
    st.caption(" · ".join(_bill(result)))
    if needs := scratch_needs(result):
        st.markdown(needs)


def _is_crossed_by_steps(result: Result) -> bool:
    """Whether there is a curve over real steps."""
    return len({point["real_steps"] for point in result.details.get("curve") or []}) > 1


def _bill(result: Result) -> list[str]:
    used = result.details.get("real_steps") or {}
    parts = [f"{used[name]:,} to {verb}" for name, verb in (("learning", "learn from"), ("checking", "check"))
             if used.get(name)]  # fmt: skip
    said = [f"Real steps in each repeat: {', '.join(parts)}"] if parts else []
    if used.get("judging"):
        said.append(f"{used['judging']:,} more to judge by")
    if simulated := result.details.get("sim_steps"):
        said.append(f"{simulated:,} in the simulator")
    return said or ["No step was learnt from."]


def scratch_needs(result: Result) -> str:
    """How many real steps a policy from scratch needs to get as far, in a sentence; empty where none was trained."""
    needs = result.details.get("scratch_needs")
    if not needs:
        return ""
    used = sum((result.details.get("real_steps") or {}).get(part, 0) for part in ("learning", "checking"))
    if needs.get("steps") is None:
        return f":gray[■] A policy from scratch did not get as far within **{needs['within']:,}** real steps."
    times = f", {needs['steps'] / used:.1f} times as many" if used else ""
    return f":gray[■] A policy from scratch needs about **{needs['steps']:,}** real steps to get as far{times}."


# --- episodes, physics ----------------------------------------------------------------------------


def _episodes(info: TaskInfo, result: Result) -> None:
    returns = dict(result.details.get("returns") or {})
    means = {"after": (result.low, result.value, result.high)}
    for name, key in (("before", "zero_shot"), ("scratch", "scratch")):
        known = result.baseline_details.get(key) or {}
        if key in result.baselines and "low" in known:
            means[name] = (known["low"], result.baselines[key], known["high"])
    if result.strategy == Strategy.ZERO_SHOT:
        returns, means = {"before": returns.get("after") or returns.get("before") or []}, {"before": means["after"]}
    if result.strategy == Strategy.SCRATCH:
        returns["scratch"], means["scratch"] = returns.pop("after", []), means.pop("after")
    plots.show(
        control_plots.episodes(returns, means),
        "episodes_drawn",
        alt="; ".join(f"{name}: mean {mean:.0f}" for name, (_, mean, _) in means.items()),
        table=lambda: [
            {"policy": title, "mean return": words.metric(info.metric, means[name][1]),
             "95 % interval": words.interval(info.metric, means[name][0], means[name][2])}
            for name, title, _, _ in control_plots.ROWS if name in means
        ],
    )  # fmt: skip
    st.caption("Both play the same episodes: the same starts, the same noise.")


def _sensitivity(details: dict[str, Any]) -> None:
    found = details.get("sensitivity")
    if not found:
        st.caption("It was not measured in this run.")
        return
    whose = "tuned"
    if "z_before" in found:
        whose = st.segmented_control(
            "Which policy", ["as it came", "tuned"], default="tuned", required=True, key="sensitivity_of",
            label_visibility="collapsed",
        )  # fmt: skip
        shared = [value for name in ("z", "z_before") for row in found[name] for value in row]
        found = found | {
            "z": found["z_before"] if whose == "as it came" else found["z"],
            "shades": [min(shared), max(shared)],
        }
    robot = find(details["robot"])
    titles = (control_learnt.with_unit(robot, found["x"]), control_learnt.with_unit(robot, found["y"]))
    plots.show(
        control_plots.sensitivity(found, titles),
        "sensitivity",
        alt=f"Return over {titles[0]} and {titles[1]}, the simulator and your robot marked",
        table=lambda: control_plots.sensitivity_rows(found, titles),
    )
    policy = "policy as it came" if whose == "as it came" else "tuned policy"
    st.caption(f"Mean return of the {policy}, {words.count(found['episodes'], 'episodes')} a cell; pale is little.")


def _table(found: recorded.Finished) -> None:
    box = st.expander("Every episode", key="every_episode", icon=":material/table_rows:", on_change="rerun")
    if not box.open:
        return
    import pyarrow.parquet as pq

    rows = pq.read_table(found.run.path / "predictions.parquet").to_pylist()
    with box:
        plots.rows(
            [
                {"episode": row["file"], "as it came": row.get("before"), "tuned": row.get("predicted"),
                 "difference": None if row.get("before") is None else row["predicted"] - row["before"],
                 "steps": row.get("length"), "diverged": row.get("diverged")}
                for row in rows
            ]
        )  # fmt: skip


def _small_print(info: TaskInfo, found: recorded.Finished) -> None:
    result = found.result
    st.caption(
        f"{words.count(result.n_test, 'episodes')} judged · {words.duration(result.seconds)} on {result.device} · "
        f"seed {result.seed} · {words.moment(found.finished)} · {info.metric_title}: {info.metric_help}"
    )
    result_step.notes(result)
