"""The leaderboard of a search, as rows and as a figure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path

import streamlit as st

from engines import messages
from engines.contract import Event, TaskInfo
from engines.messages import _
from engines.reporting import wording
from engines.runs import RunFolder
from engines.search import board, told
from engines.search.board import Ending, Tried
from ui.page import words
from ui.widgets import plots

SHOWN = 12
"""Trials that the figure has room for."""
ENDINGS: dict[Ending, str] = {
    "done": _("to the end"),
    "dropped": _("dropped early"),
    "slow": _("too slow"),
    "refused": _("refused"),
}


def in_short(run: RunFolder) -> str:
    """What it came to, for a list; empty while it goes on."""
    known = run.search
    if not known:
        return ""
    return _("{n} tried: {best}", n=known["trials"], best=told.named(known["best"], known["default"]))


def so_far(events: Iterable[Event]) -> list[Tried]:
    """The trials that have ended, in their order; one told twice, after a resume, counts once."""
    newest = {event.data["number"]: Tried.of(event.data) for event in events if event.kind == "trial"}
    return [newest[number] for number in sorted(newest)]


def show(info: TaskInfo, trials: Sequence[Tried], key: str) -> None:
    """The best first: a dot with its interval each, and all of them as a table."""
    ranked = board.ranked(trials, higher_is_better=info.metric.higher_is_better)
    done = [tried for tried in ranked if tried.ending == "done"]
    entries = [
        {
            "name": f"{place}. {named(tried)}",
            "value": tried.value,
            "low": tried.low,
            "high": tried.high,
            "colour": plots.PRETRAINED if tried.number == 0 else plots.TRAINED,
            "symbol": "square" if tried.number == 0 else "circle",
        }
        for place, tried in enumerate(done[:SHOWN], 1)
    ]
    if entries:
        title = wording.within(info.metric.title)
        plots.show(
            plots.intervals(entries, x=title, share=wording.is_share(info.metric)),
            key,
            alt=_("{title} of each trial on the examples that choose, with its interval", title=title),
        )
        st.caption(_("Square: the default. Bars: 95 % intervals, on the examples that choose, not on the test."))
    plots.rows([row(info, tried, place) for place, tried in enumerate(ranked, 1)])


def named(tried: Tried) -> str:
    """'lora on minilm', short enough for a figure."""
    strategy, model = tried.strategy, Path(tried.model).name
    return _("{strategy} on {model}", strategy=strategy, model=model)


def row(info: TaskInfo, tried: Tried, place: int) -> dict[str, object]:
    """Of the table."""
    known = tried.value is not None and tried.low is not None and tried.high is not None
    return {
        "#": place,
        _("what"): told.named(dataclasses.asdict(dataclasses.replace(tried, outcomes=()))),
        wording.within(info.metric.title): words.metric(info.metric, tried.value) if known else "–",  # type: ignore[arg-type]  # known
        _("95 % interval"): words.interval(info.metric, tried.low, tried.high) if known else "–",  # type: ignore[arg-type]
        _("time"): words.duration(tried.seconds),
        _("learnt"): _("{n} of {all}", n=words.parameters(tried.trainable), all=words.parameters(tried.parameters))
        if known
        else "–",
        _("passes"): f"{tried.epochs} / {tried.planned}" if tried.planned else "–",
        _("ended"): messages.told(ENDINGS)[tried.ending],
        _("why"): tried.why,
    }
