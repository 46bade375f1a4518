"""Read Parquet files and spreadsheets as tables of text, a few rows at a time, with limits on what they unpack to."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.cancellation import cancellation_point
from engines.contract import InputError, Problem, Progress
from engines.data.delimited import SAMPLE_ROWS, has_header
from engines.data.json_lines import as_text
from engines.data.row_sampling import Source, clean, listed, require_columns
from engines.environment import number
from engines.messages import _

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet
    from pyarrow.parquet import ParquetFile

MOST_UNPACKED = 512 << 20  # bytes of a spreadsheet without its compression
BATCH = 1024  # rows
CELLS_A_LOOK = 20_000
"""Cells of a sheet after which whoever waits is told how far it is, and may have left."""


def most_cells() -> int:
    """HEADSTART_TABLE_CELLS: cells that a sheet or Parquet file may have, empty ones included; 50 million by default.

    Both can promise far more in a file of a few kilobytes: one cell at XFD1048576 makes a sheet of 17 billion.
    """
    return number("HEADSTART_TABLE_CELLS", 50_000_000, low=1)


ACCEPTED_XLSX = _("accepted: an .xlsx file as Excel, LibreOffice or Google Sheets save it")
ACCEPTED_PARQUET = _("accepted: a Parquet file as pandas, Polars or the Hugging Face hub write it")
ERRORS = {"#N/A", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!", "#GETTING_DATA"}


def open_parquet(path: Path, progress: Progress | None = None) -> Source:
    """The rows of a Parquet file. Structs become columns 'a.b', lists JSON text, null and NaN ''; numbers that stand
    for classes whose names the file holds (as Hugging Face Datasets writes it) become these names.

    Raises InputError for a file that is damaged or no Parquet, also while its rows are read.
    """
    import pyarrow.parquet as parquet

    try:
        file = parquet.ParquetFile(path)
        width = len(file.schema_arrow.names)
        classes = _class_names(file.schema_arrow.metadata or {})
    except Exception:  # ArrowInvalid, OSError, …: whatever the bytes provoke
        raise InputError(Problem(path.name, _("it is damaged, or no Parquet file"), ACCEPTED_PARQUET)) from None
    require_columns(path.name, width)
    _require_few(path.name, file.metadata.num_rows * width, most_cells())
    columns: list[str] = []
    rows = _parquet_rows(path.name, file, columns, classes, progress)
    notes = [
        _("The names of the classes in '{column}' stand in the file: {names}.", column=column, names=listed(names, 6))
        for column, names in classes.items()
    ]
    return Source(columns, rows, "row", notes, fixed=False)


def _class_names(metadata: dict[bytes, bytes]) -> dict[str, list[str]]:
    """Column -> the names of its classes, where Hugging Face Datasets noted them."""
    try:
        features = json.loads(metadata.get(b"huggingface", b"{}"))["info"]["features"]
        named = {column: feature for column, feature in features.items() if isinstance(feature, dict)}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}
    found = {}
    for column, feature in named.items():
        inner = feature.get("feature")
        own = inner if isinstance(inner, dict) else feature  # a list of classes says so one level down
        if own.get("_type") == "ClassLabel" and isinstance(own.get("names"), list):
            found[column] = list(map(str, own["names"]))
    return found


def _by_name(cell: Any, names: list[str]) -> Any:
    """The class that a number stands for; -1 is how Datasets writes that there is none."""
    if isinstance(cell, list):
        return [_by_name(each, names) for each in cell]
    if not isinstance(cell, int) or not -1 <= cell < len(names):
        return cell
    return names[cell] if cell >= 0 else None


def _parquet_rows(
    name: str, file: ParquetFile, columns: list[str], classes: dict[str, list[str]], progress: Progress | None
) -> Iterator[tuple[int, list[str]]]:
    import pyarrow as pa

    position = 0
    total = file.metadata.num_rows
    try:
        for batch in file.iter_batches(batch_size=BATCH):
            cancellation_point()
            table = pa.Table.from_batches([batch])
            while any(pa.types.is_struct(kind) for kind in table.schema.types):
                table = table.flatten()
                require_columns(name, table.num_columns)
            if not columns:
                columns.extend(clean(str(column)) for column in table.column_names)
            lists = [column.to_pylist() for column in table.columns]
            for at, column in enumerate(table.column_names):
                if column in classes:
                    lists[at] = [_by_name(cell, classes[column]) for cell in lists[at]]
            for cells in zip(*lists, strict=True):
                position += 1
                yield position, [as_text(cell) for cell in cells]
            if progress:
                progress(position, total)
    except InputError:
        raise
    except Exception:
        found = _("it is damaged after row {position:,}", position=position)
        raise InputError(Problem(name, found, ACCEPTED_PARQUET)) from None


def open_spreadsheet(
    path: Path, sheet: str | None = None, heading: bool | None = None, progress: Progress | None = None
) -> Source:
    """The rows of one sheet: the one called `sheet`, or the first that has two columns and two rows or more, or, where
    there is none, the first with two rows.

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
        raise InputError(Problem(path.name, _("it is damaged, or no .xlsx file"), ACCEPTED_XLSX)) from None
    if sheet is not None and sheet not in names:
        raise InputError(
            Problem(
                path.name, _("it has no sheet '{sheet}'", sheet=sheet), _("its sheets are {names}", names=listed(names))
            )
        )
    notes: list[str] = []
    name, head = _chosen(path, book, [sheet] if sheet is not None else names)
    if len(names) > 1 and sheet is None:
        notes.append(_("Read from the sheet '{name}'; its sheets are {names}.", name=name, names=listed(names)))
    header = head[0] if head else []
    while header and not header[-1].strip():
        header.pop()
    require_columns(path.name, len(header))
    rows = _sheet_rows(path, book[name], progress)
    if has_header(header, head[1:]) if heading is None else heading:
        next((cells for _, cells in rows if any(cell.strip() for cell in cells)), None)
    else:
        notes.append(
            _("The first row is no header: the columns are called column_1 to column_{header}.", header=len(header))
        )
        header = [f"column_{number}" for number in range(1, len(header) + 1)]
    return Source(header, _even(rows, len(header)), "row", notes, sheet=name, sheets=names)


