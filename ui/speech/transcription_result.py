"""Step 5 of transcription: what it hears now and heard before, accent by accent, and what that cost the one it knew."""

from __future__ import annotations

import functools
import json
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import streamlit as st

from engines import registry
from engines.messages import _, _n, told
from engines.speech.settings import NORMALISERS
from ui.page import again, frame, recorded, words
from ui.speech import plots as speech_plots
from ui.speech import transcripts, try_it
from ui.steps import result
from ui.widgets import plots

A_PAGE = 5
ORDERS = {
    "typical": _("Typical"),
    "worst": _("Most errors now"),
    "gained": _("Most gained"),
    "lost": _("Got worse"),
    "all": _("All"),
}


def show(found: recorded.Finished) -> None:
    """Everything about a finished run of a recogniser."""
    info = registry.task(found.recipe.task).info
    details = found.result.details
    result.verdict(info, found)
    say_if_synthetic(found)
    result.try_and_take(info, found, lambda: try_it.transcribe(found), _("Try it: say something"))
    st.fragment(_transcripts)(found)
    with frame.card(_("By accent"), help=info.metric.help):
        _accents(details["accents"], "accents")
        st.caption(
            _("Words are compared {normalisers}.", normalisers=told(NORMALISERS)[details.get("normaliser", "plain")])
        )
    if details.get("forgetting"):
        st.fragment(_forgetting)(found)
    left, right = st.columns([1, 1])
    with left, frame.card(_("Words it misses"), help=_("Of the words that were said: how often each was not heard.")):
        _words(details["words"])
    with right, frame.card(_("Sounds that get lost")):
        _phones(details["phones"])
    result.advise(found)
    with result.further_details():
        result.how_it_learnt(info, found)
        result.kept_and_trained(found)
        result.small_print(info, found)


def say_if_synthetic(found: recorded.Finished) -> None:
    """A line where the run's clips are a sample of voices that a program made."""
    name = recorded.sample(found.run.id) or Path(found.recipe.data).name
    known = {sample.name: sample.real for sample in registry.task(found.recipe.task).samples()}
    if not known.get(name, True):
        st.caption(_(":material/smart_toy: Synthetic speech: these numbers are about voices made by a program."))


# --- accents --------------------------------------------------------------------------------------


def _accents(rows: Sequence[dict[str, Any]], key: str) -> None:
    plots.show(
        speech_plots.accents(rows),
        key,
        alt="; ".join(
            _(
                "{accent}: {value:.0f} % before, {after_value:.0f} % after",
                accent=r["accent"],
                value=100 * r["wer"]["before"]["value"],
                after_value=100 * r["wer"]["after"]["value"],
            )
            for r in rows
        ),
        table=functools.partial(_accent_table, rows),
    )
    st.caption(
        _(
            ":blue[■] square: before it learnt · :orange[●] dot: after. Lines are 95 % intervals "
            "over the test clips ({counted}).",
            counted=", ".join(_counted(row) for row in rows),
        )
    )


def _counted(row: dict[str, Any]) -> str:
    return f"{words.plain(row['accent'])}: {words.count(row['n'], 'clips')}, {words.count(row['words'], 'words')}"


def _accent_table(rows: Sequence[dict[str, Any]]) -> plots.Rows:
    table = []
    for row in rows:
        entry: dict[str, Any] = {"accent": row["accent"], "clips": row["n"], "words": row["words"]}
        for what, name in (("wer", _("word errors")), ("cer", _("letter errors"))):
            for when in ("before", "after"):
                e = row[what][when]
                entry[f"{name} {when}"] = (
                    f"{words.metric('wer', e['value'])} ({words.interval('wer', e['low'], e['high'])})"
                )
        d = row["difference"]
        entry["difference"] = f"{words.difference('wer', d['value'])} ({words.interval('wer', d['low'], d['high'])})"
        for kind in row["kinds"]["after"]:
            entry[f"{kind} words"] = f"{row['kinds']['before'][kind]} → {row['kinds']['after'][kind]}"
        table.append(entry)
    return table


