"""Read tables that say what is on which picture: one, or one a part (train.csv, test.csv), under any heading."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Set
from dataclasses import dataclass, replace
from pathlib import Path

from engines.contract import InputError, Problem, ReadAs, Skipped
from engines.data import several_labels as several
from engines.data.class_names import clean
from engines.data.missing import is_missing
from engines.data.parts import lacks_training, of_cell, of_tables, part_of, part_of_path
from engines.data.row_sampling import listed
from engines.data.splits import Part
from engines.messages import _
from engines.vision.classification.folders.class_folders import Entry, File, Listing
from engines.vision.classification.folders.table_columns import ACCEPTED, Columns, Rows, guess, read
from engines.vision.classification.settings import FOLDERS, VisionSettings
from engines.vision.images.picture_names import Names

PREFERRED = ("metadata", "labels", "train")
PLACEHOLDERS = ("submission", "solution")
"""A competition's form for answers is called so: what it says is made up."""


@dataclass(frozen=True)
class Said:
    """What one table says."""

    rows: Rows
    columns: Columns
    listing: Listing
    named: Set[File]
    """The pictures that it names, with a label or without."""


def find(files: list[File]) -> list[File]:
    """Tables that lie beside or above all pictures, else in a folder of their own, the likeliest first."""
    tables = [file for file in files if file.is_table and len(file.parts) == 1]
    if not tables:
        pictured = {file.parts[0] for file in files if file.is_image}
        tables = [f for f in files if f.is_table and len(f.parts) == 2 and f.parts[0] not in pictured]
    return sorted(tables, key=lambda file: (_unlikely(file.path.stem.lower()), file.path.stem.lower()))


def _unlikely(stem: str) -> int:
    if any(word in stem for word in PLACEHOLDERS):
        return 3
    return 0 if stem in PREFERRED else 1 if part_of(stem) == "train" else 2


def by_tables(
    files: list[File],
    settings: VisionSettings,
    *,
    only: str | None = None,
    like: Columns | None = None,
    folders: bool = False,
    to_train: bool = True,
) -> tuple[Listing | None, list[Skipped]]:
    """What the tables among `files` say of the others, and the tables that say nothing; None where none says anything.

    `only`: the file name of the one table that is meant; `like`: what the columns were in other data of the same kind;
    `folders`: whether the pictures' folders may name their classes, so that tables need not. Raises InputError where a
    table is meant or needed and cannot be used, where none is `to_train` on, and to ask what its columns are.
    """
    pictures = Names([file for file in files if file.is_image])
    every = find(files)
    tables = [table for table in every if only in (None, table.path.name) and settings.table in (None, table.name)]
    if settings.table and every and not tables:
        accepted = _("accepted: {name}", name=listed([table.name for table in every]))
        raise InputError(
            Problem(_("setting table"), _("there is no table '{table}' in it", table=settings.table), accepted)
        )
    if settings.label_column == FOLDERS:
        return None, [Skipped(table.name, _("is not read, for the folders name the classes")) for table in tables]
    found, others, aside, problem = _read_all(tables, pictures, settings, like, folders)
    if to_train and lacks_training(others | {said.rows.name: said.rows.columns for said in found}):
        told = _(
            "{name} are parts, and there is none to train on", name=_(" and ").join(table.name for table in tables)
        )
        raise InputError(Problem(tables[0].name, told, _("accepted: a table called train too, or one table")))
    if found:
        listing = _together(found, pictures, settings)
        if rivals := [*others, *(table.name for table in every if table not in tables and settings.table)]:
            own = found[0].rows.name
            aside += [Skipped(name, _("is not read, for {own} is", own=own)) for name in rivals]
            listing.read_as.insert(0, ReadAs(_("table"), own, rivals, "table"))
        return listing, aside
    if problem and (only or not folders or settings.file_column or settings.label_column):
        raise problem
    return None, aside


def _read_all(
    tables: list[File], pictures: Names[File], settings: VisionSettings, like: Columns | None, folders: bool
) -> tuple[list[Said], dict[str, list[str]], list[Skipped], InputError | None]:
    """What the tables say that are read together; the columns of others that could be read instead of them; those of
    no use; and what is wrong with the first of these. Raises InputError to ask what the columns of the first are."""
    found: list[Said] = []
    others: dict[str, list[str]] = {}
    aside: list[Skipped] = []
    problem = None
    for table in tables:
        try:
            rows = read(table.path, table.name, pictures.likeness)
            columns = guess(
                rows,
                pictures.likeness,
                settings,
                like=found[0].columns if found else like,
                folders=folders and not found,
            )
            if columns.label is None:
                aside.append(Skipped(table.name, _("has no column of classes")))
            elif not found or _fits(found, rows):
                found.append(by_table(rows, columns, pictures, settings.several_labels))
            else:
                others[rows.name] = rows.columns
        except InputError as error:
            if not found and any(one.choices for one in error.problems):
                raise
            problem = problem or error
            aside.append(Skipped(table.name, _("says nothing of the pictures: {found}", found=error.problems[0].found)))
    return found, others, aside, problem


