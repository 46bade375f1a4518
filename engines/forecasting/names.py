"""Names that pages and command line show. Light: no numpy."""

FREQUENCIES = ("Y", "Q", "M", "W", "D", "B", "H", "30min", "15min", "10min", "5min", "min", "S")
FREQUENCY_TITLES = {
    "Y": "yearly", "Q": "quarterly", "M": "monthly", "W": "weekly", "D": "daily", "B": "business days",
    "H": "hourly", "30min": "half-hourly", "min": "every minute", "S": "every second", "step": "steps without dates",
}  # fmt: skip