# --- forgetting -----------------------------------------------------------------------------------


def _forgetting(found: recorded.Finished) -> None:
    """The curve between before and after, and a slider on it."""
    details = found.result.details
    with frame.card(_("What it cost the accent it came with"), key="forgetting"):
        points, kept = details["curve"], float(details["mix"]["share"])
        shares = [float(p["share"]) for p in points]
        left, right = st.columns([3, 2])
        with right:
            chosen = kept
            if len(shares) > 1:
                chosen = st.select_slider(
                    _("How much of what was learnt is kept?"),
                    shares,
                    value=kept,
                    key=f"mix_{found.run.id}",
                    format_func=lambda share: f"{100 * share:.0f} %",
                    help=_(
                        "Each weight is moved that far from what it was to what it learnt. 0 % is the model as it came."
                    ),
                )
            point = next(p for p in points if float(p["share"]) == chosen)
            for key, label in (
                ("wer", _(":orange[■] Your test clips")),
                ("source", _(":blue[■] The accent it came with")),
            ):
                if key in point:
                    _number(label, point[key], points[0][key]["value"])
            st.caption(_("This run keeps {kept:.0f} %. {why}", kept=100 * kept, why=details["mix"]["why"]))
            _again(found, chosen, kept)
        with left:
            plots.show(
                speech_plots.curve(points, kept, chosen),
                "forgetting_curve",
                alt="; ".join(
                    _(
                        "{share:.0f} % kept: {value:.0f} % of your words wrong, {source_value:.0f} % of the "
                        "accent it came with",
                        share=100 * p["share"],
                        value=100 * p["wer"]["value"],
                        source_value=100 * p["source"]["value"],
                    )
                    for p in points
                    if "source" in p
                ),
                table=lambda: _curve_table(points),
            )
        with st.expander(_("The accents it came with, one by one"), icon=":material/record_voice_over:"):
            st.caption(_("Real recordings that come with Headstart: telephone prompts, and a reader of LibriVox."))
            _accents(details["forgetting"], "source_accents")


def _number(label: str, now: dict[str, Any], before: float) -> None:
    change = now["value"] - before
    delta = words.difference("wer", change).replace("\u2212", "-")  # Streamlit knows the plain minus only
    colour: Literal["inverse", "off"] = "inverse" if round(change, 3) else "off"
    st.metric(label, words.metric("wer", now["value"]), delta, delta_color=colour)
    st.caption(
        _(
            "{interval}, 95 % interval, {clips}",
            interval=words.interval("wer", now["low"], now["high"]),
            clips=_n("{n:,} clip", "{n:,} clips", now["n"]),
        )
    )


def _again(found: recorded.Finished, chosen: float, kept: float) -> None:
    if chosen in (kept, 0.0) or not recorded.is_own(found.run):
        return
    if st.button(
        _("Train again, keeping {chosen:.0f} %", chosen=100 * chosen), icon=":material/play_arrow:", type="primary"
    ):
        again.train(found.recipe.again({**found.recipe.settings, "mix": chosen}))


def _curve_table(points: Sequence[dict[str, Any]]) -> plots.Rows:
    titles = {"wer": _("your clips"), "source": _("the accent it came with")}
    return [
        {"kept": f"{100 * p['share']:.0f} %"}
        | {
            title: f"{words.metric('wer', p[key]['value'])} ({words.interval('wer', p[key]['low'], p[key]['high'])})"
            for key, title in titles.items()
            if key in p
        }
        for p in points
    ]


# --- clip by clip ---------------------------------------------------------------------------------


