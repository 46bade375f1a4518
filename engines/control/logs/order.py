"""In which order rows happened, where an episode begins, and which rows are there twice."""

from __future__ import annotations

import dataclasses

import numpy as np

from engines.control.logs.raw import Raw
from engines.messages import _, _n

GAP = 1.5
"""Usual steps of time that are a gap."""


def in_time(raw: Raw) -> tuple[Raw, np.ndarray]:
    """The rows in their order, and True (N,) where one does not follow the one before it, as far as the file says."""
    if raw.step is not None and not np.isfinite(raw.step).any():
        note = _("The times cannot be read: the rows are taken in the file's order.")
        raw = dataclasses.replace(raw, step=None, notes=[*raw.notes, note])
    raw = _sorted(raw)
    breaks = breaks_before(raw)
    if raw.step is not None and raw.seconds is not None:
        late = np.append(False, np.diff(raw.step) > GAP * raw.seconds) & ~breaks
        if late.any():
            n = int(late.sum())
            gaps = _n("1 gap in time, over which no row follows", "{n:,} gaps in time, over which no row follows", n)
            raw = dataclasses.replace(
                raw, notes=[*raw.notes, _n("There is {gaps} another.", "There are {gaps} another.", n, gaps=gaps)]
            )
            breaks = breaks | late
    return raw, breaks


def breaks_before(raw: Raw) -> np.ndarray:
    """True (N,) where a row does not follow the one before it, as far as the file says so."""
    breaks = np.zeros(len(raw.observations), bool)
    breaks[:1] = True
    if raw.episode is not None:
        breaks[1:] |= np.diff(raw.episode) != 0
    if raw.step is not None:
        breaks[1:] |= ~(np.diff(raw.step) > 0)
    for ended in (raw.terminated, raw.truncated):
        if ended is not None:
            breaks[1:] |= ended[:-1]
    return breaks


def without_repeats(raw: Raw, breaks: np.ndarray) -> tuple[Raw, np.ndarray]:
    """Without rows that are the one before them once more, which cannot have happened: at the same time, or with a
    next observation that is another one."""
    same = _same(raw.observations) & _same(raw.actions)
    if raw.next_observations is not None:
        same &= _same(raw.next_observations)
    again = np.zeros(len(same), bool)
    if raw.step is not None:
        at = [raw.step] if raw.episode is None else [raw.step, raw.episode]
        again |= same & _same(np.stack(at, axis=1))
    if raw.next_observations is not None:
        again |= same & (raw.next_observations != raw.observations).any(axis=1) & ~breaks
    if not again.any():
        return raw, breaks
    n = int(again.sum())
    rows = _n(
        "1 row is the one before it once more and counts", "{n:,} rows are the one before them once more and count", n
    )
    return taken(raw, np.flatnonzero(~again), _("{rows} once.", rows=rows)), breaks[~again]


def _same(values: np.ndarray) -> np.ndarray:
    """True (N,) where a row is the one before it."""
    return np.append(False, (values[1:] == values[:-1]).all(axis=1)) if len(values) else np.zeros(0, bool)


def _sorted(raw: Raw) -> Raw:
    """In the order of (episode, step), where the file says so."""
    if raw.step is None:
        return raw
    episode = raw.episode if raw.episode is not None else np.zeros(len(raw.observations))
    if raw.episode is None and len(np.unique(raw.step)) < len(raw.step):
        return raw  # steps start anew with each episode
    order = np.lexsort((raw.step, episode))
    if np.array_equal(order, np.arange(len(order))):
        return raw
    return taken(raw, order, _("The rows were out of order and are sorted by episode and step."))


def taken(raw: Raw, order: np.ndarray, note: str) -> Raw:
    """Some of the rows, in that order, and a sentence that says so."""
    return dataclasses.replace(_rows(raw, order), notes=[*raw.notes, note])


def first(raw: Raw, most: int) -> Raw:
    """At most the first rows."""
    return raw if len(raw.observations) <= most else _rows(raw, np.arange(most))


def _rows(raw: Raw, order: np.ndarray) -> Raw:
    arrays = {f.name: getattr(raw, f.name) for f in dataclasses.fields(raw)}
    moved = {name: value[order] for name, value in arrays.items() if isinstance(value, np.ndarray)}
    return dataclasses.replace(raw, **moved, where=[raw.where[i] for i in order])


def chained(seen: np.ndarray, after: np.ndarray, tolerance: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """An order in which rows follow each other, and at which places of it a new chain starts."""
    from scipy.spatial import cKDTree

    distance, nearest = cKDTree(seen / tolerance).query(after / tolerance, p=np.inf, distance_upper_bound=1.0)
    following = {
        int(row): int(to) for row, (d, to) in enumerate(zip(distance, nearest, strict=True)) if d <= 1 and to != row
    }
    led_to = set(following.values())
    order: list[int] = []
    starts: list[int] = []
    placed = np.zeros(len(seen), bool)
    for first in [*(row for row in range(len(seen)) if row not in led_to), *range(len(seen))]:
        row: int | None = first
        if placed[first]:
            continue
        starts.append(len(order))
        while row is not None and not placed[row]:
            placed[row] = True
            order.append(row)
            row = following.get(row)
    return np.array(order, int), starts
