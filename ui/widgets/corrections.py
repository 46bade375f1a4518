"""Put right what is wrong in the data: another class for a picture, or away with it, and then train again.

What was put right here and not trained on yet lies in RUN/corrections.json; the data stay as they came.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from engines import registry
from engines.contract import InputError, Recipe, TaskInfo
from engines.data.corrections import Corrections, parse, written
from engines.messages import _, _n, told
from ui.page import again as once_more
from ui.page import errors, recorded, words
from ui.page.draft import knows

FILE = "corrections.json"
LEAVE_OUT = _("Leave it out")
UNCHANGED = _("As it is")


def possible(found: recorded.Finished) -> bool:
    """Whether this run's data can be corrected: it is somebody's own, and its task knows how."""
    return recorded.is_own(found.run) and knows(registry.task(found.recipe.task).settings, "corrections")


def kept(found: recorded.Finished) -> Corrections:
    """What was put right so far: what the run learnt with, and what has been added since."""
    path = found.run.path / FILE
    try:
        return parse(path.read_text(encoding="utf-8") if path.is_file() else found.recipe.settings.get("corrections"))
    except InputError:  # edited by hand
        return {}


def choose(found: recorded.Finished, rows: list[dict[str, Any]], key: str) -> None:
    """One of these examples {file, label, …}, and what to make of it."""
    if not possible(found):
        return
    now = kept(found)
    first, second = st.columns(2)
    labels = {str(row["file"]): str(row["label"]) for row in rows}
    file = first.selectbox(
        _("Is a label wrong?"),
        list(labels),
        index=None,
        placeholder=_("choose a picture"),
        format_func=lambda name: f"{name} · {_standing(name, labels[name], now)}",
        key=f"{key}_file",
    )
    if file is None:
        return
    classes = [label for label in found.result.details["classes"] if label != labels[file]]
    options = [told(UNCHANGED), *classes, told(LEAVE_OUT)]
    where = f"{key}_to_{file}"
    if where not in st.session_state:
        st.session_state[where] = (
            told(LEAVE_OUT) if file in now and now[file] is None else now.get(file) or told(UNCHANGED)
        )
        if st.session_state[where] not in options:
            st.session_state[where] = told(UNCHANGED)

    def change() -> None:
        answer = st.session_state[where]
        with errors.calm(_("The correction could not be kept.")):
            if answer == UNCHANGED:
                take_back(found, file)
            else:
                correct(found, file, None if answer == LEAVE_OUT else answer)

    second.selectbox(_("What should it be?"), options, key=where, on_change=change)


def correct(found: recorded.Finished, file: str, label: str | None) -> None:
    """Keeps that `file` is of class `label`, or is left out (None)."""
    found.run.write(FILE, written({**kept(found), file: label}))


def take_back(found: recorded.Finished, file: str) -> None:
    """The file is again what it was when this run learnt."""
    now, before = kept(found), parse(found.recipe.settings.get("corrections"))
    now.pop(file, None)
    found.run.write(FILE, written(now | {name: before[name] for name in {file} & before.keys()}))


def again(info: TaskInfo, found: recorded.Finished) -> None:
    """What was put right and is not learnt yet, and the way to learn it. Nothing where nothing was."""
    if not possible(found):
        return
    now, before = kept(found), parse(found.recipe.settings.get("corrections"))
    fresh = {file: label for file, label in now.items() if file not in before or before[file] != label}
    if not fresh:
        if before:
            st.caption(
                _(
                    "This run learnt with {corrections} of yours.",
                    corrections=_n("{n:,} correction", "{n:,} corrections", len(before)),
                )
            )
        return
    with st.container(border=True, key="corrections"):
        text, button = st.columns([3, 2], vertical_alignment="center")
        lines = [f"**{words.plain(file)}**: {_becomes(label)}" for file, label in list(fresh.items())[:8]]
        more = _("\n- and {fresh:,} more", fresh=len(fresh) - 8) if len(fresh) > 8 else ""
        text.markdown(_("You put right:\n- ") + "\n- ".join(lines) + more)
        text.caption(
            _(
                "Your {unit} stay as they are; only what is learnt changes. The test changes with its labels.",
                unit=info.unit,
            )
        )
        label = _("Train again with {corrections}", corrections=_n("{n:,} correction", "{n:,} corrections", len(now)))
        if button.button(label, type="primary", icon=":material/play_arrow:", width="stretch"):
            once_more.train(recipe(found.recipe, now))
        if button.button(_("Undo all of them"), icon=":material/undo:", type="tertiary"):
            found.run.write(FILE, written(before))
            st.rerun(scope="app")


def recipe(of: Recipe, corrections: Corrections) -> Recipe:
    """That recipe once more, with these corrections."""
    settings = {name: value for name, value in of.settings.items() if name != "corrections"}
    settings |= {"corrections": written(corrections)} if corrections else {}
    return of.again(settings)


def _standing(file: str, label: str, now: Corrections) -> str:
    return _("is {label}", label=label) if file not in now else _("now: {becomes}", becomes=_becomes(now[file]))


def _becomes(label: str | None) -> str:
    return "left out" if label is None else words.plain(label)
