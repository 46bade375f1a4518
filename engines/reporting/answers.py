"""Every answer of a model to somebody's data as one table: written row by row, looked through a page at a time.

answers.parquet  a row an example, as it was answered: file, and error of a bad one; label, confidence, p_<class>, …:
                 what `predict` says, laid flat (`flat`)
answers.json     n (rows), bad (how many could not be read), first_bad (file and error of `NAMED` of them at most),
                 labels (label -> how many; null where each says something else), columns, complete
"""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from engines.contract import Cancelled
from engines.data.tables import write_csv

TABLE, SUMMARY = "answers.parquet", "answers.json"
TOGETHER = 2_000
"""Rows of a group of the Parquet file: as many are in memory at once."""
NAMED = 200
MOST_LABELS = 200
"""Of more different answers nobody wants to know how often each came."""
PREFIXES = {"probabilities": "p_", "quantiles": "q", "cosines": "cosine_", "values": "value_"}
"""What `predict` answers as a dictionary -> how the columns begin that it becomes."""
WIDE = ("embedding", "unsure", "cosine_")
"""Beginnings of columns that are for programs more than for eyes."""


def flat(row: dict[str, Any]) -> dict[str, Any]:
    """A row of `predict` with numbers, texts and truths alone: dictionaries become columns, lists become JSON."""
    found: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, dict):
            prefix = PREFIXES.get(name, f"{name}_")
            found |= {f"{prefix}{key}": own for key, own in value.items()}
        elif isinstance(value, list | tuple):
            found[name] = json.dumps(value, ensure_ascii=False)
        else:
            found[name] = value
    return found


def write(folder: Path, rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Writes both files and returns the second. Where `rows` are Cancelled, what has come is kept, and it is raised
    again; where they raise anything else, nothing is written."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", dir=folder) as spool:
        kinds: dict[str, type] = {}
        labels: Counter[str] | None = Counter()
        bad: list[dict[str, str]] = []
        n = n_bad = 0
        stopped: Cancelled | None = None
        try:
            for row in map(flat, rows):
                n += 1
                if "error" in row:
                    n_bad += 1
                    bad += [{"file": str(row["file"]), "error": str(row["error"])}] if n_bad <= NAMED else []
                elif labels is not None and "label" in row:
                    labels[str(row["label"])] += 1
                    labels = labels if len(labels) <= MOST_LABELS else None
                for name, value in row.items():
                    kinds[name] = _wider(kinds.get(name), value)
                spool.write(json.dumps(row, ensure_ascii=False) + "\n")
        except Cancelled as error:
            stopped = error
        _write_table(folder / TABLE, spool, kinds)
    counted = dict(labels.most_common()) if labels and len(labels) < n else None
    told = {"n": n, "bad": n_bad, "first_bad": bad, "labels": counted, "columns": list(kinds)}
    summary = told | {"complete": stopped is None}
    (folder / SUMMARY).write_text(json.dumps(summary, ensure_ascii=False), encoding="utf-8")
    if stopped is not None:
        raise stopped
    return summary


def _wider(known: type | None, value: object) -> type:
    """The kind of a column of which `known` has come so far."""
    own = type(value)
    if value is None or own is known:
        return known or type(None)
    if known in {None, type(None)}:
        return own if own in {bool, int, float} else str
    return float if {known, own} == {int, float} else str


def _write_table(path: Path, spool: IO[str], kinds: dict[str, type]) -> None:
    """Whole or not at all."""
    types = {bool: pa.bool_(), int: pa.int64(), float: pa.float64()}
    schema = pa.schema([(name, types.get(kind, pa.string())) for name, kind in kinds.items()])
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    spool.seek(0)
    try:
        with pq.ParquetWriter(partial, schema) as table:
            for group in _groups(spool):
                columns = {name: [_as(kind, row.get(name)) for row in group] for name, kind in kinds.items()}
                table.write_table(pa.table(columns, schema=schema))
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _groups(spool: IO[str]) -> Iterator[list[dict[str, Any]]]:
    group: list[dict[str, Any]] = []
    for line in spool:
        group.append(json.loads(line))
        if len(group) == TOGETHER:
            yield group
            group = []
    if group:
        yield group


def _as(kind: type, value: Any) -> Any:
    if value is None or kind in {bool, int}:
        return value
    return float(value) if kind is float else str(value)


# --- looking through ------------------------------------------------------------------------------


def summary(folder: Path) -> dict[str, Any] | None:
    """answers.json; None where it is not there (yet)."""
    try:
        found: dict[str, Any] = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return found


def chosen(folder: Path, *, label: str | None = None, bad: bool | None = None, least_sure: bool = False) -> list[int]:
    """Numbers of the rows with that label, or (not) bad, in their order or the least sure first."""
    columns = [name for name in ("label", "error", "confidence") if name in pq.read_schema(folder / TABLE).names]
    table = pq.read_table(folder / TABLE, columns=columns)
    mask = pa.array([True] * table.num_rows)
    if label is not None and "label" in columns:
        mask = pc.and_(mask, pc.fill_null(pc.equal(pc.cast(table["label"], pa.string()), label), False))
    if bad is not None and "error" in columns:
        mask = pc.and_(mask, pc.is_valid(table["error"]) if bad else pc.is_null(table["error"]))
    elif bad:
        return []
    numbers = pc.indices_nonzero(mask).to_pylist()
    if least_sure and "confidence" in columns:
        sure = table["confidence"].to_pylist()
        numbers.sort(key=lambda number: (sure[number] is None, sure[number] or 0.0))
    return [int(number) for number in numbers]


def rows(folder: Path, numbers: Sequence[int]) -> list[dict[str, Any]]:
    """Those rows, in that order, with the columns that eyes are for; only the groups that hold them are read."""
    file = pq.ParquetFile(folder / TABLE)
    columns = [name for name in file.schema_arrow.names if not name.startswith(WIDE)]
    found: dict[int, dict[str, Any]] = {}
    for group in sorted({number // TOGETHER for number in numbers}):
        own = [number for number in numbers if number // TOGETHER == group]
        taken = file.read_row_group(group, columns=columns).take([number % TOGETHER for number in own])
        found |= dict(zip(own, taken.to_pylist(), strict=True))
    return [found[number] for number in numbers]


def write_as_csv(table: Path, out: Path) -> None:
    """The whole table as CSV, a group at a time; no spreadsheet takes a cell of it for a formula."""
    file = pq.ParquetFile(table)
    groups = (file.read_row_group(number) for number in range(file.num_row_groups))
    cells = (row.values() for group in groups for row in group.to_pylist())
    write_csv(out, file.schema_arrow.names, (list(row) for row in cells))
