"""Asks the forecaster beside this file what comes next.

    pip install -r requirements.txt
    python usage.py SERIES.csv

SERIES.csv holds a row a value: its series in unique_id (left out where there is one series), its date as 2024-01-31 or
2024-01-31 13:00 in ds, the value in y, empty where it is missing; further columns are known ahead, with rows for the
steps to come, their y left empty. It prints a line of JSON a step: the median, and the ends of the 80 % interval.
"""

import calendar
import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import load_file

from engines.exports.usage_parts import HERE, RUN, Row, of_table, rows_of, say_all, words_given

sys.path.insert(0, str(HERE))
from engines.forecasting.models import conformal, inputs, points, rollout
from engines.forecasting.models.covariate_regression import Effect
from engines.forecasting.models.fracast import Fracast

# --- Dates become places on an even grid ---

DATES: list[Any] = []  # where the dates themselves are the steps: those of all series


def every_date(rows: list[dict[str, str]]) -> list[Any]:
    """Those of all series, in order. Of periods of four and five weeks, also those of the periods that lack."""
    own: dict[str, set[Any]] = {}
    for row in rows:
        if np.isfinite(number(row["y"])):
            own.setdefault(row.get("unique_id", "y"), set()).add(read(row["ds"]))
    found = set()
    for dates in map(sorted, own.values()):
        found.update(dates)
        weeks = np.array([(after - before) / timedelta(weeks=1) for before, after in pairwise(dates)])
        fours, fives = (weeks == 4).sum(), (weeks == 5).sum()
        of_weeks = len(weeks) > 5 and not (weeks % 1).any() and weeks.max() <= 15
        if RUN["inferred"] and of_weeks and min(fours, fives) >= len(weeks) / 5 and fours + fives >= 3 * len(weeks) / 4:
            for date, length in zip(dates[:-1], weeks, strict=True):
                lacking = round(length * 7 / 30.44) - 1 if length > 6 else 0
                found.update(date + timedelta(weeks=4) * step for step in range(1, lacking + 1))
    return sorted(found)


def listed(place: int) -> Any:
    """A date of the list; beyond its end, as far from the one before as a season ago."""
    if place < len(DATES):
        return DATES[place]
    a_year = round(timedelta(days=365.25) * (len(DATES) - 1) / (DATES[-1] - DATES[0]))
    back = min(a_year if a_year in (4, 12, 13, 24, 26, 36, 52) else 1, len(DATES) - 1)
    last = len(DATES) - 1 - back + (place - len(DATES)) % back
    return listed(place - 1) + (DATES[last + 1] - DATES[last])


