"""The page of a trial on several sites: the rounds as they come, and who gained by joining."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from engines.contract import Event, State, TaskInfo
from engines.federated import lost
from engines.jobs.backends import backend
from engines.jobs.contract import JobStatus
from engines.messages import _, _n
from engines.reporting import wording
from engines.runs import RunFolder
from ui.comparisons import live
from ui.federated import figures
from ui.page import words
from ui.steps import watched
from ui.widgets import plots, take_home


def show(info: TaskInfo, run: RunFolder) -> None:
    """In place of the Train step, and above an ordinary result."""
    given = run.job.arguments
    sites = _n("{n} site", "{n} sites", int(given.get("sites", 0)))
    if given.get("by") == "group":
        st.caption(_(":material/hub: Data at {sites}, each patient or speaker at one of them.", sites=sites))
    else:
        st.caption(_(":material/hub: Data at {sites}, α {alpha:g}.", sites=sites, alpha=float(given.get("alpha", 1))))
    if found := run.federation:
        outcome(info, found)
        return

    def draw(status: JobStatus) -> None:
        events = backend().events(run.id)
        live.say(status, standing(events), "trial")
        rounds = [event.data for event in events if event.kind == "round"]
        if rounds:
            curve(info, rounds, "live_rounds")
            st.caption(told_of_last(rounds))
        if status.state is State.RUNNING and given.get("rounds"):
            _lose_one(run, int(given["sites"]))

    trouble = _("This trial could not be looked at.")
    watched.watch(run, draw, key="live_federation", ended=lambda: run.federation, trouble=trouble)


def standing(events: Sequence[Event]) -> live.Standing:
    """How far it is."""
    phase = next((str(e.data.get("title") or "") for e in reversed(events) if e.kind == "phase"), "")
    last = next((e.data for e in reversed(events) if e.kind == "round"), None)
    if last is None:
        return live.Standing(0.0, phase or _("Starting"))
    said = _("round {round} of {rounds}", **last)
    if last["seconds_left"]:
        said = _("{said}, about {duration} left", said=said, duration=words.duration(last["seconds_left"]))
    return live.Standing(min(last["round"] / last["rounds"], 0.99), f"{said} · {phase}" if phase else said)


def told_of_last(rounds: Sequence[dict[str, Any]]) -> str:
    """Bytes that moved so far, and answers that were not used."""
    moved = sum(row["bytes"] for row in rounds)
    missing = sum(len(row[kind]) for row in rounds for kind in ("lost", "late", "refused"))
    return _(
        "{moved:,.2f} MB moved so far; {missing}.",
        moved=moved / 1e6,
        missing=_n("{n:,} answer was not used", "{n:,} answers were not used", missing),
    )


def _lose_one(run: RunFolder, sites: int) -> None:
    """A button that takes a site away, one after another."""
    gone = lost.asked(run)
    left = [site for site in range(1, sites + 1) if site not in gone]
    if gone:
        st.caption(_("Taken away: {gone}.", gone=", ".join(str(site) for site in sorted(gone))))
    if run.only_shown or len(left) < 2:
        return
    st.button(
        _("Lose site {site}", site=left[-1]),
        icon=":material/power_off:",
        key="lose_site",
        help=_("From its next round on it answers no more. The others go on without it."),
        on_click=lost.lose,
        args=(run, left[-1]),
    )


def outcome(info: TaskInfo, found: dict[str, Any]) -> None:
    """What it came to."""
    share, title = wording.is_share(info.metric), wording.within(info.metric.title)
    with st.container(border=True, key="federation"):
        first, _unused, rest = str(found["said"][0]).partition("). ")
        st.markdown(f"### {words.plain(first + ').' if rest else first)}")
        if rest:
            st.markdown(words.plain(rest))
        for line in found["said"][1:-1]:
            st.markdown(words.plain(line))
        plots.show(
            plots.intervals(figures.arms(found), x=title, share=share),
            "federation_arms",
            alt=_("{title} together, alone and in one place", title=title),
            table=lambda: [_arm_row(info, entry) for entry in figures.arms(found)],
        )
        st.caption(_("With 95 % intervals, over the same {n:,} test {unit}.", n=found["n_test"], unit=info.unit))
        if found["curve"]:
            rounds = [{"series": "transfer", **row} for row in found["curve"]]
            curve(info, rounds + [{"series": "scratch", **row} for row in found["scratch_curve"]], "federation_rounds")
    with st.container(border=True, key="federation_sites"):
        st.markdown(_("#### Who has what, and what each gained"))
        plots.show(
            figures.who_has_what(found),
            "federation_map",
            alt=_("Examples of each class at each site"),
            table=lambda: [{_("site"): row["name"], **row["classes"]} for row in found["sites"]],
        )
        plots.rows([_site_row(info, row) for row in found["sites"]])
        st.caption(
            _("Gained: together minus alone, paired on the same examples. A site alone answers only what it knows.")
        )
    with st.container(border=True, key="federation_privacy"):
        st.markdown(_("#### What leaves a site"))
        st.markdown(privacy(found))
        st.markdown(words.plain(found["privacy"]["text"]))
    take_home.outcome(found, "federation.json")


def united(info: TaskInfo, details: dict[str, Any]) -> None:
    """Above the result of sites that were united, by their files or in rounds elsewhere: who brought what, and how each
    would do alone, where that is known."""
    rows = details["sites"]
    known = {"sites": rows, "classes": sorted({name for row in rows for name in row["classes"]})}
    with st.container(border=True, key="united_sites"):
        st.markdown(_("#### Who brought what"))
        if details.get("masked"):
            names = words.plain(", ".join(row["name"] for row in rows))
            st.markdown(
                _("{names}. Their sums came masked: what each has, and how it does alone, nobody saw.", names=names)
            )
            return
        plots.show(figures.who_has_what(known), "united_map", alt=_("Examples of each class at each site"))
        scored = [{"series": "transfer", **row} for row in details.get("curve", ()) if row["value"] is not None]
        if scored:
            curve(info, scored, "united_rounds")
        if not any(row["alone"] for row in rows):
            return
        plots.rows(
            [
                {
                    _("site"): row["name"],
                    _("examples"): row["n"],
                    _("alone"): words.metric(info.metric, row["alone"]["value"]),
                    _("95 % interval"): words.interval(info.metric, row["alone"]["low"], row["alone"]["high"]),
                }
                for row in rows
                if row["alone"]
            ]
        )
        st.caption(_("Alone: a head that only this site's sums would give, on the same test."))


def privacy(found: dict[str, Any]) -> str:
    """In words that nobody has to look up."""
    if found["united"] == "sums":
        return _(
            "No {unit} leave their site. What leaves it, once, are {moved:,.2f} MB of sums: how many there are of each "
            "class, and how their numbers spread on average. Of a class with few examples, a sum is nearly the "
            "example: who "
            "shares fewer than five should ask first. Sums do not say a name, and they are no secret either.",
            unit=_("examples"),
            moved=found["bytes"]["sums"] / 1e6,
        )
    return _(
        "No {unit} leave their site. What travels in every round are the numbers that a site has learnt, "
        "{moved:,.2f} MB in "
        "all. They say something of what they were learnt from, above all where a site has little: a clever reader "
        "may tell that a certain example was there.",
        unit=_("examples"),
        moved=found["bytes"]["rounds"] / 1e6,
    )


def curve(info: TaskInfo, rounds: Sequence[dict[str, Any]], key: str) -> None:
    """The score over rounds, of the pretrained start and of the one from random weights."""
    title, share = wording.within(info.metric.title), wording.is_share(info.metric)
    plots.show(
        figures.by_round(rounds, y=title, share=share),
        key,
        alt=_("{title} after each round", title=title),
        table=lambda: [
            {
                _("start"): figures.start(row["series"]),
                _("round"): row["round"],
                title: words.metric(info.metric, row["value"]),
            }
            for row in rounds
        ],
    )


def _arm_row(info: TaskInfo, entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "": entry["name"],
        wording.within(info.metric.title): words.metric(info.metric, entry["value"]),
        _("95 % interval"): words.interval(info.metric, entry["low"], entry["high"]),
    }


def _site_row(info: TaskInfo, row: dict[str, Any]) -> dict[str, Any]:
    own, gained = row["alone"], row["gained"]
    side = _("gained") if gained["low"] > 0 else _("lost") if gained["high"] < 0 else _("undecided")
    return {
        _("site"): row["name"],
        _("examples"): row["n"],
        _("alone"): words.metric(info.metric, own["value"]),
        _("gained by joining"): words.difference(info.metric, gained["value"]),
        _("95 % interval"): _(
            "{low} to {high}",
            low=words.difference(info.metric, gained["low"]),
            high=words.difference(info.metric, gained["high"]),
        ),
        _("so it"): side,
    }
