"""Home: two networks to ask, what Headstart is and for whom, the five steps, the domains, and recent runs."""

import streamlit as st

from engines import registry
from engines.messages import _, told
from ui.home import live, moving, tour
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
FACTS = (
    (":material/groups:", _("**For whom**"), _("Anyone with data and a question, a class in a workshop, an engineer.")),
    (":material/wifi_off:", _("**Offline and free**"), _("Open source. Once set up it calls nobody.")),
    (":material/lock:", _("**Your data stay here**"), _("On the machine that runs it, under a link only you know.")),
    (
        ":material/timer:",
        _("**Minutes, not days**"),
        _("The recorded samples took 14 seconds to 9 minutes on two cores."),
    ),
)


def facts() -> None:
    with st.grid(min_column_width=210):
        for icon, title, text in told(FACTS):
            st.markdown(f"{icon} {title}  \n{text}")


def idea() -> None:
    with st.container(border=True):
        drawing.draw(drawing.idea(), key="idea")
        st.markdown(
            _(
                "A network that learnt a big task already knows edges, shapes, words or sounds. **Transfer "
                "learning** keeps :blue[■ what it knows] and lets :orange[■ a small part] learn your task. "
                "Headstart trains :gray[■ the same network from scratch] on the same data, so that you see what "
                "that was worth."
            )
        )
        with st.container(horizontal=True):
            _further("story", _("The whole story, with what was measured"), ":material/menu_book:")
            _further("kinds", _("Much data or little, labels or none: which kind is yours?"), ":material/map:")
            _further("glossary", _("What the words mean"), ":material/dictionary:")


def _further(name: str, label: str, icon: str) -> None:
    if (page := known.further(name)) is not None:
        st.page_link(page, label=label, icon=icon)


def steps() -> None:
    for number, (column, (name, text)) in enumerate(zip(st.columns(5), told(STEPS), strict=True), 1):
        column.markdown(f"**:orange[{number}] {name}**  \n{text}")


def domains() -> None:
    with st.grid(min_column_width=190):
        for name, info in known.domains().items():
            with st.container(height="stretch", key=f"domain_{name}"):
                moving.show(name)
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
    tour.show()
    live.show()
    facts()
    idea()
    steps()
    st.subheader(_("Pick a domain"), anchor=False)
    domains()
    st.subheader(_("This browser's recent runs"), anchor=False)
    recent()
