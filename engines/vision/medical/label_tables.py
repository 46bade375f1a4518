"""The tables beside scans, as they are kept: names of files and patients replaced, what else tells of people gone."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Set
from pathlib import Path

from engines.data import parts
from engines.data.tables import Table, read_table
from engines.vision.medical import patients

ENDINGS = (".csv", ".tsv", ".jsonl", ".parquet", ".xlsx")
TELLING = frozenset(
    [
        "name",
        "surname",
        "forename",
        "birth",
        "dob",
        "born",
        "date",
        "time",
        "address",
        "phone",
        "mail",
        "email",
        "zip",
        "postcode",
        "city",
        "street",
        "hospital",
        "clinic",
        "institution",
        "ward",
        "physician",
        "doctor",
        "radiologist",
        "operator",
        "ssn",
        "mrn",
        "accession",
        "insurance",
        "age",
        "comment",
        "comments",
        "note",
        "notes",
        "report",
        "text",
        "history",
    ]
)
"""Words of headings of columns that are not kept, whatever stands in them."""
LABELS = frozenset(["label", "labels", "class", "classes", "category", "target", "diagnosis", "finding", "findings"])
MOST_VALUES = 50
"""A column of more different values tells patients apart rather than classes."""


class Lookup:
    """Files by their path, or by their bare name, with or without its ending."""

    def __init__(self, files: Mapping[str, str]):
        """`files`: path as it was brought -> what it is called now."""
        self.now: defaultdict[str, set[str]] = defaultdict(set)
        for path, name in files.items():
            whole = path.casefold()
            for key in (whole, whole.rpartition("/")[2]):
                for form in {key, key.removesuffix(".gz"), re.sub(r"\.[a-z]{1,5}(\.gz)?$", "", key)}:
                    self.now[form].add(name)

    def find(self, cell: str) -> str | None:
        """What the file is called that a cell names; None where it names none, or several. Leading folders of another
        machine are left off."""
        names = [part for part in cell.strip().replace("\\", "/").casefold().split("/") if part not in {"", "."}]
        for start in range(len(names)):
            if len(found := self.now.get("/".join(names[start:]), set())) == 1:
                return next(iter(found))
        return None


def rewrite(source: Path, out: Path, files: Lookup, hashed: Callable[[str], str], people: Set[str]) -> int | None:
    """Writes what may be kept of a table to `out`, a CSV file; how many columns were left out. None, and no file, where
    it names none of the `files`. `people` are words that name somebody, in small letters. Raises InputError."""
    table = read_table(source)
    columns = {name: [_cell(row, at) for row in table.rows] for at, name in enumerate(table.columns)}
    names = {name: sum(files.find(cell) is not None for cell in cells) for name, cells in columns.items()}
    by_file = max(names, key=names.__getitem__, default=None)
    if by_file is None or not names[by_file]:
        return None
    kept: dict[str, list[str]] = {"file_name": [files.find(cell) or "" for cell in columns[by_file]]}
    for name, cells in columns.items():
        if name == by_file:
            continue
        if _key(name) in patients.COLUMNS:
            kept[_key(name)] = [hashed(cell) for cell in cells]
        elif _may_be_kept(name, cells, table, people):
            kept[name] = cells
    rows = [row for row in zip(*kept.values(), strict=True) if row[0]]
    with out.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([list(kept), *rows])
    return len(table.columns) - len(kept)


def _may_be_kept(name: str, cells: list[str], table: Table, people: Set[str]) -> bool:
    """Whether a column can be classes or parts, and names nobody: few values that repeat."""
    words = set(re.findall("[a-z]+", _key(name)))
    filled = [cell for cell in cells if cell]
    if not filled or words & TELLING or _names_somebody([name, *filled], people):
        return False
    if _key(name) in parts.COLUMNS and all(parts.of_cell(name, cell) for cell in set(filled)):
        return True
    different = len(set(filled))
    return different <= MOST_VALUES and (2 * different <= len(table.rows) or bool(words & LABELS))


def _names_somebody(cells: list[str], people: Set[str]) -> bool:
    return any(not people.isdisjoint(words_of(cell)) for cell in set(cells))


def words_of(text: str) -> set[str]:
    """The words of a name, in small letters, of three letters or digits at least; and the whole of it."""
    return {word for word in re.findall(r"[^\W_]+", text.casefold()) if len(word) > 2} | ({whole(text)} - {""})


def whole(text: str) -> str:
    """All letters and digits, in small letters: 'P 01' is 'p01'."""
    return "".join(re.findall(r"[^\W_]+", text.casefold()))


def _cell(row: list[str], at: int) -> str:
    return row[at].strip() if at < len(row) else ""


def _key(heading: str) -> str:
    return re.sub(r"[\s\-]+", "_", heading.strip().lower())
