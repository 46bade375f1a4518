"""usage.py of an exported forecaster where the dates themselves are the steps: it answers as predict does."""

from __future__ import annotations

import csv
import json
from collections.abc import Collection
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engines import lifecycle
from engines.contract import Recipe, Strategy
from engines.forecasting.forecast.task import Forecast
from engines.runs import RunFolder
from tests import alone, tiny_series


def thirds_of_months(n: int) -> list[date]:
    """The 1st, 11th and 21st."""
    return [date(2019 + i // 36, i // 3 % 12 + 1, 1 + 10 * (i % 3)) for i in range(n)]


def periods_of_weeks(n: int) -> list[date]:
    """Four, four and five weeks, as shops count them."""
    first, found = date(2016, 1, 2), []
    for i in range(n):
        found.append(first + timedelta(weeks=13 * (i // 3) + (0, 4, 8)[i % 3]))
    return found


def written(path: Path, dates: list[date], gone: Collection[int] = ()) -> Path:
    """Two series with a season; the second lacks the values at the places `gone`."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["unique_id", "ds", "y"])
        for name in tiny_series.NAMES:
            values = tiny_series.series(name, len(dates)).tolist()
            rows = [[name, day.isoformat(), value] for day, value in zip(dates, values, strict=True)]
            table.writerows(row for place, row in enumerate(rows) if name == "north" or place not in gone)
    return path


@pytest.mark.parametrize(("calendar", "n"), [(thirds_of_months, 110), (periods_of_weeks, 96)])
def test_dates_that_are_the_steps_go_on_as_predict_has_them(calendar: Any, n: int, tmp_path: Path) -> None:
    data = written(tmp_path / "series.csv", calendar(n))
    settings = {**tiny_series.SETTINGS, "epochs": 1, "horizon": 8, "device": "cpu"}
    recipe = Recipe("forecasting.forecast", str(data), "fracast", Strategy.ZERO_SHOT, settings=settings)
    run = RunFolder.create(recipe, tmp_path / "run")
    lifecycle.fit(Forecast(), recipe, run)
    kept = json.loads((run.path / "model" / "config.json").read_text(encoding="utf-8"))
    assert kept["frequency"] == "dates"
    folder = Forecast().export(run.path, "safetensors", tmp_path / "out")
    new = written(tmp_path / "new.csv", calendar(n + 5), {40, 41, n + 1})
    said = alone.run(folder / "usage.py", new, cwd=folder)
    assert said.returncode == 0, said.stderr
    rows = [json.loads(line) for line in said.stdout.splitlines()]
    expected = Forecast().load(run.path).predict(new)
    assert [(row["file"], row["ds"]) for row in rows] == [(row["file"], row["ds"]) for row in expected]
    for name in ("value", "low", "high"):
        np.testing.assert_allclose([row[name] for row in rows], [row[name] for row in expected], rtol=1e-4)
