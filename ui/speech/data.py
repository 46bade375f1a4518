"""Step 1 of speech: listen to the clips and read what is said in them, or record ten sentences of your own."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import streamlit as st

from engines import registry
from engines.messages import _, _n
from engines.speech import samples
from ui.page import frame, uploads, user_changes, words
from ui.page.draft import Draft, knows
from ui.speech import plots as speech_plots
from ui.steps import data
from ui.widgets import plots, reading

A_PAGE = 6
ENOUGH = 6  # sentences from which learning something is possible
LONGEST_ADDRESS = 6000  # characters of corrected transcripts that an address can carry


# --- what was found -------------------------------------------------------------------------------


def found(draft: Draft, report: dict[str, Any]) -> None:
    """How long the clips are and in which accents; then each with its sound, picture and transcript."""
    details = report["details"]
    left, right = st.columns([1, 1])
    with left, frame.card(_("How long they are")):
        total = sum(details["durations"])
        st.caption(_("{duration} of speech, silence at both ends trimmed.", duration=words.duration(total)))
        plots.show(
            speech_plots.durations(details["durations"]),
            "durations",
            alt=_("{durations} clips, {total:.0f} seconds together", durations=len(details["durations"]), total=total),
            table=lambda: [{_("seconds"): s} for s in details["durations"]],
        )
        if details["clipped"]:
            st.warning(
                _(
                    "{clips} recorded too loud (clipped). Speak a little further from the microphone.",
                    clips=_n("{n:,} clip", "{n:,} clips", details["clipped"]),
                ),
                icon=":material/volume_up:",
            )
    with right:
        _accents(draft, details)
        data.class_counts(draft, report)
    _clips(draft, report)


def _accents(draft: Draft, details: dict[str, Any]) -> None:
    if details["accents"]:
        counts = {name: float(n) for name, n in details["accents"].items()}
        with frame.card(_("Accents")):
            plots.show(
                plots.bars(counts, x=_("clips"), colour=plots.DATA),
                "accent_counts",
                alt="; ".join(f"{name}: {n:.0f}" for name, n in counts.items()),
            )
    elif "accent" in draft.reading or _has(draft, "accent"):
        with frame.card(_("Which accent is this?")):
            st.session_state["accent_name"] = str(draft.settings.get("accent", ""))
            st.text_input(
                _("Accent"),
                key="accent_name",
                placeholder=_("for instance Glasgow"),
                max_chars=60,
                on_change=user_changes.changed("accent_name", _name_accent),
                help=_("Only a name: it stands beside the numbers. A column 'accent' in metadata.csv does the same."),
            )


def _has(draft: Draft, name: str) -> bool:
    return knows(registry.task(draft.task).settings, name)


def _name_accent() -> None:
    reading.read_otherwise(accent=st.session_state["accent_name"] or None)


def _clips(draft: Draft, report: dict[str, Any]) -> None:
    rows = report["gallery"]
    editable = _has(draft, "transcripts")
    title = _("Listen, and read along") if editable else _("Listen to them")
    with frame.card(
        title, help=_("The wave, and below it the spectrogram: what the model sees, low sounds at the bottom.")
    ):
        pages = -(-len(rows) // A_PAGE)
        page = st.session_state.get("clips_page", 1) if pages > 1 else 1
        with st.grid(min_column_width=340):
            for number, row in enumerate(rows[(page - 1) * A_PAGE : page * A_PAGE]):
                _clip(draft, row, (page - 1) * A_PAGE + number, editable)
        if pages > 1:
            st.pagination(pages, key="clips_page", max_visible_pages=5)
        shown = (
            _("The first {rows} of {n_examples:,}. ", rows=len(rows), n_examples=report["n_examples"])
            if len(rows) < report["n_examples"]
            else ""
        )
        if editable:
            st.caption(
                _("{shown}Put a transcript right where it is wrong; an empty one leaves the clip out.", shown=shown)
            )


def _clip(draft: Draft, row: dict[str, Any], number: int, editable: bool) -> None:
    with st.container(border=True, gap="xsmall", key=f"clip_{number}"):
        if Path(row["thumbnail"]).is_file():
            st.image(row["thumbnail"], width="stretch")
        if Path(row["sound"]).is_file():
            st.audio(row["sound"], format="audio/ogg")
        said = [row["name"], f"{row['seconds']:.1f} s", row["accent"], row["speaker"], _part(row["part"])]
        loud = _(" · :orange[:material/volume_up: clipped]") if row["clipped"] else ""
        st.caption(" · ".join(words.plain(str(part)) for part in said if part) + loud)
        if editable:
            key = f"transcript_{row['name']}"
            st.session_state[key] = row["label"]
            st.text_area(
                _("What is said in {name}", name=row["name"]),
                key=key,
                height=68,
                label_visibility="collapsed",
                on_change=user_changes.changed(key, _correct),
                args=(draft, row["file"], key),
                disabled=row["file"] != row["name"],
            )


def _part(part: str) -> str:
    return {"train": _("to learn from"), "validation": _("to choose by"), "test": _("for the test")}.get(part, part)


def _correct(draft: Draft, file: str, key: str) -> None:
    """Keep what was put right in the address; the clips are read anew with it."""
    known = json.loads(str(draft.settings.get("transcripts") or "{}"))
    text = json.dumps({**known, file: " ".join(str(st.session_state[key]).split())}, ensure_ascii=False)
    if len(text) > LONGEST_ADDRESS:
        st.toast(_("That is many corrections: make the others in metadata.csv, and bring the data again."))
        return
    reading.read_otherwise(transcripts=text)


# --- recording ------------------------------------------------------------------------------------


def record(draft: Draft) -> None:
    """Ten sentences to read aloud; a metadata.csv is written for them."""
    with frame.card(_("Or adapt it to your own voice"), key="record"):
        st.fragment(_record)(draft)


def _record(draft: Draft) -> None:
    sentences = samples.to_read()
    kept: dict[int, bytes] = st.session_state.setdefault("read_aloud", {})
    place = st.session_state.setdefault("read_place", 0)
    if place >= len(sentences):
        st.markdown(_("**All {sentences} sentences are read.** Listen again, or go on.", sentences=len(sentences)))
    else:
        st.caption(
            _(
                "Sentence {place} of {sentences}. Press the microphone, read it as you always speak, "
                "and stop. It stays on this machine.",
                place=place + 1,
                sentences=len(sentences),
            )
        )
        st.markdown(f"#### {sentences[place]}")
        sound = st.audio_input(
            _("Read sentence {place}", place=place + 1), key=f"read_{place}", label_visibility="collapsed"
        )
        if sound is not None and kept.get(place) != sound.getvalue():
            kept[place] = sound.getvalue()
    st.progress(
        len(kept) / len(sentences), _("{kept} of {sentences} recorded", kept=len(kept), sentences=len(sentences))
    )
    back, onward, done = st.columns([1, 1, 2])
    if back.button(_("Back"), icon=":material/arrow_back:", disabled=place == 0, width="stretch", key="read_back"):
        st.session_state["read_place"] = place - 1
        st.rerun(scope="fragment")
    label = _("Next sentence") if place in kept else _("Skip it")
    last = place >= len(sentences)
    if onward.button(label, icon=":material/arrow_forward:", disabled=last, width="stretch", key="read_next"):
        st.session_state["read_place"] = place + 1
        st.rerun(scope="fragment")
    missing = ENOUGH - len(kept)
    if done.button(
        _("Use my recordings")
        if missing <= 0
        else _("{sentences} more, then you can use them", sentences=_n("{n:,} sentence", "{n:,} sentences", missing)),
        type="primary",
        icon=":material/mic:",
        disabled=missing > 0,
        width="stretch",
        key="read_done",
    ):
        files = recordings(kept, sentences)
        st.session_state.pop("read_aloud"), st.session_state.pop("read_place")
        data.take(draft.task, files, title=_n("{n:,} recording", "{n:,} recordings", len(files) - 1))


def recordings(kept: dict[int, bytes], sentences: list[str]) -> list[uploads.Made]:
    """The recordings as an audiofolder: a WAV a sentence, and a metadata.csv."""
    text = io.StringIO(newline="")
    table = csv.writer(text)
    table.writerow(["file_name", "transcription", "speaker"])
    for number in sorted(kept):
        table.writerow([f"sentence-{number + 1:02d}.wav", sentences[number], "you"])
    sounds = [uploads.Made(f"sentence-{number + 1:02d}.wav", kept[number]) for number in sorted(kept)]
    return [*sounds, uploads.Made("metadata.csv", text.getvalue().encode())]
