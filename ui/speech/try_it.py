"""Say something to a finished model and see what it makes of it; a voice can be enrolled and asked for again."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from engines import paths, runs
from engines.messages import _
from ui.page import errors, recorded, uploads, words
from ui.widgets import examples, explanation, plots, try_it

MAX_SHOWN = 6
SECONDS_TO_ENROL = 10


def transcribe(found: recorded.Finished) -> None:
    """A recording or files in, what the model hears now and heard before out; nothing is kept."""
    if try_it.without_model(found):
        return

    @st.fragment
    def trial() -> None:
        files = _given(_("Say something"), "try") or examples.file(found, "sound")
        if files:
            with errors.calm(_("The model could not be asked.")), st.spinner(_("Listening …")):
                answer = _asked(found, files)
            for row in answer["rows"]:
                _heard(row)
            st.caption(
                _("Answered in {milliseconds:.0f} ms. Nothing of it is kept.", milliseconds=answer["milliseconds"])
            )
            if st.button(_("Which sound was which word?"), icon=":material/visibility:", key="try_explain"):
                with errors.calm(_("The model could not be asked.")), st.spinner(_("Looking at what it listened to …")):
                    _explained(found, files)

    trial()


def _heard(row: dict[str, Any]) -> None:
    if row.get("error"):
        st.warning(f"**{words.plain(row['file'])}**: {words.plain(str(row['error']))}", icon=":material/error:")
        return
    left, right = st.columns(2)
    with left:
        st.markdown(_(":blue[■] **before**"))
        st.markdown(
            words.plain(row["before"]) or _("*nothing*") if "before" in row else _("*its weights are not here*")
        )
    with right:
        st.markdown(_(":orange[■] **after**"))
        st.markdown(words.plain(row["label"]) or _("*nothing*"))


def identify(found: recorded.Finished) -> None:
    """Whose voice is it; a new voice can be enrolled in ten seconds and recognised again."""
    if try_it.without_model(found):
        return

    @st.fragment
    def trial() -> None:
        files = _given(_("Say something for a few seconds"), "try") or examples.file(found, "sound")
        if not files:
            return
        with errors.calm(_("The model could not be asked.")), st.spinner(_("Listening …")):
            answer = _asked(found, files)
            for number, row in enumerate(answer["rows"]):
                _voice(row, number)
            st.caption(
                _("Answered in {milliseconds:.0f} ms. Nothing of it is kept.", milliseconds=answer["milliseconds"])
            )

    trial()


def enrol(found: recorded.Finished) -> None:
    """A new voice, without training: its embedding is remembered while this tab is open."""
    if try_it.without_model(found, answers=False):
        return

    @st.fragment
    def enrolling() -> None:
        key = f"enrolled_{found.run.id}"
        st.caption(
            _(
                "Speak for {seconds_to_enrol} seconds. Nothing is trained: this tab keeps what the "
                "model hears in the voice, as numbers.",
                seconds_to_enrol=SECONDS_TO_ENROL,
            )
        )
        name = st.text_input(_("Whose voice is it?"), key="enrol_name", max_chars=40, placeholder=_("your name"))
        sound = st.audio_input(_("Record the new voice"), key="enrol_sound")
        known: dict[str, list[float]] = st.session_state.setdefault(key, {})
        if st.button(_("Enrol"), icon=":material/person_add:", disabled=not (name.strip() and sound), key="enrol"):
            with errors.calm(_("The voice could not be enrolled.")):
                (row,) = _asked(found, [sound])["rows"]
                if row["seconds"] < SECONDS_TO_ENROL / 2:
                    st.warning(
                        _("That was {seconds:.1f} s: a little longer makes it surer.", seconds=row["seconds"]),
                        icon=":material/timer:",
                    )
                known[name.strip()] = row["embedding"]
        if known:
            st.caption(_("Enrolled: ") + ", ".join(words.plain(voice) for voice in known))

    enrolling()


def _voice(row: dict[str, Any], number: int) -> None:
    if row.get("error"):
        st.warning(f"**{words.plain(row['file'])}**: {words.plain(str(row['error']))}", icon=":material/error:")
        return
    enrolled = {
        k: v for key, kept in st.session_state.items() if str(key).startswith("enrolled_") for k, v in kept.items()
    }
    cosines = row["cosines"] | {name: cosine(row["embedding"], vector) for name, vector in enrolled.items()}
    nearest = max(cosines, key=lambda name: cosines[name])
    st.markdown(_("Sounds most like **{plain}**", plain=words.plain(nearest)))
    if row["threshold"] is not None:
        same = cosines[nearest] >= row["threshold"]
        st.caption(
            _(
                "Likeness {cosines:.2f}, and from {threshold:.2f} two clips count as one voice: ",
                cosines=cosines[nearest],
                threshold=row["threshold"],
            )
            + (_("the same voice.") if same else _("**nobody it knows**."))
        )
    best = dict(sorted(cosines.items(), key=lambda entry: -entry[1])[:6])
    plots.show(
        plots.bars(
            {k: max(0.0, v) for k, v in best.items()},
            x=_("likeness (cosine)"),
            colour=plots.TRAINED,
            share=True,
            strong=nearest,
        ),
        f"try_{number}",
        alt=", ".join(f"{name}: {value:.2f}" for name, value in best.items()),
    )


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """Of two vectors of length 1."""
    return sum(a * b for a, b in zip(one, other, strict=True))


# --- what both ask --------------------------------------------------------------------------------


def _given(label: str, key: str) -> list[Any]:
    sound = st.audio_input(label, key=f"{key}_sound")
    files = st.file_uploader(
        _("Or bring sound files"),
        type=["wav", "flac", "ogg", "mp3"],
        accept_multiple_files=True,
        key=f"{key}_files",
        max_upload_size=25,
        help=_("Up to {max_shown} at once. They are listened to and deleted again.", max_shown=MAX_SHOWN),
    )
    return ([sound] if sound else []) + list(files or [])[:MAX_SHOWN]


def _asked(found: recorded.Finished, files: Sequence[Any], verb: str = "predict") -> dict[str, Any]:
    """The warm server's answer about these files, each under its own name; they are not kept."""
    from engines.jobs.serving import client

    folder = paths.uploads() / f"try-{runs.new_id()}"
    folder.mkdir()
    try:
        names = {}
        for i, file in enumerate(files):
            suffix = Path(uploads.safe_name(file.name)).suffix.lower()[:8] or ".wav"
            (folder / f"{i}{suffix}").write_bytes(file.getvalue())
            names[f"{i}{suffix}"] = uploads.safe_name(file.name)
        asked = {"verb": verb, "run": found.run.address, "data": str(folder)}
        answer = client.ask(asked | ({"out": str(folder / "out")} if verb == "explain" else {}))
        for row in answer["rows"]:
            row["file"] = names.get(row["file"], row["file"])
            if "picture" in row:
                row["picture"] = Path(row["picture"]).read_bytes()
        return answer
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _explained(found: recorded.Finished, files: Sequence[Any]) -> None:
    for row in _asked(found, files, "explain")["rows"]:
        if "picture" in row:
            st.image(row["picture"], width="stretch")
            st.caption(
                _(
                    "{plain} · {method}: each word below the sound it was heard in.",
                    plain=words.plain(row["file"]),
                    method=row["method"],
                )
            )
            explanation.faithful(row)
