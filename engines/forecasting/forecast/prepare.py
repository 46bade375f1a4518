"""From a recipe's table to series that are split in time, scaled and ready to learn from."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from engines.contract import InputError, Problem, Recipe, Run, Skipped
from engines.forecasting.models import covariate_regression
from engines.forecasting.models.covariate_regression import Effect
from engines.forecasting.models.known_sums import United, united
from engines.forecasting.series.series import SeriesTable
from engines.forecasting.series.splits import FEWEST_SEEN, Split, cut, longest_horizon
from engines.forecasting.series.tables import open_series
from engines.forecasting.settings import ForecastSettings
from engines.messages import _

UNIT = "observations"


@dataclass
class Prepared:
    """Series that are ready: each one's split, and the error of a seasonal naive forecast on what is learnt from."""

    table: SeriesTable
    season: int
    horizon: int
    splits: list[Split | None]
    """One a series; None where it is too short."""
    scales: list[float]
    """One a series, above zero."""
    parts: dict[str, int]
    """Observed values that train, validate and test."""
    notes: list[str]
    skipped: list[Skipped]
    read: SeriesTable
    """What a network reads: the series, less what columns that are known ahead explain of them."""
    effects: list[Effect | None]
    """One a series: what those columns explain, fitted before the test; None where it is nothing."""

    def blind(self) -> Prepared:
        """The same, with nothing known ahead."""
        return replace(self, read=self.table, effects=[None] * len(self.table))

    def explained(self, series: int) -> np.ndarray:
        """float64 (T or more,): what is known ahead adds to each value of a series, as far as anything is known."""
        effect = self.effects[series]
        known = self.table.known(series)
        return np.zeros(len(known)) if effect is None else effect.of(known)

    @property
    def usable(self) -> list[int]:
        return [position for position, split in enumerate(self.splits) if split is not None]

    def tested(self, most: int, seed: int) -> list[int]:
        """The series that are tested: all of them, or `most` drawn by the seed."""
        usable = self.usable
        if len(usable) <= most:
            return usable
        return sorted(np.random.default_rng(seed).choice(usable, most, replace=False).tolist())


def prepare(data: Path, settings: ForecastSettings) -> Prepared:
    """Raises InputError when no series is long enough for the horizon."""
    return split(open_series(data, settings), settings, data.name)


def announced(recipe: Recipe, settings: ForecastSettings, run: Run) -> Prepared:
    """`prepare`, told to the run. Raises InputError and Cancelled."""
    run.emit("phase", name="checking", title=_("Reading the series"))

    def progress(done: int, total: int) -> None:
        run.check_cancelled()
        if done == total and total:
            run.emit("progress", phase="checking", done=done, total=total, unit=UNIT)

    data = Path(recipe.data)
    return split(open_series(data, settings, progress), settings, data.name)


def split(table: SeriesTable, settings: ForecastSettings, name: str, *, hold_back_test: bool = False) -> Prepared:
    """The series in parts. With `hold_back_test`, as if the test had not happened yet: each series is cut within what
    lies before it. Raises InputError where no series is long enough."""
    season = settings.season or table.frequency.season
    longest = max(longest_horizon(length) for length in table.lengths)
    horizon = settings.horizon or min(table.frequency.horizon, max(1, longest))
    if horizon > longest:
        length = max(table.lengths)
        found = _(
            "a horizon of {horizon} steps with {length:,} values at most in a series", horizon=horizon, length=length
        )
        accepted = _(
            "at least {fewest_seen:,} values are needed to learn, to choose and to test",
            fewest_seen=FEWEST_SEEN + 3 * horizon,
        )
        if longest > 0:
            accepted += _("; accepted here: a horizon of 1 to {longest}", longest=longest)
        raise InputError(Problem(name, found, accepted))
    splits: list[Split | None] = []
    scales: list[float] = []
    parts = {"train": 0, "validation": 0, "test": 0}
    notes, skipped = list(table.notes), list(table.skipped)
    short = 0
    for series in table:
        own = cut(len(series), horizon, settings.origins)
        if own is not None and hold_back_test:
            own = cut(own.test, horizon, settings.origins)
        seen = np.isfinite(series.values)
        if own is not None and seen[: own.validation].sum() < FEWEST_SEEN:
            own = None
        splits.append(own)
        scales.append(scale(series.values[: own.validation if own else len(series)], season))
        if own is None:
            short += 1
            if short <= 20:
                skipped.append(
                    Skipped(
                        _("series {name}", name=series.name[:60]),
                        _("has too few values for a horizon of {horizon}", horizon=horizon),
                    )
                )
            continue
        parts["train"] += int(seen[: own.validation].sum())
        parts["validation"] += int(seen[own.validation : own.test].sum())
        parts["test"] += int(seen[own.test : own.end].sum())
    if short == len(splits):
        raise InputError(
            Problem(
                name,
                _("no series has enough observed values"),
                _("accepted: {fewest_seen} or more at first", fewest_seen=FEWEST_SEEN),
            )
        )
    if short:
        notes.append(
            _(
                "{short:,} of {splits:,} series are too short for a horizon of {horizon} and are left out.",
                short=short,
                splits=len(splits),
                horizon=horizon,
            )
        )
    prepared = Prepared(table, season, horizon, splits, scales, parts, notes, skipped, table, [None] * len(table))
    if not table.features:
        return prepared
    return explained_by_columns(prepared, shared(settings))


