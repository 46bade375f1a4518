"""What was tried, as one line a trial over all choices; and how much each choice mattered."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from engines.messages import _
from engines.search.board import Tried
from ui.widgets import plots

FEWEST = 3
"""Trials below which there are no parallels to see."""


def parallel(trials: Sequence[Tried], title: str, *, higher_is_better: bool) -> plots.Figure:
    """Parallel coordinates: model, strategy, each setting that was tried, and the metric. Only trials that came to the
    end; a setting that a trial had as it is by default stands at the foot of its axis."""
    done = [tried for tried in trials if tried.ending == "done" and tried.value is not None]
    if len(done) < FEWEST:
        return {"data": [], "layout": {}}
    names = sorted({name for tried in done for name in tried.settings})
    axes = [_words(_("model"), [tried.model.rsplit("/", 1)[-1] for tried in done])]
    axes.append(_words(_("strategy"), [tried.strategy for tried in done]))
    axes += [_setting(name, [tried.settings.get(name) for tried in done]) for name in names]
    values = [float(tried.value) for tried in done if tried.value is not None]
    axes.append({"label": title, "values": values})
    worst, best = (0, 1) if higher_is_better else (1, 0)
    line = {"color": values, "colorscale": sorted([[worst, plots.SCRATCH], [best, plots.TRAINED]])}
    trace = {"type": "parcoords", "dimensions": axes, "line": line, "labelangle": -20, "labelside": "bottom"}
    found = plots.layout(340, "", "", margin={"l": 90, "r": 60, "t": 24, "b": 70})
    return {"data": [trace], "layout": found}


def _words(label: str, values: Sequence[str]) -> dict[str, Any]:
    known = sorted(set(values))
    return {
        "label": label,
        "values": [known.index(value) for value in values],
        "tickvals": list(range(len(known))),
        "ticktext": known,
    }


def _setting(name: str, values: Sequence[Any]) -> dict[str, Any]:
    """Numbers over their logarithm, all else as words; at the foot what was not set."""
    numbers = [value for value in values if isinstance(value, int | float) and value > 0]
    if not numbers or any(isinstance(value, str) for value in values):
        return _words(name, [_("default") if value is None else str(value) for value in values])
    foot = math.log10(min(numbers)) - 0.3
    ticks = sorted(set(numbers)) if len(set(numbers)) <= 4 else [min(numbers), max(numbers)]
    default = any(value is None for value in values)
    return {
        "label": name,
        "values": [foot if value is None else math.log10(value) for value in values],
        "tickvals": [foot] * default + [math.log10(tick) for tick in ticks],
        "ticktext": [_("default")] * default + [f"{tick:.3g}" for tick in ticks],
    }


def mattered(shares: Mapping[str, float]) -> plots.Figure:
    """A bar a choice."""
    if not shares:
        return {"data": [], "layout": {}}
    return plots.bars(dict(shares), x=_("share of what set the best apart"), colour=plots.TRAINED, share=True)
