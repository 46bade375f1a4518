"""Series for a person who has none: real ones, from packages that are installed, with no network."""

from __future__ import annotations

import importlib.resources
import secrets
from collections.abc import Callable
from pathlib import Path

from engines.contract import Sample, no_such_sample
from engines.messages import _

VEGA = "vega_datasets 0.9 (github.com/vega/vega-datasets)"
SAMPLES = [
    Sample(
        name="passengers",
        title=_("Air passengers"),
        description=_(
            "Passengers of international airlines, monthly from 1949 to 1960, in thousands: trend and a "
            "season that grows with it."
        ),
        origin="Box, Jenkins and Reinsel: Time Series Analysis, series G; it comes with sktime",
        licence="public domain; sktime is BSD-3-Clause",
        real=True,
    ),
    Sample(
        name="weather",
        title=_("Seattle weather, daily"),
        description=_("Precipitation, highest and lowest temperature and wind, each day from 2012 to 2015."),
        origin=f"NOAA National Climatic Data Center, in {VEGA}",
        licence="public domain (US government); the package is MIT",
        real=True,
    ),
    Sample(
        name="hourly",
        title=_("Temperatures by the hour"),
        description=_(
            "Hourly temperature normals of Seattle and San Francisco for one year, in degrees Fahrenheit: "
            "what NOAA calls normal for each hour, computed from 30 years of measurements."
        ),
        origin=f"NOAA hourly climate normals, in {VEGA}",
        licence="public domain (US government); the package is MIT",
        real=True,
    ),
    Sample(
        name="co2",
        title=_("Carbon dioxide on Mauna Loa, weekly"),
        description=_("Weekly means from 1958 to 2001, in parts per million, with weeks missing."),
        origin="C. D. Keeling and T. P. Whorf, Scripps Institution of Oceanography; it comes with statsmodels",
        licence="public domain",
        real=True,
    ),
    Sample(
        name="stocks",
        title=_("Stock prices, monthly"),
        description=_("Microsoft, Amazon, IBM and Apple from 2000 to 2010 and Google from 2004, in US dollars."),
        origin=f"collected for the Vega examples, in {VEGA}",
        licence="factual data; the package is MIT",
        real=True,
    ),
    Sample(
        name="stocks-weekly",
        title=_("Stock prices, weekly"),
        description=_("Six technology shares in 2018 and 2019, relative to their first week."),
        origin="plotly.data.stocks(), which comes with plotly",
        licence="factual data; the package is MIT",
        real=True,
    ),
    Sample(
        name="macro",
        title=_("The economy of the United States, quarterly"),
        description=_("Twelve series from 1959 to 2009, among them product, consumption, prices and unemployment."),
        origin="Federal Reserve Bank of St. Louis and Bureau of Labor Statistics; it comes with statsmodels",
        licence="public domain",
        real=True,
    ),
    Sample(
        name="sunspots",
        title=_("Sunspots, yearly"),
        description=_("The mean number of sunspots in each year from 1700 to 2008: a cycle of about eleven years."),
        origin="NOAA National Geophysical Data Center; it comes with statsmodels",
        licence="public domain",
        real=True,
    ),
]


def make(name: str, out: Path) -> Path:
    """Writes the sample below `out` as a CSV and returns it; one that is there is kept. Raises InputError."""
    makers: dict[str, Callable[[], str]] = {
        "passengers": _passengers,
        "weather": _weather,
        "hourly": _hourly,
        "co2": _co2,
        "stocks": _stocks,
        "stocks-weekly": _stocks_weekly,
        "macro": _macro,
        "sunspots": _sunspots,
    }
    if name not in makers:
        raise no_such_sample(name, makers)
    path = out / f"{name}.csv"
    if path.exists():
        return path
    out.mkdir(parents=True, exist_ok=True)
    partial = out / f".{name}.{secrets.token_hex(4)}.partial"
    partial.write_text(makers[name](), encoding="utf-8")
    partial.replace(path)
    return path


def _vega(file: str) -> str:
    """A file of vega_datasets, read without importing the package: it would ask the network."""
    return (importlib.resources.files("vega_datasets") / "_data" / file).read_text(encoding="utf-8")


def _passengers() -> str:
    from sktime.datasets import load_airline

    series = load_airline()
    return "month,passengers\n" + "".join(f"{when},{value:g}\n" for when, value in series.items())


def _weather() -> str:
    rows = [line.split(",")[:5] for line in _vega("seattle-weather.csv").splitlines()]
    rows = [[row[0].replace("/", "-"), *row[1:]] for row in rows]
    return "\n".join(",".join(row) for row in rows) + "\n"


def _hourly() -> str:
    seattle = dict(line.split(",") for line in _vega("seattle-temps.csv").splitlines()[1:])
    pairs = [line.split(",") for line in _vega("sf-temps.csv").splitlines()[1:]]
    francisco = {when[:16]: value for value, when in pairs}
    rows = [f"{when.replace('/', '-')},{value},{francisco.get(when, '')}\n" for when, value in seattle.items()]
    return "date,seattle,san_francisco\n" + "".join(rows)


def _co2() -> str:
    from statsmodels.datasets import co2

    series = co2.load_pandas().data["co2"]
    rows = [f"{when:%Y-%m-%d},{'' if value != value else f'{value:g}'}\n" for when, value in series.items()]
    return "week,co2_ppm\n" + "".join(rows)


def _stocks() -> str:
    return _vega("stocks.csv")


def _stocks_weekly() -> str:
    from plotly.data import stocks

    frame = stocks()
    return str(frame.rename(columns={name: f"{name}_price" for name in frame.columns[1:]}).to_csv(index=False))


def _macro() -> str:
    from statsmodels.datasets import macrodata

    frame = macrodata.load_pandas().data
    frame.insert(
        0, "period", [f"{int(year)}Q{int(q)}" for year, q in zip(frame["year"], frame["quarter"], strict=True)]
    )
    return str(frame.drop(columns=["year", "quarter"]).to_csv(index=False))


def _sunspots() -> str:
    from statsmodels.datasets import sunspots

    frame = sunspots.load_pandas().data
    rows = [f"{int(year)},{value:g}\n" for year, value in zip(frame["YEAR"], frame["SUNACTIVITY"], strict=True)]
    return "year,sunspots\n" + "".join(rows)
