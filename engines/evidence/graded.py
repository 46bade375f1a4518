"""Forecasts made before a run, and what came of them: whether this program could have known.

The forecast lies in the run's own folder, so that whoever deletes the run deletes it too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from engines.contract import Strategy
from engines.runs import RunFolder

FILE = "forecast.json"
FEWEST = 8
"""Pairs below which nothing is said of how good the forecasts are."""
DRAWS = 2_000


@dataclass(frozen=True)
class Graded:
    """What was foretold of a run's accuracy, and of its gain over the same network from random weights, with what was
    measured. Values are in [-1, 1], errors half of a 95 % interval."""

    run: str
    expected: float
    expected_error: float
    value: float
    gain: float | None = None
    gain_error: float | None = None
    measured_gain: float | None = None
    """Over training from scratch; None where nothing was trained from scratch."""

    @property
    def within(self) -> bool:
        """Whether the accuracy lies in the interval that was foretold."""
        return abs(self.value - self.expected) <= self.expected_error


def of_draft(answer: Mapping[str, Any], model: str, depth: int) -> dict[str, Any] | None:
    """What an answer of `rank` foretells of a run with that model, whose features are taken behind `depth` stages (0:
    behind all); None where it foretells nothing of that one."""
    for row in answer["models"]:
        wanted = depth or row.get("stages")
        if row["name"] == model and row["depth"] == wanted and row.get("expected"):
            about = {name: answer[name] for name in ("sha256", "n", "seed")}
            own = answer["models"][0]["name"] == model  # the mismatch is with what the first one learnt on
            mismatch = answer.get("mismatch") if own else None
            foretold = {"expected": row["expected"], "gain": row["gain"], "mismatch": mismatch}
            return {"model": model, "depth": depth, **foretold, **about}
    return None


def keep(run: RunFolder, forecast: Mapping[str, Any]) -> None:
    """Leaves a forecast beside the run that it is about."""
    run.write(FILE, json.dumps(forecast))


def graded(run: RunFolder) -> Graded | None:
    """The run's forecast and what came of it; None where there was none, it is not done, or it learnt from other data
    or otherwise than foretold."""
    try:
        forecast = json.loads((run.path / FILE).read_text(encoding="utf-8"))
        recipe, result = run.recipe, run.result
    except (OSError, ValueError):
        return None
    same = (forecast["model"], forecast["sha256"]) == (recipe.model, recipe.data_sha256)
    same &= forecast["depth"] == recipe.settings.get("depth", 0)
    if result is None or not same or recipe.strategy in {Strategy.SCRATCH, Strategy.ZERO_SHOT}:
        return None
    expected, gain, scratch = forecast["expected"], forecast["gain"] or {}, result.baselines.get("scratch")
    return Graded(
        run.id,
        expected["value"],
        expected["error"],
        result.value,
        gain.get("value"),
        gain.get("error"),
        None if scratch is None else result.value - scratch,
    )


@dataclass(frozen=True)
class Correlation:
    """Spearman's, with the 95 % interval of a bootstrap over pairs."""

    value: float
    low: float
    high: float
    n: int


def correlation(foretold: Iterable[float], measured: Iterable[float], seed: int = 0) -> Correlation | None:
    """How well forecasts order what came: None below `FEWEST` pairs, and where either side is all the same."""
    pairs = np.array([list(foretold), list(measured)])  # (2, N)
    if pairs.shape[1] < FEWEST or not (np.ptp(pairs, axis=1) > 0).all():
        return None
    n = pairs.shape[1]
    drawn = pairs[:, np.random.default_rng(seed).integers(n, size=(DRAWS, n))]  # (2, DRAWS, N)
    telling = (np.ptp(drawn, axis=2) > 0).all(0)
    low, high = np.quantile(_spearman(drawn[:, telling]), [0.025, 0.975])
    return Correlation(float(_spearman(pairs)), float(low), float(high), n)


def _spearman(pairs: np.ndarray) -> np.ndarray:
    """float (…): of pairs (2, …, N)."""
    from scipy.stats import rankdata

    ranks = rankdata(pairs, axis=-1)
    ranks = (ranks - ranks.mean(-1, keepdims=True)) / ranks.std(-1, keepdims=True)
    found: np.ndarray = ranks.prod(0).mean(-1)
    return found


def summary(runs: Iterable[RunFolder]) -> dict[str, Any]:
    """Of the runs' forecasts: `n`, `pairs` (as `Graded`), `within` (share of accuracies inside the interval foretold),
    `error` (mean, of the accuracy), `accuracy` and `gain` (`Correlation`, or None while there are too few)."""
    pairs = [pair for run in runs if (pair := graded(run))]
    gains = [(one.gain, one.measured_gain) for one in pairs if one.gain is not None and one.measured_gain is not None]
    accuracy = correlation([pair.expected for pair in pairs], [pair.value for pair in pairs])
    gain = correlation([foretold for foretold, _ in gains], [measured for _, measured in gains])
    return {
        "n": len(pairs),
        "pairs": [asdict(pair) for pair in pairs],
        "within": float(np.mean([pair.within for pair in pairs])) if pairs else None,
        "error": float(np.mean([abs(pair.expected - pair.value) for pair in pairs])) if pairs else None,
        "accuracy": accuracy and asdict(accuracy),
        "gain": gain and asdict(gain),
    }
