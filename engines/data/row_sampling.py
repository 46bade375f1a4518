"""From a stream of rows to a table that fits into memory: sampled when long, uneven rows left out and named."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from engines.contract import InputError, Problem, Skipped
from engines.messages import _, _n

MOST_COLUMNS = 2_000
MOST_CHARACTERS = 256 << 20  # in all kept cells together
MOST_NAMED = 1_000  # skipped rows; further ones are counted
CONTROL = dict.fromkeys([*range(32), 127], " ")


@dataclass
class Table:
    """A table as it stands: every cell is text, every row as long as `columns`."""

    name: str
    """Of the file."""
    columns: list[str]
    """Distinct and not empty; column_1, column_2 … where the file names none."""
    rows: list[list[str]]
    """In the file's order. An empty cell, a null or a NaN of a typed file (Parquet, XLSX, JSON) is ''."""
    positions: list[int]
    """Where each row is: the line at which it starts (CSV, JSONL) or its row in the sheet (XLSX, Parquet), from 1."""
    counted: Literal["line", "row"]
    """What `positions` count."""
    n_rows: int
    """Usable rows in the file. More than len(rows) where only a sample was kept."""
    notes: list[str] = field(default_factory=list)
    """How the file was read, one sentence each: separator, encoding, header, sampling."""
    skipped: list[Skipped] = field(default_factory=list)
    """Rows that could not be used, by line; blank rows are counted in `notes`."""
    sheet: str | None = None
    """The sheet that was read, of a file with several."""
    sheets: list[str] = field(default_factory=list)
    """All of them."""
    guessed_heading: bool = False
    """Whether the first line names the columns, or is a row like the others, was judged by what stands in it alone."""

    def where(self, index: int) -> str:
        """How people find the row `index` of `rows` again: 'line 17', 'row 17'."""
        return f"{self.counted} {self.positions[index]}"

    def column(self, name: str) -> list[str]:
        """The cells of one column, one a row. Raises InputError that lists the known columns."""
        return [row[self.index(name)] for row in self.rows]

    def find(self, name: str) -> int | None:
        """Where the column stands, by its name, or else by its name whatever the case; None where there is none."""
        if name in self.columns:
            return self.columns.index(name)
        folded = [column.casefold() for column in self.columns]
        return folded.index(name.strip().casefold()) if folded.count(name.strip().casefold()) == 1 else None

    def index(self, name: str) -> int:
        """As `find`. Raises InputError where there is none."""
        if (found := self.find(name)) is not None:
            return found
        raise InputError(
            Problem(
                self.name,
                _("it has no column '{name}'", name=name),
                _("its columns are {columns}", columns=listed(self.columns)),
            )
        )


@dataclass
class Source:
    """What one format's reader hands over."""

    columns: list[str]
    """May still grow while rows are read (JSONL); earlier rows then lack the last cells."""
    rows: Iterator[tuple[int, list[str]]]
    """(position, cells). Raises InputError where the file breaks off in a way that nothing good follows."""
    counted: Literal["line", "row"]
    notes: list[str]
    """May still grow while rows are read."""
    skipped: list[Skipped] = field(default_factory=list)
    """May still grow while rows are read."""
    fixed: bool = True
    """Whether a row with another number of cells than the header is a mistake."""
    sheet: str | None = None
    sheets: list[str] = field(default_factory=list)
    """See `Table`."""
    guessed_heading: bool = False


