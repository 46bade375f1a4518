"""New questions and sentences for a trained model: a table, or a text file with one a line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engines import places
from engines.contract import InputError
from engines.text.datasets import open_unlabelled

MOST = 1_000
"""Questions that are answered at once: each takes a second or more."""


def questions(data: Path, column: str | None) -> tuple[list[tuple[str, str]], list[dict[str, Any]]]:
    """(where it stands, text) of each question, and {'file', 'error'} of each row that holds none.

    Of a table with several columns it is `column` where the table has one of that name, or else the one that looks
    most like running text. Raises InputError when there is not one question.
    """
    work = places.work(data)
    try:
        found, skipped = open_unlabelled(data, work, text_column=column, most=MOST)
    except InputError:
        if column is None:
            raise
        found, skipped = open_unlabelled(data, work, most=MOST)  # new data need not have the column of the old
    return found, [{"file": each.where, "error": each.reason} for each in skipped]