def _fits(found: list[Said], rows: Rows) -> bool:
    """Whether a further table is another part of the same data: test.csv beside train.csv."""
    tables = {said.rows.name: said.rows.columns for said in found}
    return of_tables(tables | {rows.name: rows.columns}).keys() == {*tables, rows.name}


def _together(found: list[Said], pictures: Names[File], settings: VisionSettings) -> Listing:
    """What tables say that are read together."""
    parts = of_tables({said.rows.name: said.rows.columns for said in found}) if len(found) > 1 else {}
    listing = Listing(read_as=guesses(found[0].columns), columns=found[0].columns)
    for said in found:
        part = parts.get(said.rows.name)
        entries = [replace(entry, split=entry.split or part) for entry in said.listing.entries]
        listing.add(replace(said.listing, entries=entries))
    if parts:
        told = "; ".join(f"{name}: {part}" for name, part in parts.items())
        listing.read_as.append(ReadAs(_("parts"), told, why=_("The tables' names say it.")))
    elif split := found[0].columns.split:
        listing.read_as.append(ReadAs(_("parts"), _("column '{split}'", split=split)))
    else:
        _parts_by_folder(listing, settings)
    if n_unnamed := len(set(pictures.files) - {file for said in found for file in said.named}):
        who = _("{name} does not name them", name=found[0].rows.name) if len(found) == 1 else _("no table names them")
        listing.notes.append(_("{n_unnamed:,} images are left out, for {who}.", n_unnamed=n_unnamed, who=who))
    return listing


def _parts_by_folder(listing: Listing, settings: VisionSettings) -> None:
    """Where every picture that a table names lies in a folder of a part, one to train on among them: its parts."""
    found = {entry.file: part_of_path("/".join((*entry.file.parts[:-1], "_"))) for entry in listing.entries}
    kinds = set(found.values())
    if "train" not in kinds or len(kinds) < 2 or None in kinds:
        return
    if settings.parts == "classes":
        listing.read_as.append(ReadAs(_("parts"), "", ["parts"], "parts", _("The folders' names are not minded.")))
        return
    listing.entries = [replace(entry, split=found[entry.file]) for entry in listing.entries]
    folders = sorted({f"{file.parts[0]}: {part}" for file, part in found.items()})
    listing.read_as.append(
        ReadAs(_("parts"), "; ".join(folders[:6]), ["classes"], "parts", _("The folders' names say it."))
    )


def apply_lists(listing: Listing, tables: list[File], files: list[File], settings: VisionSettings) -> set[str]:
    """Gives the pictures of `listing` their parts where tables without classes list them: train.txt and test.txt beside
    class folders, as Food-101 has them. Returns the names of these tables; none where they are no such lists."""
    if settings.parts == "classes" or any(entry.split for entry in listing.entries):
        return set()
    pictures = Names([file for file in files if file.is_image])
    listed_in: dict[Path, Part] = {}
    parts: dict[str, Part] = {}
    for table in tables:
        with contextlib.suppress(InputError):
            rows = read(table.path, table.name, pictures.likeness)
            columns = guess(rows, pictures.likeness, settings)
            part = part_of(table.path.stem)
            if part and columns.label is None:
                parts[table.name] = part
                found = [pictures.find(cell) for cell in rows.cells(columns.file)]
                listed_in |= {one[0].path: part for one in found if len(one) == 1}
    if "train" not in parts.values() or len(set(parts.values())) < 2:
        return set()
    kept = [replace(e, split=listed_in[e.file.path]) for e in listing.entries if e.file.path in listed_in]
    if n := len(listing.entries) - len(kept):
        listing.notes.append(
            _("{n:,} images are left out, for {parts} do not list them.", n=n, parts=_(" and ").join(sorted(parts)))
        )
    listing.entries = kept
    told = "; ".join(f"{name}: {part}" for name, part in sorted(parts.items()))
    listing.read_as.append(ReadAs(_("parts"), told, ["classes"], "parts", _("They list what each part holds.")))
    return set(parts)


def guesses(columns: Columns) -> list[ReadAs]:
    """What the columns were taken for."""
    return [
        ReadAs(_("file names"), columns.file, columns.files, "file_column"),
        ReadAs(_("classes"), columns.label or "", columns.labels, "label_column", columns.why),
    ]


