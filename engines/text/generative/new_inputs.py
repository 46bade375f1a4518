"""New questions and sentences for a trained model: a table, or a text file with one a line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from engines import paths
from engines.contract import InputError, Problem, Skipped
from engines.messages import _
from engines.text.generative.conversations import asked_in
from engines.text.unlabelled import ACCEPTED, MOST_TEXTS, Unlabelled, open_unlabelled


def questions(data: Path, columns: Mapping[str, str]) -> Unlabelled:
    """The questions, or sentences, in `data`.

    `columns` are those that the model learnt from, by what they were for: a table that has them is read as its own was,
    of another the column is read that looks most like running text. Raises InputError when there is not one question.
    """
    asks = next((columns[role] for role in ("messages", "prompt", "source") if role in columns), None)
    found = open_unlabelled(data, paths.work(data), text_column=asks, behind=columns.get("context"), most=MOST_TEXTS)
    if "messages" not in columns or found.column is None or found.column.casefold() != columns["messages"].casefold():
        return found
    texts, skipped = [], list(found.skipped)
    for name, cell in found.texts:
        try:
            texts.append((name, asked_in(cell)))
        except ValueError as error:
            skipped.append(Skipped(name, str(error)))
    if not texts:
        raise InputError(Problem(data.name, _("no question in its column '{column}'", column=found.column), ACCEPTED))
    return replace(found, texts=texts, skipped=skipped)
