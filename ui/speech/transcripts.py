"""What was said and what was heard: replaced, left out and invented words, each by colour and by shape."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from engines.messages import _, told

Step = Sequence[str]
"""(kind, said, heard): kind is 'equal', 'substitute', 'delete' or 'insert'."""

WRONG = "#C0392B"
INVENTED = "#8A6FA8"
STYLES = {
    "substitute": _("border-bottom:2px solid {wrong};padding:0 .1em", wrong=WRONG),
    "delete": _("text-decoration:line-through {wrong} 2px;opacity:.65", wrong=WRONG),
    "insert": f"border:1px dashed {INVENTED};border-radius:.25rem;padding:0 .2em",
}
LEGEND = _(
    '<span style="{substitute}">heard</span> <s style="opacity:.6">said</s> heard as '
    'another word · <span style="{delete}">said</span> left out · <span '
    'style="{insert}">heard</span> invented',
    substitute=STYLES["substitute"],
    delete=STYLES["delete"],
    insert=STYLES["insert"],
)


def legend() -> None:
    st.html(f'<div style="font-size:.85rem;opacity:.85">{told(LEGEND)}</div>')


def line(steps: Sequence[Step], mark: str, colour: str) -> str:
    """One transcript as HTML: what was heard, with its errors. `mark` says whose it is."""
    label = f'<span style="color:{colour}">■</span> <span style="opacity:.7;font-size:.85em">{escape(mark)}</span><br>'
    words = " ".join(_word(kind, said, heard) for kind, said, heard in steps)
    return f'<div style="margin:.15rem 0 .4rem;line-height:1.7">{label}{words}</div>'


def lines(rows: Sequence[tuple[Sequence[Step], str, str]]) -> None:
    """Several transcripts of one clip, one below the other: (steps, mark, colour)."""
    st.html("".join(line(*row) for row in rows))


def _word(kind: str, said: str, heard: str) -> str:
    if kind == "equal":
        return escape(heard)
    if kind == "substitute":
        title = _("said: {escape}", escape=escape(said))
        return (
            f'<span style="{told(STYLES)[kind]}" title="{title}">{escape(heard)}</span> '
            f'<s style="opacity:.6">{escape(said)}</s>'
        )
    return f'<span style="{told(STYLES)[kind]}">{escape(said or heard)}</span>'
