"""usage.py of an exported forecaster: series in, what comes next out, read as the run reads series."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engines.exports import script
from engines.forecasting.forecast.model_files import outside
from engines.forecasting.series.frequency import DAY, NAMED, SHORT_DAYS, WEEKDAYS
from engines.forecasting.series.splits import FEWEST_SEEN
from engines.forecasting.settings import ForecastSettings
from engines.messages import _
from engines.runs import RunFolder

NEEDS = ("torch", "numpy", "scipy", "safetensors")
NEEDS_OF_HUB = ("sktime", "transformers", "pandas")
HOW = _("""\
```
pip install -r requirements.txt
python usage.py SERIES.csv
```

prints what comes next: for each step the median, and the ends of the 80 % interval. The table holds a row a value: its
series in `unique_id` (left out where there is one series), its date in `ds` (2024-01-31, or 2024-01-31 13:00), the
value in `y`, empty where it is missing. The lines above load it as a forecaster of sktime instead{alone}.""")
ALONE = _(", without the intervals that the run measured")
HOW_KNOWN = _(""" What is known ahead stands in further columns ({columns}), with rows for the steps to come, their `y`
left empty.""")
UNITS: dict[str, tuple[str, int]] = {
    "years": ("month", 12),
    "months": ("month", 1),
    "days": ("second", DAY),
    "min": ("second", 60),
    "s": ("second", 1),
}


def write(folder: Path, run: Path, config: dict[str, Any], *, hub: bool = False) -> None:
    """usage.py and requirements.txt; the code of the forecaster lies in `folder` already, and of a model of the `hub`
    what the run knows of its series, in forecast.json."""
    settings = ForecastSettings.parse(RunFolder(run).recipe.settings)
    unit, count, weekmask = step_of(config["frequency"])
    constants = {
        "unit": unit,
        "count": count,
        "weekmask": weekmask,
        "duplicates": settings.duplicates,
        "fewest": FEWEST_SEEN,
        "horizon": config["horizon"],
        "hub": hub,
        "inferred": settings.frequency == "auto",
    }
    script.write_usage(folder, __file__, constants, run, [*NEEDS, *(NEEDS_OF_HUB if hub else ())])
    text = (folder / "usage.py").read_text(encoding="utf-8")
    (folder / "usage.py").write_text(outside(text), encoding="utf-8")


def how(config: dict[str, Any], *, hub: bool = False) -> str:
    columns = dict.fromkeys(name.partition("=")[0] for name in config.get("features", []))
    return HOW.format(alone=ALONE if hub else "") + (HOW_KNOWN.format(columns=", ".join(columns)) if columns else "")


def step_of(frequency: str) -> tuple[str, int, str]:
    """The unit and the count of a frequency's name ('M', '6 months', 'Mon Tue Sat'), and its days of the week."""
    if frequency in NAMED:
        return *NAMED[frequency], WEEKDAYS
    words = frequency.split()
    if set(words) <= set(SHORT_DAYS):
        return "business day", 1, "".join("01"[day in words] for day in SHORT_DAYS)
    name, times = UNITS[words[1]]
    return name, round(float(words[0]) * times), WEEKDAYS
