"""What was forecast of a run before it trained, beside what came: forecast.json of its folder, where there is one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engines.contract import Metric, Recipe, Result
from engines.evidence.graded import FILE
from engines.messages import _
from engines.reporting import wording


def read(recipe: Recipe, folder: Path | None) -> dict[str, Any]:
    """The forecast; empty where none was made, what lies there is none, or it is about another model or other data."""
    if folder is None:
        return {}
    try:
        found = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    known = {"model": recipe.model, "sha256": recipe.data_sha256, "depth": recipe.settings.get("depth", 0)}
    if not isinstance(found, dict) or any(found.get(name, own) != own for name, own in known.items()):
        return {}
    return found


def told(result: Result, recipe: Recipe, metric: Metric, folder: Path | None) -> tuple[str, ...]:
    """A sentence each: what was expected, what gain, how far the data are from the source's."""
    forecast, said = read(recipe, folder), []
    if expected := forecast.get("expected"):
        value, error = wording.value(metric, expected["value"]), wording.amount(metric, expected["error"])
        off = wording.amount(metric, abs(result.value - expected["value"]))
        came = _("It came to {value}, {off} off.", value=wording.value(metric, result.value), off=off)
        said.append(_("Expected before training: {value} ± {error}. {came}", value=value, error=error, came=came))
    if gain := forecast.get("gain"):
        value, error = _signed(metric, gain["value"]), wording.amount(metric, gain["error"])
        scratch = result.baselines.get("scratch")
        over = _("over training from scratch")
        came = (
            ""
            if scratch is None
            else _(" It came to {signed} {over}.", signed=_signed(metric, result.value - scratch), over=over)
        )
        said.append(
            _("Expected gain over random weights: {value} ± {error}.{came}", value=value, error=error, came=came)
        )
    if mismatch := forecast.get("mismatch"):
        said.append(
            mismatch.get("said") or _("Distance of these data from the source's: {value:.3g}.", value=mismatch["value"])
        )
    return tuple(said)


def _signed(metric: Metric, number: float) -> str:
    """'+12.5 points' of a share, '+0.268' otherwise."""
    return _("{number:+.1f} points", number=number * 100) if wording.is_share(metric) else f"{number:+.3g}"
