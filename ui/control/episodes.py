"""How a policy did, episode by episode, and how that depends on the physics."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engines.contract import Result, Strategy, TaskInfo
from engines.control.simulation.robots import find
from engines.messages import _, _n
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
        alt="; ".join(
            _("{name}: mean {mean:.0f}", name=name, mean=mean) for name, (_unused, mean, _unused2) in means.items()
        ),
        table=lambda: [
            {
                _("policy"): title,
                _("mean return"): words.metric(info.metric, means[name][1]),
                _("95 % interval"): words.interval(info.metric, means[name][0], means[name][2]),
            }
            for name, title, _unused, _unused2 in control_plots.ROWS
            if name in means
        ],
    )
    st.caption(_("Both play the same episodes: the same starts, the same noise."))


def by_physics(details: dict[str, Any]) -> None:
    """The mean return where the physics differ from the robot's, before or after tuning."""
    found = details.get("sensitivity")
    if not found:
        st.caption(_("It was not measured in this run."))
        return
    whose = "tuned"
    if "z_before" in found:
        whose = st.segmented_control(
            _("Which policy"),
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
        alt=_(
            "Return over {titles} and {titles2}, the simulator and your robot marked",
            titles=titles[0],
            titles2=titles[1],
        ),
        table=lambda: control_plots.sensitivity_rows(found, titles),
    )
    policy = _("policy as it came") if whose == "as it came" else _("tuned policy")
    st.caption(
        _(
            "Mean return of the {policy}, {episodes} a cell; pale is little.",
            policy=policy,
            episodes=_n("{n:,} episode", "{n:,} episodes", found["episodes"]),
        )
    )


def table(found: recorded.Finished) -> None:
    """Every episode that was judged, once somebody asks."""
    box = st.expander(_("Every episode"), key="every_episode", icon=":material/table_rows:", on_change="rerun")
    if not box.open:
        return
    import pyarrow.parquet as pq

    rows = pq.read_table(found.run.path / "predictions.parquet").to_pylist()
    with box:
        plots.rows(
            [
                {
                    _("episode"): row["file"],
                    _("as it came"): row.get("before"),
                    _("tuned"): row.get("predicted"),
                    _("difference"): None if row.get("before") is None else row["predicted"] - row["before"],
                    _("steps"): row.get("length"),
                    _("diverged"): row.get("diverged"),
                }
                for row in rows
            ]
        )
