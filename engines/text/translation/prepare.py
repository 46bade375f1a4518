"""Sentence pairs out of somebody's table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engines.data.labelled import Kind
from engines.data.tables import Table
from engines.messages import _
from engines.text.columns import Guess
from engines.text.generative.conversations import Rows, of_pairs
from engines.text.generative.prepare import Way
from engines.text.generative.settings import TranslationSettings
from engines.text.pair_columns import PAIRS_ACCEPTED, guess_pairs
from engines.text.table_reading import PartTable
from engines.text.translation.parallel_files import read_pairs

KIND = Kind(_("sentence pair"), _("sentence pairs"), PAIRS_ACCEPTED, copies=_("Copies"), twin="sentence")


def _guess(table: Table, asked: Mapping[str, Any]) -> Guess:
    return guess_pairs(table, **asked)


def _rows(part: PartTable, guess: Guess, _: TranslationSettings) -> Rows:
    return of_pairs(part, guess)


WAY = Way(KIND, {"source": "sentences", "target": "translations"}, _guess, _rows, read_pairs)
"""Two columns, or two files with a sentence a line."""
