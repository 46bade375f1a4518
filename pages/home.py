"""Home: what transfer learning is, the five steps, the domains, and this browser's recent runs."""

import streamlit as st

from engines import registry
from ui.page import domains as known
from ui.page import errors, frame
from ui.runs import list
from ui.widgets import drawing

STEPS = (
    ("Data", "Bring your own, or take a sample. It is checked and shown before anything trains."),
    ("Model", "Pick a network that others trained on a big task."),
    ("Strategy", "Choose how much of it should learn, and how much stays as it came."),
    ("Train", "Watch it learn. Close the page if you like: it goes on."),
    ("Result", "See what the transfer was worth, with its interval, and take the model home."),
)


def idea() -> None:
    with st.container(border=True):
        drawing.draw(drawing.idea(), key="idea")
        st.markdown(
            "A network that learnt a big task already knows edges, shapes, words or sounds. **Transfer learning** "
            "keeps :blue[■ what it knows] and lets :orange[■ a small part] learn your task. Headstart trains "
            ":gray[■ the same network from scratch] on the same data, so that you see what the head start was worth."
        )


def kinds() -> None:
    if (page := known.further("kinds")) is not None:
        st.page_link(
            page, label="Much data or little, labels or none: which kind of transfer is yours?", icon=":material/map:"
        )


def steps() -> None:
    for number, (column, (name, text)) in enumerate(zip(st.columns(5), STEPS, strict=True), 1):
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
            label = registry.task(task).info.title if len(tasks) > 1 else "Open"
            query = {"task": task} if len(tasks) > 1 else None
            st.page_link(known.page(domain), label=label, icon=":material/arrow_forward:", query_params=query)


@st.fragment
def recent() -> None:
    with errors.calm("The list of runs could not be drawn."):
        list.recent(limit=5)


with frame.page("Headstart", "Start from what a network already knows, and see what that is worth on your data."):
    idea()
    kinds()
    steps()
    st.subheader("Pick a domain", anchor=False)
    domains()
    st.subheader("This browser's recent runs", anchor=False)
    recent()
