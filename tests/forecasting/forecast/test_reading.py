"""What a check says of how a table was read, that it refuses what a run refuses, and how a run reads new data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engines import lifecycle
from engines.contract import DataReport, InputError, Recipe, Strategy
from engines.forecasting.forecast import prepare, reading
from engines.forecasting.forecast.predict import Forecaster
from engines.forecasting.forecast.task import Forecast
from engines.forecasting.models import rollout
from engines.forecasting.settings import ForecastSettings
from engines.runs import RunFolder
from tests import tiny_series
from tests.forecasting.series.tables_of import CASES, days, months, table

TASK = Forecast()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_HOME", str(tmp_path / "home"))


def write(folder: Path, text: str, name: str = "table.csv") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def checked(path: Path, **chosen: Any) -> DataReport:
    return TASK.check(path, settings=ForecastSettings.parse(chosen))


def read_as(report: DataReport) -> dict[str, tuple[str, str | None]]:
    return {guess.what: (guess.value, guess.setting) for guess in report.read_as}


# --- what is said ---------------------------------------------------------------------------------


def test_every_guess_is_listed_with_the_setting_that_changes_it() -> None:
    report = checked(CASES / "forecasting-two-id-columns.csv")
    assert read_as(report) == {
        "dates": ("date", "date_column"),
        "series": ("store,item", "id_column"),
        "values": ("sales", "value_column"),
        "frequency": ("daily", "frequency"),
    }
    assert {guess.setting for guess in report.read_as} <= set(ForecastSettings.reading())


@pytest.mark.parametrize(
    ("case", "what", "value", "setting"),
    [
        ("month-as-201401", "numbers as dates", "year and month", "date_form"),
        ("year-and-month-name-columns", "dates", "year,month", "date_column"),
        ("hours-1-to-24", "date order", "day first", "date_order"),
        ("lakh-grouping", "decimal sign", "point", "decimal"),
        ("year-by-month-table", "layout", "side by side", "layout"),
        ("four-four-five-calendar", "frequency", "each date a step", "frequency"),
    ],
)
def test_what_was_guessed_of_the_cases(case: str, what: str, value: str, setting: str) -> None:
    path = CASES / f"forecasting-{case}.csv"
    report = checked(path)
    assert read_as(report)[what] == (value, setting)
    said = checked(path, **{setting: value})  # said in so many words, it is read the same way
    assert said.sha256 == report.sha256


def test_every_alternative_is_one_that_the_setting_accepts() -> None:
    for path in sorted(CASES.glob("forecasting-*.csv")):
        for guess in checked(path).read_as:
            assert guess.value not in guess.alternatives
            for other in (guess.value, *guess.alternatives):
                ForecastSettings.parse({str(guess.setting): other})


# --- check and fit --------------------------------------------------------------------------------


BAD = {
    "empty": ("", {}),
    "words": ("a,b\nx,y\nz,w\n", {}),
    "short": (table("ds,y", list(days(6)), list(range(6))), {}),
    "horizon": (table("ds,y", list(days(40)), list(range(40))), {"horizon": 20}),
    "few observed": (table("ds,y", list(days(40)), [*range(3), *[""] * 34, *range(3)]), {}),
    "order": (table("ds,y", [f"0{i % 9 + 1}/0{i % 7 + 1}/{2000 + i}" for i in range(40)], list(range(40))), {}),
    "decimal": (table("ds;y", list(days(40)), ["1,234", "2345"] * 20, separator=";"), {}),
    "form": (table("period,y", [f"2020{m:02d}" for m in range(1, 13)], list(range(12))), {}),
    "dates": (table("ds,y", [f"x{i}" if i % 3 else str(day) for i, day in enumerate(days(40))], list(range(40))), {}),
    "duplicates": (table("ds,y", [day for day in days(20) for _ in range(3)], list(range(60))), {}),
    "column": (table("ds,y", list(days(40)), list(range(40))), {"value_column": "z"}),
    "ahead": (table("ds,y", list(days(40)), list(range(40))), {"known_ahead": "price"}),
    "layout": (table("ds,y", list(days(40)), list(range(40))), {"layout": "side by side"}),
}


@pytest.mark.parametrize("name", BAD)
def test_a_check_refuses_what_a_run_refuses_in_the_same_words(tmp_path: Path, name: str) -> None:
    text, settings = BAD[name]
    path = write(tmp_path, text)
    with pytest.raises(InputError) as by_check:
        checked(path, **settings)
    recipe = Recipe(TASK.info.name, str(path), "fracast", Strategy.PARTIAL, settings=settings)
    run = RunFolder.create(recipe, tmp_path / "run")
    with pytest.raises(InputError) as by_fit:
        prepare.announced(recipe, ForecastSettings.parse(settings), run)
    assert str(by_check.value) == str(by_fit.value)
    assert str(by_check.value)


# --- a run ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tiny monthly series, their months in two columns, several columns of numbers beside."""
    folder = tmp_path_factory.mktemp("reading")
    rows = [
        (year, month, shop, 1000 + i, value)
        for shop in (11, 12)
        for i, ((year, month), value) in enumerate(
            zip(months(72), tiny_series.series(("north", "south")[shop - 11], 72).tolist(), strict=True)
        )
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_HOME", str(folder / "home"))
        path = write(folder, table("year,month,shop,visitors,sales", *map(list, zip(*rows, strict=True))))
        recipe = Recipe(TASK.info.name, str(path), "fracast", Strategy.ZERO_SHOT, settings=tiny_series.SETTINGS)
        lifecycle.fit(TASK, recipe, RunFolder.create(recipe, folder / "run"))
    return folder / "run"


def test_a_run_reads_new_data_as_it_read_its_own(run: Path, tmp_path: Path) -> None:
    kept = json.loads((run / "model" / "config.json").read_text(encoding="utf-8"))["reading"]
    assert kept == {"duplicates": "mean", "date_column": "year,month", "id_column": "shop", "value_column": "sales"}
    rows = [(2010 + i // 12, i % 12 + 1, 11, 40.0 + i % 12, 7) for i in range(36)]
    new = write(tmp_path, table("year,month,shop,sales,demand", *map(list, zip(*rows, strict=True))))
    found = Forecaster(run).open(new)
    assert (found.names, found.columns["values"], found.at(0).values[:2].tolist()) == (["11"], ["sales"], [40, 41])


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("year,month,place,sales", "it lacks the column 'shop', which tells the series apart in this run"),
        ("year,month,shop,turnover", "it lacks the column 'sales', which is forecast in this run"),
    ],
)
def test_a_run_says_what_new_data_lack(run: Path, tmp_path: Path, header: str, said: str) -> None:
    rows = [(y, m, 11, 40.0 + m) for y, m in months(36)]
    new = write(tmp_path, table(header, *map(list, zip(*rows, strict=True))), "new.csv")
    with pytest.raises(InputError) as caught:
        Forecaster(run).predict(new)
    assert str(caught.value).startswith(f"new.csv: {said}; accepted: a table with the columns that the run read")


def test_dates_under_another_name_are_looked_for(run: Path, tmp_path: Path) -> None:
    rows = [(f"{y}-{m:02d}", 11, 40.0 + m) for y, m in months(36)]
    new = write(tmp_path, table("when,shop,sales", *map(list, zip(*rows, strict=True))))
    assert Forecaster(run).open(new).columns["dates"] == ["when"]


def test_a_run_from_before_readings_were_kept_takes_the_mean(tmp_path: Path) -> None:
    path = write(tmp_path, table("ds,y", [day for day in days(20) for _ in range(3)], [1, 2, 3] * 20))
    assert reading.open_alike(path, ForecastSettings(), {}, "D").at(0).values.tolist() == [2.0] * 20


def test_a_run_that_knows_all_days_of_the_week_is_given_all(tmp_path: Path) -> None:
    dates = [day for day in days(63) if day.weekday() != 6]
    path = write(tmp_path, table("date,sales", list(dates), list(range(len(dates)))))
    assert reading.open_alike(path, ForecastSettings(), {}, "D").frequency.name == "D"
    assert reading.open_alike(path, ForecastSettings(), {}, "W").frequency.name == "Mon Tue Wed Thu Fri Sat"


# --- nothing below zero ---------------------------------------------------------------------------


def test_what_was_never_negative_is_not_forecast_below_zero() -> None:
    forecast = np.array([[-2.0, -0.5, 1.0]])
    assert rollout.not_below_zero(forecast, np.array([0.0, np.nan, 3.0])).tolist() == [[0.0, 0.0, 1.0]]
    assert rollout.not_below_zero(forecast, np.array([0.0, -0.1, 3.0])).tolist() == forecast.tolist()


def test_a_run_forecasts_no_count_below_zero(run: Path, tmp_path: Path) -> None:
    counts = [0 if i % 3 else 1 for i in range(60)]
    rows = [(y, m, 11, count) for (y, m), count in zip(months(60), counts, strict=True)]
    new = write(tmp_path, table("year,month,shop,sales", *map(list, zip(*rows, strict=True))))
    found = Forecaster(run).predict(new)
    assert min(row["low"] for row in found) == 0
    assert all(value >= 0 for row in found for value in row["quantiles"].values())
