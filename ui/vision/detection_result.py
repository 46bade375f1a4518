"""Step 5 of a detector: the verdict, its pictures with what it found, missed and made up, its numbers by class."""

from __future__ import annotations

import base64
import json
import mimetypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from engines import registry
from engines.contract import TaskInfo
from engines.messages import _, _n
from engines.reporting import wording
from engines.vision.detection.settings import MOST_MEASURED
from ui.page import frame, recorded, words
from ui.steps import result
from ui.vision import boxed, live
from ui.widgets import gallery, plots, try_it

MOST_PICTURES = 12
"""On a page of them."""
MOST_CURVES = 6
"""Lines that can still be told apart."""
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
Row = dict[str, Any]


def show(found: recorded.Finished) -> None:
    """Everything about a finished run of a detector."""
    info = registry.task(found.recipe.task).info
    result.verdict(info, found)
    result.say_if_synthetic(info, found)
    result.try_and_take(info, found, lambda: try_it.show(info, found, camera=True, draw=_answer))
    live.offer(found)
    with frame.card(_("What it found on the test pictures")):
        st.fragment(_pictures)(found)
    left, right = st.columns([1, 1])
    with left, frame.card(_("How well it finds each class"), help=info.metric.help):
        _per_class(info, found)
    with right, frame.card(_("Precision and recall")):
        _curves(found)
    _came_with(found)
    result.advise(found)
    with result.further_details():
        _sizes(info, found)
        result.how_it_learnt(info, found)
        _over_time(info, found)
        result.kept_and_trained(found)
        result.small_print(info, found)


def _came_with(found: recorded.Finished) -> None:
    """What a detector still finds of the classes that it came with."""
    if told := found.result.details.get("came_with"):
        with frame.card(_("What it kept of its old classes"), key="came_with"):
            st.markdown(words.plain(told["text"]))
            st.caption(
                _("Measured by its own sure boxes of before: an agreement with itself, since nobody labelled these.")
            )


def _over_time(info: TaskInfo, found: recorded.Finished) -> None:
    """The validation pictures' metric over the seconds of training, from scratch on the same clock."""
    lines = []
    for series, colour, name in (
        ("transfer", plots.TRAINED, _("validation")),
        ("scratch", plots.SCRATCH, _("from scratch")),
    ):
        own = [
            e for e in found.epochs if e.get("series", "transfer") == series and e.get("validation_metric") is not None
        ]
        if own:
            seconds = [e["epoch"] * found.result.n_train / e["rate"] for e in own]
            lines.append(plots.line(name, seconds, [e["validation_metric"] for e in own], colour))
    if not lines:
        return
    title = wording.within(info.metric.title)
    with frame.card(_("How soon it learnt"), key="over_time"):
        plots.show(
            plots.lines(
                lines,
                x=_("seconds of training"),
                y=_("validation {title}", title=title),
                last_x=max(line["x"][-1] for line in lines),
                share=True,
            ),
            "result_seconds",
            alt=_("Validation {title} over the seconds of each training", title=title),
            table=lambda: [
                {_("series"): line["name"], _("seconds"): round(x), title: round(y, 3)}
                for line in lines
                for x, y in zip(line["x"], line["y"], strict=True)
            ],
        )
        st.caption(
            _(
                "On {n:,} validation pictures, which is few: a step up or down of a curve may be chance. Time to look "
                "at the pictures once through the frozen part is not in it.",
                n=min(found.result.n_validation, MOST_MEASURED),
            )
        )
        if any(e.get("series") == "scratch" for e in found.epochs):
            st.caption(
                _(
                    "Pretraining shows early: with several times the schedule random weights may come as far "
                    "([He et al. 2019](https://arxiv.org/abs/1811.08883)). The setting *Passes of the baseline* gives "
                    "it to them."
                )
            )


# --- pictures ---------------------------------------------------------------------------------------


