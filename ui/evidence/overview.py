"""The whole of the page Evidence, below its title."""

from __future__ import annotations

import streamlit as st

from engines import messages, registry
from engines.messages import _, _n
from engines.reporting import collected
from ui.evidence import foreseen, forest
from ui.evidence.gathered import Gathered, gather
from ui.page import local_storage


def show() -> None:
    """Everything that this browser's runs have shown. Runs in a fragment: the browser answers which they are."""
    place = st.container()
    ids = local_storage.recent()
    with place:
        if ids is None:
            st.skeleton(300)
            return
        _shown(gather(ids))


def _shown(found: Gathered) -> None:
    if found.recorded:
        st.info(
            _(
                "None of this browser's runs was compared with anything yet. These runs were **recorded with "
                "Headstart**; they stand here to show what evidence looks like."
            ),
            icon=":material/history:",
        )
    st.markdown(told(found))
    if not all(line.of_training for line in found.lines):
        st.caption(messages.told(forest.NETWORKS))
    for domain in registry.domains():
        if lines := found.of(domain):
            forest.show(domain, lines)
    st.subheader(_("Said before, and what came"), anchor=False)
    foreseen.forecasts(found.runs)
    foreseen.costs(found.runs)


def told(found: Gathered) -> str:
    """How often each word was said: '3 comparisons of ways to train: 1 pays, 2 undecided. 4 pairs of networks.'"""
    spread = collected.spread(found.lines)
    networks = spread.pop("two networks")
    said = ", ".join(f"{n} {messages.told(forest.MARKS)[word][2]}" for word, n in spread.items() if n) or _("none yet")
    pairs = _n("{n:,} pair", "{n:,} pairs", networks)
    if not sum(spread.values()):
        return _("**No ways of training were compared over several seeds yet.** {pairs} of networks.", pairs=pairs)
    never = [messages.told(forest.MARKS)[word][2] for word, n in spread.items() if not n]
    missing = _(" Never said: {never}.", never=", ".join(never)) if never else ""
    ways = _n("{n:,} comparison", "{n:,} comparisons", sum(spread.values()))
    return _(
        "**{ways} of ways to train**: {said}. **{pairs} of networks**.{missing}",
        ways=ways,
        said=said,
        pairs=pairs,
        missing=missing,
    )
