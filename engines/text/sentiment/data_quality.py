"""What there is to say about somebody's texts, in the words of `engines.data.labelled`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from engines.data.labelled import Kind
from engines.data.tables import Table
from engines.messages import _
from engines.text.rejected import about_rejected

ACCEPTED = _("accepted: a table (CSV, TSV, JSONL, Parquet, XLSX) with a column of texts and a column of classes")
FEWEST_TEXTS = 8
TEXTS = Kind(
    "text",
    "texts",
    ACCEPTED,
    copies=_("Repeats of another text (capital letters, spaces and punctuation do not count)"),
    twin="text",
    fewest=FEWEST_TEXTS,
)
HTML = re.compile(r"<(br|p|div|b|i|a|span|li)\b[^>]*>|&(amp|lt|gt|quot|nbsp|#\d+);", re.IGNORECASE)
STARS = {"stars", "star_rating", "rating", "ratings", "score", "overall"}
"""What columns of grades are called."""


def about_columns(table: Table, roles: Mapping[str, str]) -> list[str]:
    """What is to be known of a table's columns: rejected rows, texts with HTML in them, classes that are grades."""
    others = {name: table.column(name) for name in table.columns if name not in roles.values()}
    notes = about_rejected(others)
    texts = table.column(roles["text"])
    if marked := sum(HTML.search(text) is not None for text in texts):
        notes.append(_("{marked:,} of the texts hold HTML such as <br />: it is read as it stands.", marked=marked))
    grades = {cell.strip() for cell in table.column(roles["label"])}
    if roles["label"].casefold() in STARS and len(grades) > 3 and all(map(str.isdecimal, grades)):
        column = roles["label"]
        notes.append(
            _(
                "'{column}' holds grades: each is a class of its own, and a near miss counts as any other.",
                column=column,
            )
        )
    return notes
