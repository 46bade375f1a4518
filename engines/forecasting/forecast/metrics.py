"""How good forecasts were: MASE, sMAPE, weighted quantile loss, coverage, and whether a ranking may be chance.

Forecasts are float64 (F, H, 9), truths (F, H) with nan where nothing was observed, one row a series and origin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from engines.contract import Estimate
from engines.evidence import bootstrap
from engines.forecasting.models.fracast import QUANTILES

MEDIAN = len(QUANTILES) // 2
DRAWS = 2000


@dataclass(frozen=True)
class Tested:
    """What was tested: one row for each series and origin."""

    series: np.ndarray
    """int64 (F,): positions in the table."""
    origins: np.ndarray
    """int64 (F,): positions in the series."""
    truth: np.ndarray
    """float64 (F, H)"""
    scales: np.ndarray
    """float64 (F,): the seasonal naive's mean error on what was known at the origin; nan where it has none."""


def mase(forecast: np.ndarray, tested: Tested) -> np.ndarray:
    """float64 (F,): mean absolute scaled error (Hyndman & Koehler 2006); nan where nothing can be compared."""
    off = np.abs(forecast[:, :, MEDIAN] - tested.truth)
    known = np.isfinite(off)
    total = np.where(known, off, 0.0).sum(1)
    count = known.sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count > 0, total / count / tested.scales, np.nan)


def smape(forecast: np.ndarray, tested: Tested) -> np.ndarray:
    """float64 (F,): symmetric mean absolute percentage error, 0 to 2 (Makridakis 1993)."""
    point = forecast[:, :, MEDIAN]
    whole = np.abs(point) + np.abs(tested.truth)
    with np.errstate(invalid="ignore", divide="ignore"):
        return _mean(
            np.where(whole > 0, 2 * np.abs(point - tested.truth) / whole, np.where(np.isfinite(whole), 0.0, np.nan))
        )


