"""Read a CSV the way people's programs write it: any usual separator, any usual encoding."""

from __future__ import annotations

import codecs
import csv
import io
from pathlib import Path

from engines.contract import InputError, Problem

MOST_BYTES = 256 << 20
SEPARATORS = ",;\t"
BYTE_ORDER_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def read_rows(path: Path) -> list[tuple[int, list[str]]]:
    """Every row that is not blank as (line number, cells), the header included.

    The separator is the one of comma, semicolon and tab that the first line has most of. The encoding is UTF-8 or
    UTF-16, or else Windows-1252, which Excel writes in western Europe. Raises InputError for a file that is empty,
    too large or not text.
    """
    accepted = "accepted: a CSV file with a header line, separated by comma, semicolon or tab"
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(Problem(path.name, f"the table is larger than {MOST_BYTES >> 20} MiB", accepted))
        text = decode(path.read_bytes())
    except OSError as error:
        raise InputError(Problem(path.name, f"the table cannot be opened ({error.strerror})", accepted)) from None
    lines = text.splitlines()
    first = next((line for line in lines if line.strip()), None)
    if first is None:
        raise InputError(Problem(path.name, "the table is empty", accepted))
    if "\0" in text:
        raise InputError(Problem(path.name, "this is no text", accepted))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(SEPARATORS, key=first.count))
    rows = []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((reader.line_num, cells))
    except csv.Error:
        raise InputError(Problem(f"{path.name}, line {reader.line_num}", "the line cannot be read", accepted)) from None
    if not rows:
        raise InputError(Problem(path.name, "the table is empty", accepted))
    return rows


def decode(raw: bytes) -> str:
    """Text of unknown encoding; never fails."""
    for mark, encoding in BYTE_ORDER_MARKS.items():
        if raw.startswith(mark):
            return raw.decode(encoding, errors="replace")
    if raw[1:2] == b"\0" != raw[:1]:
        return raw.decode("utf-16-le", errors="replace")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")
