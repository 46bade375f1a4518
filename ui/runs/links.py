"""The two links of a run: its own, which may do everything, and one that only shows it."""

from __future__ import annotations

import io

import streamlit as st

from engines import shown_ids
from engines.messages import _
from engines.runs import RunFolder
from ui.page import recorded


def show(run: RunFolder) -> None:
    """Folded away below a run's page: both links of one's own run. Nothing where there is no other one to give away."""
    if recorded.is_own(run):
        with st.expander(_("Links to this run"), icon=":material/share:", key="links"):
            both(run)


def both(run: RunFolder) -> None:
    """Each with what it is for; nothing where the address of this page is not known."""
    if not (mine := _of(run, run.id)):
        return
    st.markdown(_("**Link to show others** (only reads)"))
    others = _of(run, shown_ids.publish(run.path.name))
    st.code(others, language=None, wrap_lines=True)
    st.caption(
        _(
            "Whoever has it sees the progress, the result with its examples and the report, and may try the model. "
            "They can't cancel, delete, relabel, train again or take the model."
        )
    )
    if st.toggle(_("As a picture for a phone"), key=f"qr_{run.id}", help=_("A QR code of the link to show others.")):
        st.image(picture(others), width=220)
    st.markdown(_("**Link for me** (can delete)"))
    st.code(mine, language=None, wrap_lines=True)
    st.caption(_("Whoever has it can do with this run and its data what you can: keep it to yourself."))


def picture(address: str) -> str:
    """SVG of the QR code of an address: dark on light with its margin, whatever the page's colours."""
    import segno

    drawn = io.BytesIO()
    segno.make(address, error="m", micro=False).save(drawn, kind="svg", scale=6, light="white", xmldecl=False)
    return drawn.getvalue().decode()


def told(run: RunFolder) -> None:
    """A line above a run that one is only shown."""
    if run.only_shown:
        st.caption(
            _(
                ":material/visibility: You are shown this run: look at it and try its model. Only whoever has its own "
                "link can change it or take its model."
            )
        )


def _of(run: RunFolder, run_id: str) -> str:
    """The address of the run's page under that id; empty where the address of this page is not known."""
    here = st.context.url
    if not here:
        return ""
    home, domain = here.partition("?")[0].rstrip("/").rpartition("/")[0], run.recipe.task.split(".")[0]
    return f"{home}/{domain}?run={run_id}"