def sheets_of(path: Path) -> dict[str, list[str]]:
    """Sheet -> its columns, of each sheet that holds a table. Raises InputError as `open_spreadsheet` does."""
    names = open_spreadsheet(path).sheets
    found = {name: open_spreadsheet(path, name) for name in names}
    return {name: source.columns for name, source in found.items() if len(source.columns) > 1}


def _chosen(path: Path, book: Workbook, names: list[str]) -> tuple[str, list[list[str]]]:
    """The sheet to read, and its first rows."""
    heads = {name: _first_rows(path, book[name]) for name in names}
    if len(names) == 1:
        return names[0], heads[names[0]]
    long = [name for name, head in heads.items() if len(head) > 1]
    wide = [name for name in long if max(sum(map(bool, map(str.strip, row))) for row in heads[name]) > 1]
    if not long:
        raise InputError(Problem(path.name, _("no sheet in it has two rows"), ACCEPTED_XLSX))
    return (wide or long)[0], heads[(wide or long)[0]]


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
        raise InputError(Problem(path.name, _("it is damaged, or no .xlsx file"), ACCEPTED_XLSX)) from None
    if unpacked > MOST_UNPACKED:
        found = _("it unpacks to more than {most_unpacked} MiB", most_unpacked=MOST_UNPACKED >> 20)
        raise InputError(Problem(path.name, found, _("accepted: a smaller spreadsheet, or the table as CSV")))


def _require_few(name: str, cells: int, most: int) -> None:
    """Raises InputError for a table of more cells than anybody fills."""
    if cells > most:
        found = _("it has more than {most:,} cells, empty ones included", most=most)
        raise InputError(
            Problem(name, found, _("accepted: a smaller table; in a sheet, delete its empty rows, columns"))
        )


def _first_rows(path: Path, sheet: Worksheet) -> list[list[str]]:
    found = []
    for _unused, cells in _sheet_rows(path, sheet, None):
        if any(cell.strip() for cell in cells):
            found.append(cells)
        if len(found) > SAMPLE_ROWS:
            break
    return found


def _sheet_rows(path: Path, sheet: Worksheet, progress: Progress | None) -> Iterator[tuple[int, list[str]]]:
    position = seen = told = 0
    most = most_cells()
    try:
        for cells in sheet.iter_rows(values_only=True):
            cancellation_point()
            position += 1
            seen += len(cells)
            _require_few(path.name, seen, most)
            if progress and seen - told > CELLS_A_LOOK:
                told = seen
                progress(position, 0)
            if cells.count(None) == len(cells):
                yield position, [""] * len(cells)
            else:
                yield position, ["" if cell is None or cell in ERRORS else as_text(cell) for cell in cells]
    except InputError:
        raise
    except Exception:
        found = _("it is damaged after row {position:,}", position=position)
        raise InputError(Problem(path.name, found, ACCEPTED_XLSX)) from None


def _even(rows: Iterator[tuple[int, list[str]]], width: int) -> Iterator[tuple[int, list[str]]]:
    """A sheet stores a row up to its last cell that was touched: shorter rows end in empty cells."""
    for position, cells in rows:
        yield position, cells + [""] * (width - len(cells))