def shared(settings: ForecastSettings) -> United | None:
    """The regression of several sites, where one was brought. Raises InputError."""
    if settings.shared_effect is None:
        return None
    try:
        return united(settings.shared_effect)
    except ValueError:
        accepted = _("accepted: as `headstart federate merge` has written it")
        raise InputError(Problem(_("setting shared_effect"), _("it cannot be read"), accepted)) from None


def explained_by_columns(prepared: Prepared, known_elsewhere: United | None = None) -> Prepared:
    """What columns that are known ahead explain of each series, and the series without it, kept on disk. Where series
    of several sites say it together, their effect is taken for each series, in units of its own scale."""
    p, table = prepared, prepared.table
    cuts = [split and (split.validation, split.test) for split in p.splits]
    which = (1, p.season, cuts) if known_elsewhere is None else (1, p.season, cuts, known_elsewhere)
    key = hashlib.sha256(repr(which).encode()).hexdigest()[:16]
    rest = replace(table, file=f"rest-{key}.npy")
    partial = table.folder / f".{rest.file}.{os.getpid()}"
    written = np.lib.format.open_memmap(partial, mode="w+", dtype=np.float64, shape=(sum(table.lengths),))
    effects: list[Effect | None] = []
    for position, own in enumerate(p.splits):
        values, known = table.at(position).values, table.known(position)
        effect = None
        if own is not None and known_elsewhere is not None:
            effect = known_elsewhere.effect(table.features, p.scales[position])
        elif own is not None:
            effect = covariate_regression.fit(values, known, own.validation, own.test, p.season)
        effects.append(effect)
        less = values if effect is None else values - effect.of(known)[: len(values)]
        written[table.offsets[position] : table.offsets[position] + len(values)] = less
    written.flush()
    partial.replace(table.folder / rest.file)
    used = sum(effect is not None for effect in effects)
    listed = ", ".join(table.columns["ahead"])
    if known_elsewhere is not None:
        return replace(p, read=rest, effects=effects, notes=[*p.notes, _of_sites(known_elsewhere, listed)])
    said = _(
        "Known ahead: {listed}. On past values that was clearly worth it for {used:,} of {usable:,} series.",
        listed=listed,
        used=used,
        usable=len(p.usable),
    )
    return replace(p, read=rest, effects=effects, notes=[*p.notes, said])


def _of_sites(known: United, listed: str) -> str:
    numbers = {"listed": listed, "sites": len(known.sites), "n": sum(n for _name, n in known.sites)}
    if known.helps:
        return _(
            "Known ahead: {listed}. What they add is by the sums of {sites} sites ({n:,} changes); on sites left out "
            "that was clearly worth it.",
            **numbers,
        )
    return _(
        "Known ahead: {listed}. By the sums of {sites} sites ({n:,} changes) they were not clearly worth it on sites "
        "left out, and are left alone.",
        **numbers,
    )


def scale(values: np.ndarray, season: int) -> float:
    """The mean absolute error of repeating the last season (Hyndman & Koehler 2006), above zero.

    A shorter lag where the season is too long for the series, and 1 where nothing ever changes.
    """
    for lag in (season, 1):
        if len(values) > lag:
            off = np.abs(values[lag:] - values[:-lag])
            off = off[np.isfinite(off)]
            if len(off) and off.mean() > 1e-12 * max(1.0, float(np.nanmax(np.abs(values)))):
                return float(off.mean())
    return 1.0
