"""A site adds up what columns that are known ahead say of its series; and sites' files become one regression, by which
any of them forecasts its own."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engines.contract import InputError, Problem, Recipe, Run, Task
from engines.forecasting.forecast import prepare
from engines.forecasting.forecast.summarise import sums_file
from engines.forecasting.forecast.summarise.sums_file import Manifest
from engines.forecasting.models import known_sums
from engines.forecasting.settings import ForecastSettings
from engines.messages import _

LEAST = 2
"""Differences for each of the numbers added up: of fewer the sums nearly are the values."""


def summarise(task: Task, recipe: Recipe, run: Run, out: Path) -> dict[str, Any]:
    """Writes the site's file `out`; answers path, bytes, features, n (differences), series, skipped, and `said`: what
    the file gives away. Nothing of a series' test is in it. Raises InputError."""
    settings = ForecastSettings.parse(recipe.settings)
    if not settings.known_ahead:
        accepted = _("accepted: --set known_ahead=column, such as holidays: what they say of the series is added up")
        raise InputError(Problem(_("setting known_ahead"), _("found none"), accepted))
    p = prepare.announced(recipe, settings, run)
    parts = []
    for position, own in enumerate(p.splits):
        if own is not None:
            values, known = p.table.at(position).values, p.table.known(position)
            scale = p.scales[position]
            parts.append(
                known_sums.of_series(values, known, p.table.features, own.validation, own.test, p.season, scale)
            )
    found = known_sums.together(parts)
    width = 2 * len(found.features) + 1
    if found.n < LEAST * width:
        few = _("{n} changes of its series, for {width} numbers each", n=found.n, width=width)
        accepted = _("accepted: {least} or more, or the sums nearly are the values", least=LEAST * width)
        raise InputError(Problem(Path(recipe.data).name, few, accepted))
    ahead = ",".join(p.table.columns["ahead"])
    manifest = Manifest(task.info.name, p.table.frequency.name, p.season, ahead, len(parts), secrets.token_hex(16))
    size = sums_file.write(out, manifest, found)
    return {
        "path": str(out),
        "bytes": size,
        "features": found.features,
        "n": found.n,
        "series": len(parts),
        "skipped": [{"where": entry.where, "reason": entry.reason} for entry in p.skipped],
        "said": told(found, len(parts), p.table.frequency.title),
    }


def told(found: known_sums.KnownSums, series: int, frequency: str) -> list[str]:
    """What a site's file gives away, in sentences."""
    return [
        _(
            "The file says how many series there are ({series:,}, {frequency}), how many of their changes ({n:,}), and "
            "the columns and words that are known ahead: {features}.",
            series=series,
            frequency=frequency,
            n=found.n,
            features=", ".join(found.features[:10]),
        ),
        _(
            "It holds no value of a series: sums of products of changes, and of each column how many values there are, "
            "their sum and the sum of their squares. Of a column these give mean and deviation."
        ),
    ]


def merged(sites: Sequence[Path]) -> tuple[str, dict[str, Any]]:
    """The task, and the settings by which a run is an ordinary one with the regression that all sites' sums give.

    Raises InputError for files that do not go together."""
    read = sums_file.read_all(sites)
    united = known_sums.solve([(site.name, site.known) for site in read])
    return read[0].manifest.task, {"known_ahead": read[0].manifest.ahead, "shared_effect": united.text()}
