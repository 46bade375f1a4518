"""What the columns of a table are like: running text, classes, numbers, chats."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from engines.contract import Json
from engines.data.class_names import clean
from engines.data.missing import is_missing
from engines.data.tables import Table
from engines.text.column_names import LABELS, TEXTS

LOOKED_AT = 2_000
"""Rows by which columns are judged."""


@dataclass(frozen=True)
class Look:
    """What a column's values are like."""

    name: str
    key: str
    """The name as names are compared: small letters, underscores, the last part of a.b."""
    filled: int
    distinct: int
    words: float
    """On average, over filled cells."""
    numeric: float
    """Share of filled cells."""
    measured: float
    """Share of filled cells that are numbers with decimals."""
    chats: float
    """Share of filled cells that are JSON lists of messages."""
    nested: float
    """Share of filled cells that are other JSON: objects, and lists of them."""

    @property
    def fresh(self) -> float:
        """Share of filled cells that no other cell repeats, or nearly so."""
        return self.distinct / max(self.filled, 1)

    @property
    def is_identifier(self) -> bool:
        """Whether each cell is a word of its own."""
        return self.words < 1.2 and self.fresh > 0.9

    @property
    def text_score(self) -> float:
        """How much it looks like running text; above 0 for anything that may be one."""
        if not self.filled or self.numeric > 0.9 or self.nested > 0.5:
            return 0.0
        named = 3.0 if self.key in TEXTS else 0.0
        return (named + min(self.words, 30) ** 0.5) * (0.2 + self.fresh) * (0.5 if self.is_identifier else 1.0)

    def label_score(self, n_rows: int) -> float:
        """How much it looks like classes; above 0 for anything that may be."""
        if self.distinct < 2:
            return 0.0
        named = 6.0 - 0.1 * LABELS.index(self.key) if self.key in LABELS else 0.0
        repeats = self.filled / self.distinct
        plain = 1 / (1 + self.words) + min(repeats, 50) / 50 + (2.0 if self.distinct <= 20 else 0.0)
        return (named + plain) * self.filled / max(n_rows, 1) * (0.2 if self.measured > 0.5 or repeats < 2 else 1.0)


def look_at(table: Table) -> list[Look]:
    """Every column, by at most LOOKED_AT of its rows, spread over the table."""
    step = max(1, len(table.rows) // LOOKED_AT)
    rows = table.rows[::step]
    return [_look(name, [row[index] for row in rows]) for index, name in enumerate(table.columns)]


def _look(name: str, cells: list[str]) -> Look:
    filled = [cell.strip() for cell in cells if not is_missing(cell)]
    n = max(len(filled), 1)
    numbers = [cell for cell in filled if re.fullmatch(r"[-+]?[\d.,]*\d[\d.,]*(e[-+]?\d+)?%?", cell, re.IGNORECASE)]
    return Look(
        name=name,
        key=re.sub(r"[\s\-]+", "_", name.rsplit(".", 1)[-1].strip().casefold()),
        filled=len(filled),
        distinct=len({clean(cell) if len(cell) < 200 else cell for cell in filled}),
        words=sum(_words(cell) for cell in filled) / n,
        numeric=len(numbers) / n,
        measured=sum(re.search(r"[.,]\d*[1-9]", cell) is not None for cell in numbers) / n,
        chats=sum(map(_is_chat, filled[:100])) / min(n, 100),
        nested=sum(_is_nested(cell) and not _is_chat(cell) for cell in filled[:100]) / min(n, 100),
    )


def _words(cell: str) -> float:
    """Words; scripts that write no spaces count two letters as one."""
    return (
        len(cell.split()) + sum("\u2e80" <= letter <= "\u9fff" or "\u0e00" <= letter <= "\u0eff" for letter in cell) / 2
    )


def _is_chat(cell: str) -> bool:
    value = _json_of(cell)
    if isinstance(value, dict):
        value = next((entry for entry in value.values() if isinstance(entry, list)), None)
    if not isinstance(value, list) or not value or not isinstance(value[0], dict):
        return False
    return bool(value[0].keys() & {"role", "from"}) and bool(value[0].keys() & {"content", "value"})


def _is_nested(cell: str) -> bool:
    value = _json_of(cell)
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(each, dict | list) for each in value))


def _json_of(cell: str) -> Json:
    if not cell.startswith(("[", "{")):
        return None
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        return None