def quantile_loss(forecast: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """float64 (F,): the sum over steps of twice the mean pinball loss of the nine quantiles."""
    off = truth[:, :, None] - forecast
    levels = np.array(QUANTILES)
    return np.asarray(np.nansum(2 * np.maximum(levels * off, (levels - 1) * off).mean(2), axis=1))


def covered(forecast: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """float64 (F, H): 1 where the 80 % interval holds the value, 0 where not, nan where nothing was observed."""
    inside = (truth >= forecast[:, :, 0]) & (truth <= forecast[:, :, -1])
    return np.where(np.isfinite(truth), inside.astype(float), np.nan)


def _mean(values: np.ndarray) -> np.ndarray:
    known = np.isfinite(values)
    count = known.sum(1)
    return np.where(count > 0, np.where(known, values, 0.0).sum(1) / np.maximum(count, 1), np.nan)


# --- with what certainty --------------------------------------------------------------------------


def resampled(tested: Tested, seed: int = 0) -> np.ndarray:
    """int64 (DRAWS, F): how often each forecast counts when series and points in time are drawn again.

    A bootstrap over both: an odd month is odd for every series, and an odd series at every origin.
    """
    rng = np.random.default_rng(seed)
    of_series, turn = _crossed(tested)
    series, turns = int(of_series.max()) + 1, int(turn.max()) + 1
    by_series = rng.multinomial(series, np.full(series, 1 / series), DRAWS)
    by_turn = rng.multinomial(turns, np.full(turns, 1 / turns), DRAWS)
    return np.asarray(by_series[:, of_series] * by_turn[:, turn])


def pieces(tested: Tested) -> int:
    """Of how many independent pieces such a draw is made: of series or of points in time, of what there are fewer, and
    of the other where there is only one."""
    series, turns = (int(codes.max()) + 1 for codes in _crossed(tested))
    return max(series, turns) if min(series, turns) == 1 else min(series, turns)


def _crossed(tested: Tested) -> tuple[np.ndarray, np.ndarray]:
    """int64 (F,) twice: of each forecast its series, and its origin, counted back from the end of the series, where the
    forecasts of all series stand side by side."""
    series, of_series = np.unique(tested.series, return_inverse=True)
    turn = np.empty(len(tested.series), dtype=np.int64)
    for code in range(len(series)):
        own = np.flatnonzero(of_series == code)
        turn[own] = np.argsort(np.argsort(-tested.origins[own]))
    return of_series, turn


def further(forecast: np.ndarray, tested: Tested, counts: np.ndarray, n: int) -> dict[str, Estimate]:
    """sMAPE, weighted quantile loss and the coverage of the 80 % interval, with intervals by `resampled` counts."""
    size = np.abs(np.nan_to_num(tested.truth)).sum(1)
    inside = covered(forecast, tested.truth)
    seen = np.isfinite(inside).sum(1)
    share = np.where(seen > 0, np.nansum(inside, axis=1) / np.maximum(seen, 1), np.nan)
    loss = quantile_loss(forecast, tested.truth)
    relative = np.where(size > 0, loss / np.where(size > 0, size, 1.0), np.nan)
    return {
        "smape": bootstrap.mean(smape(forecast, tested), None, counts, n),
        "weighted_quantile_loss": bootstrap.mean(relative, size, counts, n),
        "coverage_80": bootstrap.mean(share, seen.astype(float), counts, n),
    }


def per_step(ours: np.ndarray, naive: np.ndarray, tested: Tested) -> list[dict[str, float]]:
    """The error at each step ahead, in units of the seasonal naive's past error, and the share that the 80 % interval
    held; nan where nothing was observed."""
    inside = covered(ours, tested.truth)
    rows = []
    for step in range(tested.truth.shape[1]):
        row: dict[str, float] = {"step": step + 1}
        for label, forecast in (("own", ours), ("seasonal_naive", naive)):
            row[label] = _known_mean(np.abs(forecast[:, step, MEDIAN] - tested.truth[:, step]) / tested.scales)
        row["covered"] = _known_mean(inside[:, step])
        rows.append(row)
    return rows


def _known_mean(values: np.ndarray) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def ranking(errors: dict[str, np.ndarray]) -> dict[str, Any]:
    """Models by mean error (F,), lowest first, with their mean ranks and Friedman's test over the forecasts that all
    can be compared on, and for each model Wilcoxon's signed-rank test against the first one, corrected by Holm.

    Forecasts from neighbouring origins overlap, so these p-values are somewhat too small.
    """
    from scipy.stats import friedmanchisquare, rankdata, wilcoxon

    names = list(errors)
    table = np.stack([errors[name] for name in names], axis=1)
    table = table[np.isfinite(table).all(1)]
    if len(table) < 2 or len(names) < 2:
        rows = [{"model": name, "rank": float("nan"), "p": None} for name in names]
        return {"rows": rows, "friedman_p": None, "n": len(table)}
    ranks = rankdata(table, axis=1).mean(0)
    order = np.argsort([np.nanmean(errors[name]) for name in names], kind="stable")
    friedman = float(friedmanchisquare(*table.T).pvalue) if len(names) > 2 else None
    best = table[:, order[0]]
    raw = {}
    for index in order[1:]:
        off = table[:, index] - best
        raw[names[index]] = float(wilcoxon(off).pvalue) if np.any(off != 0) else 1.0
    corrected: dict[str, float] = {}
    highest = 0.0
    for place, (name, p) in enumerate(sorted(raw.items(), key=lambda entry: entry[1])):
        highest = max(highest, min(1.0, p * (len(raw) - place)))
        corrected[name] = highest
    rows = [{"model": names[i], "rank": float(ranks[i]), "p": corrected.get(names[i])} for i in order]
    return {
        "rows": rows,
        "friedman_p": friedman if friedman is None or np.isfinite(friedman) else None,
        "n": len(table),
    }
