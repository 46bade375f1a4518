"""Tables of dated numbers as people bring them: what is read, what is counted, and what is asked."""

from __future__ import annotations

import datetime
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.contract import InputError
from engines.forecasting.forecast.prepare import prepare
from engines.forecasting.series.calendars import ORDERS, Calendar, moment
from engines.forecasting.series.dates import take_apart, written
from engines.forecasting.series.frequency import infer
from engines.forecasting.series.numbers import Numerals, number
from engines.forecasting.series.series import SeriesTable
from engines.forecasting.series.tables import open_series
from engines.forecasting.settings import ForecastSettings


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_HOME", str(tmp_path / "home"))


def opened(folder: Path, text: str, **chosen: object) -> SeriesTable:
    path = folder / "table.csv"
    path.write_text(text, encoding="utf-8")
    return open_series(path, ForecastSettings.parse(chosen))


def refused(folder: Path, text: str, **chosen: object) -> str:
    with pytest.raises(InputError) as caught:
        opened(folder, text, **chosen)
    return str(caught.value)


def daily(n: int, start: str = "2020-01-01") -> list[str]:
    first = datetime.date.fromisoformat(start)
    return [str(first + datetime.timedelta(days=i)) for i in range(n)]


def table(dates: list[str], values: list[object], header: str = "date,y") -> str:
    return header + "\n" + "".join(f"{date},{value}\n" for date, value in zip(dates, values, strict=True))


# --- dates ----------------------------------------------------------------------------------------


def seconds(text: str, day_first: bool = True) -> int | None:
    parts = take_apart(text)
    return None if parts is None else moment(parts, "day first" if day_first else "month first", in_utc=False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2020-03-04", "2020-03-04"),
        ("2020/3/4", "2020-03-04"),
        ("20200304", "2020-03-04"),
        ("4.3.2020", "2020-03-04"),
        ("Mar 4 2020", "2020-03-04"),
        ("4 March 2020", "2020-03-04"),
        ("Wed, 4 Mar 2020", "2020-03-04"),
        ("March 2020", "2020-03-01"),
        ("2020-03", "2020-03-01"),
        ("2020Q2", "2020-04-01"),
        ("Q2 2020", "2020-04-01"),
        ("2020-W10", "2020-03-02"),
        ("2020 W10", "2020-03-02"),
        ("03/2020", "2020-03-01"),
        ("3-2020", "2020-03-01"),
        ("2020 Mar", "2020-03-01"),
        ("1949", "1949-01-01"),
        ("2020-03-04T05:06:07", "2020-03-04 05:06:07"),
        ("04/03/20 5:06 pm", "2020-03-04 17:06"),
        ("1583280000", "2020-03-04"),
        ("1583280000000", "2020-03-04"),
        ("9999-12-31", "9999-12-31"),
        ("1583-01-01", "1583-01-01"),
    ],
)
def test_a_date_is_read_however_it_is_written(text: str, expected: str) -> None:
    found = seconds(text)
    assert found is not None
    assert written(found) == expected


@pytest.mark.parametrize(
    "text", ["", "hello", "31/31/2020", "2020-13-01", "2020-02-30", "32.1.2020", "25:00", "1e400", "13/2020", "3.2020"]
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert seconds(text) is None


@given(st.text(max_size=60))
def test_no_text_breaks_the_reading_of_dates(text: str) -> None:
    parts = take_apart(text)
    if parts is not None:
        for order in ORDERS:
            moment(parts, order, in_utc=True)


@given(st.dates(datetime.date(1000, 1, 1), datetime.date(9999, 12, 31)), st.sampled_from(["-", "/", "."]))
def test_a_date_survives_every_order(date: datetime.date, sep: str) -> None:
    expected = written(seconds(date.isoformat()) or 0)
    assert written(seconds(f"{date.day}{sep}{date.month}{sep}{date.year:04d}", True) or 0) == expected
    assert written(seconds(f"{date.month}{sep}{date.day}{sep}{date.year:04d}", False) or 0) == expected


@given(st.lists(st.dates(datetime.date(2000, 1, 1), datetime.date(2030, 12, 31)), min_size=1, max_size=30))
def test_the_order_of_day_and_month_is_never_guessed(dates: list[datetime.date]) -> None:
    """Whatever is answered without asking is right, whichever way the dates were written."""
    for day_first, form in ((True, "%d/%m/%Y"), (False, "%m/%d/%Y")):
        calendar = Calendar()
        for date in dates:
            text = date.strftime(form)
            parts = take_apart(text)
            assert parts is not None
            calendar.see(text, parts)
        order = calendar.order()
        if order is not None and any(date.day != date.month for date in dates):
            assert order == ("day first" if day_first else "month first")


# --- numbers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "decimal", "expected"),
    [
        ("1,234.5", ".", 1234.5),
        ("1.234,5", ",", 1234.5),
        ("3,5", ",", 3.5),
        ("1 234,5", ",", 1234.5),
        ("-7", ".", -7),
        ("(1,200)", ".", -1200),
        ("$ 3.50", ".", 3.5),
        ("45 %", ".", 45),
        ("1'234.5", ".", 1234.5),
        ("1e3", ".", 1000),
        ("\N{MINUS SIGN}2", ".", -2),
        ("-inf", ".", -math.inf),
        ("1e999", ".", math.inf),
    ],
)
def test_a_number_is_read_however_it_is_written(text: str, decimal: str, expected: float) -> None:
    assert number(text, decimal) == expected