def collect(name: str, source: Source, *, most_rows: int, seed: int, accepted: str) -> Table:
    """The table of `source`: all rows, or `most_rows` drawn evenly from the whole file (Vitter's algorithm R).

    Raises InputError when no row is left or the kept ones hold more than MOST_CHARACTERS.
    """
    draw = random.Random(seed)
    kept: list[tuple[int, list[str]]] = []
    n_rows = n_blank = n_uneven = characters = 0
    width = len(source.columns)
    for position, cells in source.rows:
        if not any(cell and not cell.isspace() for cell in cells):
            n_blank += 1
            continue
        if source.fixed and len(cells) != width:
            del cells[max(width, len(cells) - _trailing_blanks(cells)) :]
            if len(cells) != width:
                n_uneven += 1
                if n_uneven <= MOST_NAMED:
                    source.skipped.append(Skipped(f"{source.counted} {position}", _uneven(len(cells), width)))
                continue
        n_rows += 1
        if len(kept) < most_rows:
            kept.append((position, cells))
        else:
            place = draw.randrange(n_rows)
            if place >= most_rows:
                continue
            characters -= sum(map(len, kept[place][1]))
            kept[place] = (position, cells)
        characters += sum(map(len, cells))
        if characters > MOST_CHARACTERS:
            found = _(
                "its first {n_rows:,} rows hold more than {most_characters:,} characters",
                n_rows=n_rows,
                most_characters=MOST_CHARACTERS,
            )
            raise InputError(Problem(name, found, _("accepted: a smaller table")))
    if n_uneven > MOST_NAMED:
        source.skipped.append(
            Skipped(name, _("has {n_uneven:,} more rows of another length", n_uneven=n_uneven - MOST_NAMED))
        )
    if not n_rows:
        raise InputError(Problem(name, _nothing(source, n_blank), accepted))
    notes = list(source.notes)
    if n_blank:
        notes.append(_n("{n:,} blank row was left out.", "{n:,} blank rows were left out.", n_blank))
    if n_rows > len(kept):
        notes.append(
            _(
                "The table is long: {kept:,} of its {n_rows:,} rows were drawn at random and are used.",
                kept=len(kept),
                n_rows=n_rows,
            )
        )
    kept.sort(key=lambda row: row[0])
    columns, renamed = named(source.columns)
    rows = [cells if len(cells) == len(columns) else _padded(cells, len(columns)) for _, cells in kept]
    positions = [position for position, _ in kept]
    return Table(
        name,
        columns,
        rows,
        positions,
        source.counted,
        n_rows,
        notes + renamed,
        source.skipped,
        source.sheet,
        source.sheets,
        source.guessed_heading,
    )


def named(header: list[str]) -> tuple[list[str], list[str]]:
    """Distinct names that can be shown, and a note for each that had to be changed."""
    names: list[str] = []
    notes = []
    for number, raw in enumerate(header, start=1):
        name = " ".join(unicodedata.normalize("NFC", raw.translate(CONTROL)).split())
        if not name:
            name = f"column_{number}"
        wanted, copy = name, 1
        while name in names:
            copy += 1
            name = f"{wanted}_{copy}"
        if copy > 1:
            notes.append(_("A second column is called '{wanted}' too; it is '{name}' here.", wanted=wanted, name=name))
        names.append(name)
    return names, notes


def require_columns(name: str, count: int) -> None:
    """Raises InputError for a table too wide to be one."""
    if count > MOST_COLUMNS:
        found = _("it has more than {most_columns:,} columns", most_columns=MOST_COLUMNS)
        raise InputError(Problem(name, found, _("accepted: up to {most_columns:,} columns", most_columns=MOST_COLUMNS)))


def listed(names: list[str], most: int = 12) -> str:
    """'a', 'b' and 3 more."""
    shown = ", ".join(f"'{name if len(name) <= 60 else name[:59] + '…'}'" for name in names[:most])
    return _("{shown} and {names:,} more", shown=shown, names=len(names) - most) if len(names) > most else shown


def clean(cell: str) -> str:
    """The cell without NUL and without halves of surrogate pairs, which no file could hold again."""
    if "\0" in cell:
        cell = cell.replace("\0", "")
    try:
        cell.encode()
    except UnicodeEncodeError:
        return cell.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return cell


def _trailing_blanks(cells: list[str]) -> int:
    count = 0
    while count < len(cells) and not cells[-1 - count].strip():
        count += 1
    return count


def _padded(cells: list[str], width: int) -> list[str]:
    return cells + [""] * (width - len(cells))


def _uneven(found: int, expected: int) -> str:
    return _n(
        "has {n:,} cell, where the header has {expected:,}",
        "has {n:,} cells, where the header has {expected:,}",
        found,
        expected=expected,
    )


def _nothing(source: Source, n_blank: int) -> str:
    if source.skipped:
        first = source.skipped[0]
        return _(
            "none of its {skipped:,} rows can be used (the first: {where} {reason})",
            skipped=len(source.skipped),
            where=first.where,
            reason=first.reason,
        )
    return _("all of its {n_blank:,} rows are blank", n_blank=n_blank) if n_blank else _("it has no rows")
