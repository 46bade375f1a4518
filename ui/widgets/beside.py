"""A run's value beside those of other ways to do it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engines.contract import TaskInfo
from engines.messages import _
from engines.reporting import wording
from ui.page import recorded, words
from ui.widgets import plots


def show(
    info: TaskInfo,
    found: recorded.Finished,
    baselines: Iterable[tuple[str, float]],
    names: Mapping[str, str],
    title: str,
    share: bool = False,
) -> None:
    """The run and `baselines` (name, value) as `names` calls them, the best first, each with its interval."""
    result = found.result
    own = _("this run ({strategy})", strategy=words.strategy(info, result.strategy).lower())
    values = [(own, result.value, {"low": result.low, "high": result.high}, plots.TRAINED, "circle")]
    for name, value in baselines:
        bounds = result.baseline_details.get(name, {})
        came = name in wording.AS_IT_CAME
        colour = plots.PRETRAINED if came else plots.SCRATCH
        values.append((names.get(name, name), value, bounds, colour, "square"))
    values.sort(key=lambda entry: entry[1], reverse=info.metric.higher_is_better)
    entries: list[dict[str, Any]] = [
        {
            "name": name,
            "value": value,
            "low": bounds.get("low", value),
            "high": bounds.get("high", value),
            "colour": colour,
            "symbol": symbol,
        }
        for name, value, bounds, colour, symbol in values
    ]
    plots.show(
        plots.intervals(entries, x=title, share=share),
        "others",
        alt="; ".join(f"{e['name']}: {words.metric(info.metric, e['value'])}" for e in entries),
        table=lambda: [
            {
                _("way"): e["name"],
                title: words.metric(info.metric, e["value"]),
                _("95 % interval"): words.interval(info.metric, e["low"], e["high"]),
            }
            for e in entries
        ],
    )
