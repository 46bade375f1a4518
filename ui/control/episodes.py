"""How a policy did, episode by episode, and how that depends on the physics."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engines.contract import Result, Strategy, TaskInfo
from engines.control.simulation.robots import find
from ui.control import findings
from ui.control import plots as control_plots
from ui.page import recorded, words
from ui.widgets import plots


def drawn(info: TaskInfo, result: Result) -> None:
    """Each return as a dot, before, after and from scratch."""
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
            {
                "policy": title,
                "mean return": words.metric(info.metric, means[name][1]),
                "95 % interval": words.interval(info.metric, means[name][0], means[name][2]),
            }
            for name, title, _, _ in control_plots.ROWS
            if name in means
        ],
    )
    st.caption("Both play the same episodes: the same starts, the same noise.")


def by_physics(details: dict[str, Any]) -> None:
    """The mean return where the physics differ from the robot's, before or after tuning."""
    found = details.get("sensitivity")
    if not found:
        st.caption("It was not measured in this run.")
        return
    whose = "tuned"
    if "z_before" in found:
        whose = st.segmented_control(
            "Which policy",
            ["as it came", "tuned"],
            default="tuned",
            required=True,
            key="sensitivity_of",
            label_visibility="collapsed",
        )
        shared = [value for name in ("z", "z_before") for row in found[name] for value in row]
        found = found | {
            "z": found["z_before"] if whose == "as it came" else found["z"],
            "shades": [min(shared), max(shared)],
        }
    robot = find(details["robot"])
    titles = (findings.with_unit(robot, found["x"]), findings.with_unit(robot, found["y"]))
    plots.show(
        control_plots.sensitivity(found, titles),
        "sensitivity",
        alt=f"Return over {titles[0]} and {titles[1]}, the simulator and your robot marked",
        table=lambda: control_plots.sensitivity_rows(found, titles),
    )
    policy = "policy as it came" if whose == "as it came" else "tuned policy"
    st.caption(f"Mean return of the {policy}, {words.count(found['episodes'], 'episodes')} a cell; pale is little.")


def table(found: recorded.Finished) -> None:
    """Every episode that was judged, once somebody asks."""
    box = st.expander("Every episode", key="every_episode", icon=":material/table_rows:", on_change="rerun")
    if not box.open:
        return
    import pyarrow.parquet as pq

    rows = pq.read_table(found.run.path / "predictions.parquet").to_pylist()
    with box:
        plots.rows(
            [
                {
                    "episode": row["file"],
                    "as it came": row.get("before"),
                    "tuned": row.get("predicted"),
                    "difference": None if row.get("before") is None else row["predicted"] - row["before"],
                    "steps": row.get("length"),
                    "diverged": row.get("diverged"),
                }
                for row in rows
            ]
        )