def _transcripts(found: recorded.Finished) -> None:
    """Every test clip with its sound and what was heard in it, before and after."""
    rows = clips(found.run.path, found.finished)
    with frame.card(_("Clip by clip"), key="clip_by_clip"):
        first, second = st.columns(2)
        order = first.segmented_control(
            _("Which clips"),
            list(ORDERS),
            default="typical",
            format_func=told(ORDERS).__getitem__,
            key="clip_order",
            required=True,
            label_visibility="collapsed",
        )
        accents = sorted({row["accent"] for row in rows})
        accent = None
        if len(accents) > 1:
            accent = second.selectbox(
                _("Accent"),
                accents,
                index=None,
                placeholder=_("any accent"),
                key="clip_accent",
                label_visibility="collapsed",
            )
        shown = [row for row in rows if accent in (None, row["accent"])]
        gained: Callable[[dict[str, Any]], int] = lambda row: row["errors_before"] - row["errors_after"]  # noqa: E731  (typed, and read where it stands)
        if order == "typical":
            shown = typical(shown)
        elif order == "worst":
            shown.sort(key=lambda row: -row["errors_after"])
        elif order == "gained":
            shown = sorted((row for row in shown if gained(row) > 0), key=lambda row: -gained(row))
        elif order == "lost":
            shown = sorted((row for row in shown if gained(row) < 0), key=gained)
        if not shown:
            st.caption(_("None of them."))
            return
        transcripts.legend()
        pages = -(-len(shown) // A_PAGE)
        key = f"clip_page_{order}_{accent}"
        page = st.session_state.get(key, 1) if pages > 1 else 1
        for row in shown[(page - 1) * A_PAGE : page * A_PAGE]:
            _clip(found, row)
        if pages > 1:
            st.pagination(pages, key=key, max_visible_pages=5)


def typical(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those with about as many errors a word as the middle one first, neither the best nor the worst."""
    shares = [row["errors_after"] / max(row["words"], 1) for row in rows]
    middle = statistics.median(shares) if shares else 0.0
    return [row for _, row in sorted(zip(shares, rows, strict=True), key=lambda pair: abs(pair[0] - middle))]


def _clip(found: recorded.Finished, row: dict[str, Any]) -> None:
    with st.container(border=True, gap="xsmall"):
        left, right = st.columns([2, 5])
        with left:
            if sound := found.run.file(row.get("sound")):
                st.audio(sound, format="audio/ogg")
            st.caption(
                _(
                    "{plain} · {seconds:.1f} s · {plain_accent}",
                    plain=words.plain(row["file"]),
                    seconds=row["seconds"],
                    plain_accent=words.plain(row["accent"]),
                )
            )
        with right:
            st.markdown(f"*{words.plain(row['label'])}*")
            transcripts.lines(
                [
                    (
                        json.loads(row["aligned_before"]),
                        _("before: {errors}", errors=_errors(row["errors_before"])),
                        plots.PRETRAINED,
                    ),
                    (
                        json.loads(row["aligned_after"]),
                        _("after: {errors}", errors=_errors(row["errors_after"])),
                        plots.TRAINED,
                    ),
                ]
            )


def _errors(n: int) -> str:
    return _n("{n:,} error", "{n:,} errors", n) if n else _("every word")


def clips(run: Path, stamp: float) -> list[dict[str, Any]]:
    """The test clips of a run, in its order."""
    return list(recorded.rows(run / "predictions.parquet", stamp))


# --- words and sounds -----------------------------------------------------------------------------


def _words(rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        st.caption(_("None: every word was heard."))
        return
    plots.rows(
        [
            {
                _("word"): r["word"],
                _("said"): r["said"],
                _("missed before"): r["before"],
                _("missed after"): r["after"],
                _("heard as"): ", ".join(r["as"]),
            }
            for r in rows
        ]
    )


def _phones(rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        st.caption(_("Where espeak-ng is installed, the sounds of the missed words are counted here."))
        return
    plots.rows(
        [
            {
                _("sound"): f"/{r['phone']}/",
                _("said"): r["said"],
                _("lost before"): r["before"],
                _("lost after"): r["after"],
            }
            for r in rows
        ]
    )
    st.caption(_("By a dictionary's pronunciation (espeak-ng, American), not the speaker's own."))
