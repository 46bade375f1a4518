"""Tables as text for tests, and what is read of them."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from engines.contract import InputError
from engines.forecasting.series.series import SeriesTable
from engines.forecasting.series.tables import open_series
from engines.forecasting.settings import ForecastSettings

CASES = Path(__file__).parents[2] / "cases"


def opened(folder: Path, text: str, **chosen: object) -> SeriesTable:
    path = folder / "table.csv"
    path.write_text(text, encoding="utf-8")
    return open_series(path, ForecastSettings.parse(chosen))


def refused(folder: Path, text: str, **chosen: object) -> InputError:
    with pytest.raises(InputError) as caught:
        opened(folder, text, **chosen)
    return caught.value


def days(n: int, start: str = "2022-01-01") -> list[datetime.date]:
    first = datetime.date.fromisoformat(start)
    return [first + datetime.timedelta(days=i) for i in range(n)]


def months(n: int, start: int = 2010) -> list[tuple[int, int]]:
    """(year, month), one after the other."""
    return [(start + i // 12, i % 12 + 1) for i in range(n)]


def table(header: str, *columns: list[object], separator: str = ",") -> str:
    """A table of these columns, row by row."""
    rows = zip(*columns, strict=True)
    return header + "\n" + "".join(separator.join(map(str, row)) + "\n" for row in rows)


def span(found: SeriesTable) -> tuple[str, str, int]:
    """The first and the last date of the first series, and how many steps it has."""
    start, length = found.starts[0], found.lengths[0]
    return found.frequency.called(start), found.frequency.called(start + length - 1), length
