"""Small tables in the shape of what people reported to other tools: each is read right, or asked about."""

from __future__ import annotations

from pathlib import Path

import pytest

from engines.forecasting.series.series import SeriesTable
from engines.forecasting.series.tables import open_series
from engines.forecasting.settings import ForecastSettings
from tests.forecasting.series.tables_of import CASES, span


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_HOME", str(tmp_path / "home"))


def case(name: str, **chosen: object) -> SeriesTable:
    return open_series(CASES / f"forecasting-{name}.csv", ForecastSettings.parse(chosen))


@pytest.mark.parametrize(
    ("name", "frequency", "first", "last", "steps", "form"),
    [
        ("month-as-201401", "M", "2014-01-01", "2021-12-01", 96, "year and month"),
        ("week-as-202301", "W", "2020-01-06", "2023-01-23", 160, "year and week"),
        ("decimal-years", "Q", "1990-01-01", "2009-10-01", 80, "decimal years"),
        ("excel-serial-dates", "D", "2021-03-01", "2021-09-16", 200, "days since 1900"),
        ("year-and-month-name-columns", "M", "2004-01-01", "2019-12-01", 192, ""),
        ("year-and-month-number-columns", "M", "2004-01-01", "2019-12-01", 192, ""),
        ("year-by-month-table", "M", "2004-01-01", "2019-12-01", 192, ""),
        ("date-and-hour-columns", "H", "2024-01-01", "2024-01-14 23:00", 336, ""),
        ("hours-1-to-24", "H", "2024-01-01 01:00", "2024-01-15", 336, ""),
        ("four-four-five-calendar", "dates", "2016-01-31", "2021-12-26", 72, ""),
        ("dutch-months", "M", "2004-01-01", "2019-12-01", 192, ""),
        ("long-us-dates", "D", "2021-03-01", "2021-09-16", 200, ""),
        ("quarter-1Q90", "Q", "1990-01-01", "2009-10-01", 80, ""),
        ("lakh-grouping", "D", "2022-01-01", "2022-07-19", 200, ""),
        ("minus-behind-number", "D", "2022-01-01", "2022-07-19", 200, ""),
    ],
)
def test_one_series_without_a_gap(name: str, frequency: str, first: str, last: str, steps: int, form: str) -> None:
    found = case(name)
    assert (len(found), found.frequency.name, span(found)) == (1, frequency, (first, last, steps))
    assert (found.missing, found.skipped, found.columns["form"]) == (0, [], form)


def test_a_number_that_is_a_date_is_said() -> None:
    assert "Dates such as 201401 were read as year and month." in case("month-as-201401").notes
    assert "Dates such as 44256 were read as days since 1900." in case("excel-serial-dates").notes
    assert "The time 24:00 is read as 0:00 of the next day." in case("hours-1-to-24").notes


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("year-and-month-name-columns", ["year", "month"]),
        ("year-and-month-number-columns", ["Year", "Month"]),
        ("date-and-hour-columns", ["date", "hour"]),
    ],
)
def test_several_columns_make_the_date_and_none_of_them_is_forecast(name: str, columns: list[str]) -> None:
    found = case(name)
    assert found.columns["dates"] == columns
    assert len(found.columns["values"]) == 1
    assert any("make the date together" in note for note in found.notes)
    again = case(name, date_column=",".join(columns))
    assert again.sha256 == found.sha256


def test_months_side_by_side_are_said_and_in_order() -> None:
    found = case("year-by-month-table")
    assert found.at(0).values[:13].tolist() == [
        *(100.3, 104.4, 108.4, 106.9, 112.2, 107.7, 100.7, 97.6, 93.4, 91.0, 94.8, 96.7),
        101.9,
    ]
    assert any("side by side in 12 columns" in note for note in found.notes)


def test_a_numeric_id_explains_repeated_dates() -> None:
    found = case("numeric-product-id")
    assert (found.names, found.lengths, found.columns["ids"]) == (["00123", "01230"], [90, 90], ["sku"])
    assert found.repeated == 0


def test_two_id_columns_tell_the_series_apart_together() -> None:
    found = case("two-id-columns")
    assert found.names == ["1 · 1", "1 · 2", "1 · 3", "2 · 1", "2 · 2", "2 · 3"]
    assert (set(found.lengths), found.columns["values"], found.repeated) == ({80}, ["sales"], 0)
    assert case("two-id-columns", id_column="store, item").sha256 == found.sha256


def test_a_calendar_of_four_and_five_weeks_goes_on_as_it_went() -> None:
    found = case("four-four-five-calendar")
    assert found.frequency.season == 12
    ahead = [found.frequency.called(found.starts[0] + 72 + step) for step in range(4)]
    assert ahead == ["2022-01-23", "2022-02-20", "2022-03-27", "2022-04-24"]


def test_signs_around_numbers() -> None:
    assert case("lakh-grouping").at(0).values[:3].tolist() == [444_014, 467_077, 472_876]
    assert case("minus-behind-number").at(0).values[:7].tolist() == [0, 23, 29, 12, -14, -29, -22]
