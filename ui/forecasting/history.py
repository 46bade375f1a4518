"""What a run kept of its series: the tested forecasts, and the newest values before and beneath them."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

PAST = 3
"""Horizons of the known past that a fan chart shows, at least."""
LEAST_PAST = 48  # values


@functools.lru_cache(maxsize=8)
def tables(path: Path, stamp: float) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:  # noqa: ARG001  (a run trained again is another)
    """predictions.parquet and history.parquet as columns; `stamp` keeps the memory fresh."""
    import pyarrow.parquet as pq

    read = [pq.read_table(path / f"{name}.parquet").to_pydict() for name in ("predictions", "history")]
    return read[0], read[1]


def known(
    history: dict[str, list[Any]], name: str, before: str | None, details: dict[str, Any]
) -> tuple[list[Any], list[float | None]]:
    """The newest values of a series before a date."""
    pairs = [
        (ds, None if y != y else y)
        for own, ds, y in zip(history["unique_id"], history["ds"], history["y"], strict=True)
        if own == name
    ]
    dates = [ds for ds, _ in pairs]
    end = dates.index(before) if before in dates else len(pairs)
    shown = pairs[max(0, end - max(LEAST_PAST, PAST * details["horizon"], 2 * details["season"])) : end]
    return [ds for ds, _ in shown], [y for _, y in shown]
