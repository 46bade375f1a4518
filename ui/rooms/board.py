"""A room's boards: on its members' page, on that of whoever teaches, and large for everybody to read."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

import streamlit as st

from engines import registry
from engines.contract import InputError, Result, TaskInfo
from engines.messages import _, _n
from engines.reporting import comparisons, wording
from engines.rooms import asides, board
from engines.rooms.asides import Aside
from engines.rooms.board import Entry, Place
from engines.rooms.members import Member
from engines.rooms.rooms import Room
from engines.runs import RunFolder
from ui.page import domains, errors, words

LOOK = Path(__file__).with_name("board.css")
EVERY = 4.0
ALONE = "board"
"""In the address of whoever teaches: the boards alone, large."""


def show(room: Room, me: Member | None = None, *, alone: bool = False) -> None:
    """Every board of the room, as it changes; one that begins while the page is open appears. `me` is told apart;
    without, this is for whoever teaches, with a link to the boards alone or back. `alone`: as wide as the page."""
    st.html(LOOK)
    st.fragment(_boards, run_every=EVERY)(room, me, alone)


def title(aside: Aside) -> str:
    """'Classify: Handwritten digits'"""
    task = registry.task(aside.task)
    sample = next((s.title for s in task.samples() if s.name == aside.sample), aside.sample)
    return f"{task.info.title}: {sample}"


def _boards(room: Room, me: Member | None, alone: bool) -> None:
    with errors.calm(_("The board could not be shown.")):
        there = asides.every(room)
        for aside in there:
            _board(room, aside, me, alone)
        if there and me is None:
            _link(room, alone)


def _link(room: Room, alone: bool) -> None:
    """To the boards alone, or back."""
    page = domains.further("room")
    assert page is not None
    if alone:
        st.page_link(page, label=_("Back to the room"), icon=":material/arrow_back:", query_params={"code": room.code})
    else:
        query = {"code": room.code, ALONE: "1"}
        label = _("The board alone, large enough for everybody")
        st.page_link(page, label=label, icon=":material/leaderboard:", query_params=query)


def _board(room: Room, aside: Aside, me: Member | None, alone: bool) -> None:
    info = registry.task(aside.task).info
    shown = [(entry, found) for entry in board.entries(room.code, aside.task, aside.sample) if (found := _run(entry))]
    places = board.ranked([entry for entry, _found in shown], higher_is_better=info.metric.higher_is_better)
    runs = {entry.member.owner: found for entry, found in shown}
    with st.container(border=True, key=f"board_{aside.task.replace('.', '_')}_{aside.sample}"):
        st.markdown(f"**:material/leaderboard: {words.plain(title(aside))}**")
        st.caption(rests_on(info, aside))
        if places:
            low, high = _span(info, places)
            rows = "".join(
                _row(info, place, runs[place.entry.member.owner], me, (low, high), alike=len(places) > 1)
                for place in places
            )
            label = escape(_("Board: {title}", title=title(aside)), quote=True)
            st.html(f'<ol class="room-board{" wide" if alone else ""}" aria-label="{label}">{rows}</ol>')
            st.caption(tied(places))
        else:
            st.caption(_("Nobody shows anything yet: a finished run on this sample has a button for it."))
        if waiting := len(shown) - len(places):
            st.caption(_n("1 more model is being asked.", "{n} more models are being asked.", waiting))


def rests_on(info: TaskInfo, aside: Aside) -> str:
    """What the numbers of a board are, on what, and by what it is ordered."""
    if aside.ask is None:
        return _(
            "{metric} ({direction}) on each run's own test part, for of this task nothing is kept aside: whoever tries "
            "often finds by chance what suits it. In the order of the worse end of the 95 % interval.",
            metric=info.metric.title,
            direction=wording.direction(info.metric),
        )
    return _(
        "{metric} ({direction}) on {n} {unit} that only the room has: nobody could learn from them. In the order of "
        "the worse end of the 95 % interval.",
        metric=info.metric.title,
        direction=wording.direction(info.metric),
        n=aside.n,
        unit=info.unit,
    )


def tied(places: Sequence[Place]) -> str:
    """Who cannot be told apart from the first, as a sentence."""
    alike = sum(not place.apart for place in places) - 1
    if len(places) < 2:
        return _("A board begins with two.")
    if not alike:
        return _("The first is told apart from all others: no interval reaches into its own.")
    if alike == len(places) - 1:
        return _("These can't be told apart: every interval overlaps that of the first.")
    return _n(
        "The first and 1 other can't be told apart: their intervals overlap.",
        "The first and {n} others can't be told apart: their intervals overlap.",
        alike,
    )


def _run(entry: Entry) -> tuple[RunFolder, Result] | None:
    """The run that is shown; None where its owner has deleted it."""
    try:
        run = RunFolder.find(entry.run)
    except InputError:
        return None
    result = run.result
    return (run, result) if result else None


def _row(
    info: TaskInfo,
    place: Place,
    shown: tuple[RunFolder, Result],
    me: Member | None,
    span: tuple[float, float],
    *,
    alike: bool,
) -> str:
    """One entry as HTML. Whatever somebody typed is escaped."""
    entry, score, result = place.entry, place.score, shown[1]
    mine = me is not None and me.owner == entry.member.owner
    name = entry.member.name or _("Guest {number}", number=entry.member.number)
    said = [*_what(info, shown[0], result), *_tries(entry)]
    beat = _("beat scratch") if beats_scratch(result) else ""
    marks = f' <span class="beat">✓ {escape(beat)}</span>' if beat else ""
    near = _("not told apart from the first") if alike and place.rank > 1 and not place.apart else ""
    n = words.count(score.n, info.unit)
    return (
        f'<li><span class="rank">{place.rank}</span>'
        f'<div class="who{" mine" if mine else ""}"><b>{escape(name)}</b>{marks}'
        f'<div class="small">{escape(" · ".join([*said, *([near] if near else [])]))}</div></div>'
        f'<div class="number"><b>{escape(words.metric(info.metric, score.value))}</b>'
        f'<div class="small">{escape(words.interval(info.metric, score.low, score.high))},'
        f' <span class="n">{escape(n)}</span></div></div>'
        f"{_scale(score.low, score.value, score.high, span)}</li>"
    )


def beats_scratch(result: Result) -> bool:
    """Whether the run was compared with training from scratch and is better, with the whole interval of the
    difference."""
    found = comparisons.against(result, "scratch")
    return found is not None and found.side == "better"


def _what(info: TaskInfo, run: RunFolder, result: Result) -> list[str]:
    blocks = run.recipe.settings.get("blocks")
    learns = words.strategy(info, result.strategy, int(blocks) if blocks else None, result.details.get("depth"))
    known = {card.name: card.title for card in registry.task(result.task).models()}
    against = [_("its training from scratch is not done yet")] if result.comparison == "running" else []
    return [learns, known.get(result.model, _("a model of their own")), *against]


def _tries(entry: Entry) -> list[str]:
    return [_("try {n}", n=entry.tries)] if entry.tries > 1 else []


def _span(info: TaskInfo, places: Sequence[Place]) -> tuple[float, float]:
    """What the scale under each entry runs from and to."""
    if wording.is_share(info.metric):
        return 0.0, 1.0
    return min(place.score.low for place in places), max(place.score.high for place in places)


def _scale(low: float, value: float, high: float, span: tuple[float, float]) -> str:
    start, end = span
    width = (end - start) or 1.0
    left, at, right = (100 * (number - start) / width for number in (low, value, high))
    return (
        f'<div class="scale" aria-hidden="true"><i style="left:{left:.1f}%;width:{right - left:.1f}%"></i>'
        f'<u style="left:{at:.1f}%"></u></div>'
    )