def _pictures(found: recorded.Finished) -> None:
    rows = recorded.rows(found.run.path / "predictions.parquet", found.finished)
    if not rows:
        st.caption(_("The run kept no answers."))
        return
    threshold = _slider(found)
    counted = [(row, _counts(row, threshold)) for row in rows]
    _in_all([counts for _unused, counts in counted])
    chosen = _filter(counted)
    pages = max(1, -(-len(chosen) // MOST_PICTURES))
    page = 1
    if pages > 1:
        page = int(st.number_input(_("Page of {pages:,}", pages=pages), 1, pages, key=f"found_page_{pages}"))
    shown = chosen[(page - 1) * MOST_PICTURES : page * MOST_PICTURES]
    if not shown:
        st.caption(_("There is no such picture."))
    boxed.show([_picture(found, row, threshold) for row, _unused in shown])
    st.caption(
        _(
            "A solid blue line: found. A dashed orange one: there, and missed. A dotted red one: said, and not there, "
            "or of another class. A box counts as found when half of what both cover together is shared."
        )
    )


def _slider(found: recorded.Finished) -> float:
    """From which confidence on a box is shown: by default the one chosen on the validation pictures."""
    chosen = found.result.details.get("threshold") or {}
    value = min(max(round(float(chosen.get("value", 0.3)), 2), 0.05), 0.95)
    threshold = st.slider(
        _("Show boxes from this confidence on"), 0.05, 0.95, value, 0.01, key=f"confidence_{found.run.id}"
    )
    if chosen.get("n"):
        st.caption(
            _(
                "{value:.2f} was chosen on {pictures}, where precision and recall balance best (F1); mAP does not "
                "depend on it.",
                value=float(chosen["value"]),
                pictures=words.count(int(chosen["n"]), _("validation pictures")),
            )
        )
    return float(threshold)


def _counts(row: Row, threshold: float) -> tuple[int, int, int]:
    """Boxes of a picture that are found, missed, and said though nothing is there."""
    said = [one for one in json.loads(row["boxes"]) if one["score"] >= threshold]
    hits = sum(bool(one["right"]) for one in said)
    return hits, len(json.loads(row["truth"])) - hits, len(said) - hits


def _in_all(counts: list[tuple[int, int, int]]) -> None:
    hits, missed, false = (sum(column) for column in zip(*counts, strict=True))
    precision = _("{share:.0%}", share=hits / (hits + false)) if hits + false else "–"
    recall = _("{share:.0%}", share=hits / (hits + missed)) if hits + missed else "–"
    st.markdown(
        _(
            "**{hits:,}** found, **{missed:,}** missed, **{false:,}** not there. Of what it says {precision} is right "
            "(precision), of what is there it finds {recall} (recall).",
            hits=hits,
            missed=missed,
            false=false,
            precision=precision,
            recall=recall,
        )
    )


def _filter(counted: list[tuple[Row, tuple[int, int, int]]]) -> list[tuple[Row, tuple[int, int, int]]]:
    """Those that a click asks for."""
    kinds: dict[str, Callable[[int, int, int], bool]] = {
        "all": lambda _found, _missed, _false: True,
        "missed": lambda _found, missed, _false: missed > 0,
        "false": lambda _found, _missed, false: false > 0,
        "right": lambda _found, missed, false: not missed and not false,
    }
    titles = {"all": _("All"), "missed": _("Something missed"), "false": _("A false box"), "right": _("All right")}
    numbers = {name: sum(test(*counts) for _unused, counts in counted) for name, test in kinds.items()}
    kind = st.segmented_control(
        _("Pictures"),
        list(kinds),
        default="all",
        required=True,
        key="found_kind",
        format_func=lambda name: f"{titles[name]} ({numbers[name]:,})",
    )
    return [(row, counts) for row, counts in counted if kinds[kind or "all"](*counts)]


def _picture(found: recorded.Finished, row: Row, threshold: float) -> boxed.Picture:
    said = [one for one in json.loads(row["boxes"]) if one["score"] >= threshold]
    boxes = boxed.compare(json.loads(row["truth"]), said)
    path = found.run.file(row["thumbnail"]) or recorded.original(found, str(row["file"]))
    source = (gallery.data_uri(path) if path else None) or ""
    hits, missed, false = (sum(box.kind == kind for box in boxes) for kind in ("found", "missed", "false"))
    caption = _(
        "{name}: {hits:,} found, {missed:,} missed, {false:,} not there",
        name=str(row["file"]).rsplit("/", 1)[-1],
        hits=hits,
        missed=missed,
        false=false,
    )
    return boxed.Picture(source, str(row["file"]), int(row["width"]), int(row["height"]), boxes, caption)


# --- numbers ----------------------------------------------------------------------------------------


def _per_class(info: TaskInfo, found: recorded.Finished) -> None:
    rows = found.result.details.get("per_class") or []
    plots.rows(
        [
            {
                _("class"): row["class"],
                _("boxes"): row["n"],
                info.metric.title: _share(row["ap50"]),
                _("95 % interval"): _between(row["ap50_low"], row["ap50_high"]),
                "mAP@.5:.95": _share(row["ap"]),
                _("recall"): _share(row["recall"]),
                _("precision"): _share(row["precision"]),
            }
            for row in rows
        ]
    )
    st.caption(_("Recall and precision are those at the confidence that was chosen on the validation pictures."))


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _between(low: float | None, high: float | None) -> str:
    return "–" if low is None or high is None else f"{low:.3f} to {high:.3f}"


def _curves(found: recorded.Finished) -> None:
    curves = [curve for curve in found.result.details.get("curves") or [] if curve["recall"]]
    names = [curve["class"] for curve in curves]
    if len(names) > MOST_CURVES:
        names = st.multiselect(_("Classes"), names, default=names[:MOST_CURVES], max_selections=MOST_CURVES)
        curves = [curve for curve in curves if curve["class"] in names]
    colours = (plots.TRAINED, plots.PRETRAINED, *plots.MUTED)
    drawn = [
        plots.line(curve["class"], curve["recall"], curve["precision"], colours[number % len(colours)], DASHES[number])
        for number, curve in enumerate(curves[:MOST_CURVES])
    ]
    axis = {"range": [0, 1.02], "tickformat": ".0%"}
    figure = plots.layout(300, _("recall"), _("precision"), xaxis=axis, yaxis=axis, showlegend=True)
    figure["legend"] = {"orientation": "h", "y": -0.25}
    plots.show(
        {"data": drawn, "layout": figure},
        "precision_recall",
        alt=_("precision against recall, a line each for {names}", names=", ".join(names)),
        table=lambda: [
            {_("class"): curve["class"], _("confidence"): score, _("recall"): recall, _("precision"): precision}
            for curve in curves
            for score, recall, precision in zip(curve["score"], curve["recall"], curve["precision"], strict=True)
        ],
    )
    st.caption(_("From the surest box to the least sure: mAP is what lies below such a line, averaged over classes."))


def _sizes(info: TaskInfo, found: recorded.Finished) -> None:
    rows = found.result.details.get("sizes") or []
    if rows:
        with frame.card(_("By the size of what there is to find")):
            plots.rows(
                [
                    {
                        _("size"): row["name"],
                        _("boxes"): row["n"],
                        info.metric.title: _share(row["map50"]),
                        "mAP@.5:.95": _share(row["map"]),
                    }
                    for row in rows
                ]
            )


# --- a picture to try -------------------------------------------------------------------------------


def _answer(name: str, row: Row, number: int, content: bytes) -> None:
    """The picture that was tried, with what was found on it, from a confidence on that can be moved."""
    value = min(max(round(float(row["threshold"]), 2), 0.05), 0.95)
    label = _("Confidence for {name}", name=words.plain(name))
    least = st.slider(label, 0.05, 0.95, value, 0.01, key=f"try_confidence_{number}")
    said = [one for one in [*row["boxes"], *row["unsure"]] if one["score"] >= least]
    kind = mimetypes.guess_type(Path(name).name)[0] or "image/jpeg"
    source = f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
    boxes = [boxed.Shown("said", one["box"], boxed.scored(one)) for one in said]
    caption = _n("{n:,} thing found on {name}", "{n:,} things found on {name}", len(said), name=name)
    boxed.show([boxed.Picture(source, name, int(row["width"]), int(row["height"]), boxes, caption)])
