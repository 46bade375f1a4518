"""From dated values in any order to even series: duplicates, gaps, strays and uneven spacing dealt with and counted."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from typing import Literal

import numpy as np

from engines.cancellation import cancellation_point
from engines.contract import InputError, Problem, Skipped
from engines.data.row_sampling import listed
from engines.forecasting.labels import FREQUENCY_CODES
from engines.forecasting.series.buckets import Buckets
from engines.forecasting.series.covariates import Beside
from engines.forecasting.series.dates import written
from engines.forecasting.series.frequency import WEEKDAYS, Frequency, infer, infer_steps, named
from engines.forecasting.series.series import SeriesTable
from engines.forecasting.settings import ForecastSettings
from engines.messages import _, _n, told

FEWEST = 3
MOSTLY = 0.5
"""Share of steps that lack, from which another way to read them is named."""
"""Observed values without which a series is left out."""
LOOKED_AT = 50
"""Series from which the frequency is inferred."""
STRAY = 10
"""A gap this many times longer than the whole series on one side of it cuts that side off."""
LEAST_STRAY = 200  # steps
NAMED = 20
MOST_DUPLICATES = 0.2
"""Of the values: so many may share their date with another before it is asked what becomes of them."""
KEPT = {
    "mean": _("the mean of its values"),
    "sum": _("the sum of its values"),
    "first": _("the first of its values"),
    "last": _("the last of its values"),
}
Steps = Literal["dates", "numbers", "order"]
"""What the moments are: seconds since 1970, numbers of steps, or the order of the file."""


def even(
    buckets: Buckets, table: str, settings: ForecastSettings, steps: Steps, beside: Beside | None = None
) -> SeriesTable:
    """All series on one grid, written to `values.npy` beside the buckets; what is known ahead, to `ahead.npy`.

    `steps`: what the moments are. Raises InputError when no series has `FEWEST` values, and where many dates occur
    several times and nobody said what becomes of their values.
    """
    names = list(buckets.codes)
    frequency, on_grid, others = _frequency(buckets, settings, steps)
    found = SeriesTable([], [], [], frequency, {}, [], [], "", folder=buckets.folder.parent)
    tally: Counter[str] = Counter()
    digest = hashlib.sha256()
    raw, raw_ahead = found.folder / "values.raw", found.folder / "ahead.raw"
    found.features = list(beside.names) if beside else []
    with raw.open("wb") as file, raw_ahead.open("wb") as file_ahead:
        for bucket in range(len(buckets)):
            rows = buckets.sorted(bucket)
            for code in np.unique(rows["series"]):
                cancellation_point()
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
        problem = Problem(
            table,
            _("no series in it has {fewest} values or more{first}", fewest=FEWEST, first=first),
            _("accepted: longer series"),
        )
        raise InputError(problem)
    np.save(found.folder / "values.npy", np.memmap(raw, dtype="<f8", mode="r"))
    raw.unlink()
    if beside is not None:
        rows = np.memmap(raw_ahead, dtype="<f8", mode="r").reshape(-1, len(beside.names))
        np.save(found.folder / "ahead.npy", rows)
    raw_ahead.unlink()
    found.sha256, found.repeated = digest.hexdigest(), tally["repeated"]
    if settings.duplicates == "auto" and not settings.accept_guesses:
        _require_few_duplicates(table, tally, found)
    found.notes = [*others, *_in_words(tally, found, on_grid, settings.duplicates)]
    if tally["left out"] > NAMED:
        found.skipped.append(
            Skipped(table, _("has {left_out:,} more series that are too short", left_out=tally["left out"] - NAMED))
        )
    return found


def _frequency(buckets: Buckets, settings: ForecastSettings, steps: Steps) -> tuple[Frequency, bool, list[str]]:
    """One frequency for the whole table, that of most of the first series; whether they lie on its grid, and a note
    where some have another."""
    first: dict[str, np.ndarray] = {}
    names = list(buckets.codes)
    for bucket in range(len(buckets)):
        rows = buckets.sorted(bucket)
        rows = rows[np.isfinite(rows["value"])]
        for code in np.unique(rows["series"]):
            if len(moments := np.unique(rows["moment"][rows["series"] == code])) >= FEWEST:
                first[names[code]] = moments
        if len(first) >= LOOKED_AT:
            break
    looked = list(first.values())[:LOOKED_AT]
    if not looked or steps == "order":
        return Frequency("step", 1), True, []
    if steps == "numbers":
        return (*infer_steps(np.unique(np.concatenate(looked))), [])
    chosen = FREQUENCY_CODES.get(settings.frequency, settings.frequency)
    if chosen != "auto":
        return named(chosen, np.unique(np.concatenate(looked)) if chosen == "dates" else looked[0]), True, []
    guesses = [infer(moments) for moments in looked]
    key = Counter(map(_kind, guesses)).most_common(1)[0][0]
    alike = [(guess, on_grid) for guess, on_grid in guesses if _kind((guess, on_grid)) == key]
    frequency = alike[0][0]
    if frequency.unit == "listed":
        frequency = replace(frequency, dates=tuple(sorted({date for guess, _ in alike for date in guess.dates})))
    notes = []
    if odd := [name for name, guess in zip(first, guesses, strict=False) if _kind(guess) != key]:
        n = _n("{n:,} series has", "{n:,} series have", len(odd))
        notes.append(
            _(
                "{n} steps of another length than the others ({odd}): all were brought to one grid, {title}.",
                n=n,
                odd=listed(odd, 3),
                title=frequency.title,
            )
        )
    return frequency, all(on_grid for _, on_grid in alike), notes


def _kind(guess: tuple[Frequency, bool]) -> tuple[str, int, str]:
    return guess[0].unit, guess[0].count, guess[0].weekmask


def _require_few_duplicates(table: str, tally: Counter[str], found: SeriesTable) -> None:
    """Raises InputError where too many dates occur several times for the mean to be taken unasked."""
    rows = tally["duplicate"] + found.observed + tally["shared step"]
    if tally["duplicate"] <= MOST_DUPLICATES * rows:
        return
    seen = _n("{n:,} date occurs", "{n:,} dates occur", tally["repeated"])
    said = _(
        "{table}: {seen} more than once in a series ({duplicate:,} of {rows:,} values are further ones)",
        table=table,
        seen=seen,
        duplicate=tally["duplicate"],
        rows=rows,
    )
    accepted = _("say what becomes of them, or name the columns that tell the series apart (id_column)")
    raise InputError(Problem(_("setting duplicates"), said, accepted, choices=("mean", "sum", "first", "last")))


def _one(
    moments: np.ndarray,
    values: np.ndarray,
    frequency: Frequency,
    duplicates: str,
    name: str,
    tally: Counter[str],
    skipped: list[Skipped],
) -> tuple[int, np.ndarray] | None:
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
            skipped.append(
                Skipped(
                    _("series {name}", name=name[:60]),
                    _n("has {n} value: too few to forecast", "has {n} values: too few to forecast", n),
                )
            )
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
    tally["repeated"] += int((np.unique(moments, return_counts=True)[1] > 1).sum())
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
            skipped.append(
                Skipped(
                    _("series {name}", name=name[:60]),
                    _("has the date {shown}, far from all others: left out", shown=shown),
                )
            )
        moments, values = moments[keep], values[keep]
    return moments, values


def _in_words(tally: Counter[str], found: SeriesTable, on_grid: bool, duplicates: str) -> list[str]:
    notes = []
    kept = told(KEPT).get(duplicates, told(KEPT)["mean"])
    if n := tally["repeated"]:
        seen = _n("{n:,} date occurs", "{n:,} dates occur", n)
        values = _("{n:,} values became {n2:,}", n=n + tally["duplicate"], n2=n)
        notes.append(
            _("{seen} more than once in a series: {kept} was taken ({values}).", seen=seen, kept=kept, values=values)
        )
    if not on_grid or tally["shared step"] > 0.01 * found.observed:
        title, n = found.frequency.title, tally["shared step"]
        several = _("; where several fall into one step, {kept} was taken ({n:,} values)", kept=kept, n=n) if n else ""
        notes.append(
            _("The spacing is uneven: values were brought to a grid, {title}{several}.", title=title, several=several)
        )
    elif n := tally["shared step"]:
        shared = _n("{n:,} value shares", "{n:,} values share", n)
        notes.append(_("{shared} a step with another: {kept} was taken.", shared=shared, kept=kept))
    if found.frequency.weekmask != WEEKDAYS:
        notes.append(_("Some days of the week never occur: only {name} are forecast.", name=found.frequency.name))
    if found.frequency.unit == "listed":
        notes.append(_("The dates follow a calendar of their own: each is one step, and none is put between them."))
    if found.missing:
        share = found.missing / (found.missing + found.observed)
        gaps = _n("{n:,} gap", "{n:,} gaps", tally["gaps"])
        missing = _n("{n:,} missing step", "{n:,} missing steps", found.missing)
        other = _(" With frequency=each date a step, each row is a step and nothing lacks.") if share > MOSTLY else ""
        notes.append(
            _(
                "{gaps}, {missing} ({share:.1%}): left missing.{other}",
                gaps=gaps,
                missing=missing,
                share=share,
                other=other,
            )
        )
    if n := tally["stray"]:
        notes.append(
            _n(
                "{dates_lie} far from all others and was left out.",
                "{dates_lie} far from all others and were left out.",
                n,
                dates_lie=_n("{n:,} date lies", "{n:,} dates lie", n),
            )
        )
    if n := tally["lacking"]:
        lack = _n("{n:,} step lacks", "{n:,} steps lack", n)
        notes.append(_("{lack} a value that should be known ahead: its mean is taken there.", lack=lack))
    if n := tally["constant"]:
        notes.append(
            _(
                "{series_never_change}: there is nothing to learn from it.",
                series_never_change=_n("{n:,} series never changes", "{n:,} series never change", n),
            )
        )
    if _summer_time(tally, found):
        notes.append(_("It looks like local clock time: an hour is missing in spring and one is double in autumn."))
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
