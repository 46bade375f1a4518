"""Names that pages and command line show. Light: no numpy."""

import csv
import io

FREQUENCIES = ("Y", "Q", "M", "W", "D", "B", "H", "30min", "15min", "10min", "5min", "min", "S")
FREQUENCY_TITLES = {
    "Y": "yearly", "Q": "quarterly", "M": "monthly", "W": "weekly", "D": "daily", "B": "business days",
    "H": "hourly", "30min": "half-hourly", "min": "every minute", "S": "every second", "step": "steps without dates",
}  # fmt: skip


def names_in(text: str) -> list[str]:
    """'holiday, price' -> ['holiday', 'price']; a name with a comma in it stands in double quotes."""
    row = next(csv.reader([text], skipinitialspace=True), [])
    return [name.strip() for name in row if name.strip()]


def in_one(names: list[str]) -> str:
    """The opposite of `names_in`."""
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(names)
    return out.getvalue()
