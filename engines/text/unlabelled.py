"""New texts for a trained model: a table, or a text file with one a line."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engines.contract import InputError, Problem, Skipped
from engines.data import labelled
from engines.data.delimited import is_usual_name
from engines.data.row_sampling import listed
from engines.data.table_files import TableFile, every_table
from engines.data.tables import Table, decode, read_table
from engines.messages import _
from engines.text.column_names import TEXTS
from engines.text.columns import guess_text
from engines.text.table_reading import PartTable, with_context

ACCEPTED = _(
    "accepted: a table (CSV, TSV, JSONL, Parquet, XLSX) with a column of texts, or a text file with one a line"
)
MOST_LINES = 64 << 20  # bytes of a file with a text a line
MOST_TEXTS = 1_000_000
"""That are asked about at once: they are held in memory."""


@dataclass(frozen=True)
class Unlabelled:
    """Texts without classes."""

    texts: list[tuple[str, str]]
    """Where it stands, and the text, in order."""
    skipped: list[Skipped] = field(default_factory=list)
    column: str | None = None
    """The column of the table in which they stood."""
    labels: dict[str, str] = field(default_factory=dict)
    """Where it stands -> what stands in the column of classes beside it, where that was asked for and is there."""
    note: str | None = None
    """What is to be known of how they were read, in a sentence."""
    columns: list[str] = field(default_factory=list)
    """All that the table has."""

    @property
    def errors(self) -> list[dict[str, Any]]:
        """What was left out, as rows of an answer."""
        return [{"file": entry.where, "error": entry.reason} for entry in self.skipped]

    @property
    def reading(self) -> dict[str, Any]:
        """How they were read, as each answer says it: 'column', and 'note' where there is one."""
        said = {"column": self.column, "note": self.note}
        return {name: value for name, value in said.items() if value is not None}


def open_unlabelled(
    data: Path,
    work: Path,
    *,
    text_column: str | None = None,
    behind: str | None = None,
    label_column: str | None = None,
    most: int = 10_000,
) -> Unlabelled:
    """The texts in `data`, in order, and what was left out.

    A .txt file holds one text a line; anything else is a table, or a zip or folder with one. Its column of texts is
    `text_column`, the one that a model learnt from, where the table has it; else it is guessed, and said. What stands
    in the column `behind`, where there is one, is read behind each text; what stands in `label_column` is kept apart.
    Raises InputError when there is none, or a table has more than `most`.
    """
    files, skipped = every_table(data, work)
    if len(files) > 1:
        raise InputError(
            Problem(
                data.name, _("it holds {files:,} tables", files=len(files)), _("accepted: one table, or a text file")
            )
        )
    labels: dict[str, str] = {}
    if files[0].path.suffix.lower() == ".txt":
        texts = [
            (_("line {number}", number=number), line.strip())
            for number, line in enumerate(_lines(files[0]), 1)
            if line.strip()
        ]
        n_rows, column, note, columns = len(texts), None, None, list[str]()
    else:
        table, note = _table(files[0], text_column, most)
        (column, missing), columns = _column(table, text_column), list(table.columns)
        texts, skipped = [], skipped + table.skipped
        n_rows, note = table.n_rows, note or missing or _about_sheet(table)
        part = PartTable(table, files[0].name)
        for index, row in enumerate(table.rows):
            if text := part.cell(row, column):
                texts.append((table.where(index), with_context(text, part.cell(row, behind))))
                if label := part.cell(row, label_column):
                    labels[table.where(index)] = label
            else:
                skipped.append(Skipped(table.where(index), _("has no text")))
    if n_rows > most:
        raise InputError(
            Problem(
                data.name,
                _("it holds {n_rows:,} texts", n_rows=n_rows),
                _("accepted: {most:,} at most at once", most=most),
            )
        )
    if not texts:
        raise InputError(Problem(data.name, _("no text in it{skipped}", skipped=labelled.first(skipped)), ACCEPTED))
    return Unlabelled(texts, skipped, column, labels, note, columns)


def _table(file: TableFile, text_column: str | None, most: int) -> tuple[Table, str | None]:
    """The table, and what is to be said of its first line: of a table of one column it is a text like the others unless
    it names a column as is usual, or as the model's own was called."""
    table = read_table(file.path, most_rows=most, sheet=file.sheet)
    (name, *others) = table.columns
    own = text_column is not None and name.casefold() == text_column.casefold()
    if others or not table.guessed_heading or own or name.casefold() in TEXTS or is_usual_name(name):
        return table, None
    rows = read_table(file.path, most_rows=most, sheet=file.sheet, heading=False)
    if rows.n_rows == table.n_rows:
        return table, None  # it was read as a row already
    return rows, _("'{name}' in the first line is read as a text: as a heading it would be unusual.", name=name)


def _column(table: Table, text_column: str | None) -> tuple[str, str | None]:
    """The column of texts, and what is to be said where it is not the one that the model learnt from."""
    if text_column is None:
        return guess_text(table), None
    try:
        return guess_text(table, text_column), None
    except InputError:
        column = guess_text(table)
    if len(table.columns) == 1:
        return column, None
    return column, _(
        "There is no column '{text_column}', from which the model learnt: '{column}' is read.",
        text_column=text_column,
        column=column,
    )


def _about_sheet(table: Table) -> str | None:
    if len(table.sheets) < 2:
        return None
    return _("Read from the sheet '{sheet}'; there are {sheets}.", sheet=table.sheet, sheets=listed(table.sheets, 6))


def _lines(file: TableFile) -> list[str]:
    if file.path.stat().st_size > MOST_LINES:
        found = _("it is larger than {most_lines} MiB", most_lines=MOST_LINES >> 20)
        raise InputError(Problem(file.name, found, _("accepted: a smaller file, or a table")))
    return decode(file.path.read_bytes()).replace("\0", "").splitlines()