def by_table(table: Rows, columns: Columns, pictures: Names[File], how: str = "auto") -> Said:
    """What `table` says about `pictures`; rows that say nothing useful are skipped and named. `how` is the setting
    `several_labels`.

    Raises InputError when not one of its rows can be used.
    """
    assert columns.label is not None
    listing = Listing(notes=list(table.notes))
    labels: dict[File, list[str]] = {}
    parts: dict[File, Part | None] = {}
    missing: Counter[str] = Counter()
    unlabelled: set[File] = set()
    n_repeated = 0
    splits = table.cells(columns.split) if columns.split else [""] * len(table.body)
    whose = table.cells(columns.patient) if columns.patient else [""] * len(table.body)
    patients: dict[File, str] = {}
    cells = zip(table.body, table.cells(columns.file), table.cells(columns.label), splits, whose, strict=True)
    for (line, _unused), name, label, split, patient in cells:
        where = f"{table.name}, {line}"
        found = pictures.find(name)
        part = of_cell(columns.split or "", split)
        if not name:
            listing.skipped.append(Skipped(where, _("names no file")))
        elif len(found) != 1:
            reason = _("fits {found} files", found=len(found)) if found else _("is not there")
            listing.skipped.append(Skipped(where, _("names '{name}', which {reason}", name=name, reason=reason)))
        elif is_missing(clean(label)) or several.listed(label) == []:
            said = _("has no label for '{name}'", name=name) + (
                _(": '{label}' is taken for none", label=label) if label else ""
            )
            listing.skipped.append(Skipped(where, said))
            missing[label] += 1
            unlabelled.add(found[0])
        elif split and not part:
            listing.skipped.append(
                Skipped(where, _("has the split '{split}': accepted are train, validation and test", split=split))
            )
        else:
            n_repeated += found[0] in labels
            own = several.listed(label)
            labels.setdefault(found[0], []).extend([label] if own is None else own)
            parts.setdefault(found[0], part)
            patients.setdefault(found[0], patient)
    _with_one_label_each(listing, labels, parts, how)
    listing.entries = [replace(entry, patient=patients[entry.file]) for entry in listing.entries]
    if not listing.entries:
        first = (
            _(" (the first: {where} {reason})", where=listing.skipped[0].where, reason=listing.skipped[0].reason)
            if listing.skipped
            else ""
        )
        unusable = _("none of its {body:,} rows can be used{first}", body=len(table.body), first=first)
        raise InputError(Problem(table.name, unusable, ACCEPTED))
    listing.notes += about_missing(table.name, missing)
    if n_repeated:
        listing.notes.append(
            _(
                "{name} names {n_repeated:,} files again: what its lines say is taken together.",
                name=table.name,
                n_repeated=n_repeated,
            )
        )
    if columns.label != columns.file:
        for other in several.further(columns.label, table.columns):
            pairs = zip(table.cells(columns.label), table.cells(other), strict=True)
            listing.notes += several.about_further(columns.label, other, pairs)
    return Said(table, columns, listing, labels.keys() | unlabelled)


def _with_one_label_each(
    listing: Listing, labels: dict[File, list[str]], parts: dict[File, Part | None], how: str
) -> None:
    """Adds each picture with its label; those with several are left out and named, or get them all as one."""
    several_each: list[list[str]] = []
    for file, own in labels.items():
        different = list({clean(label): label for label in own}.values())
        if len(different) > 1:
            several_each.append(different)
        try:
            label = different[0] if len(different) == 1 else several.as_one(map(clean, different), how)
        except several.Several as error:
            listing.skipped.append(Skipped(file.name, str(error)))
        else:
            listing.entries.append(Entry(file, label, parts[file]))
    n, read = len(several_each), several.TOGETHER if how == several.TOGETHER else several.LEFT_OUT
    if n and read == several.LEFT_OUT:
        examples = [_(" and ").join(each) for each in several_each[:3]]
        listing.notes.append(several.about_left_out(n, len(labels), examples, "images"))
    listing.read_as += several.read_as(n, read, "images")


def about_missing(name: str, missing: Counter[str]) -> list[str]:
    """A note for words that were taken for no label; empty cells need none."""
    words = {word: n for word, n in missing.items() if word}
    if not words:
        return []
    told = ", ".join(_("'{word}' in {n:,}", word=word, n=n) for word, n in words.items())
    return [
        _(
            "{name}: {values:,} rows have no label ({told}) and are left out.",
            name=name,
            values=sum(words.values()),
            told=told,
        )
    ]
