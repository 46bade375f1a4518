"""Further tables in the shape of what people bring to Prophet, Nixtla, Darts and sktime."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engines.forecasting.series.coded_dates import coded, forms_of
from engines.forecasting.series.dates import take_apart
from engines.forecasting.series.months import month_named
from engines.forecasting.series.numbers import number
from tests.forecasting.series.tables_of import days, months, opened, refused, span, table

VALUES = [round(100 + 10 * float(np.sin(i)), 1) for i in range(600)]
SHORT = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_HOME", str(tmp_path / "home"))


def values(n: int, start: int = 0) -> list[object]:
    return list(VALUES[start : start + n])


# --- dates ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "month"),
    [
        *(("mrt", 3), ("mei", 5), ("okt.", 10), ("März", 3), ("Mrz", 3), ("Dez", 12), ("févr.", 2), ("août", 8)),
        *(("juil.", 7), ("juin", 6), ("enero", 1), ("ago", 8), ("dic", 12), ("giugno", 6), ("ott", 10), ("março", 3)),
        *(("out", 10), ("stycznia", 1), ("paź", 10), ("lis", 11), ("sierpień", 8), ("maj", 5), ("Sept", 9)),
        *(("jui", None), ("Monday", None), ("total", None), ("ma", None)),
    ],
)
def test_months_by_name(name: str, month: int | None) -> None:
    assert month_named(name) == month


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("Tuesday, March 02, 2021", (2021, 3, 2)),
        ("January 5, 2014", (2014, 1, 5)),
        ("5 de enero de 2014", (2014, 1, 5)),
        ("1er janvier 2020", (2020, 1, 1)),
        ("1. März 2020", (2020, 3, 1)),
        ("5 stycznia 2014", (2014, 1, 5)),
        ("March 1st, 2021", (2021, 3, 1)),
        ("01JAN2020", (2020, 1, 1)),
        ("Jan/2020", (2020, 1, 1)),
        ("49-Jan", (1949, 1, 1)),
        ("Jan-49", (1949, 1, 1)),
        ("1Q90", (1990, 1, 1)),
        ("Q3 1990", (1990, 7, 1)),
        ("1990-Q4", (1990, 10, 1)),
        ("1990q2", (1990, 4, 1)),
        ("3. Quartal 2020", (2020, 7, 1)),
        ("2020H2", (2020, 7, 1)),
        ("2020-M07", (2020, 7, 1)),
        ("KW 10 2020", (2020, 3, 2)),
        ("2020-061", (2020, 3, 1)),
        ("2020年3月4日", (2020, 3, 4)),
        ("20200304T0506", (2020, 3, 4)),
        ("1583280000000000000", (2020, 3, 4)),
        ("04.03.2020 00:00 - 04.03.2020 01:00", (2020, 4, 3)),  # in the order in which they are written
    ],
)
def test_dates_as_other_people_write_them(text: str, date: tuple[int, int, int]) -> None:
    parts = take_apart(text)
    assert parts is not None
    assert (parts.year, parts.one, parts.two) == date


@pytest.mark.parametrize("text", ["2020-W54", "5Q90", "2020-366x", "2021-366", "Smarch 2020", "24:01", "05-Jan"])
def test_what_only_looks_like_a_date(text: str) -> None:
    assert take_apart(text) is None


def test_midnight_after_a_day_is_the_next_day() -> None:
    parts = take_apart("2024-01-31 24:00")
    assert parts is not None
    assert parts.seconds == 86_400
    assert take_apart("2024-01-31 24:30") is None


@pytest.mark.parametrize(
    ("texts", "likeliest"),
    [
        ([f"{y}{m:02d}" for y, m in months(30)], "year and month"),
        ([f"2020{w:02d}" for w in range(1, 54)], "year and week"),
        ([f"{day:%y%m%d}" for day in days(90)], "short year, month and day"),
        ([f"{day:%Y%m%d}" for day in days(90)], "year, month and day"),
        ([f"{y}.{m:02d}" for y, m in months(30)], "year and month with a point"),
        ([f"{1958 + (i + 0.5) / 12:.4f}" for i in range(30)], "decimal years"),
        ([str(1949 + i) for i in range(30)], "years"),
        ([str(1583280000 + 3600 * i) for i in range(30)], "seconds since 1970"),
    ],
)
def test_the_form_of_a_number_is_told_by_all_of_them(texts: list[str], likeliest: str) -> None:
    found = forms_of(texts, {"date"})
    assert found[0][0] == likeliest
    assert all(even < found[0][1] - 0.15 for _, even in found[1:])


def test_months_and_weeks_of_one_year_are_asked_for(tmp_path: Path) -> None:
    text = table("period,x", [f"2020{m:02d}" for m in range(1, 13)], values(12))
    error = refused(tmp_path, text)
    assert str(error).startswith("setting date_form: table.csv has dates such as 202001, which may be year and month")
    assert error.problems[0].choices == ("year and month", "year and week")
    assert opened(tmp_path, text, accept_guesses=True).frequency.name == "M"
    assert opened(tmp_path, text, date_form="year and week").frequency.name == "W"
    assert opened(tmp_path, text.replace("period", "week")).frequency.name == "W"


def test_no_form_reads_what_it_is_not_for() -> None:
    assert coded("201413", "year and month") is None
    assert coded("202154", "year and week") is None
    assert coded("abc", "decimal years") is None
    assert coded("17.5", "step numbers") is None


@pytest.mark.parametrize(("form", "order"), [("%y-%m-%d", "year first"), ("%d/%m/%y", "day first")])
def test_years_of_two_digits_in_front_or_behind(tmp_path: Path, form: str, order: str) -> None:
    found = opened(tmp_path, table("date,x", [f"{day:{form}}" for day in days(60)], values(60)))
    assert (found.columns["order"], span(found)) == (order, ("2022-01-01", "2022-03-01", 60))
    assert "Years of two digits are read as 1941 to 2040." in found.notes


@pytest.mark.parametrize("column", ["ds", "time", "t"])
def test_numbers_of_steps_are_steps_wherever_they_stand(tmp_path: Path, column: str) -> None:
    order = [5, 3, 1, 2, 4, 8, 9, 10, 11, 12, 13, 14, 15, 16]
    found = opened(tmp_path, table(f"{column},y", list(order), [10 * step for step in order]))
    assert found.at(0).values[:5].tolist() == [10, 20, 30, 40, 50]
    assert (span(found), found.missing) == (("1", "16", 16), 2)
    assert f"The column '{column}' holds no dates: it numbers the steps." in found.notes


def test_dates_that_cannot_be_read_are_named_and_never_lost_in_silence(tmp_path: Path) -> None:
    some = [day if i % 10 else f"xx{i}" for i, day in enumerate(days(60))]
    said = str(refused(tmp_path, table("date,x", list(some), values(60))))
    assert "5 of 60 rows have a date in column 'date' that cannot be read, the first in line 12: 'xx10'" in said
    assert opened(tmp_path, table("date,x", list(some), values(60)), accept_guesses=True).observed == 54
    many = [day if i % 3 else f"xx{i}" for i, day in enumerate(days(60))]
    error = refused(tmp_path, table("date,x", list(many), values(60)))
    assert "20 of 60 cells in column 'date' cannot be read as dates, such as 'xx0', 'xx3'" in str(error)
    assert error.problems[0].choices == ("no column",)
    assert opened(tmp_path, table("date,x", list(many), values(60)), date_column="no column").lengths == [60]


def test_an_order_that_contradicts_the_dates_is_refused(tmp_path: Path) -> None:
    text = table("date,x", [f"{day:%d/%m/%Y}" for day in days(60)], values(60))
    said = str(refused(tmp_path, text, date_order="month first"))
    assert said.startswith("setting date_order: 35 of 60 dates of table.csv cannot be read with the month first")


# --- several columns, several series --------------------------------------------------------------


def test_year_month_day_and_hour_columns_make_one_date(tmp_path: Path) -> None:
    hours = [(days(20)[i // 24], i % 24) for i in range(480)]
    text = "year,month,day,hour,TEMP\n" + "".join(f"{d.year},{d.month},{d.day},{h},{h}\n" for d, h in hours)
    found = opened(tmp_path, text)
    assert (found.frequency.name, span(found)) == ("H", ("2022-01-01", "2022-01-20 23:00", 480))
    assert found.columns["values"] == ["TEMP"]


def test_the_period_column_of_labour_statistics_is_a_month(tmp_path: Path) -> None:
    rows = [f"CU,{y},M{m:02d},{VALUES[i]}\n" for i, (y, m) in enumerate(months(60))]
    rows.insert(12, "CU,2010,M13,100\n")  # the mean of the year
    found = opened(tmp_path, "series_id,year,period,value\n" + "".join(rows))
    assert (found.names, found.frequency.name, found.lengths) == (["CU"], "M", [60])
    assert found.skipped[0].reason == "has no date that can be read ('2010 M13')"


def test_year_and_week_or_quarter(tmp_path: Path) -> None:
    weeks = [(2021 + i // 52, i % 52 + 1) for i in range(104)]
    found = opened(tmp_path, table("year,week,x", [y for y, _ in weeks], [w for _, w in weeks], values(104)))
    assert (found.frequency.name, span(found)) == ("W", ("2021-01-04", "2022-12-26", 104))
    quarters = [(2000 + i // 4, i % 4 + 1) for i in range(40)]
    found = opened(tmp_path, table("Year,Qtr,x", [y for y, _ in quarters], [q for _, q in quarters], values(40)))
    assert (found.frequency.name, span(found)) == ("Q", ("2000-01-01", "2009-10-01", 40))


def test_columns_that_repeat_what_the_date_says_are_no_series(tmp_path: Path) -> None:
    dates = days(60)
    repeated = [[d.weekday() for d in dates], [d.month for d in dates], [d.year for d in dates]]
    found = opened(tmp_path, table("date,dayofweek,month,year,sales", list(dates), *map(list, repeated), values(60)))
    assert (found.columns["dates"], found.columns["values"]) == (["date"], ["sales"])


@pytest.mark.parametrize("name", ["", "Unnamed: 0", "index", "X1"])
def test_a_column_that_counts_the_rows_is_no_series(tmp_path: Path, name: str) -> None:
    found = opened(tmp_path, table(f"{name},ds,y", list(range(60)), list(days(60)), values(60)))
    assert found.columns["values"] == ["y"]
    assert any("counts the rows" in note for note in found.notes)


def test_what_a_shop_is_does_not_change_and_is_not_forecast(tmp_path: Path) -> None:
    rows = [(d, shop, 100 * shop + 50, i + shop) for shop in (1, 2, 3) for i, d in enumerate(days(60))]
    found = opened(tmp_path, table("date,store_nr,size,sales", *map(list, zip(*rows, strict=True))))
    assert (found.names, found.columns["values"]) == (["1", "2", "3"], ["sales"])


def test_columns_that_explain_repeated_dates_as_well_are_asked_for(tmp_path: Path) -> None:
    rows = [(d, "ab"[j], "xy"[(i + j) % 2], i + j) for i, d in enumerate(days(60)) for j in range(2)]
    text = table("date,shop,till,sales", *map(list, zip(*rows, strict=True)))
    error = refused(tmp_path, text)
    assert (error.problems[0].where, error.problems[0].choices) == ("setting id_column", ("shop", "till"))
    assert opened(tmp_path, text, id_column="till").names == ["x", "y"]
    assert opened(tmp_path, text, accept_guesses=True).names == ["a", "b"]


def test_dates_that_nothing_explains_are_asked_for(tmp_path: Path) -> None:
    rows = [(d, i + j) for i, d in enumerate(days(60)) for j in range(5)]
    text = table("date,amount", *map(list, zip(*rows, strict=True)))
    error = refused(tmp_path, text)
    assert "60 dates occur more than once in a series (240 of 300 values are further ones)" in str(error)
    assert error.problems[0].choices == ("mean", "sum", "first", "last")
    found = opened(tmp_path, text, duplicates="sum")
    assert found.at(0).values[0] == 0 + 1 + 2 + 3 + 4
    said = "60 dates occur more than once in a series: the sum of its values was taken (300 values became 60)."
    assert said in found.notes


def test_few_repeated_dates_become_their_mean_and_are_counted(tmp_path: Path) -> None:
    found = opened(tmp_path, table("ds,y", [*days(30), days(30)[3]], [*range(30), 5]))
    assert found.at(0).values[3] == 4
    said = "1 date occurs more than once in a series: the mean of its values was taken (2 values became 1)."
    assert said in found.notes


def test_series_on_different_days_of_the_month_are_not_mixed(tmp_path: Path) -> None:
    starts = [datetime.date(y, m, 1) for y, m in months(61)]
    ends = [day - datetime.timedelta(days=1) for day in starts[1:]]
    rows = [*(("a", day, 1) for day in starts[:60]), *(("b", day, 2) for day in ends)]
    found = opened(tmp_path, table("id,ds,y", *map(list, zip(*rows, strict=True))))
    assert (found.names, found.lengths, found.repeated) == (["a", "b"], [60, 60], 0)


def test_series_of_another_frequency_are_named(tmp_path: Path) -> None:
    rows = [(name, d, 1.0 + i) for name in "ac" for i, d in enumerate(days(60))]
    rows += [("b", datetime.date(y, m, 1), 1.0) for y, m in months(30, 2020)]
    notes = opened(tmp_path, table("id,ds,y", *map(list, zip(*rows, strict=True)))).notes
    assert any(note.startswith("1 series has steps of another length than the others ('b')") for note in notes)


def test_a_very_long_id_is_a_series_like_any_other(tmp_path: Path) -> None:
    found = opened(tmp_path, table("unique_id,ds,y", ["x" * 300] * 40, list(days(40)), values(40)))
    assert found.names == ["x" * 300]


# --- dates side by side ---------------------------------------------------------------------------


def across(first: str, headings: list[str], rows: list[str]) -> str:
    width = len(headings)
    lines = [f"{row}," + ",".join(map(str, VALUES[i : i + width])) for i, row in enumerate(rows)]
    return f"{first}," + ",".join(headings) + "\n" + "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("first", "headings", "rows", "names", "frequency"),
    [
        ("product", [f"{y}-{m:02d}" for y, m in months(36)], ["A", "B"], ["A", "B"], "M"),
        ("Country Name,Code", [str(1960 + i) for i in range(40)], ["Peru,PER", "Chad,TCD"], ["Peru", "Chad"], "Y"),
        ("Country Name,Code", [f"{1960 + i} [YR{1960 + i}]" for i in range(40)], ["Peru,PER", "Chad,TCD"], None, "Y"),
        ("name", [f"X{1960 + i}" for i in range(40)], ["Peru", "Chad"], ["Peru", "Chad"], "Y"),
        ("item", [f"{y}{m:02d}" for y, m in months(36)], ["A", "B"], ["A", "B"], "M"),
        (
            "Province,Country,Lat",
            [f"{d.month}/{d.day}/{d:%y}" for d in days(50)],
            [",Chad,10.5", "ACT,Australia,-35.4", "NSW,Australia,-33.8"],
            ["Chad", "Australia · ACT", "Australia · NSW"],
            "D",
        ),
        ("id,item", [f"d_{i}" for i in range(1, 41)], ["A_1,A", "A_2,A"], ["A_1", "A_2"], "step"),
        ("V1", [f"V{i}" for i in range(2, 30)], ["Y1", "Y2"], ["Y1", "Y2"], "step"),
    ],
)
def test_dates_as_headings(
    tmp_path: Path, first: str, headings: list[str], rows: list[str], names: list[str] | None, frequency: str
) -> None:
    found = opened(tmp_path, across(first, headings, rows))
    assert sorted(found.names) == sorted(names or ["Chad", "Peru"])
    assert (found.frequency.name, found.missing, set(found.lengths)) == (frequency, 0, {len(headings)})
    assert any("side by side" in note for note in found.notes)


@pytest.mark.parametrize(
    ("headings", "frequency", "per_year"),
    [
        ([*SHORT, "Total"], "M", 12),
        ([f"M{m:02d}" for m in range(1, 13)], "M", 12),
        ([str(m) for m in range(1, 13)], "M", 12),
        (["Q1", "Q2", "Q3", "Q4"], "Q", 4),
    ],
)
def test_years_down_and_their_parts_across(tmp_path: Path, headings: list[str], frequency: str, per_year: int) -> None:
    found = opened(tmp_path, across("Year", headings, [str(2010 + i) for i in range(8)]))
    assert (found.frequency.name, found.lengths, found.missing) == (frequency, [8 * per_year], 0)
    assert found.at(0).values[:3].tolist() == VALUES[:3]
    assert any("'Total'" in note for note in found.notes) == ("Total" in headings)


def test_months_down_and_years_across(tmp_path: Path) -> None:
    text = "Month,2018,2019,2020\n" + "".join(
        f"{name},{VALUES[i]},{VALUES[i + 12]},{VALUES[i + 24]}\n" for i, name in enumerate(SHORT)
    )
    found = opened(tmp_path, text)
    assert span(found) == ("2018-01-01", "2020-12-01", 36)
    assert found.at(0).values.tolist() == VALUES[:36]


def test_dates_side_by_side_are_left_as_they_are_where_that_is_said(tmp_path: Path) -> None:
    text = across("product", [f"{y}-{m:02d}" for y, m in months(36)], ["A", "B", "C", "D"])
    assert opened(tmp_path, text, layout="below").columns["layout"] == "wide"
    plain = table("ds,y", list(days(30)), values(30))
    assert "no dates stand side by side" in str(refused(tmp_path, plain, layout="side by side"))


# --- headings, numbers, calendars -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("above", "below"),
    [("Monthly report of sales\nmade 2020\n\n", ""), ("Report of sales,\n,\n", ""), ("", ",MW\n"), ("", "[-],[kWh]\n")],
)
def test_titles_above_and_units_below_the_headings(tmp_path: Path, above: str, below: str) -> None:
    header, *rows = table("period,umsatz", list(days(30)), values(30)).splitlines(keepends=True)
    found = opened(tmp_path, above + header + below + "".join(rows))
    assert (found.names, found.lengths, found.columns["dates"]) == (["umsatz"], [30], ["period"])
    if above:
        assert any(note.startswith("Above the headings") for note in found.notes)
    else:
        assert "1 row has no date that can be read: left out." in found.notes


def test_totals_and_notes_below_a_table_are_left_out_and_named(tmp_path: Path) -> None:
    text = table("date,load", list(days(30)), values(30)) + "Total,3000\nSource: the grid\n* provisional,\n"
    found = opened(tmp_path, text)
    assert found.lengths == [30]
    assert [entry.where for entry in found.skipped] == ["line 32", "line 33", "line 34"]
    assert "3 rows have no date that can be read: left out." in found.notes


@pytest.mark.parametrize(
    ("text", "decimal", "expected"),
    [
        ("₹4,44,014", ".", 444_014),
        ("-1,23,456.5", ".", -123_456.5),
        ("14-", ".", -14),
        ("Rs. 1,200", ".", 1200),
        ("CHF 1'234.50", ".", 1234.5),
        ("12 kr", ".", 12),
        ("1\u202f234,5", ",", 1234.5),
        ("1\N{RIGHT SINGLE QUOTATION MARK}234.5", ".", 1234.5),
        ("\N{EN DASH}5", ".", -5),
        ("-$5", ".", -5),
    ],
)
def test_numbers_as_other_people_write_them(text: str, decimal: str, expected: float) -> None:
    assert number(text, decimal) == expected


@pytest.mark.parametrize("text", ["*", "..", ":", "n.a.", "\N{EN DASH}", "N/A", "#N/A", "-"])
def test_what_stands_for_a_missing_number(text: str) -> None:
    found = number(text, ".")
    assert found is not None
    assert np.isnan(found)


@pytest.mark.parametrize("text", ["3-4", "1,23,45", "1,2,3", "12 units"])
def test_what_is_no_number(text: str) -> None:
    assert number(text, ".") is None


def test_the_column_that_is_nearly_numbers_is_named(tmp_path: Path) -> None:
    said = str(refused(tmp_path, table("date,profit", list(days(30)), [f"{value} units" for value in values(30)])))
    assert "the nearest is 'profit' (it begins with '100.0 units'" in said


@pytest.mark.parametrize(
    ("open_on", "name", "season", "following"),
    [
        (lambda day: day.weekday() != 6, "Mon Tue Wed Thu Fri Sat", 6, ["2022-03-05", "2022-03-07"]),
        (lambda day: day.weekday() < 5, "B", 5, ["2022-03-07", "2022-03-08"]),
        (lambda day: day.weekday() in (0, 2, 4), "Mon Wed Fri", 3, ["2022-03-07", "2022-03-09"]),
    ],
)
def test_days_on_which_a_shop_is_closed_are_not_forecast(
    tmp_path: Path, open_on: Callable[[datetime.date], bool], name: str, season: int, following: list[str]
) -> None:
    dates = [day for day in days(63) if open_on(day)]
    found = opened(tmp_path, table("date,sales", list(dates), values(len(dates))))
    assert (found.frequency.name, found.frequency.season, found.missing) == (name, season, 0)
    last = found.starts[0] + found.lengths[0]
    assert [found.frequency.called(last + step) for step in range(2)] == following


def test_three_dates_a_month_are_three_steps_a_month(tmp_path: Path) -> None:
    dates = [datetime.date(y, m, day) for y, m in months(40) for day in (1, 11, 21)]
    found = opened(tmp_path, table("date,x", list(dates), values(120)))
    assert (found.lengths, found.missing, found.frequency.season) == ([120], 0, 36)
    assert found.frequency.called(found.starts[0] + 121) == "2013-05-11"


def test_thirteen_periods_of_four_weeks(tmp_path: Path) -> None:
    dates = [datetime.date(2015, 1, 4) + datetime.timedelta(days=28 * i) for i in range(40)]
    found = opened(tmp_path, table("date,x", list(dates), values(40)))
    assert (found.frequency.name, found.lengths, found.missing) == ("28 days", [40], 0)


def test_a_period_that_lacks_in_a_calendar_of_weeks_is_missing(tmp_path: Path) -> None:
    weeks = [4, 4, 5] * 12
    dates = [datetime.date(2016, 1, 31) + datetime.timedelta(weeks=sum(weeks[:i])) for i in range(36)]
    del dates[10]
    found = opened(tmp_path, table("date,x", list(dates), values(35)))
    assert np.flatnonzero(np.isnan(found.at(0).values)).tolist() == [10]


def test_irregular_dates_are_steps_where_that_is_said(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    dates = [datetime.date(2020, 1, 1) + datetime.timedelta(days=int(d)) for d in np.cumsum(rng.integers(1, 9, 40))]
    found = opened(tmp_path, table("date,x", list(dates), values(40)), frequency="each date a step")
    assert (found.lengths, found.missing) == ([40], 0)
    assert span(found)[:2] == (str(dates[0]), str(dates[-1]))


def test_rows_to_come_without_values_are_no_part_of_the_series(tmp_path: Path) -> None:
    text = table("ds,y", list(days(40)), [*values(30), *[""] * 10])
    assert span(opened(tmp_path, text)) == ("2022-01-01", "2022-01-30", 30)


@pytest.mark.parametrize("form", ["{}T00:00:00Z", "{} 00:00:00+02:00[Europe/Berlin]", "{}T00:00:00.000000"])
def test_dates_with_a_time_zone_stay_days(tmp_path: Path, form: str) -> None:
    found = opened(tmp_path, table("ds,y", [form.format(day) for day in days(30)], values(30)))
    assert (found.frequency.name, span(found)) == ("D", ("2022-01-01", "2022-01-30", 30))
