"""Names that pages and command line show. Light: no numpy."""

import csv
import io

from engines.messages import _

FREQUENCIES = ("Y", "Q", "M", "W", "D", "B", "H", "30min", "15min", "10min", "5min", "min", "S", "dates")
FREQUENCY_TITLES = {
    "Y": "yearly",
    "Q": "quarterly",
    "M": "monthly",
    "W": "weekly",
    "D": "daily",
    "B": _("business days"),
    "H": "hourly",
    "30min": "half-hourly",
    "15min": _("every 15 minutes"),
    "10min": _("every 10 minutes"),
    "5min": _("every 5 minutes"),
    "min": _("every minute"),
    "S": _("every second"),
    "dates": _("each date a step"),
    "step": _("steps without dates"),
}
FREQUENCY_CODES = {FREQUENCY_TITLES[code]: code for code in FREQUENCIES}
"""What a frequency is called -> its code."""

DATE_FORMS = (
    "years",
    "year and month",
    "year and week",
    "year, month and day",
    "short year, month and day",
    "year and month with a point",
    "decimal years",
    "days since 1900",
    "seconds since 1970",
    "milliseconds since 1970",
    "microseconds since 1970",
    "nanoseconds since 1970",
    _("step numbers"),
)
"""How a number may be a date."""
NO_COLUMN = _("no column")
"""What the settings of columns accept beside names."""
EVERY_COLUMN = _("every column of numbers")


def names_in(text: str) -> list[str]:
    """'holiday, price' -> ['holiday', 'price']; a name with a comma in it stands in double quotes."""
    row = next(csv.reader([text], skipinitialspace=True), [])
    return [name.strip() for name in row if name.strip()]


def in_one(names: list[str]) -> str:
    """The opposite of `names_in`."""
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(names)
    return out.getvalue()
