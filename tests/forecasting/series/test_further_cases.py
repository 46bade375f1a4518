"""Tables as the trackers of pandas, Prophet, Darts, Nixtla and sktime have them."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pytest

from engines.forecasting.series.dates import take_apart
from engines.forecasting.series.tables import open_series
from engines.forecasting.settings import ForecastSettings
from tests.forecasting.series.tables_of import days, months, opened, refused, span, table

VALUES: list[object] = [round(100 + 10 * float(np.sin(i)), 1) for i in range(600)]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_HOME", str(tmp_path / "home"))


@pytest.mark.parametrize("written", ["Nov 14,2013", "Nov 14, 2013", "Thu, Nov 14 2013", "2013,11,14"])
def test_commas_in_dates(written: str) -> None:
    """pandas-dev/pandas issue 17265: 'Nov 14,2013' was the year 1."""
    found = take_apart(written)
    assert found is not None
    assert (found.year, found.one, found.two) == (2013, 11, 14)


def test_one_order_of_day_and_month_for_all(tmp_path: Path) -> None:
    """pandas-dev/pandas issue 14301: a month first until a day says otherwise."""
    dates: list[object] = [day.strftime("%-d/%-m/%Y") for day in days(60, "2016-09-10")]
    assert span(opened(tmp_path, table("date,n", dates, VALUES[:60]))) == ("2016-09-10", "2016-11-08", 60)


def test_months_that_end_on_the_30th(tmp_path: Path) -> None:
    """facebook/prophet issue 835: February came as the 1st of March."""
    ends: list[object] = []
    for year, month in months(48):
        last = (datetime.date(year + month // 12, month % 12 + 1, 1) - datetime.timedelta(1)).day
        ends.append(datetime.date(year, month, min(30, last)))
    found = opened(tmp_path, table("ds,y", ends, VALUES[:48]))
    assert (found.frequency.name, found.missing, len(found.at(0))) == ("M", 0, 48)


def test_months_in_their_middle_and_weeks_from_monday(tmp_path: Path) -> None:
    """sktime/sktime issue 5647, Nixtla/nixtlar issue 16."""
    middle: list[object] = [datetime.date(year, month, 15) for year, month in months(48)]
    found = opened(tmp_path, table("ds,y", middle, VALUES[:48]))
    assert (found.frequency.name, span(found)[0], found.missing) == ("M", "2010-01-15", 0)
    mondays: list[object] = days(700, "2019-01-07")[::7]
    found = opened(tmp_path, table("ds,y", mondays, VALUES[: len(mondays)]))
    assert (found.frequency.name, span(found)[0], found.missing) == ("W", "2019-01-07", 0)


def test_a_date_that_is_none_among_quarters(tmp_path: Path) -> None:
    """unit8co/darts issue 282."""
    dates: list[object] = [f"{2000 + n // 4}-{n % 4 * 3 + 1:02d}-01" for n in range(40)]
    dates[10] = "2002-0-01"
    found = opened(tmp_path, table("TIME,QUANTITY", dates, VALUES[:40]))
    assert (found.frequency.name, found.missing) == ("Q", 1)
    assert [entry.reason for entry in found.skipped] == ["has no date that can be read ('2002-0-01')"]


def test_a_market_with_a_lunch_break(tmp_path: Path) -> None:
    """unit8co/darts issue 1084."""
    clock = [(10, 30), (11, 0), (11, 30), (13, 0), (13, 30), (14, 0)]
    times: list[object] = [
        f"{day} {hour}:{minute:02d}" for day in days(60) for hour, minute in clock if day.weekday() < 5
    ]
    text = table("time,price", times, VALUES[: len(times)])
    assert any("With frequency=each date a step, each row is a step" in note for note in opened(tmp_path, text).notes)
    found = opened(tmp_path, text, frequency="each date a step")
    assert (found.missing, len(found.at(0))) == (0, len(times))


@pytest.mark.parametrize(
    ("whom", "names"), [(("AAPL", "AAPL"), ["Close", "Volume"]), (("AAPL", "MSFT"), ["AAPL Close", "MSFT Volume"])]
)
def test_headings_of_two_levels_as_pandas_writes_them(whom: tuple[str, str], names: list[str], tmp_path: Path) -> None:
    """What yfinance hands over since 0.2.48."""
    text = table(f"Price,Close,Volume\nTicker,{','.join(whom)}\nDate,,", days(60), VALUES[:60], VALUES[60:120])
    found = opened(tmp_path, text)
    assert found.names == names
    assert span(found) == ("2022-01-01", "2022-03-01", 60)
    assert found.skipped == []
    assert "The headings stand in three lines, as pandas writes them: they are read together." in found.notes


def test_numbers_called_timestamp_that_are_no_dates_are_asked_and_never_forecast(tmp_path: Path) -> None:
    stamps: list[object] = [(1583280000 + 3600 * n) * (1 if n < 50 else 1000) for n in range(100)]
    text = table("timestamp,value", stamps, VALUES[:100])
    (problem,) = refused(tmp_path, text).problems
    assert (problem.where, problem.choices) == ("setting date_column", ("no column",))
    assert "the numbers of 'timestamp' in table.csv (such as 1583280000 and" in problem.found


@pytest.mark.parametrize(("name", "told"), [("a.tsf", "the Monash archive"), ("a.ts", "sktime and the UEA archive")])
def test_formats_of_archives_are_named(name: str, told: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("@relation a\n@data\nT1:1980-01-01 00-00-00:1,2,3\n")
    with pytest.raises(ValueError, match=told):
        open_series(tmp_path / name, ForecastSettings())