class Grid:
    """The steps RUN["count"] of RUN["unit"] apart through the dates of one series."""

    def __init__(self, dates: list[Any]):
        self.first = dates[0]
        self.at_ends = RUN["unit"] == "month" and all((date + timedelta(days=1)).day == 1 for date in dates)

    def place(self, date: Any) -> int:
        if RUN["unit"] == "step":
            return int(date)
        elif RUN["unit"] == "listed":
            later = next((place for place, other in enumerate(DATES[1:-1], 1) if other >= date), len(DATES) - 1)
            usual = int(np.median([(after - before).total_seconds() for before, after in pairwise(DATES)]))
            beyond = max(0, int((date - DATES[-1]).total_seconds()) + usual // 2) // usual
            return int(later - (date - DATES[later - 1] < DATES[later] - date) + beyond)
        elif RUN["unit"] == "month":
            return ((date.year - self.first.year) * 12 + date.month - self.first.month) // RUN["count"]
        elif RUN["unit"] == "business day":
            rolled = np.busday_offset(np.datetime64(date, "D"), 0, roll="backward", weekmask=RUN["weekmask"])
            return int(np.busday_count(np.datetime64(self.first, "D"), rolled, weekmask=RUN["weekmask"]))
        else:
            return int(((date - self.first).total_seconds() + RUN["count"] // 2) // RUN["count"])

    def called(self, place: int) -> str:
        if RUN["unit"] == "step":
            return str(place)
        elif RUN["unit"] == "listed":
            return written(listed(place))
        elif RUN["unit"] == "month":
            year, month = divmod(self.first.year * 12 + self.first.month - 1 + place * RUN["count"], 12)
            last = calendar.monthrange(year, month + 1)[1]
            day = last if self.at_ends else min(self.first.day, last)
            return written(self.first.replace(year=year, month=month + 1, day=day))
        elif RUN["unit"] == "business day":
            first = np.datetime64(self.first, "D")
            day = np.busday_offset(first, place, roll="forward", weekmask=RUN["weekmask"]).astype(datetime)
            return written(self.first.replace(year=day.year, month=day.month, day=day.day))
        else:
            return written(self.first + timedelta(seconds=place * RUN["count"]))


def written(date: datetime) -> str:
    if (date.hour, date.minute, date.second) == (0, 0, 0):
        return f"{date:%Y-%m-%d}"
    return f"{date:%Y-%m-%d %H:%M}" + (f":{date:%S}" if date.second else "")


def read(cell: str) -> Any:
    return int(cell) if RUN["unit"] == "step" else datetime.fromisoformat(cell).replace(tzinfo=None)


def number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")


def known(row: dict[str, str], feature: str) -> float:
    """What a row says of a feature: 'price' is a column of numbers, 'day=Monday' a word in the column day."""
    if feature in row:
        return number(row[feature])
    column, _, level = feature.partition("=")
    return float(row[column] == level) if row.get(column) else float("nan")


def merged(values: list[float]) -> float:
    """Several values in one step."""
    if RUN["duplicates"] in ("first", "last"):
        return values[0 if RUN["duplicates"] == "first" else -1]
    return sum(values) if RUN["duplicates"] == "sum" else sum(values) / len(values)


def series_of(rows: list[dict[str, str]], features: list[str]) -> tuple[np.ndarray, np.ndarray, Any]:
    """A series on its grid, float64 (T,), nan where missing; what is known beside it and ahead, (T + ahead, features);
    and what a step is called. Raises ValueError for a date that is none."""
    dated = sorted(((read(row["ds"]), row) for row in rows), key=lambda pair: pair[0])
    seen = [(date, number(row["y"])) for date, row in dated if np.isfinite(number(row["y"]))]
    if not seen:
        return np.empty(0), np.empty((0, len(features))), str
    grid = Grid([date for date, _ in seen])
    start, steps = grid.place(seen[0][0]), grid.place(seen[-1][0]) - grid.place(seen[0][0]) + 1
    at: dict[int, list[float]] = {}
    for date, value in seen:
        at.setdefault(grid.place(date) - start, []).append(value)
    values = np.array([merged(at[step]) if step in at else np.nan for step in range(steps)])
    beside = np.full((steps + RUN["horizon"], len(features)), np.nan)
    for date, row in dated:
        if 0 <= (step := grid.place(date) - start) < len(beside):
            beside[step] = [known(row, feature) for feature in features]
    return values, beside, lambda step: grid.called(start + step)


# --- The forecast ---


def forecast(config: dict[str, Any], model: Any, name: str, rows: list[dict[str, str]]) -> Iterator[dict[str, Any]]:
    values, beside, called = series_of(rows, config.get("features", []))
    if len(values) < RUN["fewest"]:
        raise ValueError(f"has {len(values)} values: at least {RUN['fewest']} are needed")
    added = np.zeros(len(beside))
    if name in config.get("effects", {}):
        effect = Effect(**config["effects"][name])
        if not np.isfinite(beside[len(values) :, effect.needs()]).all():
            raise ValueError(
                "needs what is known ahead for the steps to come: add rows with these dates and an empty y"
            )
        added = effect.of(beside)
    context = values - added[: len(values)]
    if RUN["hub"]:
        with contextlib.redirect_stdout(sys.stderr):
            raw = points.of_estimator(model, context, config["horizon"], config["season"])
    else:
        mix = {int(lag): share for lag, share in config["mixes"].get(name, config["mix"]).items()}
        both = config.get("both_ways_up", False)
        raw = rollout.pooled(model, [context], [mix], config["horizon"], config["context"], both_ways_up=both)[0]
    widths = np.array(config["widths"].get(name, config["width_of_all"]))
    quantiles = rollout.not_below_zero(conformal.widened(raw, widths) + added[len(values) :, None], values)
    for step, row in enumerate(quantiles.tolist()):
        told = {"file": name, "unique_id": name, "ds": called(len(values) + step), "step": step + 1}
        yield told | {"value": row[inputs.MEDIAN], "low": row[0], "high": row[-1]}


def loaded() -> tuple[dict[str, Any], Any]:
    """What the run knows of its series, and its model."""
    if RUN["hub"]:
        from sktime.forecasting.ttm import TinyTimeMixerForecaster

        model: Any = TinyTimeMixerForecaster(model_path=str(HERE), fit_strategy="zero-shot")
        return json.loads((HERE / "forecast.json").read_text(encoding="utf-8")), model
    else:
        model = Fracast()
        model.load_state_dict(load_file(HERE / "model.safetensors"))
        return json.loads((HERE / "config.json").read_text(encoding="utf-8")), model.eval()


def model() -> Callable[[Path], Iterator[Row]]:
    """Loads it; what it then says of the series in a table. Raises ValueError for a table that lacks a column."""
    config, network = loaded()

    def answer(path: Path) -> Iterator[Row]:
        rows = [row for _, row in rows_of(path)]
        if not rows or not {"ds", "y"} <= rows[0].keys():
            raise ValueError("the columns ds and y are needed")
        if RUN["unit"] == "listed":
            DATES[:] = every_date(rows)
        own: dict[str, list[dict[str, str]]] = {}
        for row in rows:
            own.setdefault(row.get("unique_id", "y"), []).append(row)
        for name, some in own.items():
            try:
                yield from forecast(config, network, name, some)
            except ValueError as error:
                yield {"file": name, "error": str(error)}

    return answer


if __name__ == "__main__":
    sys.exit(say_all(of_table(Path(words_given("SERIES.csv")[0]), model())))
