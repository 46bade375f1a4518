"""Which part of a test example decided, asked of the model of a finished run."""

from __future__ import annotations

import functools
import shutil
from pathlib import Path
from typing import Any

import streamlit as st

from engines import places, registry, runs
from engines.jobs import serving
from ui import errors, recorded, text_cards, try_it, words

METHODS = {
    "vision": {"": "Automatic", "grad-cam": "Grad-CAM", "integrated-gradients": "Integrated gradients"},
}
"""By domain, where there is a choice."""
ASKS = {"vision": "Where did it look?"}
HELP = (
    "Grad-CAM shows where the last block of a convolutional network found what speaks for the class. Integrated "
    "gradients share the answer out among the pixels, for any network; their completeness error says how well the "
    "shares add up."
)


def choose(found: recorded.Finished, rows: list[dict[str, Any]], key: str) -> None:
    """One of these test examples {file, label, predicted, …} to look into, and how. Nothing where no model is kept."""
    if not (found.run.path / "model").is_dir():
        return
    if found.result.details.get("folds"):
        st.caption("The model that is kept is asked. It has learnt from all of these, so it may answer otherwise.")
    said = {str(row["file"]): f"{row['file']} · says {row['predicted']}, is {row['label']}" for row in rows}
    domain = registry.task(found.recipe.task).info.domain
    methods = METHODS.get(domain, {"": "Automatic"})
    first, second = st.columns(2)
    file = first.selectbox(
        ASKS.get(domain, "Which words decided?"),
        list(said),
        index=None,
        placeholder="choose an example",
        format_func=lambda name: said[name],
        key=key,
    )
    method: str | None = ""
    if len(methods) > 1:
        method = second.segmented_control(
            "How to find out", list(methods), default="", format_func=methods.__getitem__, help=HELP,
            key="explain_how", required=True,
        )  # fmt: skip
    if file is None:
        return
    with errors.calm("The model could not be asked."), st.spinner("Looking at what mattered …"):
        picture, row = _ask(found, file, method or None)
        if picture:
            st.image(picture, width=320)
            st.caption(f"Orange spoke for **{words.plain(str(row['label']))}** · {_how(row)}")
        else:
            tinted(row)


def tinted(row: dict[str, Any]) -> None:
    """A text's words, coloured by what they added to the answer."""
    text_cards.words(row["tokens"], row["scores"])
    st.caption(f"Orange spoke for **{words.plain(str(row['label']))}**, blue (dotted) against it · {_how(row)}")


def words_of(found: recorded.Finished, text: str) -> None:
    """Which words of somebody's text decided."""
    with st.spinner("Looking at what mattered …"):
        (row,) = try_it.asked_about_text(found, text, "explain")["rows"]
        tinted(row)


def _ask(found: recorded.Finished, file: str, method: str | None) -> tuple[bytes | None, dict[str, Any]]:
    recipe = found.recipe
    if original := recorded.original(found, file):
        return _answer(found.run.path, found.finished, str(original), None, method)
    return _answer(found.run.path, found.finished, recipe.test or recipe.data, file, method)


@functools.lru_cache(maxsize=64)
def _answer(
    run: Path,
    stamp: float,  # noqa: ARG001  (a run made anew)
    data: str,
    example: str | None,
    method: str | None,
) -> tuple[bytes | None, dict[str, Any]]:
    """The picture (PNG) where one was drawn, and what is to be said. Raises InputError and serving.ServerFailed."""
    out = places.uploads() / f"explain-{runs.new_id()}"
    try:
        asked = {"verb": "explain", "run": str(run), "data": data, "out": str(out)}
        (row,) = serving.ask(asked | {"example": example, "method": method})["rows"]
        return (Path(row["picture"]).read_bytes() if "picture" in row else None), row
    finally:
        shutil.rmtree(out, ignore_errors=True)


def _how(row: dict[str, Any]) -> str:
    if "completeness_error" not in row:
        return str(row["method"])
    error = words.metric("accuracy", row["completeness_error"])
    return f"{row['method']}, {row['steps']} steps, completeness error {error}"