def test_missing_is_not_text() -> None:
    assert all(math.isnan(number(text, ".") or 0) for text in ("", "NA", "n/a", "-", "null", "NaN"))
    assert number("oops", ".") is None
    assert number("1,2,3", ".") is None


@given(st.text(max_size=40), st.sampled_from([".", ","]))
def test_no_text_breaks_the_reading_of_numbers(text: str, decimal: str) -> None:
    assert isinstance(number(text, decimal), float | type(None))
    Numerals().see(text)


@given(st.lists(st.floats(-1e9, 1e9).map(lambda value: round(value, 2)), min_size=1, max_size=20))
def test_a_decimal_comma_is_told_from_thousands_or_asked_for(values: list[float]) -> None:
    for decimal, form in ((".", "{:,.2f}"), (",", "{:,.2f}")):
        texts = [form.format(value) for value in values]
        if decimal == ",":
            texts = [text.translate(str.maketrans(",.", ".,")) for text in texts]
        numerals = Numerals()
        for text in texts:
            numerals.see(text)
        assert numerals.decimal() == decimal
        assert [number(text, decimal) for text in texts] == values


# --- frequencies ----------------------------------------------------------------------------------


@given(
    st.sampled_from(["Y", "Q", "M", "W", "D", "H", "15min", "S"]),
    st.integers(12, 60),
    st.dates(datetime.date(1950, 1, 1), datetime.date(2020, 1, 1)),
    st.sets(st.integers(2, 58), max_size=3),
)
def test_the_frequency_is_inferred_and_its_grid_gives_the_dates_back(
    name: str, n: int, start: datetime.date, gaps: set[int]
) -> None:
    base = np.datetime64(start)
    if name in "YQM":
        months = base.astype("datetime64[M]") + np.arange(n) * {"Y": 12, "Q": 3, "M": 1}[name]
        moments = months.astype("datetime64[s]").astype(np.int64)
    else:
        step = {"W": 604_800, "D": 86_400, "H": 3600, "15min": 900, "S": 1}[name]
        moments = base.astype("datetime64[s]").astype(np.int64) + np.arange(n) * step
    kept = np.array([i for i in range(n) if i not in gaps])
    frequency, even = infer(moments[kept])
    assert (frequency.name, even) == (name, True)
    positions = frequency.positions(moments[kept])
    assert [frequency.moment(int(position)) for position in positions] == moments[kept].tolist()
    assert (positions - positions[0]).tolist() == (kept - kept[0]).tolist()


def test_business_days_have_no_weekends() -> None:
    days = [day for day in daily(60) if datetime.date.fromisoformat(day).weekday() < 5]
    moments = np.array([seconds(day) for day in days])
    frequency, even = infer(moments)
    assert (frequency.name, even) == ("B", True)
    assert np.diff(frequency.positions(moments)).tolist() == [1] * (len(days) - 1)
    assert written(frequency.moment(int(frequency.positions(moments)[-1]) + 1)) == "2020-03-02"


def test_ends_of_months_stay_ends_of_months(tmp_path: Path) -> None:
    ends = ["2020-01-31", "2020-02-29", "2020-03-31", "2020-04-30", "2020-05-31", "2020-06-30"]
    found = opened(tmp_path, table(ends, list(range(6))))
    assert found.frequency.name == "M"
    assert written(found.frequency.moment(found.starts[0] + 6)) == "2020-07-31"


# --- tables ---------------------------------------------------------------------------------------


