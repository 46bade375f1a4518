"""Which column of a table names the pictures and which says what they show: by headings, by values, or asked."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engines.contract import InputError, Problem
from engines.data import several_labels as several
from engines.data.missing import is_missing
from engines.data.parts import COLUMNS as PART_COLUMNS
from engines.data.parts import of_cell, part_of
from engines.data.row_sampling import listed, named
from engines.data.tables import read_rows, read_table
from engines.messages import _, _n
from engines.vision.classification.settings import FOLDERS, VisionSettings
from engines.vision.medical import patients

FILE_COLUMNS = (
    "file_name",
    "filename",
    "file",
    "image",
    "image_name",
    "image_file",
    "image_path",
    "file_path",
    "filepath",
    "path",
    "image_id",
    "img",
    "photo",
    "id",
    "name",
)
LABEL_COLUMNS = ("label", "labels", "class", "class_name", "category", "target", "species", "breed", "tag")
LABEL_WORDS = {*LABEL_COLUMNS, "classes", "categories", "diagnosis"}
"""One of them within a longer heading says enough: 'Finding Labels', 'dog_breed'."""
ACCEPTED = _("accepted: a table with a column file_name and a column label")
TEXT = {".csv", ".tsv", ".txt"}
ONE_CLASS = "class"
"""What the column is called that stands for several of marks."""
HEADINGS = 5
"""The heading is among so many rows; above it may stand a title."""
LOOKED_AT = 500
"""Rows by which columns are judged."""

Likeness = Callable[[str], float]
"""How surely a cell names a picture that is there: 0 for none, 1 where it does by its whole name."""


@dataclass(frozen=True)
class Rows:
    """A table as it stands."""

    name: str
    columns: list[str]
    """Distinct; column_1, column_2 … where the table names none."""
    body: list[tuple[str, list[str]]]
    """Where each row stands ('line 17'), and its cells."""
    notes: list[str]

    def cells(self, column: str) -> list[str]:
        """Of a column, stripped, one a row; '' where a row is too short."""
        at = self.columns.index(column)
        return [cells[at].strip() if at < len(cells) else "" for _, cells in self.body]


@dataclass(frozen=True)
class Columns:
    """What the columns of a table were taken for."""

    file: str
    label: str | None
    """None where the table says nothing but names."""
    split: str | None
    files: list[str] = field(default_factory=list)
    """What else may name the pictures."""
    labels: list[str] = field(default_factory=list)
    """What else may be the classes."""
    why: str = ""
    """By what the classes were found."""
    patient: str | None = None
    """What says whose picture each is."""


# --- from a file to rows --------------------------------------------------------------------------


def read(path: Path, name: str, likeness: Likeness) -> Rows:
    """The table in `path`, which is shown as `name`. Raises InputError for a file of no use."""
    if path.suffix.lower() not in TEXT:
        table = read_table(path)
        body = [(table.where(index), cells) for index, cells in enumerate(table.rows)]
        return _with_one_class(Rows(name, table.columns, body, [f"{name}: {note}" for note in table.notes]))
    rows = read_rows(path)
    if path.suffix.lower() == ".txt" and all(len(cells) == 1 for _, cells in rows):
        rows = [(line, cells[0].rsplit(None, 1)) for line, cells in rows]  # name and class with a space between
    at = _heading(rows)
    heading = rows[at][1]
    notes = (
        [_("{name}: the heading is in line {rows}; what stands above it is left out.", name=name, rows=rows[at][0])]
        if at
        else []
    )
    if any(likeness(cell.strip()) for cell in heading):
        columns, rows = [f"column_{number}" for number in range(1, len(heading) + 1)], rows[at:]
        notes = []
    else:
        columns, rows = named([cell.strip() for cell in heading])[0], rows[at + 1 :]
    return _with_one_class(Rows(name, columns, [(_("line {line}", line=line), cells) for line, cells in rows], notes))


def _with_one_class(rows: Rows) -> Rows:
    """The table with one column of classes for those that mark a class each, where most rows have a 1 in just one."""
    marks = [c for c in rows.columns if rows.body and not part_of(c) and several.are_marks(rows.cells(c))]
    marked = several.marked({c: rows.cells(c) for c in marks})
    if marked is None or any(_key(c) in LABEL_COLUMNS or (_says_label(c) and c not in marks) for c in rows.columns):
        return rows
    note = f"{rows.name}: {several.about_marked(marked, marks, listed(marks))}"
    columns = zip(*map(rows.cells, rows.columns), strict=True)
    classes = [json.dumps(own, ensure_ascii=False) if own else "" for own in marked]
    body = [(where, [*cells, own]) for (where, _), cells, own in zip(rows.body, columns, classes, strict=True)]
    return Rows(rows.name, [*rows.columns, ONE_CLASS], body, [*rows.notes, note])


def _heading(rows: Sequence[tuple[int, list[str]]]) -> int:
    """Which row names the columns: one with usual headings, else the first that fills as many cells as most do."""
    filled = [_filled(cells) for _, cells in rows[:LOOKED_AT]]
    for at, (_unused, cells) in enumerate(rows[:HEADINGS]):
        if filled[at] > 1 and not set(map(_key, cells)).isdisjoint(FILE_COLUMNS):
            return at
    usual = Counter(filled).most_common(1)[0][0]
    return next((at for at, count in enumerate(filled[:HEADINGS]) if count >= usual), 0)


def _filled(cells: list[str]) -> int:
    """How many cells are filled; a first one that is not, as above a column of row numbers, counts too."""
    filled = sum(bool(cell.strip()) for cell in cells)
    return filled + (filled > 0 and not cells[0].strip())


# --- from rows to what they are -------------------------------------------------------------------


def guess(
    rows: Rows, likeness: Likeness, settings: VisionSettings, *, like: Columns | None = None, folders: bool = False
) -> Columns:
    """What each column is; what `settings` name counts first, then what it was in a table `like` this one.

    `folders`: whether the pictures' folders may be the classes too. Raises InputError for a column that is not there,
    for a table that names no picture or says nothing plain of them, and to ask where several columns may be classes.
    """
    shares = _shares(rows, likeness)
    file = _chosen(rows, settings.file_column, like.file if like else None) or _file_column(rows, shares)
    split = _split_column(rows, file)
    patient = _patient_column(rows, settings.patients)
    told = patient is not None and (settings.patients is not None or _key(patient).startswith(patients.OF_CLINICS))
    free = [column for column in rows.columns if column not in {file, split, patient if told else None}]
    others = [column for column in free if shares[column] > 0]
    label = _chosen(rows, settings.label_column, like.label if like else None)
    why = "" if label is None else _("as you say") if settings.label_column else _("as in the table before")
    if label is None and free:
        label, why = _label_column(rows, file, free, settings.accept_guesses, folders)
    labels = [column for column in free if column != label and _may_be_classes(rows, column)]
    patient = None if patient in {file, label} else patient
    return Columns(file, label, split, others, labels + [FOLDERS] * folders, why, patient)


def _chosen(rows: Rows, asked: str | None, before: str | None) -> str | None:
    """The column that a person named; else the one that was it in another table, where this one has it."""
    if asked is None:
        return before if before in rows.columns else None
    found = [column for column in rows.columns if _key(column) == _key(asked)]
    if not found:
        raise InputError(
            Problem(
                rows.name,
                _("it has no column '{asked}'", asked=asked),
                _("its columns are {columns}", columns=listed(rows.columns)),
            )
        )
    return found[0]


def _shares(rows: Rows, likeness: Likeness) -> dict[str, float]:
    """Column -> how surely its filled cells name pictures, each another one."""
    step = max(1, len(rows.body) // LOOKED_AT)
    found = {}
    for column in rows.columns:
        filled = [cell for cell in rows.cells(column)[::step] if cell]
        fresh = len(set(filled)) / max(len(filled), 1)
        found[column] = fresh * sum(map(likeness, filled)) / max(len(filled), 1)
    return found


def _file_column(rows: Rows, shares: dict[str, float]) -> str:
    """A usual heading, unless another column names twice as many pictures, or names them more fully."""
    free = [column for column in rows.columns if not _says_label(column)] or rows.columns
    best = max(free, key=shares.__getitem__)
    called = sorted(
        (column for column in free if _key(column) in FILE_COLUMNS), key=lambda column: FILE_COLUMNS.index(_key(column))
    )
    for column in called:
        if 2 * shares[column] >= shares[best]:
            return column
    if not shares[best]:
        raise _no_columns(rows)
    return best


def _split_column(rows: Rows, file: str) -> str | None:
    """A column that is called like one, else one that says nothing but train, validation and test, or is_valid: yes."""
    others = [column for column in rows.columns if column != file]
    for column in sorted(others, key=lambda column: _key(column) not in PART_COLUMNS):
        if _key(column) in PART_COLUMNS:
            return column
        parts = {of_cell(column, cell) for cell in set(rows.cells(column)) if cell}
        if "train" in parts and len(parts) > 1 and None not in parts:
            return column
    return None


def _patient_column(rows: Rows, asked: str | None) -> str | None:
    """The column that a person named, else one that is called as columns of patients are."""
    if asked is not None:
        return next((column for column in rows.columns if _key(column) == _key(asked)), None)
    return next((column for name in patients.COLUMNS for column in rows.columns if _key(column) == name), None)


def _label_column(rows: Rows, file: str, free: list[str], accept: bool, folders: bool) -> tuple[str, str]:
    """The column of classes, and by what it was found."""
    exact = sorted((c for c in free if _key(c) in LABEL_COLUMNS), key=lambda c: LABEL_COLUMNS.index(_key(c)))
    if exact:
        return exact[0], _("by its heading")
    called = [column for column in free if _says_label(column)]
    candidates = called or (free if len(free) == 1 else [column for column in free if _may_be_classes(rows, column)])
    if not candidates:
        raise _no_columns(rows)
    likeliest = max(candidates, key=lambda column: _words(rows, column))
    if accept or _same_classes(rows, candidates) and (called or not folders):
        return likeliest, _("by its heading") if called else _("by its values")
    rivals = _n(
        "{candidates} may be their classes",
        "{candidates} each may be their classes",
        len(candidates),
        candidates=listed(candidates),
    )
    folders = folders and not called
    also = _(", and so may their folders") if folders else ""
    raise InputError(
        Problem(
            _("setting label_column"),
            _(
                "{name} names the pictures in '{file}', and {rivals}{also}",
                name=rows.name,
                file=file,
                rivals=rivals,
                also=also,
            ),
            _("say which holds the classes"),
            choices=(*candidates, *[FOLDERS] * folders),
        )
    )


def _may_be_classes(rows: Rows, column: str) -> bool:
    """Whether its values repeat, and are no measurements."""
    filled = [cell for cell in rows.cells(column) if not is_missing(cell)]
    measured = sum(re.fullmatch(r"-?\d*[.,]\d*[1-9]\d*", cell) is not None for cell in filled)
    return 2 <= len(set(filled)) <= len(filled) / 2 and measured < len(filled) / 2


def _same_classes(rows: Rows, columns: list[str]) -> bool:
    """Whether they say the same in other words, as a class's number and its name do."""
    pairs = set(zip(*map(rows.cells, columns), strict=True))
    return all(len(set(rows.cells(column))) == len(pairs) for column in columns)


def _words(rows: Rows, column: str) -> float:
    """Share of its filled cells that are no numbers."""
    filled = [cell for cell in rows.cells(column) if not is_missing(cell)]
    return sum(re.fullmatch(r"-?[\d.,]+", cell) is None for cell in filled) / max(len(filled), 1)


def _no_columns(rows: Rows) -> InputError:
    found = ", ".join(f"'{column}'" for column in rows.columns[:8])
    return InputError(Problem(rows.name, _("its columns are {found}", found=found), ACCEPTED))


def _key(heading: str) -> str:
    return re.sub(r"[\s\-]+", "_", heading.strip().lower())


def _says_label(heading: str) -> bool:
    return not LABEL_WORDS.isdisjoint(re.findall("[a-z]+", _key(heading)))
