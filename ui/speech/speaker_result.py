"""Step 5 of speakers: who is told from whom, verification, the map of the voices, and a voice to try."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engines import registry
from engines.messages import _, _n
from ui.page import frame, recorded, words
from ui.speech import plots as speech_plots
from ui.speech import transcription_result, try_it
from ui.steps import result
from ui.widgets import calibration, mistakes, plots


def show(found: recorded.Finished) -> None:
    """Everything about a finished run of a classifier of voices."""
    info = registry.task(found.recipe.task).info
    details = found.result.details
    result.verdict(info, found)
    transcription_result.say_if_synthetic(found)
    result.try_and_take(info, found, lambda: try_it.identify(found), _("Try it: whose voice is this?"))
    left, right = st.columns([1, 1])
    with (
        left,
        frame.card(_("Who was taken for whom"), help=_("Rows are the true speakers, columns who the model said.")),
    ):
        st.fragment(mistakes.confusion)(info, found)
    with (
        right,
        frame.card(_("Where the voices lie"), help=_("Clips that sound alike to the encoder lie together (t-SNE).")),
    ):
        plots.show(
            speech_plots.voices(details.get("map") or []),
            "voices_map",
            alt=_(
                "a map of {map} clips; clips of one speaker lie together where it works",
                map=len(details.get("map") or []),
            ),
            table=lambda: [dict(p) for p in details.get("map") or []],
        )
        st.caption(_("A ring marks a test clip. Only neighbourhoods mean something, not the axes."))
    with frame.card(_("Is it the same voice?"), help=_("Verification: two clips, one question, no names.")):
        _verification(details.get("verification") or {})
    with frame.card(_("Enrol a new voice")):
        try_it.enrol(found)
    result.advise(found)
    with result.further_details():
        result.how_it_learnt(info, found)
        st.fragment(calibration.show)(info, found)
        result.kept_and_trained(found)
        result.small_print(info, found)


def _verification(known: dict[str, Any]) -> None:
    before, after = known.get("before"), known.get("after")
    if not after:
        st.caption(known.get("why") or _("Too few test clips: there is no pair of one voice, or none of two."))
        return
    left, right = st.columns([2, 3])
    with left:
        for label, one in ((_(":blue[■] As it came"), before), (":orange[■] After", after)):
            if one:
                st.metric(
                    _("{label}: equal error rate", label=label),
                    words.metric("eer", one["eer"]),
                    help=_("At this threshold as many other voices are let in as own ones are turned away."),
                )
                st.caption(_("{interval}, 95 % interval", interval=words.interval("eer", one["low"], one["high"])))
        st.caption(
            _(
                "{pairs} of one voice and {n_other:,} of two, all of the test.",
                pairs=_n("{n:,} pair", "{n:,} pairs", after["n_same"]),
                n_other=after["n_other"],
            )
        )
    with right:
        plots.show(
            speech_plots.det(before, after),
            "det",
            alt=_("error trade-off; equal error rate {eer:.1f} %", eer=100 * after["eer"]),
            table=lambda: [{_("let in"): p[0], _("turned away"): p[1]} for p in after["det"]],
        )
