"""From dated values in any order to even series: duplicates, gaps, strays and uneven spacing dealt with and counted."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engines.contract import InputError, Problem, Skipped
from engines.forecasting.dates import written
from engines.forecasting.frequency import Frequency, infer, named
from engines.forecasting.series import SeriesTable
from engines.forecasting.settings import ForecastSettings

if TYPE_CHECKING:
    from engines.forecasting.features import Beside

ROW = np.dtype([("series", "<i4"), ("moment", "<i8"), ("value", "<f8")])
TOGETHER = 64
"""Series that are sorted at once: this bounds the memory, not the number of series."""
BUFFER = 50_000  # rows
FEWEST = 3
"""Observed values without which a series is left out."""
LOOKED_AT = 50
"""Series from which the frequency is inferred."""
STRAY = 10
"""A gap this many times longer than the whole series on one side of it cuts that side off."""
LEAST_STRAY = 200  # steps
NAMED = 20


class Buckets:
    """Rows on disk, `TOGETHER` series to a file, so that each file can be sorted in memory."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True)
        self.folder = folder
        self.codes: dict[str, int] = {}
        self._rows: list[tuple[int, int, float]] = []
        self._held: tuple[int, np.ndarray] = (-2, np.empty(0, dtype=ROW))

    def add(self, series: str, moment: int, value: float) -> None:
        self._rows.append((self.codes.setdefault(series, len(self.codes)), moment, value))
        if len(self._rows) >= BUFFER:
            self.close()

    def close(self) -> None:
        rows = np.array(self._rows, dtype=ROW)
        self._rows = []
        for bucket in np.unique(rows["series"] // TOGETHER):
            with (self.folder / f"{bucket}").open("ab") as file:
                rows[rows["series"] // TOGETHER == bucket].tofile(file)

    def __len__(self) -> int:
        return -(-len(self.codes) // TOGETHER)

    def sorted(self, bucket: int) -> np.ndarray:
        """The rows of one file by series and moment; equal moments stay in the order of the table."""
        path = self.folder / f"{bucket}"
        rows = np.fromfile(path, dtype=ROW) if path.exists() else np.empty(0, dtype=ROW)
        return rows[np.lexsort((rows["moment"], rows["series"]))]

    def of(self, series: str) -> np.ndarray:
        """The rows of one series by moment. The file that it lies in is held until another is asked for."""
        code = self.codes.get(series, -1)
        if self._held[0] != code // TOGETHER:
            self._held = (code // TOGETHER, self.sorted(code // TOGETHER))
        rows = self._held[1]
        return rows[rows["series"] == code]


def even(
    buckets: Buckets, table: str, settings: ForecastSettings, dated: bool, beside: Beside | None = None
) -> SeriesTable:
    """All series on one grid, written to `values.npy` beside the buckets; what is known ahead, to `ahead.npy`.

    Raises InputError when no series has `FEWEST` values.
    """
    names = list(buckets.codes)
    frequency, on_grid = _frequency(buckets, settings, dated)
    found = SeriesTable([], [], [], frequency, {}, [], [], "", folder=buckets.folder.parent)
    tally: Counter[str] = Counter()
    digest = hashlib.sha256()
    raw, raw_ahead = found.folder / "values.raw", found.folder / "ahead.raw"
    found.features = list(beside.names) if beside else []
    with raw.open("wb") as file, raw_ahead.open("wb") as file_ahead:
        for bucket in range(len(buckets)):
            rows = buckets.sorted(bucket)
            for code in np.unique(rows["series"]):
                own = rows[rows["series"] == code]
                grid = _one(
                    own["moment"], own["value"], frequency, settings.duplicates, names[code], tally, found.skipped
                )
                if grid is None:
                    continue
                start, values = grid
                found.names.append(names[code])
                found.starts.append(start)
                found.lengths.append(len(values))
                seen = int(np.isfinite(values).sum())
                found.observed += seen
                found.missing += len(values) - seen
                tally["constant"] += bool(np.ptp(values[np.isfinite(values)]) == 0)
                digest.update(f"{names[code]}\0{frequency.moment(start)}\0{frequency.name}\0".encode())
                digest.update(values.tobytes())
                values.tofile(file)
                if beside is not None:
                    known = beside.on_grid(names[code], start, len(values), frequency)
                    found.beyond.append(len(known) - len(values))
                    tally["lacking"] += int((~np.isfinite(known[: len(values)])).any(1).sum())
                    digest.update(known.tobytes())
                    known.tofile(file_ahead)
    if not found.names:
        first = f" ({found.skipped[0].where} {found.skipped[0].reason})" if found.skipped else ""
        problem = Problem(table, f"no series in it has {FEWEST} values or more{first}", "accepted: longer series")
        raise InputError(problem)
    np.save(found.folder / "values.npy", np.memmap(raw, dtype="<f8", mode="r"))
    raw.unlink()
    if beside is not None:
        rows = np.memmap(raw_ahead, dtype="<f8", mode="r").reshape(-1, len(beside.names))
        np.save(found.folder / "ahead.npy", rows)
    raw_ahead.unlink()
    found.sha256 = digest.hexdigest()
    found.notes = _in_words(tally, found, on_grid)
    if tally["left out"] > NAMED:
        found.skipped.append(Skipped(table, f"has {tally['left out'] - NAMED:,} more series that are too short"))
    return found


def _frequency(buckets: Buckets, settings: ForecastSettings, dated: bool) -> tuple[Frequency, bool]:
    """One frequency for the whole table: that of most of the first series."""
    first: list[np.ndarray] = []
    for bucket in range(len(buckets)):
        rows = buckets.sorted(bucket)
        rows = rows[np.isfinite(rows["value"])]
        for code in np.unique(rows["series"]):
            if len(moments := np.unique(rows["moment"][rows["series"] == code])) >= FEWEST:
                first.append(moments)
        if len(first) >= LOOKED_AT:
            break
    if not first or not dated:
        return Frequency("step", 1), True
    if settings.frequency != "auto":
        return named(settings.frequency, first[0]), True
    guesses = [(moments, *infer(moments)) for moments in first[:LOOKED_AT]]
    key = Counter((guess.unit, guess.count) for _, guess, _ in guesses).most_common(1)[0][0]
    alike = [(guess, on_grid) for _, guess, on_grid in guesses if (guess.unit, guess.count) == key]
    return alike[0][0], all(on_grid for _, on_grid in alike)


def _one(
    moments: np.ndarray, values: np.ndarray, frequency: Frequency, duplicates: str, name: str,
    tally: Counter[str], skipped: list[Skipped],
) -> tuple[int, np.ndarray] | None:  # fmt: skip
    """The series on the grid as (first step, values); None where too little of it is left."""
    there = np.isfinite(values)
    moments, values = moments[there], values[there]
    if len(moments):
        moments, values = _without_strays(moments, values, frequency, name, tally, skipped)
    positions, values = _merged(moments, values, frequency, duplicates, tally)
    if len(positions) < FEWEST:
        tally["left out"] += 1
        if tally["left out"] <= NAMED:
            n = len(positions)
            skipped.append(Skipped(f"series {name[:60]}", f"has {n} value{'s' * (n != 1)}: too few to forecast"))
        return None
    grid = np.full(int(positions[-1] - positions[0]) + 1, np.nan)
    grid[positions - positions[0]] = values
    tally["gaps"] += int((np.diff(positions) > 1).sum())
    return int(positions[0]), grid


def _merged(
    moments: np.ndarray, values: np.ndarray, frequency: Frequency, duplicates: str, tally: Counter[str]
) -> tuple[np.ndarray, np.ndarray]:
    """One value a grid step. `moments` are sorted; equal ones stand in the order of the table."""
    positions = frequency.positions(moments)
    steps, first, counts = np.unique(positions, return_index=True, return_counts=True)
    if len(steps) == len(positions):
        return steps, values
    same_moment = int((np.diff(moments) == 0).sum())
    tally["duplicate"] += same_moment
    tally["shared step"] += len(positions) - len(steps) - same_moment
    if duplicates == "first":
        return steps, values[first]
    if duplicates == "last":
        return steps, values[first + counts - 1]
    totals = np.add.reduceat(values, first)
    return steps, totals if duplicates == "sum" else totals / counts


def _without_strays(
    moments: np.ndarray,
    values: np.ndarray,
    frequency: Frequency,
    name: str,
    tally: Counter[str],
    skipped: list[Skipped],
) -> tuple[np.ndarray, np.ndarray]:
    """Cuts off dates that lie absurdly far from the others, such as 9999-12-31 for 'never'."""
    while len(moments) > 1:
        positions = frequency.positions(moments)
        gaps = np.diff(positions)
        widest = int(gaps.argmax())
        before, after = widest + 1, len(moments) - widest - 1
        larger = max(positions[widest] - positions[0], positions[-1] - positions[widest + 1]) + 1
        if gaps[widest] < max(LEAST_STRAY, STRAY * larger) or min(before, after) * 5 > max(before, after):
            return moments, values
        keep = slice(0, before) if before >= after else slice(before, None)
        gone = moments[before:] if before >= after else moments[:before]
        tally["stray"] += len(gone)
        if tally["stray"] <= NAMED:
            shown = written(int(gone[-1] if before >= after else gone[0]))
            skipped.append(Skipped(f"series {name[:60]}", f"has the date {shown}, far from all others: left out"))
        moments, values = moments[keep], values[keep]
    return moments, values


def _in_words(tally: Counter[str], found: SeriesTable, on_grid: bool) -> list[str]:
    notes = []
    if n := tally["duplicate"]:
        notes.append(f"{counted(n, 'date occurs', 'dates occur')} more than once in a series: one value was kept.")
    if not on_grid or tally["shared step"] > 0.01 * found.observed:
        title = found.frequency.title
        notes.append(f"The spacing is uneven: values were brought to a {title} grid; several in one step became one.")
    elif n := tally["shared step"]:
        notes.append(f"{counted(n, 'value shares', 'values share')} a step with another: one was kept for each step.")
    if found.missing:
        share = found.missing / (found.missing + found.observed)
        gaps = counted(tally["gaps"], "gap", "gaps")
        notes.append(f"{gaps}, {counted(found.missing, 'missing step', 'missing steps')} ({share:.1%}): left missing.")
    if n := tally["stray"]:
        notes.append(
            f"{counted(n, 'date lies', 'dates lie')} far from all others and {'was' if n == 1 else 'were'} left out."
        )
    if n := tally["lacking"]:
        lack = counted(n, "step lacks", "steps lack")
        notes.append(f"{lack} a value that should be known ahead: its mean is taken there.")
    if n := tally["constant"]:
        notes.append(f"{counted(n, 'series never changes', 'series never change')}: there is nothing to learn from it.")
    if _summer_time(tally, found):
        notes.append("It looks like local clock time: an hour is missing in spring and one is double in autumn.")
    return notes


def counted(n: int, one: str, several: str) -> str:
    """'1 gap', '2,000 gaps'."""
    return f"{n:,} {one if n == 1 else several}"


def _summer_time(tally: Counter[str], found: SeriesTable) -> bool:
    """Steps of an hour or less, with about as many doubled hours as gaps, and no more than one a year."""
    if found.frequency.unit != "second" or found.frequency.count > 3600:
        return False
    years = sum(found.lengths) * found.frequency.count / (365.25 * 86_400)
    hours = tally["duplicate"] * found.frequency.count / 3600
    return 0.5 <= hours <= years + len(found.names) and 0 < tally["gaps"] <= years + len(found.names)