def test_unsorted_duplicated_and_missing(tmp_path: Path) -> None:
    days = daily(10)
    rows = [(days[i], float(i)) for i in (3, 1, 9, 0, 2, 5, 6, 8, 8)]
    found = opened(tmp_path, table([day for day, _ in rows], [value for _, value in rows]))
    values = found.at(0).values
    assert np.array_equal(values, [0, 1, 2, 3, np.nan, 5, 6, np.nan, 8, 9], equal_nan=True)
    assert (found.observed, found.missing) == (8, 2)
    notes = " ".join(found.notes)
    assert "1 date occurs more than once" in notes
    assert "2 gaps, 2 missing steps (20.0%)" in notes


@pytest.mark.parametrize(("how", "expected"), [("mean", 3.0), ("sum", 6.0), ("first", 2.0), ("last", 4.0)])
def test_several_values_in_a_step(tmp_path: Path, how: str, expected: float) -> None:
    days = daily(6)
    found = opened(tmp_path, table([*days, days[2]], [0, 1, 2, 3, 4, 5, 4]), duplicates=how)
    assert found.at(0).values.tolist() == [0, 1, expected, 3, 4, 5]


def test_day_and_month_are_asked_for_when_nothing_tells(tmp_path: Path) -> None:
    dates = [f"0{i}/0{i + 1}/2020" for i in range(1, 8)]
    said = refused(tmp_path, table(dates, list(range(7))))
    assert said.startswith("setting date_order: table.csv has dates such as 01/02/2020")
    assert "'day first' or 'month first'" in said
    assert "\n" not in said
    found = opened(tmp_path, table(dates, list(range(7))), date_order="month first")
    assert written(found.frequency.moment(found.starts[0])) == "2020-01-02"


def test_dates_both_ways_are_asked_for_with_both_shown(tmp_path: Path) -> None:
    said = refused(tmp_path, table(["25/12/2020", "12/26/2020", "27/12/2020", "28/12/2020"], [1, 2, 3, 4]))
    assert "25/12/2020" in said
    assert "12/26/2020" in said


def test_mixed_but_clear_ways_to_write_dates_are_all_read(tmp_path: Path) -> None:
    dates = ["2020-01-13", "14/01/2020", "Jan 15 2020", "20200116", "17.01.2020"]
    found = opened(tmp_path, table(dates, [1, 2, 3, 4, 5]))
    assert found.at(0).values.tolist() == [1, 2, 3, 4, 5]
    assert any("written in" in note for note in found.notes)


def test_decimal_commas_and_thousands(tmp_path: Path) -> None:
    rows = "".join(f"{day};1.234,{i}\n" for i, day in enumerate(daily(5)))
    assert opened(tmp_path, "day;value\n" + rows).at(0).values.tolist() == [1234.0, 1234.1, 1234.2, 1234.3, 1234.4]
    rows = "".join(f'{day}\t"1,23{i}.5"\n' for i, day in enumerate(daily(5)))
    assert opened(tmp_path, "day\tvalue\n" + rows).at(0).values[1] == 1231.5


def test_a_comma_that_may_be_either_is_asked_for(tmp_path: Path) -> None:
    values = ['"1,234"', "1234", '"2,345"', "2345", '"1,111"']
    assert refused(tmp_path, table(daily(5), list(values))).startswith("setting decimal: ")
    assert opened(tmp_path, table(daily(5), list(values)), decimal="comma").at(0).values[0] == 1.234


def test_text_and_infinities_among_numbers_are_missing_counted_and_named(tmp_path: Path) -> None:
    found = opened(tmp_path, table(daily(12), [0, 1, "oops", 3, "inf", "-inf", 6, 7, 8, 9, 10, 11]))
    assert np.flatnonzero(np.isnan(found.at(0).values)).tolist() == [2, 4, 5]
    assert [(entry.where, entry.reason) for entry in found.skipped] == [
        ("line 4", "has 'oops' where a number is expected (column 'y')")
    ]
    assert "2 numbers that are infinite, or beyond ±1e+30, count as missing." in found.notes


def test_one_time_zone_is_kept_and_several_become_utc(tmp_path: Path) -> None:
    local = [f"2020-06-01 {hour:02d}:00+02:00" for hour in range(6)]
    found = opened(tmp_path, table(local, list(range(6))))
    assert written(found.frequency.moment(found.starts[0])) == "2020-06-01"
    night = ["2020-10-25 01:00+02:00", "2020-10-25 02:00+02:00", "2020-10-25 02:00+01:00", "2020-10-25 03:00+01:00"]
    found = opened(tmp_path, table(night, [1, 2, 3, 4]))
    assert found.at(0).values.tolist() == [1, 2, 3, 4]
    assert written(found.frequency.moment(found.starts[0])) == "2020-10-24 23:00"
    assert any("UTC" in note for note in found.notes)


