"""The whole of the page Kinds of transfer, below its title."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from engines import registry
from engines.evidence.kind import Kind
from engines.messages import _, told
from ui.kinds import drawing, placing, samples, shots
from ui.kinds.meanings import MEANINGS
from ui.kinds.placing import Standing, Standings
from ui.page import domains, frame, local_storage, words
from ui.widgets import drawing as pictures
from ui.widgets import plots

CHOSEN = "kind"
"""In the address: which kind is looked at."""
SOURCE = _(
    "After Pan and Yang, *A survey on transfer learning* (2010). A **domain** is what the examples are like, a "
    "**task** what is asked of them. The kind follows from what differs between source and target, and which "
    "labels are at hand."
)


def show() -> None:
    """The map, the kind that is looked at, and the plot of labels. Runs in a fragment: the browser answers which runs
    it knows."""
    place = st.container()
    ids = local_storage.recent()
    with place:
        if ids is None:
            st.skeleton(460)
        else:
            _map(placing.gather(ids))
        shots.show()


def _map(found: Standings) -> None:
    chosen = _chosen(found)
    with st.container(border=True, key="kinds_map"):
        st.caption(told(SOURCE))
        counts: dict[Kind, int] = {name: len(found.of(name)) for name in MEANINGS}
        pressed = pictures.draw(drawing.themap(counts, chosen, own=not found.recorded), key="map_of_transfer")
        whose = (
            _(":blue[●] runs recorded with Headstart; yours take their place once there are any.")
            if found.recorded
            else _(":orange[●] this browser's runs, placed by their data.")
        )
        st.caption(_("{whose} Press a kind to see what it means and to try it.", whose=whose))
    if pressed is not None and drawing.ORDER[pressed] != chosen:
        st.query_params[CHOSEN] = drawing.ORDER[pressed]
        st.rerun(scope="fragment")
    left, right = st.columns([5, 4])
    with left:
        _kind(chosen)
    with right:
        _table(found)
    _runs(chosen, found.of(chosen), found.recorded)


def _chosen(found: Standings) -> Kind:
    """The kind in the address, else that of the newest run."""
    asked = st.query_params.get(CHOSEN, "")
    newest = found.runs[0].placed.kind if found.runs else "inductive"
    return next((name for name in MEANINGS if name == asked), newest)


def _kind(name: Kind) -> None:
    meaning = told(MEANINGS)[name]
    with frame.card(meaning.title, key="kind"):
        st.markdown(meaning.text)
        pictures.draw(drawing.pair(meaning), key=f"pair_{name}")
        if meaning.note:
            st.caption(meaning.note)
        samples.show(name)


def _table(found: Standings) -> None:
    """The map in rows, for whoever does not see it."""
    with frame.card(_("The same in a table"), key="kinds_table"):
        plots.rows(
            [
                {
                    _("kind"): meaning.title,
                    _("task"): "none" if name == "none" else _asked(meaning.source[1] == meaning.target[1], name),
                    _("your labels"): meaning.labels,
                    _("runs"): len(found.of(name)),
                }
                for name, meaning in told(MEANINGS).items()
            ]
        )


def _asked(same: bool, name: Kind) -> str:
    if name == "zero-shot":
        return _("same, or new")
    return _("none yet") if name == "unsupervised" else "same" if same else "new"


def _runs(name: Kind, standing: Sequence[Standing], recorded: bool) -> None:
    """The runs of a kind, and why each stands there."""
    title = f"{told(MEANINGS)[name].title}: {'recorded runs' if recorded else 'your runs'}"
    with frame.card(title, key="kind_runs"):
        if not standing:
            st.caption(_("None of these runs is of this kind."))
        for number, one in enumerate(standing):
            _run(one, number)


def _run(one: Standing, number: int) -> None:
    info = registry.task(one.recipe.task).info
    value = f"{info.metric.title} {words.metric(info.metric, one.result.value)}"
    between = words.interval(info.metric, one.result.low, one.result.high)
    with st.container(horizontal=True, vertical_alignment="center", key=f"kind_run_{number}"):
        st.markdown(
            f"**{words.plain(one.title)}** · {registry.domains()[info.domain].title} · {value} ({between})  \n"
            f"{words.plain(one.placed.said)}",
            width="stretch",
        )
        if (page := domains.page_of(one.recipe.task)) is not None:
            query = {"run": one.run, "task": one.recipe.task}
            st.page_link(page, label=_("Open"), icon=":material/arrow_forward:", query_params=query)
