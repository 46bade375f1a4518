"""Which part of a test example decided, asked of the model of a finished run."""

from __future__ import annotations

import functools
import shutil
from pathlib import Path
from typing import Any

import streamlit as st

from engines import paths, registry, runs
from engines.hosting import limits
from engines.jobs.serving import client
from engines.messages import _, told
from ui.page import errors, recorded, words
from ui.widgets import ask, plots, text_cards

HELP = _(
    "Grad-CAM shows where the last block of a convolutional network found what speaks for the class. "
    "Integrated gradients share the answer out among the pixels, for any network; their completeness "
    "error says how well the shares add up."
)

TESTED = _(
    "The input is taken apart piece by piece, what the explanation marks first, and put together "
    "again in that order; the numbers are the mean score of the answer on the way. An explanation "
    "that beats a rule without any network and random orders, both times by more than random orders "
    "differ (±), is faithful to what the network uses."
)


def choose(found: recorded.Finished, rows: list[dict[str, Any]], key: str) -> None:
    """One of these test examples {file, label, predicted, …} to look into, and how. Nothing where no model is kept."""
    if limits.showcase() or not (found.run.path / "model").is_dir():
        return
    if found.result.details.get("folds"):
        st.caption(_("The model that is kept is asked. It has learnt from all of these, so it may answer otherwise."))
    said = {
        str(row["file"]): _(
            "{file} · says {predicted}, is {label}", file=row["file"], predicted=row["predicted"], label=row["label"]
        )
        for row in rows
    }
    own = registry.task(found.recipe.task).info.words
    methods = own.explain_methods
    first, second = st.columns(2)
    file = first.selectbox(
        own.explain_question,
        list(said),
        index=None,
        placeholder=_("choose an example"),
        format_func=lambda name: said[name],
        key=key,
    )
    method: str | None = ""
    if len(methods) > 1:
        method = second.segmented_control(
            _("How to find out"),
            list(methods),
            default="",
            format_func=methods.__getitem__,
            help=told(HELP),
            key="explain_how",
            required=True,
        )
    if file is None:
        return
    with errors.calm(_("The model could not be asked.")), st.spinner(_("Looking at what mattered …")):
        picture, row = _ask(found, file, method or None)
        if picture:
            st.image(picture, width=320)
            st.caption(_("Orange spoke for **{plain}** · {how}", plain=words.plain(str(row["label"])), how=_how(row)))
            faithful(row)
        else:
            tinted(row)


def tinted(row: dict[str, Any]) -> None:
    """A text's words, coloured by what they added to the answer."""
    text_cards.words(row["tokens"], row["scores"])
    st.caption(
        _(
            "Orange spoke for **{plain}**, blue (dotted) against it · {how}",
            plain=words.plain(str(row["label"])),
            how=_how(row),
        )
    )
    faithful(row)


def faithful(row: dict[str, Any]) -> None:
    """Whether the explanation can be trusted: its two areas beside those of orders that ask no network. Nothing where
    it was not tested."""
    if not (found := row.get("faithfulness")):
        return
    good = found["faithful"]
    icon = ":material/check:" if good else ":material/question_mark:"
    st.badge(word(row), icon=icon, color="green" if good else "yellow", help=told(TESTED))
    others = _("{heuristic} and random orders", heuristic=found["heuristic"])
    away = _("Taking away first what it marks changes the answer") + _sooner(found["deletes"], others)
    back = _("putting it back first restores the answer") + _sooner(found["inserts"], others)
    st.markdown(f"{away}; {back}.")
    spread = f"{found['random']:.2f} ± {found['spread']:.2f}"
    columns = (_("taken away (lower is better)"), _("put back (higher is better)"))
    plots.rows(
        [
            {_("order"): name, **dict(zip(columns, values, strict=True))}
            for name, values in {
                "this explanation": [f"{found[key]:.2f}" for key in ("deletion", "insertion")],
                f"{found['heuristic']}, no network": [
                    f"{found[key]:.2f}" for key in ("heuristic_deletion", "heuristic_insertion")
                ],
                f"random, {found['orders']} orders": [spread, spread],
            }.items()
        ]
    )


def word(row: dict[str, Any]) -> str:
    """What the test came to, in a word or two; '' where there was none."""
    found = row.get("faithfulness")
    return "" if not found else _("faithful here") if found["faithful"] else _("not faithful here")


def _sooner(beats: bool, others: str) -> str:
    return (
        _(" sooner than {others} do", others=others)
        if beats
        else _(" no sooner than {others} do, or by too little to tell", others=others)
    )


def words_of(found: recorded.Finished, text: str) -> None:
    """Which words of somebody's text decided."""
    with st.spinner(_("Looking at what mattered …")):
        (row,) = ask.about_text(found, text, "explain")["rows"]
        tinted(row)


def _ask(found: recorded.Finished, file: str, method: str | None) -> tuple[bytes | None, dict[str, Any]]:
    recipe = found.recipe
    if original := recorded.original(found, file):
        return _answer(found.run.address, found.finished, str(original), None, method)
    return _answer(found.run.address, found.finished, recipe.test or recipe.data, file, method)


@functools.lru_cache(maxsize=64)
def _answer(
    run: str,
    stamp: float,  # noqa: ARG001  (a run made anew)
    data: str,
    example: str | None,
    method: str | None,
) -> tuple[bytes | None, dict[str, Any]]:
    """The picture (PNG) where one was drawn, and what is to be said. Raises InputError and client.ServerFailed."""
    out = paths.uploads() / f"explain-{runs.new_id()}"
    try:
        asked = {"verb": "explain", "run": run, "data": data, "out": str(out)}
        (row,) = client.ask(asked | {"example": example, "method": method})["rows"]
        return (Path(row["picture"]).read_bytes() if "picture" in row else None), row
    finally:
        shutil.rmtree(out, ignore_errors=True)


def _how(row: dict[str, Any]) -> str:
    if "completeness_error" not in row:
        return str(row["method"])
    error = words.metric("accuracy", row["completeness_error"])
    return _(
        "{method}, {steps} steps, completeness error {error}", method=row["method"], steps=row["steps"], error=error
    )
