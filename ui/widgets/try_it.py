"""Show a finished model something new and see what it says, and what it looked at."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from engines import runs
from engines.contract import TaskInfo
from engines.hosting import limits
from engines.jobs import showcase
from engines.messages import _
from ui.hosting import recorded_answers
from ui.page import errors, recorded, uploads, words
from ui.widgets import ask, examples, gallery, plots

MAX_SHOWN = 6


Draw = Callable[[str, dict[str, Any], int, bytes], None]
"""Draws the answer on one file: its name, what `predict` says of it, which it is, and what is in it."""


def show(info: TaskInfo, found: recorded.Finished, camera: bool, draw: Draw | None = None) -> None:
    """A file or the camera in, an answer out, drawn by `draw` where it is no class with its probability; nothing that
    is tried here is kept."""
    if without_model(found):
        return

    @st.fragment
    def trial() -> None:
        files = _given(info, camera) or examples.file(found, "thumbnail")
        if files:
            with errors.calm(_("The model could not be asked.")):
                _answers(info, found, files, draw)

    trial()


def _given(info: TaskInfo, camera: bool) -> list[Any]:
    if camera and st.toggle(_("Use the camera"), key="try_camera"):
        shot = st.camera_input(_("Take a picture"), label_visibility="collapsed", key="try_shot")
        return [shot] if shot else []
    files = st.file_uploader(
        _("New {unit}", unit=info.unit),
        accept_multiple_files=True,
        key="try_files",
        max_upload_size=25,
        help=_("Up to {max_shown} at once. They are looked at and deleted again.", max_shown=MAX_SHOWN),
    )
    return list(files or [])[:MAX_SHOWN]


def _answers(info: TaskInfo, found: recorded.Finished, files: list[Any], draw: Draw | None) -> None:
    from engines import paths
    from engines.jobs.serving import client

    folder = paths.uploads() / f"try-{runs.new_id()}"
    folder.mkdir()
    try:
        for i, file in enumerate(files):
            suffix = Path(uploads.safe_name(file.name)).suffix.lower()[:8]
            (folder / f"{i}{suffix}").write_bytes(file.getvalue())
        asked = {"verb": "predict", "run": found.run.address, "data": str(folder)}
        answer = client.ask(asked)
        names = {f"{i}": uploads.safe_name(file.name) for i, file in enumerate(files)}
        for number, row in enumerate(answer["rows"][:MAX_SHOWN]):
            stem = Path(str(row["file"])).stem
            content = files[int(stem)].getvalue() if stem in names else b""
            _answer(names.get(stem, str(row["file"])), row, number, content, draw)
        n = len(answer["rows"])
        more = (
            _(" These are {max_shown} of {count}.", max_shown=MAX_SHOWN, count=words.count(n, info.unit))
            if n > MAX_SHOWN
            else ""
        )
        st.caption(_("Answered in {milliseconds:.0f} ms.{more}", milliseconds=answer["milliseconds"], more=more))
        if not limits.showcase() and st.button(
            info.words.explain_question, icon=":material/visibility:", key="try_explain"
        ):
            _explain(found, folder)
    finally:
        shutil.rmtree(paths.work(folder), ignore_errors=True)  # what was shown of scans
        shutil.rmtree(folder, ignore_errors=True)


def sentence(
    found: recorded.Finished, longest: int, answer: Callable[[dict[str, Any]], None], column: str = "text"
) -> None:
    """A sentence in, drawn by `answer`, which gets what the warm server says; and which of its words decided.

    Those of the test stand in that `column` of predictions.parquet.
    """
    if without_model(found):
        return
    typed = st.text_area(_("A sentence of yours"), key="try_text", max_chars=longest, height=90)
    text = typed if typed.strip() else examples.text(found, column)
    if not text:
        return
    with errors.calm(_("The model could not be asked.")):
        answer(ask.about_text(found, text))
        if st.button(_("Which words decided?"), icon=":material/visibility:", key="try_explain"):
            from ui.widgets import explanation

            explanation.words_of(found, text)


def without_model(found: recorded.Finished, *, answers: bool = True) -> bool:
    """Whether a recording came without its model, or this host cannot ask it; says so, there with `answers` from when
    it was tested."""
    if limits.showcase() and not showcase.can_be_asked(found.run):
        if answers:
            recorded_answers.show(found, answered)
        else:
            st.caption(_("The model itself is not on this host, so it cannot be asked anything new."))
        return True
    if (found.run.path / "model").is_dir():
        return False
    st.caption(_("This recording comes without its model. Train it yourself, then try it on anything."))
    return True


def _answer(name: str, row: dict[str, Any], number: int, content: bytes, draw: Draw | None) -> None:
    if row.get("error"):
        st.warning(f"**{words.plain(name)}**: {words.plain(str(row['error']))}", icon=":material/error:")
        return
    if draw:
        draw(name, row, number, content)
        return
    st.markdown(f"{words.plain(name)}: **{words.plain(str(row['label']))}**")
    answered(row, number)


def answered(row: dict[str, Any], number: int) -> None:
    """The classes that came to mind, the likeliest first."""
    best = dict(sorted(row["probabilities"].items(), key=lambda entry: -entry[1])[:6])
    plots.show(
        plots.bars(best, x=_("probability"), colour=plots.TRAINED, share=True, strong=str(row["label"])),
        f"try_{number}",
        alt=", ".join(f"{label}: {100 * p:.0f} %" for label, p in best.items()),
    )


def _explain(found: recorded.Finished, folder: Path) -> None:
    from engines.jobs.serving import client
    from ui.widgets import explanation

    out = folder / "explained"
    with st.spinner(_("Looking at what mattered …")):
        asked = {"verb": "explain", "run": found.run.address, "data": str(folder), "out": str(out)}
        rows = client.ask(asked)["rows"]
    drawn = [row for row in rows if "picture" in row][:MAX_SHOWN]
    shown = []
    for row in drawn:
        label = str(row.get("label", row.get("found", "")))
        said = " · ".join(filter(None, (label, row["method"], explanation.word(row))))
        shown.append((out / row["picture"], label, said))
    gallery.show(shown, width=190)
