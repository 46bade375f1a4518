"""What the network reads of each series: chosen by how well it forecasts before anything of it learns."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator

from engines.contract import ModelCard
from engines.forecasting.forecast.prepare import Prepared
from engines.forecasting.forecast.windows import Slot, Windows
from engines.forecasting.models import inputs, stages
from engines.forecasting.models.rollout import InputWeights
from engines.forecasting.series.splits import FEWEST_SEEN
from engines.forecasting.settings import ForecastSettings
from engines.training.loop import predict

KINDS = {"values": 0, "differences": 1}
POWER = 4
"""How strongly a smaller error is preferred."""
CLEARLY = 1.0
"""By how many standard errors differences must have done better than the values to be read at all: a series without a
trend, such as a price, would else be read in three ways by chance."""
LEAST_SHARE = 0.05
WINDOWS = 512
"""Past forecasts of the whole table by which each way of reading is judged."""
MOST = 48
FEWEST = 8
"""Of one series. Where not even this many are left for each, some series are drawn and one choice holds for all."""


def choose_inputs(
    prepared: Prepared,
    card: ModelCard,
    settings: ForecastSettings,
    on: Accelerator,
    width: int,
    start: Path | None = None,
) -> list[InputWeights]:
    """The mix of every series: as set, or every way (values, differences from the step and from the season before) with
    a share that falls with its error (see `shares`).

    The numbers above were chosen on other series than those of docs/forecasting.md (benchmarks/forecasting_recipe.py).
    The pretrained network, which knows none of these series, forecasts from origins spread over all that lies before
    the test. No weight changes. Differences are tried where two of their lags are known.
    """
    p = prepared
    if settings.inputs != "auto":
        return [{KINDS.get(settings.inputs, p.season): 1.0}] * len(p.table)
    losses = past_losses(p, card, on, width, start)
    if len(p.usable) * FEWEST > WINDOWS:
        lags = set.intersection(*(set(own) for own in losses.values())) if losses else set()
        whole = {lag: np.concatenate([own[lag] for own in losses.values()]) for lag in sorted(lags)}
        return [shares(whole)] * len(p.table)
    return [shares(losses.get(series, {})) for series in range(len(p.table))]


def past_losses(
    prepared: Prepared, card: ModelCard, on: Accelerator, width: int, start: Path | None = None
) -> dict[int, dict[int, np.ndarray]]:
    """Series -> lag -> the quantile loss of reading it so, float64 (K,), at the same past origins for each lag. Of a
    table of many series, of some that are drawn."""
    p = prepared
    together = len(p.usable) * FEWEST > WINDOWS
    chosen = p.tested(WINDOWS // FEWEST, seed=0)
    each = FEWEST if together else min(MOST, WINDOWS // len(chosen))
    network = stages.build(card, pretrained=True, seed=0, start=start).to(on.device).eval()
    found: defaultdict[int, dict[int, np.ndarray]] = defaultdict(dict)
    for lag in dict.fromkeys((0, 1, p.season)):
        slots = [slot for series in chosen for slot in origins(p, series, lag, each)]
        if not slots:
            continue
        windows = Windows(p.read, slots, p.scales, width, p.horizon)
        outputs = predict(network, 0, windows, on.device)
        losses = inputs.pinball_each(outputs, windows.targets(torch.arange(len(windows)))).double().numpy()
        of = np.array([slot.series for slot in slots])
        for series in np.unique(of).tolist():
            found[series][lag] = losses[of == series]
    return found


def origins(prepared: Prepared, series: int, lag: int, count: int) -> list[Slot]:
    """Up to `count` origins, the same ones for every lag, whose forecasts end before the test."""
    split = prepared.splits[series]
    assert split is not None
    if lag and split.test < 2 * lag + FEWEST_SEEN + prepared.horizon:
        return []
    first = min(2 * prepared.season + FEWEST_SEEN, split.test // 2)
    every = np.arange(max(first, FEWEST_SEEN), split.test - prepared.horizon + 1)
    if not len(every):
        return []
    picked = np.unique(np.linspace(0, len(every) - 1, min(len(every), count)).round().astype(int))
    return [Slot(series, int(every[i]), int(every[i]), split.test, lag) for i in picked]


def shares(losses: dict[int, np.ndarray]) -> InputWeights:
    """Lag -> losses at the same past origins (K,) becomes lag -> share. They add up to 1; differences that were not
    clearly better than the values get nothing, and neither does what would get little. Nothing known: the values."""
    if 0 not in losses:
        return {0: 1.0}
    able = {lag: max(float(own.mean()), 1e-9) for lag, own in losses.items() if not lag or _clear(losses[0] - own)}
    least = min(able.values())
    raw = {lag: (loss / least) ** -POWER for lag, loss in able.items()}
    kept = {lag: share for lag, share in raw.items() if share >= LEAST_SHARE * sum(raw.values())}
    return {lag: share / sum(kept.values()) for lag, share in kept.items()}


def _clear(gains: np.ndarray) -> bool:
    return len(gains) > 1 and bool(gains.mean() > CLEARLY * gains.std(ddof=1) / np.sqrt(len(gains)))
