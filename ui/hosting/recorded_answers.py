"""A host that only shows recorded runs: what it is, and a model's recorded answers in the place of a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from engines.hosting import limits
from engines.jobs import showcase
from engines.messages import _
from ui.page import errors, recorded, words

OFFERED = 12
LONGEST = 90
"""Characters of an example in the list."""
TEXTS = ("text", "question")


def banner() -> None:
    """On every page."""
    st.container(key="showcase").caption(
        _(
            ":material/museum: **This host shows recorded runs:** nothing can be trained or brought here. For that, "
            "have the whole app on a machine of your own: copy the project there and say `make run`."
        )
    )


def nothing_can_be_brought() -> bool:
    """Whether this host only shows recorded runs; says so, in the place of what brings data."""
    if not limits.showcase():
        return False
    errors.say(showcase.refusal())
    return True


def show(found: recorded.Finished, draw: Callable[[dict[str, Any], int], None]) -> None:
    """Some test examples to choose from, and what the model said of each when it was tested; classes by `draw`."""

    @st.fragment
    def answers() -> None:
        rows = [row for row in recorded.rows(found.run.path / "predictions.parquet", found.finished) if _told(row)]
        if not rows:
            st.caption(_("No answers were recorded."))
            return
        spread = rows[:: max(1, len(rows) // OFFERED)][:OFFERED]
        st.caption(_("The model itself is not on this host. These are answers that it gave when it was tested."))
        number = st.selectbox(
            _("One of the test"), range(len(spread)), format_func=lambda i: _name(spread[i]), key="recorded_answer"
        )
        _answer(found, spread[number or 0], draw)

    answers()


def _told(row: Mapping[str, Any]) -> bool:
    return row.get("predicted") is not None


def _name(row: Mapping[str, Any]) -> str:
    text = next((str(row[column]) for column in TEXTS if row.get(column)), str(row["file"]))
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _answer(found: recorded.Finished, row: Mapping[str, Any], draw: Callable[[dict[str, Any], int], None]) -> None:
    for column, player in (("thumbnail", st.image), ("sound", st.audio)):
        if file := found.run.file(row.get(column)):
            player(str(file))
    before = row.get("before", row.get("base_predicted"))
    if isinstance(before, str):
        st.markdown(_(":blue[■] **before**: {said}", said=words.plain(before)))
    st.markdown(_(":orange[■] **it said**: {said}", said=words.plain(str(row["predicted"]))))
    if row.get("label"):
        st.markdown(_("**in the data**: {label}", label=words.plain(str(row["label"]))))
    classes = {name.removeprefix("p_"): float(p) for name, p in row.items() if name.startswith("p_") and p is not None}
    if classes:
        draw({"label": row["predicted"], "probabilities": classes}, 0)
