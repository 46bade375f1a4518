"""Read whatever table a person brings, and write tables that no spreadsheet program mistakes for formulas."""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from engines import messages
from engines.contract import InputError, Problem, Progress
from engines.data.columnar import open_parquet, open_spreadsheet
from engines.data.delimited import UnclosedQuote, open_delimited
from engines.data.json_lines import open_records
from engines.data.row_sampling import Source, Table, collect, named
from engines.messages import _

__all__ = [
    "ACCEPTED",
    "EXTENSIONS",
    "Table",
    "columns_of",
    "decode",
    "open_table",
    "read_rows",
    "read_table",
    "safe_cell",
    "write_csv",
]

EXTENSIONS = {".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".json", ".parquet", ".xlsx"}
ACCEPTED = _("accepted: a table as CSV, TSV, JSONL, Parquet or XLSX")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
FOREIGN = {
    b"\xd0\xcf\x11\xe0": (_("it is an old Excel file (.xls)"), _("save it as .xlsx or CSV")),
    b"\x1f\x8b": (_("it is packed with gzip"), _("unpack it first")),
    b"%PDF": (_("it is a PDF"), ACCEPTED),
    b"\x89PNG": (_("it is an image"), ACCEPTED),
    b"\xff\xd8\xff": (_("it is an image"), ACCEPTED),
    b"SQLite format 3": (_("it is a SQLite database"), _("export its table as CSV")),
}
"""How other files begin -> what they are, and what to do."""
SERIES = _("write it as a table, such as one row a date with the columns unique_id, ds and y")
NAMED = {
    ".tsf": (_("it is in the format of the Monash archive (.tsf)"), SERIES),
    ".ts": (_("it is in the format of sktime and the UEA archive (.ts)"), SERIES),
    ".arff": (_("it is in Weka's format (.arff)"), _("save it as CSV")),
    ".sav": (_("it is in SPSS's format (.sav)"), _("save it as CSV")),
    ".dta": (_("it is in Stata's format (.dta)"), _("save it as CSV")),
    ".rds": (_("it is in R's format (.rds)"), _("write it as CSV")),
    ".feather": (_("it is in the Feather format"), _("write it as Parquet or CSV")),
    ".ods": (_("it is an OpenDocument spreadsheet (.ods)"), _("save it as .xlsx or CSV")),
}
"""Endings of files of other formats -> what they are, and what to do."""


def read_table(
    path: Path,
    *,
    most_rows: int = 100_000,
    seed: int = 0,
    sheet: str | None = None,
    heading: bool | None = None,
    progress: Progress | None = None,
) -> Table:
    """The table in a CSV, TSV, JSONL, JSON, Parquet or XLSX file, as text, cell by cell.

    What kind of file it is, its content says first and its name second. Separator, encoding and header are guessed, and
    `Table.notes` says how. Rows that do not fit are skipped and named; blank rows are counted. The file is streamed: of
    more than `most_rows` rows that many are drawn at random by `seed`, in the file's order. `heading` says whether the
    first line names the columns, and `sheet` which of several is read, where somebody knows. `progress` counts bytes
    or rows.

    Raises InputError, and nothing else, for a file of no use.
    """
    try:
        try:
            source = open_table(path, sheet=sheet, heading=heading, progress=progress)
            return collect(path.name, source, most_rows=most_rows, seed=seed, accepted=ACCEPTED)
        except UnclosedQuote:
            source = open_delimited(path, quotes=False, heading=heading, progress=progress)
            return collect(path.name, source, most_rows=most_rows, seed=seed, accepted=ACCEPTED)
    except OSError as error:
        raise _unopened(path, error) from None


def columns_of(path: Path, sheet: str | None = None) -> list[str]:
    """What a table's columns are called, by its beginning alone. Raises InputError for a file of no use."""
    source = open_table(path, sheet=sheet)
    with contextlib.suppress(UnclosedQuote):
        next(source.rows, None)  # only now does JSON say what its columns are
    return named(source.columns)[0]


def open_table(
    path: Path, *, sheet: str | None = None, heading: bool | None = None, progress: Progress | None = None
) -> Source:
    """The rows of the same files as `read_table`, one at a time, for who can use each row and forget it.

    Raises InputError for a file of no use, now or while its rows are read, and UnclosedQuote as `open_delimited` does.
    """
    try:
        with path.open("rb") as file:
            start = file.read(64)
        if told := messages.told(NAMED).get(path.suffix.lower()):
            raise InputError(Problem(path.name, *told))
        for opening, (found, accepted) in messages.told(FOREIGN).items():
            if start.startswith(opening):
                raise InputError(Problem(path.name, found, accepted))
        return _source(path, start, sheet, heading, progress)
    except OSError as error:
        raise _unopened(path, error) from None


def _unopened(path: Path, error: OSError) -> InputError:
    return InputError(
        Problem(path.name, _("the table cannot be opened ({strerror})", strerror=error.strerror or error), ACCEPTED)
    )


def _source(path: Path, start: bytes, sheet: str | None, heading: bool | None, progress: Progress | None) -> Source:
    suffix = path.suffix.lower()
    if start.startswith(b"PK\3\4") or suffix == ".xlsx":
        return open_spreadsheet(path, sheet, heading, progress)
    if start.startswith(b"PAR1") or suffix == ".parquet":
        return open_parquet(path, progress)
    if suffix in {".jsonl", ".ndjson", ".json"} or (suffix not in EXTENSIONS and start.lstrip().startswith(b"{")):
        return open_records(path, progress)
    return open_delimited(path, heading=heading, progress=progress)


def safe_cell(text: str) -> str:
    """`text` with ' before it where a spreadsheet program would take it for a formula: after = + - @, a tab or a CR.

    OWASP, "CSV Injection". A number with a sign stays as it is: it does no harm and people want to add it up.
    """
    if not text.startswith(FORMULA_STARTS):
        return text
    try:
        float(text)
    except ValueError:
        return "'" + text
    return text


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Writes UTF-8 with a byte order mark (so that Excel reads it), commas and safe cells; None is an empty cell."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([safe_cell(column) for column in columns])
        for row in rows:
            writer.writerow([safe_cell("" if cell is None else str(cell)) for cell in row])


MOST_BYTES = 256 << 20
SEPARATORS = ",;\t"
BYTE_ORDER_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def read_rows(path: Path) -> list[tuple[int, list[str]]]:
    """Every row that is not blank as (line number, cells), the header included.

    The separator is the one of comma, semicolon and tab that the first line with any has most of. The encoding is
    UTF-8 or UTF-16, or else Windows-1252, which Excel writes in western Europe. Raises InputError for a file that is
    empty, too large or not text.
    """
    accepted = _("accepted: a CSV file with a header line, separated by comma, semicolon or tab")
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(
                Problem(
                    path.name, _("the table is larger than {most_bytes} MiB", most_bytes=MOST_BYTES >> 20), accepted
                )
            )
        text = decode(path.read_bytes())
    except OSError as error:
        raise InputError(
            Problem(path.name, _("the table cannot be opened ({strerror})", strerror=error.strerror), accepted)
        ) from None
    lines = text.splitlines()
    first = next((line for line in lines if line.strip()), None)
    if first is None:
        raise InputError(Problem(path.name, _("the table is empty"), accepted))
    if "\0" in text:
        raise InputError(Problem(path.name, _("this is no text"), accepted))
    telling = next((line for line in lines if any(separator in line for separator in SEPARATORS)), first)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(SEPARATORS, key=telling.count))
    rows = []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((reader.line_num, cells))
    except csv.Error:
        raise InputError(
            Problem(
                _("{name}, line {line_num}", name=path.name, line_num=reader.line_num),
                _("the line cannot be read"),
                accepted,
            )
        ) from None
    if not rows:
        raise InputError(Problem(path.name, _("the table is empty"), accepted))
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
