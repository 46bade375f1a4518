"""Tables of series to fill in: one value a row (long), or one series a column (wide)."""

from __future__ import annotations

from engines.data.templates import table

YEARS = range(2019, 2024)
MONTHS = [f"{year}-{month:02d}-01" for year in YEARS for month in range(1, 13)]
SEASON = (92, 88, 97, 101, 108, 115, 121, 118, 107, 99, 93, 104)  # of every hundred, in each month
SHOPS = {"north": 100, "south": 240}


def templates() -> dict[str, bytes]:
    """By their names; the numbers are made up."""
    sold = {
        shop: [round(level * (SEASON[i % 12] / 100 + i / 200)) for i in range(len(MONTHS))]
        for shop, level in SHOPS.items()
    }
    long = [(shop, month, value) for shop, values in sold.items() for month, value in zip(MONTHS, values, strict=True)]
    wide = list(zip(MONTHS, *sold.values(), strict=True))
    return {
        "series-long.csv": table(("series", "date", "value"), long),
        "series-wide.csv": table(("date", *SHOPS), wide),
    }
