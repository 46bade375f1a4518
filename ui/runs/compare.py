"""Finished runs side by side: numbers with their intervals, and curves in one plot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import streamlit as st

from engines import registry
from engines.contract import Strategy, TaskInfo
from engines.messages import _
from engines.reporting import wording
from engines.runs import RunFolder
from ui.page import frame, recorded, words
from ui.runs import list as run_list
from ui.runs import paired
from ui.widgets import plots

MOST = 6
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "star")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")


def show(ids: Sequence[str]) -> None:
    """Compare the runs of these ids; runs of different tasks are not compared with each other."""
    if len(ids) < 2:
        if ids:
            st.caption(_("Choose a second run to compare with."))
        return
    found = [f for run_id in ids[:MOST] if (f := recorded.finished(RunFolder.find(run_id)))]
    if len(ids) > MOST:
        st.caption(_("The first {most} are compared.", most=MOST))
    if len({f.recipe.task for f in found}) > 1:
        st.warning(_("These runs solve different tasks, so their numbers can't be compared. Choose runs of one task."))
        return
    info = registry.task(found[0].recipe.task).info
    share = info.metric.kind == "share"
    names = _names(found)
    _apart(info, names, found)
    with frame.card(
        _("{title} on the test {unit}, with 95 % intervals", title=info.metric.title, unit=info.unit),
        help=info.metric.help,
    ):
        entries: list[dict[str, Any]] = [
            {
                "name": name,
                "value": f.result.value,
                "low": f.result.low,
                "high": f.result.high,
                "colour": _colour(i, f),
                "symbol": SYMBOLS[i],
            }
            for i, (name, f) in enumerate(zip(names, found, strict=True))
        ]
        plots.show(
            plots.intervals(entries, x=f"{info.metric.title}, {wording.direction(info.metric)}", share=share),
            "compare_intervals",
            alt="; ".join(f"{e['name']}: {words.metric(info.metric, e['value'])}" for e in entries),
        )
        plots.rows([_row(name, f) for name, f in zip(names, found, strict=True)])
    with frame.card(_("Validation {within} as they learnt", within=wording.within(info.metric.title))):
        lines = []
        for i, (name, f) in enumerate(zip(names, found, strict=True)):
            own = [e for e in f.epochs if e.get("series") != "scratch" or f.recipe.strategy is Strategy.SCRATCH]
            points = [(e["epoch"], e["validation_metric"]) for e in own if e.get("validation_metric") is not None]
            if points:
                x, y = zip(*points, strict=True)
                lines.append(plots.line(name, x, y, _colour(i, f), DASHES[i]))
        if lines:
            last = max(line["x"][-1] for line in lines)
            plots.show(
                plots.lines(
                    lines,
                    x=_("epoch"),
                    y=wording.within(info.metric.title),
                    last_x=last,
                    share=share,
                    height=320,
                    longest=24,
                ),
                "compare_curves",
                alt=_("Validation metric of each run at each epoch"),
            )
        else:
            st.caption(_("None of these runs has a validation curve."))


def _apart(info: TaskInfo, names: list[str], found: list[recorded.Finished]) -> None:
    """Each run against the first, in words, where both were tested on the same examples."""
    with frame.card(_("What they differ by"), key="apart"):
        for name, run in zip(names[1:], found[1:], strict=True):
            verdict = paired.verdict(run, found[0], f"“{words.plain(names[0])}”")
            said = f"**{words.plain(name)}**: "
            if verdict is None:
                st.markdown(
                    _(
                        "{said}tested on other examples than “{plain}”: compare with care.",
                        said=said,
                        plain=words.plain(names[0]),
                    )
                )
                continue
            sentence, line = words.verdict(verdict, info.metric)
            st.markdown(
                _(
                    "{said}{sentence} ({line}), on the same {count}.",
                    said=said,
                    sentence=sentence,
                    line=line,
                    count=words.count(run.result.n_test, info.unit),
                )
            )


def _names(found: list[recorded.Finished]) -> list[str]:
    """As their owners named them; where names repeat, with what learnt, and then with a number."""
    titles = [f.recipe.title or run_list.model_title(f.recipe) for f in found]
    often = Counter(titles)
    titles = [f"{t}, {_learns(f).lower()}" if often[t] > 1 else t for t, f in zip(titles, found, strict=True)]
    seen: dict[str, int] = {}
    for i, title in enumerate(titles):
        seen[title] = seen.get(title, 0) + 1
        if seen[title] > 1:
            titles[i] = f"{title} ({seen[title]})"
    return titles


def _info(found: recorded.Finished) -> TaskInfo:
    return registry.task(found.recipe.task).info


def _learns(found: recorded.Finished) -> str:
    blocks, depth = found.recipe.settings.get("blocks"), found.recipe.settings.get("depth")
    return words.strategy(_info(found), found.recipe.strategy, blocks, depth)


def _colour(index: int, found: recorded.Finished) -> str:
    if found.recipe.strategy is Strategy.SCRATCH:
        return plots.SCRATCH
    return (plots.TRAINED, *plots.MUTED)[index]


def _row(name: str, found: recorded.Finished) -> dict[str, object]:
    r, info = found.result, _info(found)
    scratch = r.baselines.get("scratch")
    return {
        "run": name,
        "domain": registry.domains()[info.domain].title,
        "task": info.title,
        "model": run_list.model_title(found.recipe),
        "learns": _learns(found),
        wording.within(info.metric.title): words.metric(info.metric, r.value),
        "95 % interval": words.interval(info.metric, r.low, r.high),
        "from scratch": "–" if scratch is None else words.metric(info.metric, scratch),
        "learnt from": r.n_train,
        "tested on": r.n_test,
        "time": words.duration(r.seconds),
        "learning parameters": words.parameters(r.trainable_parameters),
        "seed": r.seed,
    }
