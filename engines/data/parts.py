"""What people call the parts of their data: which folder, table or cell says train, which validation, which test.

One place for all domains. A part is recognised by a whole word within a name, in any case: `Training`, `test_set`,
`reviews-train.csv`, `ValidData`. Whether folders so called are parts, or classes that happen to be called so, is for
`among` to say.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import PurePosixPath

from engines.contract import setting
from engines.data.splits import Part
from engines.messages import _

WORDS: dict[str, Part] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "eval": "validation",
    "evaluation": "validation",
    "test": "test",
    "testing": "test",
    "holdout": "test",
}
"""A word, in small letters -> the part that it names."""
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
"""Splits TestSet and TESTData too."""
LETTERS = re.compile("[A-Za-z]+")
COLUMNS = ("split", "part", "subset", "partition", "set")
"""What a column that says the part of each row is called, the likeliest first."""
READINGS = ("auto", "parts", "classes")
FLAG = re.compile(r"is[-_ ]?([a-z]+)", re.IGNORECASE)
YES, NO = {"true", "1", "yes"}, {"false", "0", "no"}


def parts_setting() -> str:
    """The setting by which a person says what folders called train and test are."""
    return setting(
        "auto", _("What folders called train and test are: parts of the data, or classes"), choices=READINGS, reads=True
    )


def part_of(name: str) -> Part | None:
    """The part that a name says, by a whole word in it; None where it says none, or several."""
    spelt = re.sub("hold[-_ ]out", "holdout", name, flags=re.IGNORECASE)
    words = {word.lower() for word in (*WORD.findall(spelt), *LETTERS.findall(spelt))}
    words |= {word.removesuffix(end) for word in words for end in ("set", "data")}
    found = {WORDS[word] for word in words if word in WORDS}
    return found.pop() if len(found) == 1 else None


def part_of_path(name: str) -> Part | None:
    """The part that a file's name says, else the nearest of its folders: 'reviews_train.csv', 'test/0.parquet'."""
    path = PurePosixPath(name)
    return next((part for own in (path.stem, *reversed(path.parts[:-1])) if (part := part_of(own))), None)


def among(folders: Mapping[str, Collection[str]]) -> dict[str, Part]:
    """Folder -> its part, where the folders are the parts of one data set; nothing where they are classes, or where
    none of them is to train on.

    `folders`: a folder's name -> what it holds by name: class folders, or the columns of its table; nothing for one of
    loose pictures, which is no part. Folders are parts where one of them is to train on and holds several, and each
    other holds, for the most part, what that one holds (or all are called parts, and so are nothing else). What stands
    beside them is the caller's to leave out and name.
    """
    named = {folder: part for folder, holds in folders.items() if holds and (part := part_of(folder))}
    taught = {_plain(name) for folder, part in named.items() if part == "train" for name in folders[folder]}
    only_parts = len(taught) > 1 and all(map(part_of, folders))
    found = {folder: part for folder, part in named.items() if only_parts or _alike(folders[folder], taught)}
    return found if taught and (len(found) > 1 or all(map(part_of, folders))) else {}


def lacks_training(folders: Mapping[str, Collection[str]]) -> bool:
    """Whether the folders are parts of one data set without any to train on: val/ and test/ with the same classes."""
    named = [(part_of(folder), {_plain(name) for name in holds}) for folder, holds in folders.items() if holds]
    parts, first = {part for part, _ in named}, named[0][1] if named else set()
    return parts == {"validation", "test"} and all(_alike(own, first) for _, own in named)


def of_tables(tables: Mapping[str, Collection[str]]) -> dict[str, Part]:
    """Table -> its part, where their names say so and one is to train on; nothing else.

    `tables`: a table's path, or the name of its sheet -> its columns. A part holds, for the most part, the columns of
    what is trained on: predictions to be filled in, called test too, are none.
    """
    named = {table: part for table in tables if (part := part_of_path(table))}
    taught = {_plain(name) for table, part in named.items() if part == "train" for name in tables[table]}
    return (
        {table: part for table, part in named.items() if part == "train" or _alike(tables[table], taught)}
        if taught
        else {}
    )


def of_cell(column: str, cell: str) -> Part | None:
    """The part that a cell says of its row: by its word, or by yes and no in a column such as is_valid."""
    flag = FLAG.fullmatch(column.strip())
    if flag is None or cell.strip().casefold() not in YES | NO:
        return part_of(cell)
    named = part_of(flag[1])
    if cell.strip().casefold() in YES:
        return named
    return "test" if named == "train" else "train"


def says_part(column: str) -> bool:
    """Whether a column is called as fastai calls one of yes and no for a part: is_valid."""
    flag = FLAG.fullmatch(column.strip())
    return flag is not None and part_of(flag[1]) is not None


def _alike(holds: Iterable[str], taught: Collection[str]) -> bool:
    """Whether at least half of the names are among those taught."""
    own = {_plain(name) for name in holds}
    return 2 * len(own & set(taught)) >= len(own)


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())