def test_local_clock_time_across_a_year_says_so(tmp_path: Path) -> None:
    first = datetime.datetime(2020, 3, 1)
    hours = [first + datetime.timedelta(hours=i) for i in range(24 * 245)]
    spring, autumn = datetime.datetime(2020, 3, 29, 2), datetime.datetime(2020, 10, 25, 2)
    rows = [hour for hour in hours if hour != spring] + [autumn]
    found = opened(tmp_path, table([f"{hour:%Y-%m-%d %H:%M}" for hour in rows], [hour.hour for hour in rows]))
    assert found.missing == 1
    assert any("local clock time" in note for note in found.notes)


def test_uneven_spacing_is_brought_to_a_grid_and_said(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    offsets = np.sort(rng.choice(24 * 60 * 40, 60, replace=False))
    times = [str(np.datetime64("2020-01-01T00:00") + np.timedelta64(int(minute), "m")) for minute in offsets]
    found = opened(tmp_path, table(times, list(range(60))))
    assert found.frequency.name in {"D", "H"}
    assert any("uneven" in note for note in found.notes)
    assert found.observed + found.missing == len(found.at(0).values)


def test_a_date_in_the_year_9999_is_left_out_and_named(tmp_path: Path) -> None:
    found = opened(tmp_path, table([*daily(30), "9999-12-31"], list(range(31))))
    assert len(found.at(0).values) == 30
    assert found.skipped[0].reason == "has the date 9999-12-31, far from all others: left out"


def test_a_series_that_ends_in_the_year_9999_cannot_be_forecast_beyond_it(tmp_path: Path) -> None:
    found = opened(tmp_path, table([f"9999-{month:02d}-01" for month in range(1, 13)], list(range(12))))
    with pytest.raises(InputError, match="beyond the year 9999"):
        found.frequency.moment(found.starts[0] + 12)


def test_five_points_say_how_many_are_needed(tmp_path: Path) -> None:
    (tmp_path / "five.csv").write_text(table(daily(5), [1, 2, 3, 4, 5]), encoding="utf-8")
    with pytest.raises(
        InputError, match=r"five\.csv: a horizon of 1 steps with 5 values at most in a series; at least 11"
    ):
        prepare(tmp_path / "five.csv", ForecastSettings())


def test_a_horizon_longer_than_the_history_says_what_is_possible(tmp_path: Path) -> None:
    (tmp_path / "short.csv").write_text(table(daily(50), list(range(50))), encoding="utf-8")
    with pytest.raises(InputError, match=r"accepted here: a horizon of 1 to 14\."):
        prepare(tmp_path / "short.csv", ForecastSettings(horizon=60))


def test_one_column_is_taken_in_the_order_of_the_file(tmp_path: Path) -> None:
    found = opened(tmp_path, "y\n" + "".join(f"{value}\n" for value in (3, 1, 4, 1, 5)))
    assert found.at(0).values.tolist() == [3, 1, 4, 1, 5]
    assert (found.columns["dates"], found.frequency.name) == ([], "step")
    assert any("no column of dates" in note for note in found.notes)


def test_a_constant_series_is_pointed_out(tmp_path: Path) -> None:
    assert any("never changes" in note for note in opened(tmp_path, table(daily(30), [7] * 30)).notes)


def test_columns_that_are_not_read_are_named(tmp_path: Path) -> None:
    rows = "".join(f"{day},{shop},{i},{i % 2},sunny\n" for i, day in enumerate(daily(40)) for shop in ("a", "b"))
    found = opened(tmp_path, "date,shop,sales,promotion,sky\n" + rows)
    assert list(found.columns["values"]) == ["sales"]
    assert list(found.columns["unused"]) == ["promotion", "sky"]
    assert any("Not used: 'promotion', 'sky'. Columns whose future is known" in n for n in found.notes)
    assert not any("Not used" in note for note in opened(tmp_path, table(daily(40), [*range(40)])).notes)


def test_no_numbers_at_all(tmp_path: Path) -> None:
    said = refused(tmp_path, table(daily(5), ["a", "b", "c", "d", "e"]))
    assert said.startswith("table.csv: no column holds numbers")


@pytest.mark.parametrize("setting", ["date_column", "id_column", "value_column"])
def test_a_column_that_is_not_there(tmp_path: Path, setting: str) -> None:
    value = "whatever"
    said = refused(tmp_path, table(daily(5), [1, 2, 3, 4, 5]), **{setting: value})
    assert said == f"setting {setting}: table.csv has no column '{value}'; accepted: 'date', 'y'."


def test_a_column_that_holds_something_else(tmp_path: Path) -> None:
    text = "date,word,y\n" + "".join(f"{day},w{i},{i}\n" for i, day in enumerate(daily(6)))
    assert refused(tmp_path, text, value_column="word").startswith("setting value_column: most of column 'word' are no")
    assert refused(tmp_path, text, date_column="word").startswith("setting date_column: most of column 'word' are no")


def test_long_and_wide_tables_hold_the_same_series(tmp_path: Path) -> None:
    days = daily(8)
    wide = "date,a,b\n" + "".join(f"{day},{i},{10 * i}\n" for i, day in enumerate(days))
    long = "date,name,value\n" + "".join(f"{day},a,{i}\n{day},b,{10 * i}\n" for i, day in enumerate(days))
    for text in (wide, long):
        found = opened(tmp_path, text)
        assert found.names == ["a", "b"]
        assert [series.values.tolist() for series in found] == [list(range(8)), list(range(0, 80, 10))]
    assert opened(tmp_path, long).columns["ids"] == ["name"]


def test_numbers_like_years_are_values_unless_their_column_says_year(tmp_path: Path) -> None:
    found = opened(tmp_path, table(daily(6), [1990, 1985, 2001, 1999, 2010, 1970], "date,sales"))
    assert list(found.columns["values"]) == ["sales"]
    found = opened(tmp_path, table([str(year) for year in range(1990, 1996)], [3, 1, 4, 1, 5, 9], "year,sales"))
    assert (found.columns["dates"], found.frequency.name) == (["year"], "Y")


def test_parquet_and_csv_give_the_same_series(tmp_path: Path) -> None:
    import pandas as pd

    frame = pd.DataFrame({"ds": pd.date_range("2020-01-01", periods=30, freq="h"), "y": np.arange(30) / 7})
    frame.to_parquet(tmp_path / "table.parquet")
    frame.to_csv(tmp_path / "table.csv", index=False)
    found = [open_series(tmp_path / name, ForecastSettings()) for name in ("table.parquet", "table.csv")]
    assert found[0].sha256 == found[1].sha256
    assert found[0].frequency.name == "H"


def test_the_same_table_has_the_same_digest_in_any_order(tmp_path: Path) -> None:
    days = daily(9)
    text = table(days, list(range(9)))
    shuffled = table([days[i] for i in (4, 2, 0, 8, 6, 1, 3, 5, 7)], [4, 2, 0, 8, 6, 1, 3, 5, 7])
    assert opened(tmp_path, text).sha256 == opened(tmp_path, shuffled).sha256


def ended_well(folder: Path, text: str) -> SeriesTable | None:
    """The series in it, or None where it was refused in plain sentences."""
    path = folder / "table.csv"
    path.write_text(text, encoding="utf-8")
    try:
        return open_series(path, ForecastSettings())
    except InputError as refusal:
        sentences = [str(problem) for problem in refusal.problems]
    if not sentences or any("\n" in sentence or "Traceback" in sentence for sentence in sentences):
        pytest.fail(f"{sentences} is no plain sentence")
    return None


@settings(max_examples=40, deadline=None)
@given(text=st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=400))
def test_whatever_is_uploaded_ends_in_series_or_in_sentences(
    text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    found = ended_well(tmp_path_factory.mktemp("any"), text)
    assert found is None or found.observed >= 3


ODD = ["2020-01-01", "02/01/2020", "3.1.2020", "9999-12-31", "Jan 2020", "1,5", "1,234", "inf", "", "x", "NA"]
CELLS = st.one_of(st.sampled_from(ODD), st.integers(-5000, 5000).map(str), st.floats(allow_nan=True).map(str))


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.lists(CELLS, min_size=2, max_size=3), min_size=1, max_size=25))
def test_any_mixture_of_cells_ends_in_series_or_in_sentences(
    rows: list[list[str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    text = "date,y,z\n" + "".join(",".join(f'"{cell}"' for cell in row) + "\n" for row in rows)
    found = ended_well(tmp_path_factory.mktemp("mixed"), text)
    if found is not None:
        assert all(np.isfinite(series.values[[0, -1]]).all() for series in found)
        assert sum(int(np.isfinite(series.values).sum()) for series in found) == found.observed
