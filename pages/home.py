"""Home: what transfer learning is, the five steps, the domains, and this browser's recent runs."""

import streamlit as st

from engines import registry
from engines.messages import _, told
from ui.page import domains as known
from ui.page import errors, frame
from ui.runs import list
from ui.widgets import drawing

STEPS = (
    (_("Data"), _("Bring your own, or take a sample. It is checked and shown before anything trains.")),
    (_("Model"), _("Pick a network that others trained on a big task.")),
    (_("Strategy"), _("Choose how much of it should learn, and how much stays as it came.")),
    (_("Train"), _("Watch it learn. Close the page if you like: it goes on.")),
    (_("Result"), _("See what the transfer was worth, with its interval, and take the model home.")),
)


def idea() -> None:
    with st.container(border=True):
        drawing.draw(drawing.idea(), key="idea")
        st.markdown(
            _(
                "A network that learnt a big task already knows edges, shapes, words or sounds. **Transfer "
                "learning** keeps :blue[■ what it knows] and lets :orange[■ a small part] learn your task. "
                "Headstart trains :gray[■ the same network from scratch] on the same data, so that you see what "
                "the head start was worth."
            )
        )


def kinds() -> None:
    if (page := known.further("kinds")) is not None:
        st.page_link(
            page,
            label=_("Much data or little, labels or none: which kind of transfer is yours?"),
            icon=":material/map:",
        )


def steps() -> None:
    for number, (column, (name, text)) in enumerate(zip(st.columns(5), told(STEPS), strict=True), 1):
        column.markdown(f"**:orange[{number}] {name}**  \n{text}")


def domains() -> None:
    with st.grid(min_column_width=190):
        for name, info in known.domains().items():
            with st.container(border=True, height="stretch"):
                st.markdown(f"{info.icon} **{info.title}**  \n{info.does}")
                _links(name)


def _links(domain: str) -> None:
    """One link a task, so that each is a click away."""
    tasks = registry.names(domain)
    with st.container(horizontal=True, gap="xxsmall"):
        for task in tasks:
            label = registry.task(task).info.title if len(tasks) > 1 else _("Open")
            query = {"task": task} if len(tasks) > 1 else None
            st.page_link(known.page(domain), label=label, icon=":material/arrow_forward:", query_params=query)


@st.fragment
def recent() -> None:
    with errors.calm(_("The list of runs could not be drawn.")):
        list.recent(limit=5)


with frame.page(_("Headstart"), _("Start from what a network already knows, and see what that is worth on your data.")):
    idea()
    kinds()
    steps()
    st.subheader(_("Pick a domain"), anchor=False)
    domains()
    st.subheader(_("This browser's recent runs"), anchor=False)
    recent()
