"""Which forecaster already knows these series best: MASE on their last training windows, before anything is learnt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engines.contract import InputError, ModelCard, Problem, Recipe, Run, Scores, Task
from engines.evidence import mismatch, ranking, seasonality
from engines.evidence.scores import Means
from engines.forecasting.forecast import evaluate, metrics
from engines.forecasting.forecast.fit import AS_IT_IS, ForecastStudy
from engines.forecasting.forecast.metrics import Tested
from engines.forecasting.forecast.prepare import Prepared, scale
from engines.forecasting.models import hub_models, stages
from engines.forecasting.series.splits import FEWEST_SEEN
from engines.messages import _

WINDOWS = 3
"""Of each series, a horizon apart, the last ones before what validates."""
MOST_SERIES = 24


def rank(task: Task, recipe: Recipe, models: Sequence[str], run: Run) -> dict[str, Any]:
    """See `contract.Task.rank`. Raises InputError where no training window is left to forecast."""

    def measure(card: ModelCard, study: ForecastStudy) -> tuple[Scores, dict[str, Any]]:
        p = study.prepared.blind()
        windows = last_windows(p, p.tested(MOST_SERIES, recipe.seed))
        if study.from_hub:
            model: Any = hub_models.Borrowed(card, p.season)
        else:
            model = stages.build(card, pretrained=True, seed=0).to(study.on.device).eval().model
        forecast = evaluate.ask(model, p, windows, [AS_IT_IS] * len(p.table), study.width, both_ways_up=False)
        n, pieces = len(windows.series), metrics.pieces(windows)
        scores = Means([metrics.mase(forecast, windows)], metrics.resampled(windows), n, pieces)
        known = [p.table.at(i).values[: split.validation] for i in p.usable if (split := p.splits[i])]
        apart = float(np.median([1 - seasonality.strength(values, p.season) for values in known]))
        placed = mismatch.placed(
            apart, "lack_of_season", "series", source=_("a pure season"), yours=_("your series are")
        )
        return scores, {"n": n, "unit": "windows", "mismatch": placed}

    return ranking.as_they_came(task, recipe, ranking.here(task, models), run, measure)


def last_windows(p: Prepared, chosen: Sequence[int]) -> Tested:
    """The last windows of the chosen series that end before what validates."""
    rows = []
    for position in chosen:
        split = p.splits[position]
        assert split is not None
        values = p.table.at(position).values
        for back in range(WINDOWS, 0, -1):
            origin = split.validation - back * p.horizon
            if origin >= FEWEST_SEEN and np.isfinite(values[:origin]).any():
                known = values[:origin]
                own = scale(known, p.season) if np.ptp(known[np.isfinite(known)]) > 0 else np.nan
                rows.append((position, origin, values[origin : origin + p.horizon], own))
    if not rows:
        found = _("the training part is too short for a window to forecast")
        raise InputError(Problem("data", found, _("accepted: longer series, or a shorter horizon")))
    series, origins, truth, scales = zip(*rows, strict=True)
    return Tested(np.array(series), np.array(origins), np.stack(truth), np.array(scales))
