"""Read JSON Lines, or one JSON value that holds a table, as a table: one object a row, keys as columns."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from engines.cancellation import cancellation_point
from engines.contract import InputError, Json, Problem, Progress, Skipped
from engines.data.class_names import NUMBER
from engines.data.delimited import require_text
from engines.data.encodings import beginning, encoding_of
from engines.data.json_shapes import in_sequence, records
from engines.data.row_sampling import MOST_NAMED, Source, clean, require_columns
from engines.messages import _

MOST_LINE = 16 << 20  # characters
MOST_ARRAY = 64 << 20  # bytes of a JSON array, which is read whole
DEPTH = 3
"""Objects in objects become columns 'a.b.c' down to here; what lies deeper, and lists, stay JSON text."""
ACCEPTED = _("accepted: one JSON object a line (JSONL), or one JSON array of objects, one object a row")
LOOKED_AT = 2_000
"""Rows by which it is judged whether numbers came in quotation marks, too."""


def open_records(path: Path, progress: Progress | None = None) -> Source:
    """The rows of a JSONL or JSON file. A missing key or null is ''; numbers and true/false are as JSON writes them.

    A line that is no JSON object is skipped and named. Raises InputError for a file that is empty or no text.
    """
    encoding, note = encoding_of(path)
    source = Source([], iter(()), "line", [note] if note else [], fixed=False)
    start = beginning(path, encoding, 1 << 16)
    require_text(path.name, start)
    columns: dict[str, int] = {}
    opening, _, more = start.lstrip("\ufeff \t\r\n").partition("\n")
    one_value = not _is_whole(opening) or (opening.startswith("{") and not more.strip())
    over_lines = opening.startswith("[") or opening.strip() == "{" or path.suffix.lower() == ".json"
    found: Iterable[tuple[int, Any]]
    if one_value and over_lines:
        found = _whole(path, encoding)
        source.counted = "row"
    else:
        found = _lines(path, encoding, source, progress)
    source.rows = _rows(path.name, found, columns, source)
    return source


def _is_whole(line: str) -> bool:
    """Whether the first line is one value by itself, so that the file has one a line; an array of objects is none."""
    try:
        value = json.loads(line.rstrip().rstrip(","))
    except (ValueError, RecursionError):
        return False
    return not (isinstance(value, list) and any(isinstance(entry, dict) for entry in value))


def _lines(path: Path, encoding: str, source: Source, progress: Progress | None) -> Iterator[tuple[int, Any]]:
    n_bad = 0
    size = path.stat().st_size
    with path.open("rb") as raw, io.TextIOWrapper(raw, encoding=encoding, errors="replace") as file:
        number = 0
        while line := file.readline(MOST_LINE):
            cancellation_point()
            number += 1
            if len(line) >= MOST_LINE:
                found = _("a line of more than {most_line:,} characters", most_line=MOST_LINE)
                raise InputError(Problem(_("{name}, line {number}", name=path.name, number=number), found, ACCEPTED))
            if progress and number % 10_000 == 0:
                progress(raw.tell(), size)
            if not line.strip("\ufeff \t\r\n"):
                continue
            try:
                yield number, json.loads(line.strip("\ufeff \t\r\n").rstrip(","))  # a comma, as in an array
            except (ValueError, RecursionError):
                n_bad += 1
                if n_bad <= MOST_NAMED:
                    source.skipped.append(Skipped(_("line {number}", number=number), _("is no JSON")))
    if n_bad > MOST_NAMED:
        source.skipped.append(
            Skipped(path.name, _("has {n_bad:,} more lines that are no JSON", n_bad=n_bad - MOST_NAMED))
        )


def _whole(path: Path, encoding: str) -> Iterator[tuple[int, Any]]:
    if path.stat().st_size > MOST_ARRAY:
        found = _("a JSON array of more than {most_array} MiB", most_array=MOST_ARRAY >> 20)
        raise InputError(Problem(path.name, found, _("accepted: JSON Lines (.jsonl), which is read line by line")))
    try:
        values = list(in_sequence(path.read_bytes().decode(encoding, errors="replace")))
    except (ValueError, RecursionError):
        raise InputError(Problem(path.name, _("it is no whole JSON"), ACCEPTED)) from None
    try:
        rows = records(values[0]) if len(values) == 1 else values
    except ValueError as error:
        raise InputError(Problem(path.name, str(error), ACCEPTED)) from None
    yield from enumerate(rows, start=1)


def _rows(
    name: str, found: Iterable[tuple[int, Any]], columns: dict[str, int], source: Source
) -> Iterator[tuple[int, list[str]]]:
    n_bad = 0
    quoted: dict[str, set[bool]] = {}
    for position, value in found:
        cells = _cells(value)
        if cells is None:
            n_bad += 1
            if n_bad <= MOST_NAMED:
                source.skipped.append(Skipped(f"{source.counted} {position}", _("is no JSON object")))
            continue
        for key in cells:
            if key not in columns:
                columns[key] = len(columns)
                source.columns.append(key)
        require_columns(name, len(columns))
        row = [""] * len(columns)
        for key, cell in cells.items():
            row[columns[key]] = cell
            if isinstance(value, dict) and position <= LOOKED_AT and NUMBER.fullmatch(cell):
                quoted.setdefault(key, set()).add(isinstance(value.get(key), str))
        yield position, row
    source.notes += [
        _("'{name}' holds numbers with quotation marks around them and without: both are read alike.", name=name)
        for name, ways in quoted.items()
        if len(ways) > 1
    ]
    if n_bad > MOST_NAMED:
        source.skipped.append(
            Skipped(name, _("has {n_bad:,} more entries that are no JSON objects", n_bad=n_bad - MOST_NAMED))
        )


def _cells(value: Json) -> dict[str, str] | None:
    if isinstance(value, str):
        return {"text": clean(value)}
    if isinstance(value, list) and not any(isinstance(entry, dict | list) for entry in value):
        return {f"column_{number}": as_text(entry) for number, entry in enumerate(value, start=1)}
    if not isinstance(value, dict):
        return None
    cells: dict[str, str] = {}
    _flatten(value, "", DEPTH, cells)
    return cells


def _flatten(value: dict[str, Any], prefix: str, depth: int, cells: dict[str, str]) -> None:
    for key, entry in value.items():
        name = prefix + clean(str(key))
        if isinstance(entry, dict) and entry.keys() == {"choices"}:  # Label Studio's, where there are several
            entry = entry["choices"]
        if isinstance(entry, dict) and entry and depth > 1:
            _flatten(entry, name + ".", depth - 1, cells)
        else:
            cells[name] = as_text(entry)


def as_text(value: Any) -> str:
    """A typed cell as text: '' for null and NaN, JSON for what is nested, dates in ISO 8601."""
    if value is None or isinstance(value, float) and math.isnan(value):
        return ""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return clean(value.decode("utf-8", errors="replace"))
    if isinstance(value, dict | list):
        try:
            return clean(json.dumps(value, ensure_ascii=False, default=str))
        except (ValueError, RecursionError, TypeError):
            return ""
    try:
        return clean(str(value.isoformat() if hasattr(value, "isoformat") else value))
    except ValueError:  # an integer of thousands of digits
        return ""
