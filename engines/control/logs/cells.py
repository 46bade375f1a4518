"""Numbers, lists of numbers and times, as people write them into a table's cells."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

WORDS = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}
COMMA = re.compile(r"[+-]?\d*,\d+(?:e[+-]?\d+)?")
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|nan|[+-]?inf", re.IGNORECASE)
EPOCHS = ((1e17, 1e-9), (1e14, 1e-6), (1e11, 1e-3))
"""Seconds since 1970 in nano-, micro- or milliseconds, told by their size."""


def number(cell: str) -> float:
    """A cell as a number, with a decimal point or comma; NaN where it is none."""
    text = cell.strip().lower()
    if text in WORDS:
        return WORDS[text]
    try:
        return float(text.replace(",", ".") if COMMA.fullmatch(text) else text)
    except ValueError:
        return float("nan")


def has_comma(cell: str) -> bool:
    """Whether it is a number with a decimal comma."""
    return COMMA.fullmatch(cell.strip().lower()) is not None


def is_list(cell: str) -> bool:
    """Whether it is a list of numbers: '[0.1, -2]', or as NumPy prints one: '[ 0.1 -2. ]'."""
    return cell.strip().startswith("[") and cell.strip().endswith("]")


def lists(cells: Sequence[str]) -> np.ndarray:
    """float64 (rows, numbers of the first list); NaN where a cell is no list of as many."""
    found = [[float(text) for text in NUMBER.findall(cell)] if is_list(cell) else [] for cell in cells]
    width = len(found[0]) if found else 0
    return np.array([row if len(row) == width else [np.nan] * width for row in found], dtype=float).reshape(-1, width)


def times(cells: Sequence[str]) -> tuple[np.ndarray, bool]:
    """float64 (rows,): numbers, or the seconds of dates and times of day; and whether they are in seconds. NaN where a
    cell is neither."""
    plain = np.array([number(cell) for cell in cells], dtype=float)
    if np.isfinite(plain).any():
        largest = float(np.nanmax(np.abs(plain)))
        unit = next((unit for least, unit in EPOCHS if largest > least), 1.0)
        steps = np.diff(plain)
        counted = unit == 1.0 and bool(np.all(steps[np.isfinite(steps)] % 1 == 0))
        return plain * unit, not counted
    import pandas as pd

    read = pd.to_datetime(pd.Series(list(cells)), errors="coerce", utc=True, format="mixed")
    return ((read - read.min()).dt.total_seconds()).to_numpy(dtype=float), bool(read.notna().any())
