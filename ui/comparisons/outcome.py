"""What a comparison came to: the verdict, the three promises with a plot each, all points, and how to repeat it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from engines import messages
from engines.contract import Job, TaskInfo
from engines.messages import _, _n
from engines.reporting import wording
from engines.runs import RunFolder
from ui.comparisons import figures, found, told
from ui.comparisons.found import MOST_SEEDS, Arm, Asked, Point
from ui.page import again, frame, recorded, words
from ui.runs.list import model_title
from ui.steps import result
from ui.widgets import plots, take_home


def show(info: TaskInfo, run: RunFolder, known: dict[str, Any]) -> None:
    """Everything about a comparison that is done. `known` is its comparison.json."""
    points: list[Point] = known["points"]
    arms, unit, asked = found.arms(info, run.recipe, points), found.counted(info, known), found.asked(run)
    _verdict(info, known, arms, points)
    with frame.card(_("Better with less data"), key="promise_data"):
        _promise(
            told.saved(_("Labels saved"), known["labels_saved_text"]),
            _curve(info, arms, points, unit),
            "comparison_curve",
            _(
                "{title} by {unit} learnt from: {arm_title}",
                title=info.metric.title,
                unit=unit,
                arm_title=", ".join(arm.title for arm in arms),
            ),
            told.by_budget(info, arms, points, unit),
        )
    courses: list[figures.Course] = known.get("convergence") or []
    title, share = wording.within(info.metric.title), wording.is_share(info.metric)
    with frame.card(_("Faster convergence"), key="promise_convergence"):
        _promise(
            told.convergence(info.metric, arms, courses),
            figures.by_epoch(arms, courses, x=_("epoch"), y=_("validation {title}", title=title), share=share)
            if courses
            else None,
            "comparison_convergence",
            _("Validation {title} at each epoch, mean over seeds", title=title),
            _courses(info, arms, courses),
        )
    with frame.card(_("Less time"), key="promise_time"):
        timed = [course for course in courses if course.get("seconds")]
        _promise(
            told.saved(_("Time saved"), known["time_saved_text"]),
            figures.over_seconds(arms, timed, y=_("validation {title}", title=title), share=share)
            if timed
            else _bars(arms, points),
            "comparison_time",
            _("Validation {title} over the seconds of each training", title=title)
            if timed
            else _("Seconds that one training took"),
            told.seconds(arms, points, unit),
        )
    _all_points(info, arms, points, unit)
    _what_it_was(info, run, asked, points, unit)
    if not recorded.is_recorded(run):
        _more_seeds(run, known, asked, points)


def _verdict(info: TaskInfo, known: dict[str, Any], arms: Sequence[Arm], points: Sequence[Point]) -> None:
    verdict = found.verdict(known)
    with st.container(border=True, key="verdict", gap="small"):
        said, numbers = st.columns([5, 4], vertical_alignment="center", gap="small")
        with said, st.container(gap="xsmall"):
            result.first(info, verdict, known["strategy"])
            st.caption(told.rests_on(info.metric, known))
        with numbers, st.container(horizontal=True):
            most = {point["strategy"]: point for point in found.largest(points)}
            for arm in arms:
                if arm.name in (known["strategy"], verdict.against) and (p := most.get(arm.name)):
                    own = arm.name == known["strategy"]
                    label = f":orange[■] {arm.title}" if own else messages.told(result.RIVALS).get(arm.name, arm.title)
                    result.number(info, label, p["mean"], p["low"], p["high"])


def _promise(sentence: str, figure: plots.Figure | None, key: str, alt: str, table: plots.Rows) -> None:
    """A plot, and beside it what it says in a sentence and in numbers."""
    left, right = st.columns([3, 2], gap="medium")
    with left:
        if figure and figure["data"]:
            plots.show(figure, key, alt=alt)
        else:
            st.caption(_("There is nothing to draw: it was not measured."))
    with right:
        st.markdown(sentence)
        if table:
            plots.rows(table)


def _curve(info: TaskInfo, arms: Sequence[Arm], points: Sequence[Point], unit: str) -> plots.Figure:
    title = wording.within(info.metric.title)
    share = wording.is_share(info.metric)
    return figures.learning_curve(arms, points, x=_("{unit} to learn from", unit=unit), y=title, share=share)


def _courses(info: TaskInfo, arms: Sequence[Arm], courses: Sequence[figures.Course]) -> plots.Rows:
    """A row an arm: its first and its best epoch."""
    rows = []
    for arm in arms:
        own = [course for course in courses if course["strategy"] == arm.name and course["values"]]
        if own:
            epochs, means, _unused, _unused2 = figures.held(own)
            best = (max if info.metric.higher_is_better else min)(means)
            first = words.metric(info.metric, means[0])
            at = _(
                "{metric}, epoch {epochs:,}", metric=words.metric(info.metric, best), epochs=epochs[means.index(best)]
            )
            rows.append({"learner": arm.title, "first epoch": first, "best": at, "seeds": len(own)})
    return rows


def _bars(arms: Sequence[Arm], points: Sequence[Point]) -> plots.Figure | None:
    """What one training took at the largest budget, where its course was not kept."""
    took = {point["strategy"]: point["seconds"] for point in found.largest(points) if point.get("seconds")}
    values = {arm.title: took[arm.name] for arm in arms if arm.name in took}
    if not values:
        return None
    return plots.bars(values, x=_("seconds of one training"), colour=plots.TRAINED, strong=arms[0].title)


def _all_points(info: TaskInfo, arms: Sequence[Arm], points: Sequence[Point], unit: str) -> None:
    titles = {arm.name: arm.title for arm in arms}
    with frame.card(_("All points")):
        plots.rows(
            [
                {
                    unit: point["budget"],
                    _("learner"): titles[point["strategy"]],
                    wording.within(info.metric.title): words.metric(info.metric, point["mean"]),
                    _("95 % interval"): words.interval(info.metric, point["low"], point["high"]),
                    _("seeds"): point["seeds"],
                    _("each seed"): ", ".join(words.metric(info.metric, value) for value in point["values"]),
                    _("a training"): words.duration(point["seconds"]) if point.get("seconds") else "–",
                }
                for point in points
            ]
        )
        st.download_button(
            _("Download as CSV"),
            data=told.as_csv(info, arms, points, unit),
            file_name="comparison.csv",
            mime="text/csv",
            on_click="ignore",
            icon=":material/download:",
        )


def _what_it_was(info: TaskInfo, run: RunFolder, asked: Asked, points: Sequence[Point], unit: str) -> None:
    recipe = run.recipe
    seeds = max((point["seeds"] for point in points), default=1)
    budgets = ", ".join(f"{budget:,}" for budget in sorted({point["budget"] for point in points}))
    with st.expander(_("What it was, and how to repeat it"), icon=":material/article:"):
        lines = [
            _(
                "Model: {plain}, {strategy}",
                plain=words.plain(model_title(recipe)),
                strategy=words.strategy(info, recipe.strategy, recipe.settings.get("blocks")).lower(),
            ),
            _(
                "Learnt from {budgets} {unit}; the largest decides, the others are a picture",
                budgets=budgets,
                unit=unit,
            ),
            _(
                "Seeds {seed} to {recipe_seed}, of at most {seeds}",
                seed=recipe.seed,
                recipe_seed=recipe.seed + seeds - 1,
                seeds=asked.seeds,
            ),
            _("Data: SHA-256 {data_sha256}", data_sha256=(recipe.data_sha256 or _("not known"))[:16]),
            _("Asked for on {moment}", moment=words.moment(recipe.created)),
        ]
        lines += [words.plain(note) for note in dict.fromkeys(_notes(run))]
        st.markdown("\n".join(f"- {line}" for line in lines))
        st.code(told.command(recipe, asked, points), language="bash", wrap_lines=True)
        if not asked.budgets:
            st.caption(
                _(
                    "It trained each seed on all that its run had. The line above draws what is learnt from, and "
                    "what decides when to stop, anew for each seed: its numbers may differ a little."
                )
            )
        st.download_button(
            _("Download it"),
            data=lambda: take_home.shared(run),
            file_name="comparison.zip",
            mime="application/zip",
            on_click="ignore",
            icon=":material/download:",
            help=_("comparison.json and its recipe, without your data."),
        )


def _notes(run: RunFolder) -> list[str]:
    """What came up that is good to know."""
    return [str(event.data["message"]) for event in run.events() if event.kind == "note"]


def _more_seeds(run: RunFolder, known: dict[str, Any], asked: Asked, points: Sequence[Point]) -> None:
    """Where nothing was decided with fewer seeds than there may be: the same once more, with all of them."""
    if known["side"] != "unclear" or known["reason"] or known.get("stopped_early") or asked.seeds >= MOST_SEEDS:
        return
    if not recorded.is_own(run):
        return
    missing = MOST_SEEDS - found.verdict(known).difference.seeds
    took = missing * sum(point.get("seconds") or 0.0 for point in points)
    time = _(", at most about {duration}", duration=words.duration(took)) if took else ""
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="more_seeds"):
        more = _n("{n:,} seed", "{n:,} seeds", missing)
        st.markdown(
            _(
                "More seeds tell smaller differences. {more} more{time}; what is trained already is used again.",
                more=more,
                time=time,
            )
        )
        if st.button(_("More seeds"), icon=":material/add:"):
            recipe = run.recipe
            arguments = {**run.job.arguments, "seeds": MOST_SEEDS, "first": run.id}
            again.submit(Job(recipe.again(recipe.settings), "compare", arguments), _("It could not be started."))
