"""Read a table that says what is on which picture: `file_name,label`, perhaps `split`, under any usual heading."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from engines.contract import InputError, Problem, Skipped
from engines.data.labelled import SPLITS, clean, nfc
from engines.data.tables import read_rows
from engines.vision.layouts import TABLES, Entry, File, Listing

FILE_COLUMNS = (
    "file_name", "filename", "file", "image", "image_name", "image_file", "image_path", "file_path", "filepath", "path",
    "image_id", "img", "photo", "id", "name",
)  # fmt: skip
LABEL_COLUMNS = ("label", "labels", "class", "class_name", "category", "target", "species", "breed", "tag")
SPLIT_COLUMNS = ("split", "part", "subset", "set", "partition")
PREFERRED = ("metadata", "labels", "train")
ACCEPTED = "accepted: a table with a column file_name and a column label"


def find(files: list[File]) -> list[File]:
    """Tables that lie beside or above all pictures, the likeliest first."""
    tables = [file for file in files if len(file.parts) == 1 and file.suffix in TABLES]
    stems = {table.path: table.path.stem.lower() for table in tables}
    return sorted(tables, key=lambda file: (stems[file.path] not in PREFERRED, stems[file.path]))


def by_table(table: File, files: list[File]) -> Listing:
    """What `table` says about `files`; rows that say nothing useful are skipped and named.

    Pictures are found by relative path, with or without extension, whatever the case; a bare file name is found in any
    folder. Only `files` are looked at, so a table cannot reach out of the folder. Raises InputError when the table has
    no fitting columns or when not one of its files is there.
    """
    rows = read_rows(table.path)
    pictures = _Names([file for file in files if file.is_image])
    columns, body = _columns(table, rows, pictures)
    listing = Listing()
    labels: dict[File, str] = {}
    n_repeated = 0
    for line, cells in body:
        where = f"{table.name}, line {line}"
        name, label, split = (cells[at].strip() if at is not None and at < len(cells) else "" for at in columns)
        found = pictures.find(name)
        part = SPLITS.get(split.lower())
        if not name:
            listing.skipped.append(Skipped(where, "names no file"))
        elif len(found) != 1:
            reason = f"fits {len(found)} files" if found else "is not there"
            listing.skipped.append(Skipped(where, f"names '{name}', which {reason}"))
        elif not clean(label):
            listing.skipped.append(Skipped(where, f"has no label for '{name}'"))
        elif split and not part:
            listing.skipped.append(Skipped(where, f"has the split '{split}': accepted are train, validation and test"))
        elif found[0] in labels:
            n_repeated += 1
            if labels[found[0]] != clean(label):
                reason = f"says '{label}' for '{name}', which an earlier line calls '{labels[found[0]]}'"
                listing.skipped.append(Skipped(where, reason))
        else:
            labels[found[0]] = clean(label)
            listing.entries.append(Entry(found[0], cells[columns[1]], part))
    if not listing.entries:
        first = f" (the first: {listing.skipped[0].where} {listing.skipped[0].reason})" if listing.skipped else ""
        raise InputError(Problem(table.name, f"none of its {len(body):,} rows can be used{first}", ACCEPTED))
    n_unnamed = len(pictures.files) - len(labels)
    if n_unnamed:
        listing.notes.append(f"{n_unnamed:,} images are left out, for {table.name} does not name them.")
    if n_repeated:
        listing.notes.append(f"{table.name} names {n_repeated:,} files again; the first line counts.")
    return listing


class _Names:
    """Files to be found by path or by bare name, with or without extension, whatever the case."""

    def __init__(self, files: list[File]):
        self.files = files
        self.by_path: defaultdict[str, list[File]] = defaultdict(list)
        self.by_name: defaultdict[str, list[File]] = defaultdict(list)
        for file in files:
            path = _key("/".join(file.parts))
            for key in {path, path.removesuffix(file.suffix)}:
                self.by_path[key].append(file)
                self.by_name[key.rsplit("/", 1)[-1]].append(file)

    def find(self, name: str) -> list[File]:
        """The files that fit: one, or none, or several that fit equally well.

        Leading folders that were not brought along are left off: 'data/cats/1.jpg' finds cats/1.jpg.
        """
        parts = [part for part in name.replace("\\", "/").split("/") if part not in {"", "."}]
        for start in range(len(parts)):
            if found := self.by_path.get(_key("/".join(parts[start:]))):
                break
        else:
            found = self.by_name.get(_key(name), []) if len(parts) == 1 else []
        exact = [file for file in found if file.name.endswith(nfc(name))]
        return exact if len(exact) == 1 else found


def _key(path: str) -> str:
    return nfc(path).casefold()


Columns = tuple[int, int, int | None]
Rows = Sequence[tuple[int, list[str]]]


def _columns(table: File, rows: Rows, pictures: _Names) -> tuple[Columns, Rows]:
    """Where file, label and split stand, and the rows without the heading."""
    header = [cell.strip().lower().replace(" ", "_").replace("-", "_") for cell in rows[0][1]]
    if len(header) == 2 and pictures.find(rows[0][1][0].strip()):  # two columns without a heading
        return (0, 1, None), rows

    def first(names: tuple[str, ...]) -> int | None:
        return next((header.index(name) for name in names if name in header), None)

    name_at, label_at, split_at = first(FILE_COLUMNS), first(LABEL_COLUMNS), first(SPLIT_COLUMNS)
    if label_at is None and len(header) == 2 and name_at is not None:
        label_at = 1 - name_at
    if name_at is None or label_at is None:
        found = ", ".join(f"'{cell.strip()}'" for cell in rows[0][1][:8])
        raise InputError(Problem(table.name, f"its columns are {found}", ACCEPTED))
    return (name_at, label_at, split_at), rows[1:]
