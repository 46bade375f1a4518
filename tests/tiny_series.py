"""Two short series with a season for tests, and the settings that make a run on them short."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

import numpy as np

from engines.contract import Predictor
from tests import alone

MONTHS = 72
NAMES = ("north", "south")
HORIZON = 12
SETTINGS = {"epochs": 3, "context": 64, "windows": 24, "arima": False, "inputs": "values"}
FORECASTS = len(NAMES) * 10 * HORIZON
"""Rows of predictions.parquet: series, origins and steps."""


def month(number: int) -> str:
    return f"{2010 + number // 12}-{number % 12 + 1:02d}-01"


def series(name: str, length: int) -> np.ndarray:
    """float64 (length,): a season, a slope and noise, always the same."""
    rng = np.random.default_rng(len(name) + ord(name[0]))
    steps = np.arange(length)
    return np.round(20 + 0.1 * steps + 4 * np.sin(2 * np.pi * steps / 12) + rng.normal(0, 0.5, length), 3)


def write_series(folder: Path) -> Path:
    """A long table: unique_id, ds, y."""
    folder.mkdir(parents=True)
    with (folder / "series.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["unique_id", "ds", "y"])
        for name in NAMES:
            table.writerows([name, month(i), value] for i, value in enumerate(series(name, MONTHS).tolist()))
    return folder / "series.csv"


def write_new_series(folder: Path) -> tuple[Path, str]:
    """The same series a year later, and one that is too short."""
    folder.mkdir(parents=True)
    with (folder / "new.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["unique_id", "ds", "y"])
        for name in NAMES:
            table.writerows([name, month(i), value] for i, value in enumerate(series(name, MONTHS + 12).tolist()))
        table.writerows(["east", month(i), i] for i in range(5))
    return folder / "new.csv", "east"


def write_bad_series(folder: Path) -> Path:
    (folder / "words.csv").write_text("ds,y\n2010-01-01,one\n2010-02-01,two\n2010-03-01,three\n", encoding="utf-8")
    return folder / "words.csv"


def loads_back(exported: Path, snippet: str, predictor: Predictor, new: Path) -> None:
    """The three lines shown on screen, run where Headstart cannot be seen, forecast what the predictor forecasts."""
    if exported.suffix == ".zip":
        zipfile.ZipFile(exported).extractall(exported.with_suffix(""))
        exported = exported.with_suffix("")
    first = f'FracastForecaster.from_folder(".", series={NAMES[0]!r})'
    lines = [
        "import csv, pandas",
        f"rows = [r for r in csv.DictReader(open({str(new)!r})) if r['unique_id'] == {NAMES[0]!r}]",
        "index = pandas.PeriodIndex([r['ds'] for r in rows], freq='M')",
        "y = pandas.Series([float(r['y']) for r in rows], index=index)",
        snippet.replace('FracastForecaster.from_folder(".")', first),
        "found = forecaster.predict_quantiles(fh=range(1, 13), alpha=[0.1, 0.5, 0.9]).to_numpy().ravel()",
        "print(*found.tolist())",
    ]
    said = alone.printed("\n".join(lines), exported)
    rows = [row for row in predictor.predict(new) if row["file"] == NAMES[0]]
    expected = [row[part] for row in rows for part in ("low", "value", "high")]
    np.testing.assert_allclose([float(value) for value in said.split()], expected, atol=1e-4)
