"""From what a person brings (a file, a folder, a zip) to the tables in it, and what each of them is for."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

from engines.contract import InputError, Problem, Skipped
from engines.data.archive import is_clutter, unpack
from engines.data.collecting import listed
from engines.data.labelled import SPLITS
from engines.data.prepared import prepared
from engines.data.tables import ACCEPTED, EXTENSIONS

TELLING = {"readme", "license", "licence", "notice", "changelog", "requirements", "citation"}
"""Text files beside a table that are none."""


@dataclass(frozen=True)
class TableFile:
    """One table."""

    path: Path
    name: str
    """Relative path with forward slashes, as it is shown to people."""
    split: str | None = None
    """'train', 'validation' or 'test' where its name says so."""


def tables_in(data: Path, work: Path) -> tuple[list[TableFile], list[Skipped]]:
    """The table `data`, or the tables in a folder or zip (which is unpacked below `work`), and what was left out.

    Several tables are read only where their names say what each is for: train.csv and test.csv, data/train-0.parquet.
    Raises InputError when there is no table, or several that do not say.
    """
    if not data.exists():
        raise InputError(Problem(str(data), "there is no such file or folder", ACCEPTED))
    if data.is_file() and not is_zip_of_files(data):
        return [TableFile(data, data.name)], []
    root, skipped = (data, []) if data.is_dir() else prepared(data, work, lambda out: unpack(data, out))
    found = []
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if is_clutter(name) or not path.is_file():
            continue
        if path.suffix.lower() not in EXTENSIONS or path.stem.lower() in TELLING:
            skipped.append(Skipped(name, "is no table"))
        else:
            found.append(TableFile(path, name, part_of(name)))
    if any(table.path.suffix.lower() not in {".txt", ".json"} for table in found):  # notes and settings beside a table
        skipped += [Skipped(t.name, "is no table") for t in found if t.path.suffix.lower() in {".txt", ".json"}]
        found = [table for table in found if table.path.suffix.lower() not in {".txt", ".json"}]
    if not found:
        first = f" ({len(skipped):,} skipped; the first: {skipped[0].where} {skipped[0].reason})" if skipped else ""
        raise InputError(Problem(data.name, f"there is no table in it{first}", ACCEPTED))
    if len(found) == 1:
        return [TableFile(found[0].path, found[0].name)], skipped
    parts = [table for table in found if table.split]
    if "train" not in {table.split for table in parts}:
        names = listed([table.name for table in found], 6)
        raise InputError(
            Problem(data.name, f"it holds {len(found):,} tables ({names})", "accepted: one, or train and test")
        )
    skipped += [Skipped(table.name, "says not what it is for: train or test") for table in found if not table.split]
    return parts, skipped


def part_of(name: str) -> str | None:
    """'train', 'validation' or 'test' by a file's name or else its folder's: 'reviews_train.csv', 'test/0.parquet'."""
    for part in reversed(Path(name).with_suffix("").parts):
        words = [word for word in re.split(r"[^a-z]+", part.lower()) if word]
        known = {SPLITS[word] for word in words if word in SPLITS}
        if len(known) == 1:
            return known.pop()
    return None


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
