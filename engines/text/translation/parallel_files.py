"""Sentences in one file and their translations in another, line by line: train.en and train.de, as OPUS and Moses have
them."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from engines import paths
from engines.contract import InputError, Problem, Progress
from engines.data.archive import unpack
from engines.data.parts import of_tables
from engines.data.table_files import is_zip_of_files
from engines.data.tables import Table, decode
from engines.data.unpacked import files_below, prepared
from engines.messages import _
from engines.text.settings import TableSettings
from engines.text.table_reading import PartTable, Tables, parts_by_name, read_tables

NAME = re.compile(r"(?P<stem>.+)\.(?P<language>[a-z]{2,3}(?:[-_][A-Za-z]{2,4})?)(?:\.txt)?")
"""A file of sentences in one language: train.en, Tatoeba.de-en.de, valid.pt-BR.txt."""
OTHER_ENDINGS = {"csv", "tsv", "txt", "zip", "xml", "ids", "md", "gz", "doc", "pdf"}
MOST_BYTES = 256 << 20  # of a file


def read_pairs(
    data: Path, settings: TableSettings, *, most_rows: int, seed: int = 0, progress: Progress | None = None
) -> Tables:
    """The sentence pairs in a folder or zip with two files of one name in two languages, else its tables; see
    `read_tables`. Raises InputError, also where two such files have different numbers of lines."""
    files = _pairs(data)
    if not files:
        return read_tables(data, settings, most_rows=most_rows, seed=seed, progress=progress)
    tables = {name: _table(name, languages, most_rows) for name, languages in files.items()}
    if len(tables) == 1:
        return Tables([PartTable(table, name) for name, table in tables.items()])
    parts = of_tables({name: table.columns for name, table in tables.items()})
    if not parts:
        several = _(
            "it holds {tables:,} pairs of files ({tables2})", tables=len(tables), tables2=", ".join(list(tables)[:4])
        )
        raise InputError(Problem(data.name, several, _("accepted: one pair, or train and test")))
    given = sorted(parts.items(), key=lambda each: (each[1] != "train", each[0]))
    drawn = settings.parts == "drawn"
    found = [PartTable(tables[name], name, None if drawn else part, f"{name}, ") for name, part in given]
    notes = [_("{name} says not what it is for: it is left out.", name=name) for name in tables if name not in parts]
    return Tables(found, [], notes, [parts_by_name(settings, list(parts))])


def _pairs(data: Path) -> dict[str, dict[str, Path]]:
    """Name of a pair -> its two languages and their files; nothing where there is none, or no folder."""
    if not data.is_dir() and not (data.is_file() and is_zip_of_files(data)):
        return {}
    root = data if data.is_dir() else prepared(data, paths.work(data), lambda out: unpack(data, out))[0]
    by_stem: defaultdict[str, dict[str, Path]] = defaultdict(dict)
    for path in files_below(root):
        found = NAME.fullmatch(path.name)
        if found and found["language"] not in OTHER_ENDINGS:
            by_stem[(path.parent.relative_to(root) / found["stem"]).as_posix()][found["language"]] = path
    return {stem: languages for stem, languages in by_stem.items() if len(languages) == 2}


def _table(name: str, languages: dict[str, Path], most_rows: int) -> Table:
    """The two files side by side, a column a language."""
    columns = [_lines(path) for path in languages.values()]
    if len(columns[0]) != len(columns[1]):
        told = _(" and ").join(
            f"{path.name} {len(lines):,}" for path, lines in zip(languages.values(), columns, strict=True)
        )
        found = _("its two files have different numbers of lines ({told})", told=told)
        raise InputError(Problem(name, found, _("accepted: two files in which the same line says the same")))
    rows = [list(pair) for pair in zip(*columns, strict=True)]
    notes = [
        _("{name} are read side by side, line by line.", name=_(" and ").join(path.name for path in languages.values()))
    ]
    step = -(-len(rows) // most_rows)
    if step > 1:
        notes.append(_("Of {rows:,} lines every {step}th is used.", rows=len(rows), step=step))
    kept = range(0, len(rows), max(1, step))
    return Table(name, list(languages), [rows[i] for i in kept], [i + 1 for i in kept], "line", len(rows), notes)


def _lines(path: Path) -> list[str]:
    if path.stat().st_size > MOST_BYTES:
        raise InputError(
            Problem(
                path.name,
                _("it is larger than {most_bytes} MiB", most_bytes=MOST_BYTES >> 20),
                _("accepted: a smaller file"),
            )
        )
    return decode(path.read_bytes()).rstrip("\n").split("\n")
