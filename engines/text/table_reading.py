"""The tables in what a person brings, read as the settings say, and what was guessed of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from engines import paths
from engines.contract import Progress, ReadAs, Skipped
from engines.data import several_labels as several
from engines.data.missing import is_missing
from engines.data.parts import COLUMNS as PART_COLUMNS
from engines.data.parts import Part, of_cell, says_part
from engines.data.row_sampling import Table, listed
from engines.data.table_files import tables_in
from engines.data.tables import read_table
from engines.messages import _
from engines.text.column_names import SURE_LABELS
from engines.text.columns import NOTHING, Guess, split_column
from engines.text.settings import TableSettings

ONE_CLASS = "class"
"""What the column is called that stands for several of marks."""
HEADINGS = {"auto": None, "names": True, "row": False}
"""The setting -> whether the first line names the columns."""


@dataclass(frozen=True)
class PartTable:
    """One table."""

    table: Table
    name: str
    """Of its file, and of its sheet where several are read."""
    split: Part | None = None
    """What all of its rows are for, where its name says so."""
    before: str = ""
    """What stands before 'line 17' where there are several tables."""

    def cell(self, row: Sequence[str], column: str | None) -> str:
        """What stands in a row's column; '' for nothing, also where the table has no such column."""
        at = None if column is None else self.table.find(column)
        return "" if at is None or is_missing(row[at]) else row[at].strip()


@dataclass
class Tables:
    """All tables of one data set; those to train on first."""

    tables: list[PartTable]
    skipped: list[Skipped] = field(default_factory=list)
    """Files and rows that were left out."""
    notes: list[str] = field(default_factory=list)
    read_as: list[ReadAs] = field(default_factory=list)


def read_tables(
    data: Path, settings: TableSettings, *, most_rows: int, seed: int = 0, progress: Progress | None = None
) -> Tables:
    """The table `data`, or those in a folder, zip or workbook. Raises InputError."""
    files, skipped = tables_in(data, paths.work(data), table=settings.table, sheet=settings.sheet)
    several = len(files) > 1
    found = Tables([], skipped)
    for file in sorted(files, key=lambda each: (each.split != "train", each.name)):
        table = read_table(
            file.path,
            most_rows=most_rows,
            seed=seed,
            sheet=file.sheet,
            heading=HEADINGS[settings.heading],
            progress=progress,
        )
        split = None if settings.parts == "drawn" else file.split
        before = f"{file.name}, " if several else ""
        found.tables.append(PartTable(table, file.name, split, before))
        found.skipped += [Skipped(before + each.where, each.reason) for each in table.skipped]
        found.notes += [before + note for note in table.notes]
    first = found.tables[0].table
    if several:
        found.read_as.append(parts_by_name(settings, [file.name for file in files]))
    elif len(first.sheets) > 1:
        others = [name for name in first.sheets if name != first.sheet]
        found.read_as.append(ReadAs(_("sheet"), first.sheet or "", others, "sheet"))
    if first.guessed_heading or settings.heading != "auto":
        found.read_as.append(_about_heading(first))
    return found


def with_one_class(tables: Tables) -> Tables:
    """The tables with one column of classes more for those that mark a class each, where most rows have a 1 in just
    one, and none is called as classes are."""
    for at, part in enumerate(tables.tables):
        table = part.table
        marks = [
            name
            for name in table.columns
            if several.are_marks(table.column(name)) and not says_part(name) and name.casefold() not in PART_COLUMNS
        ]
        marked = several.marked({name: table.column(name) for name in marks})
        if marked is None or not SURE_LABELS.isdisjoint(map(str.casefold, table.columns)):
            continue
        classes = [json.dumps(own, ensure_ascii=False) if own else "" for own in marked]
        rows = [[*row, own] for row, own in zip(table.rows, classes, strict=True)]
        tables.notes.append(f"{part.name}: {several.about_marked(marked, marks, listed(marks, 4))}")
        tables.tables[at] = replace(part, table=replace(table, columns=[*table.columns, ONE_CLASS], rows=rows))
    return tables


def row_part(part: PartTable, column: str | None, row: Sequence[str]) -> Part | None:
    """What a row is for, by its own cell in `column`, else by its table. Raises ValueError for another word."""
    cell = part.cell(row, column)
    if column is None or not cell:
        return part.split
    own = of_cell(column, cell)
    if own is None:
        raise ValueError(
            _(
                "is for '{cell}' by the column '{column}': neither train, validation nor test",
                cell=cell[:40],
                column=column,
            )
        )
    return own


def with_context(question: str, context: str) -> str:
    """A question and what is read behind it, as Alpaca's instruction and input."""
    return f"{question}\n\n{context}" if context else question


def asked_split(settings: TableSettings) -> str | None:
    """The column that says what rows are for, as the settings say: NOTHING where the parts are drawn anew."""
    return NOTHING if settings.parts == "drawn" else settings.split_column


def parts_read(settings: TableSettings, table: Table, guess: Guess) -> ReadAs | None:
    """How a column that says what each row is for was read; None where there is none."""
    column = guess.roles.get("split") or split_column(table)[0]
    if column is None:
        return None
    return _parts(settings, _("by the column '{column}'", column=column), sorted(set(table.column(column)) - {""}))


def parts_by_name(settings: TableSettings, names: Sequence[str]) -> ReadAs:
    """How tables were read whose names say what they are for."""
    return _parts(settings, _("by the tables' names"), names)


def _parts(settings: TableSettings, how: str, names: Iterable[str]) -> ReadAs:
    """That the data say themselves what is to train and what to test, and how to have it drawn instead."""
    why = _("The data say so {how}: {names}.", how=how, names=listed(list(names), 6))
    if settings.parts == "drawn":
        return ReadAs(_("parts"), "drawn", ["auto"], "parts", why)
    return ReadAs(_("parts"), how, ["drawn"], "parts", why)


def _about_heading(table: Table) -> ReadAs:
    is_row = all(name == f"column_{number}" for number, name in enumerate(table.columns, 1))
    value, other = ("row", "names") if is_row else ("names", "row")
    return ReadAs(_("first line"), value, [other], "heading", _("Judged by what stands in it and in the lines below."))
