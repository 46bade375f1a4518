"""The page of a search: how far it is and its leaderboard as it fills; then what was chosen, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from engines.contract import Event, Job, State, Strategy, TaskInfo
from engines.jobs.backends import backend
from engines.jobs.contract import JobStatus
from engines.messages import _, _n
from engines.reporting import wording
from engines.runs import RunFolder
from engines.search import board as leaderboard
from engines.search import told
from engines.search.board import Tried
from ui.comparisons import live
from ui.page import again, errors, frame, recorded, words
from ui.search import board, figures
from ui.steps import watched
from ui.widgets import plots, take_home


def show(info: TaskInfo, run: RunFolder) -> None:
    """In place of both the Train and the Result step."""
    recipe, arguments = run.recipe, run.job.arguments
    title = f" “{words.plain(recipe.title)}”:" if recipe.title else ""
    st.caption(
        _(
            ":material/travel_explore: Find the best.{title} models, strategies and settings, within {duration}.",
            title=title,
            duration=words.duration(float(arguments.get("max_seconds") or 0)),
        )
    )
    if known := run.search:
        with errors.calm(_("This search could not be looked at.")):  # it may have come from somebody else
            _outcome(info, run, known)
        return

    def draw(status: JobStatus) -> None:
        events = backend().events(run.id)
        live.say(status, standing(events), "search")
        trials = board.so_far(events)
        if trials:
            board.show(info, trials, "live_search_board")
        elif status.state is State.RUNNING:
            st.caption(_("The default is tried first: it is what the others have to beat."))
            st.skeleton(280)
        if not status.state.finished:
            st.caption(_(":material/link: It has its own address: close the tab, come back, it is still here."))

    trouble = _("This search could not be looked at.")
    watched.watch(run, draw, key="live_search", ended=lambda: run.search, trouble=trouble)


def standing(events: Sequence[Event]) -> live.Standing:
    """How far the search is that said `events`."""
    progress = next((e.data for e in reversed(events) if e.kind == "progress" and e.data["phase"] == "searching"), None)
    phase = next((str(e.data.get("title") or "") for e in reversed(events) if e.kind == "phase"), "")
    if progress is None:
        return live.Standing(0.0, phase or _("Starting"))
    n = int(progress.get("trials") or 0)
    said = [_n("{n:,} trial", "{n:,} trials", n)]
    if left := float(progress.get("seconds_left") or 0):
        said.append(_("at most about {duration} left", duration=words.duration(left)))
    share = int(progress["done"]) / max(1, int(progress["total"]))
    return live.Standing(min(share, 0.99), " · ".join([*said, phase] if phase else said))


def _outcome(info: TaskInfo, run: RunFolder, known: dict[str, Any]) -> None:
    trials = list(leaderboard.all_of(run.path).values()) or [Tried.of(row) for row in known["tried"]]
    with st.container(border=True, key="search", gap="small"):
        heading, _unused, rest = known["sentence"].partition(": ")
        st.markdown(f"### {words.plain(heading if rest and not known['kept_default'] else told.named(known['best']))}")
        st.markdown(words.plain(known["sentence"]))
        left, right = st.columns(2)
        for column, name, label in ((left, "best", _("Winner")), (right, "default", _("Default"))):
            row = known[name]
            column.metric(_("{label}, on the test", label=label), words.metric(info.metric, row["value"]))
            column.caption(
                _(
                    "{interval}, 95 % interval · trained in {duration}",
                    interval=words.interval(info.metric, row["low"], row["high"]),
                    duration=words.duration(row["seconds"]),
                )
            )
        st.caption(words.plain(" ".join(filter(None, (told.test_seen(known), told.dropped(known), _sure(known))))))
        if recorded.is_own(run):
            _train_it(run, known)
    with frame.card(_("Leaderboard"), key="search_board"):
        board.show(info, trials, "search_board_points")
    with frame.card(_("What was tried"), key="search_tried"):
        title, up = wording.within(info.metric.title), info.metric.higher_is_better
        figure = figures.parallel(trials, title, higher_is_better=up)
        if figure["data"]:
            plots.show(
                figure,
                "search_parallel",
                alt=_("A line a trial, over model, strategy, settings and {title}", title=title),
                table=lambda: [board.row(info, tried, place) for place, tried in enumerate(trials, 1)],
            )
            st.caption(_("A line is a trial that came to the end; the more orange, the better."))
        else:
            st.caption(_("Too few trials came to the end to draw them side by side."))
        for name, heading in (("choice", _("Model or strategy?")), ("settings", _("Which setting?"))):
            if shares := known["mattered"].get(name):
                st.markdown(f"**{heading}**")
                alt = _("How much each choice set the best trials apart")
                plots.show(figures.mattered(shares), f"search_mattered_{name}", alt=alt)
        if not any(known["mattered"].values()):
            st.caption(_("What mattered most is told from eight finished trials on."))
    take_home.outcome(known, "search.json")


def _sure(known: dict[str, Any]) -> str:
    """How the luck of the best of many was allowed for."""
    sure = known["confirmed"]
    if sure is None:
        return ""
    return _(
        "The best of {trials} looks better than it is: if none were any better than the default, the luckiest would "
        "come as far ahead in {share:.0%} of draws.",
        trials=sure["trials"],
        share=sure["p"],
    )


def _train_it(run: RunFolder, known: dict[str, Any]) -> None:
    """The winner as a run of its own, to test, explain and take home."""
    best = known["best"]
    pressed = st.button(
        _("Train the winner as a run of its own"),
        icon=":material/play_arrow:",
        type="primary",
        help=_("With the same data and settings: what its frozen part saw is known already."),
    )
    if pressed:
        settings = {**run.recipe.settings, **best["settings"]}
        recipe = replace(run.recipe.again(settings, Strategy(best["strategy"])), model=best["model"])
        again.submit(Job(recipe))
