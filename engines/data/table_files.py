"""From what a person brings (a file, a folder, a zip) to the tables in it, and what each of them is for."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from engines.contract import InputError, Problem, Skipped
from engines.data.archive import unpack
from engines.data.columnar import sheets_of
from engines.data.parts import Part, lacks_training, of_tables, part_of_path
from engines.data.row_sampling import listed
from engines.data.tables import ACCEPTED, EXTENSIONS, columns_of
from engines.data.unpacked import files_below, prepared
from engines.messages import _

TELLING = {"readme", "license", "licence", "notice", "changelog", "requirements", "citation"}
"""Text files beside a table that are none."""


@dataclass(frozen=True)
class TableFile:
    """One table."""

    path: Path
    name: str
    """Relative path with forward slashes, as people see it; of a sheet that is a part, with the sheet's name."""
    split: Part | None = None
    """Where its name says so, and another table is to train on."""
    sheet: str | None = None
    """The sheet that holds it; None for the one that serves."""


def tables_in(
    data: Path, work: Path, *, table: str | None = None, sheet: str | None = None
) -> tuple[list[TableFile], list[Skipped]]:
    """The table `data`, or the tables in a folder or zip (which is unpacked below `work`), and what was left out.

    Several tables, or sheets of one, are read only where their names say what each is for: train.csv and test.csv,
    data/train-0.parquet. `table` and `sheet` are the only one to read, where somebody says so. Raises InputError when
    there is no table, or several that do not say, or none of the parts is to train on.
    """
    found, skipped = every_table(data, work)
    if table is not None:
        names = [each.name for each in found]
        if table not in names:
            raise InputError(
                Problem(
                    _("setting table"),
                    _("there is no table '{table}' in it", table=table),
                    _("accepted: {names}", names=listed(names)),
                )
            )
        return _sheets(next(each for each in found if each.name == table), sheet), skipped
    if len(found) == 1:
        return _sheets(found[0], sheet), skipped
    columns, unread = _columns(found)
    parts = of_tables(columns)
    if not parts:
        raise _unclear(data, columns or {each.name: [] for each in found})
    skipped += unread + [Skipped(name, _no_part(name)) for name in columns if name not in parts]
    return [replace(each, split=parts[each.name]) for each in found if each.name in parts], skipped


def every_table(data: Path, work: Path) -> tuple[list[TableFile], list[Skipped]]:
    """The table `data`, or all in a folder or zip whatever they are for, and what else is there. Raises InputError when
    there is none."""
    if not data.exists():
        raise InputError(Problem(str(data), _("there is no such file or folder"), ACCEPTED))
    if data.is_file() and not is_zip_of_files(data):
        return [TableFile(data, data.name)], []
    root, skipped = (data, []) if data.is_dir() else prepared(data, work, lambda out: unpack(data, out))
    found = []
    for path in files_below(root):
        name = path.relative_to(root).as_posix()
        if path.suffix.lower() not in EXTENSIONS or path.stem.lower() in TELLING:
            skipped.append(Skipped(name, _("is no table")))
        else:
            found.append(TableFile(path, name))
    if any(table.path.suffix.lower() not in {".txt", ".json"} for table in found):  # notes and settings beside a table
        skipped += [Skipped(t.name, _("is no table")) for t in found if t.path.suffix.lower() in {".txt", ".json"}]
        found = [table for table in found if table.path.suffix.lower() not in {".txt", ".json"}]
    if not found:
        first = (
            _(
                " ({skipped:,} skipped; the first: {where} {reason})",
                skipped=len(skipped),
                where=skipped[0].where,
                reason=skipped[0].reason,
            )
            if skipped
            else ""
        )
        raise InputError(Problem(data.name, _("there is no table in it{first}", first=first), ACCEPTED))
    return found, skipped


def _sheets(file: TableFile, sheet: str | None) -> list[TableFile]:
    """The table of a file: its sheet `sheet`, or its sheets where their names say what each is for, or as it is."""
    if file.path.suffix.lower() != ".xlsx":
        if sheet is not None:
            found = _("'{name}' has no sheets", name=file.name)
            raise InputError(Problem(_("setting sheet"), found, _("accepted: nothing, or an .xlsx file")))
        return [file]
    if sheet is not None:
        return [replace(file, sheet=sheet)]
    parts = of_tables(sheets_of(file.path))
    if len(parts) < 2:
        return [file]
    return [
        TableFile(file.path, _("{name}, sheet {name2}", name=file.name, name2=name), part, name)
        for name, part in parts.items()
    ]


def _unclear(data: Path, columns: Mapping[str, list[str]]) -> InputError:
    """Why several tables cannot be read together."""
    names = listed(list(columns), 6)
    if lacks_training(columns):
        found = _("it holds what is to validate and to test ({names}) and nothing to train on", names=names)
        return InputError(Problem(data.name, found, _("accepted: one table, or train and test")))
    found = _(
        "'{name}' holds {columns:,} tables ({names}) and their names do not say what each is for",
        name=data.name,
        columns=len(columns),
        names=names,
    )
    accepted = _("say which is meant, or call them train and test")
    return InputError(Problem(_("setting table"), found, accepted, choices=tuple(columns)))


def _columns(files: list[TableFile]) -> tuple[dict[str, list[str]], list[Skipped]]:
    """Table -> its columns, and the tables that cannot be read."""
    found, skipped = {}, []
    for file in files:
        try:
            found[file.name] = columns_of(file.path)
        except InputError as error:
            skipped.append(Skipped(file.name, _("cannot be read: {found}", found=error.problems[0].found)))
    return found, skipped


def _no_part(name: str) -> str:
    """Why a table beside the parts is left out."""
    if part_of_path(name) is None:
        return _("says not what it is for: train or test")
    return _("has other columns than what is trained on")


def is_zip_of_files(path: Path) -> bool:
    """Whether a file is a zip, and no spreadsheet (which is one too, inside)."""
    if not zipfile.is_zipfile(path):
        return path.suffix.lower() == ".zip"
    if path.suffix.lower() == ".xlsx":
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return "[Content_Types].xml" not in archive.namelist()
    except Exception:  # zipfile raises whatever the bytes provoke; `unpack` will say what is wrong
        return True
