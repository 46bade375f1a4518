"""Read Parquet files and spreadsheets as tables of text, a few rows at a time, with limits on what they unpack to."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engines.contract import InputError, Problem, Progress
from engines.data.collecting import Source, clean, listed, require_columns
from engines.data.delimited import SAMPLE_ROWS, has_header
from engines.data.records import as_text

MOST_UNPACKED = 512 << 20  # bytes of a spreadsheet without its compression
BATCH = 1024  # rows
ACCEPTED_XLSX = "accepted: an .xlsx file as Excel, LibreOffice or Google Sheets save it"
ACCEPTED_PARQUET = "accepted: a Parquet file as pandas, Polars or the Hugging Face hub write it"
ERRORS = {"#N/A", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!", "#GETTING_DATA"}


def open_parquet(path: Path, progress: Progress | None = None) -> Source:
    """The rows of a Parquet file. Structs become columns 'a.b', lists JSON text, null and NaN ''.

    Raises InputError for a file that is damaged or no Parquet, also while its rows are read.
    """
    import pyarrow.parquet as parquet

    try:
        file = parquet.ParquetFile(path)
        width = len(file.schema_arrow.names)
    except Exception:  # ArrowInvalid, OSError, …: whatever the bytes provoke
        raise InputError(Problem(path.name, "it is damaged, or no Parquet file", ACCEPTED_PARQUET)) from None
    require_columns(path.name, width)
    columns: list[str] = []
    rows = _parquet_rows(path.name, file, columns, progress)
    return Source(columns, rows, "row", [], fixed=False)


def _parquet_rows(
    name: str, file: Any, columns: list[str], progress: Progress | None
) -> Iterator[tuple[int, list[str]]]:
    import pyarrow as pa

    position = 0
    total = file.metadata.num_rows
    try:
        for batch in file.iter_batches(batch_size=BATCH):
            table = pa.Table.from_batches([batch])
            while any(pa.types.is_struct(kind) for kind in table.schema.types):
                table = table.flatten()
                require_columns(name, table.num_columns)
            if not columns:
                columns.extend(clean(str(column)) for column in table.column_names)
            lists = [column.to_pylist() for column in table.columns]
            for cells in zip(*lists, strict=True):
                position += 1
                yield position, [as_text(cell) for cell in cells]
            if progress:
                progress(position, total)
    except InputError:
        raise
    except Exception:
        found = f"it is damaged after row {position:,}"
        raise InputError(Problem(name, found, ACCEPTED_PARQUET)) from None


def open_spreadsheet(path: Path, sheet: str | None = None, progress: Progress | None = None) -> Source:
    """The rows of one sheet: the first that has two rows or more, or the one called `sheet`.

    Formulas count as the value that was saved with them, error values as ''. Raises InputError for a damaged file, one
    that unpacks to more than MOST_UNPACKED, or an unknown sheet.
    """
    _require_bearable(path)
    import openpyxl

    try:
        # from memory, for openpyxl judges a file by its name
        book = openpyxl.load_workbook(io.BytesIO(path.read_bytes()), read_only=True, data_only=True)
        names = [entry.title for entry in book.worksheets]
    except Exception:  # KeyError, ValueError, BadZipFile, ParseError, …: whatever the file provokes
        raise InputError(Problem(path.name, "it is damaged, or no .xlsx file", ACCEPTED_XLSX)) from None
    if sheet is not None and sheet not in names:
        raise InputError(Problem(path.name, f"it has no sheet '{sheet}'", f"its sheets are {listed(names)}"))
    notes: list[str] = []
    for name in [sheet] if sheet is not None else names:
        head = _first_rows(path, book[name])
        if len(head) > 1 or len(names) == 1 or sheet is not None:
            break
    else:
        raise InputError(Problem(path.name, "no sheet in it has two rows", ACCEPTED_XLSX))
    if len(names) > 1:
        notes.append(f"Read from the sheet '{name}'; its sheets are {listed(names)}.")
    header = head[0] if head else []
    while header and not header[-1].strip():
        header.pop()
    require_columns(path.name, len(header))
    rows = _sheet_rows(path, book[name], progress)
    if has_header(header, head[1:]):
        next((cells for _, cells in rows if any(cell.strip() for cell in cells)), None)
    else:
        notes.append(f"The first row is no header: the columns are called column_1 to column_{len(header)}.")
        header = [f"column_{number}" for number in range(1, len(header) + 1)]
    return Source(header, _even(rows, len(header)), "row", notes)


def _require_bearable(path: Path) -> None:
    """Raises InputError for what is no zip (an .xlsx is one), or a zip that unpacks to more than anybody types."""
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = path.stat().st_size
            for info in archive.infolist():
                with archive.open(info) as member:
                    while unpacked <= MOST_UNPACKED and (chunk := member.read(1 << 20)):
                        unpacked += len(chunk)
    except Exception:  # BadZipFile, zlib.error, NotImplementedError, …: whatever the bytes provoke
        raise InputError(Problem(path.name, "it is damaged, or no .xlsx file", ACCEPTED_XLSX)) from None
    if unpacked > MOST_UNPACKED:
        found = f"it unpacks to more than {MOST_UNPACKED >> 20} MiB"
        raise InputError(Problem(path.name, found, "accepted: a smaller spreadsheet, or the table as CSV"))


def _first_rows(path: Path, sheet: Any) -> list[list[str]]:
    found = []
    for _, cells in _sheet_rows(path, sheet, None):
        if any(cell.strip() for cell in cells):
            found.append(cells)
        if len(found) > SAMPLE_ROWS:
            break
    return found


def _sheet_rows(path: Path, sheet: Any, progress: Progress | None) -> Iterator[tuple[int, list[str]]]:
    position = 0
    try:
        for cells in sheet.iter_rows(values_only=True):
            position += 1
            if progress and position % 1_000 == 0:
                progress(position, 0)
            yield position, ["" if cell in ERRORS else as_text(cell) for cell in cells]
    except InputError:
        raise
    except Exception:
        found = f"it is damaged after row {position:,}"
        raise InputError(Problem(path.name, found, ACCEPTED_XLSX)) from None


def _even(rows: Iterator[tuple[int, list[str]]], width: int) -> Iterator[tuple[int, list[str]]]:
    """A sheet stores a row up to its last cell that was touched: shorter rows end in empty cells."""
    for position, cells in rows:
        yield position, cells + [""] * (width - len(cells))
