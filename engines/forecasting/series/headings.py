"""Where a table begins: lines of title above its headings are left out, and said."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path

from engines.data.delimited import SEPARATORS
from engines.data.encodings import beginning, encoding_of
from engines.data.row_sampling import Source
from engines.forecasting.series.coded_dates import NUMBER
from engines.forecasting.series.column import look
from engines.forecasting.series.dates import take_apart
from engines.forecasting.series.numbers import number
from engines.messages import _

MOST_ABOVE = 12
"""Lines of title."""
LOOKED_AT = 60
CHARACTERS = 1 << 16
ALIKE = 0.8
FEWEST_BELOW = 4


def lines_above(path: Path) -> int:
    """Lines of title above the headings of delimited text: those before the first with as many cells as nearly all
    lines below have; 0 where it begins at once."""
    lines = beginning(path, encoding_of(path)[0], CHARACTERS).splitlines()[:LOOKED_AT]
    found = [(usual, above) for separator in SEPARATORS for usual, above in [_above(lines, separator)] if usual]
    return 0 if any(above == 0 for _, above in found) else max(found, default=(0, 0))[1]


def _above(lines: list[str], separator: str) -> tuple[int, int]:
    """How many cells the table has with this separator, and how many lines stand above it; (0, 0) for no table."""
    widths = [len(next(csv.reader([line], delimiter=separator), [])) for line in lines]
    wide = [width for width in widths if width > 1]
    usual = Counter(wide).most_common(1)[0][0] if wide else 0
    if usual not in widths[: MOST_ABOVE + 1]:
        return 0, 0
    first = widths.index(usual)
    below = [width for width in widths[first:] if width]
    alike = sum(width == usual for width in below)
    found = len(below) > FEWEST_BELOW and alike >= ALIKE * len(below) and max(widths[:first], default=0) < usual
    return (usual, first) if found else (0, 0)


def from_headings(source: Source) -> Source:
    """The same rows from the headings on, where rows of title stand above them."""
    first = list(islice(source.rows, LOOKED_AT))
    rows = [list(source.columns), *(cells for _, cells in first)]
    unnamed = source.columns == [f"column_{n}" for n in range(1, len(source.columns) + 1)]
    if together := _in_three_lines(rows[unnamed:]):
        source.notes[:] = [note for note in source.notes if " is no header" not in note]
        source.notes.append(_("The headings stand in three lines, as pandas writes them: they are read together."))
        return replace(source, columns=together, rows=chain(first[2 + unnamed :], source.rows))
    place = _headings(rows, named=source.columns != [f"column_{n}" for n in range(1, len(source.columns) + 1)])
    if place == 0:
        return replace(source, rows=chain(first, source.rows))
    source.notes[:] = [note for note in source.notes if " is no header" not in note]
    above = [cell for row in rows[0 if source.columns == rows[0] else 1 : place] for cell in row if cell.strip()]
    above = [cell for cell in above if not cell.startswith("column_")]
    if above:
        shown = "; ".join(above[:3])[:80]
        source.notes.append(_("Above the headings stands '{shown}': it is left out.", shown=shown))
    return replace(source, columns=[cell.strip() for cell in rows[place]], rows=chain(first[place:], source.rows))


def _in_three_lines(rows: list[list[str]]) -> list[str]:
    """The headings where a line names what is measured, the next of whom, and a third what each row is, as pandas
    writes columns of two levels; none where they do not stand so."""
    if len(rows) < 4 or len(rows[0]) < 2 or any(len(row) != len(rows[0]) for row in rows[:4]):
        return []
    (_, *what), (_, *whom), (row, *rest) = ([cell.strip() for cell in row] for row in rows[:3])
    words = [*what, *whom]
    if not all(words) or not row or any(rest) or any(number(word, ".") is not None for word in words):
        return []
    if sum(number(cell, ".") is not None for cell in rows[3][1:]) < len(what):
        return []
    names = what if len(set(whom)) == 1 else [f"{one} {other}" for one, other in zip(whom, what, strict=True)]
    return [row, *names] if len(set(names)) == len(names) else []


def _headings(rows: list[list[str]], named: bool) -> int:
    """Which row holds the headings: 0 for the one that was taken for them."""
    widths = [sum(bool(cell.strip()) for cell in row) for row in rows]
    body = sorted(width for width in widths[1:] if width)
    usual = body[len(body) // 2] if body else 0
    enough = max(2, usual - 1)
    if usual < 2 or (named and widths[0] >= enough):
        return 0
    for place, row in enumerate(rows[: MOST_ABOVE + 1]):
        if place == 0 or widths[place] < enough:
            continue
        if _dates(row) or _counts(row) or (len(body) >= FEWEST_BELOW and _only_words(row)):
            return place
    return 0


def _only_words(row: Sequence[str]) -> bool:
    cells = [cell.strip() for cell in row if cell.strip()]
    return len(set(cells)) == len(cells) and all(number(c, ".") is None and take_apart(c) is None for c in cells)


def _dates(row: Sequence[str]) -> bool:
    """Whether dates stand side by side in it, behind the heading of what each row is."""
    cells = [cell.strip() for cell in row if cell.strip()]
    dated = [cell for cell in cells if take_apart(cell) is not None or NUMBER.fullmatch(cell)]
    return (
        len(set(dated)) >= 3 and cells[0] not in dated and len(set(cells)) == len(cells) and look("date", dated).is_date
    )


def _counts(row: Sequence[str]) -> bool:
    """Whether it counts the months 1 to 12 (or weeks) side by side, behind the heading of what each row is."""
    cells = [cell.strip() for cell in row if cell.strip()]
    numbers = [int(cell) for cell in cells if cell.isdecimal()]
    return len(numbers) in {12, 52, 53} and numbers == list(range(1, len(numbers) + 1)) and not cells[0].isdecimal()
