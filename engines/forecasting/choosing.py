"""What the network reads of each series: chosen by how well it forecasts before anything of it learns."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import torch
from accelerate import Accelerator

from engines.contract import ModelCard
from engines.forecasting import inputs, networks
from engines.forecasting.preparing import Prepared
from engines.forecasting.rolling import Mix
from engines.forecasting.settings import ForecastSettings
from engines.forecasting.splitting import FEWEST_SEEN
from engines.forecasting.windows import Slot, Windows
from engines.training.loop import predict

KINDS = {"values": 0, "differences": 1}
POWER = 6
"""How strongly a smaller error is preferred."""
LEAST_SHARE = 0.05
WINDOWS = 512
"""Past forecasts of the whole table by which each way of reading is judged."""
MOST = 48
FEWEST = 8
"""Of one series. Where not even this many are left for each, some series are drawn and one choice holds for all."""


def choose_inputs(
    prepared: Prepared, card: ModelCard, settings: ForecastSettings, on: Accelerator, width: int
) -> list[Mix]:
    """The mix of every series: as set, or every way (values, differences from the step and from the season before) with
    a share that falls with its error to the power of `POWER`.

    The pretrained network, which knows none of these series, forecasts from origins spread over all that lies before
    the test. No weight changes. Differences are tried where two of their lags are known.
    """
    p = prepared
    if settings.inputs != "auto":
        return [{KINDS.get(settings.inputs, p.season): 1.0}] * len(p.table)
    together = len(p.usable) * FEWEST > WINDOWS
    chosen = p.tested(WINDOWS // FEWEST, seed=0)
    each = FEWEST if together else min(MOST, WINDOWS // len(chosen))
    network = networks.build(card, pretrained=True, seed=0).to(on.device).eval()
    losses: defaultdict[int, dict[int, float]] = defaultdict(dict)
    for lag in dict.fromkeys((0, 1, p.season)):
        slots = [slot for series in chosen for slot in origins(p, series, lag, each)]
        if not slots:
            continue
        windows = Windows(p.table, slots, p.scales, width, p.horizon)
        outputs = predict(network, 0, windows, on.device)
        targets = windows.targets(torch.arange(len(windows)))
        of = torch.tensor([slot.series for slot in slots])
        for series in of.unique().tolist():
            loss = float(inputs.pinball(outputs[of == series], targets[of == series]))
            losses[series][lag] = max(loss, 1e-9)
    if together:
        whole = {lag: _geometric([own[lag] for own in losses.values() if lag in own]) for lag in (0, 1, p.season)}
        return [shares({lag: loss for lag, loss in whole.items() if np.isfinite(loss)})] * len(p.table)
    return [shares(losses[series]) for series in range(len(p.table))]


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


def shares(losses: dict[int, float]) -> Mix:
    """Shares that add up to 1; what would get little gets nothing. A series that nothing is known of: its values."""
    least = min(losses.values(), default=1.0)
    raw = {lag: (loss / least) ** -POWER for lag, loss in losses.items()} or {0: 1.0}
    kept = {lag: share for lag, share in raw.items() if share >= LEAST_SHARE * sum(raw.values())}
    return {lag: share / sum(kept.values()) for lag, share in kept.items()}


def _geometric(losses: list[float]) -> float:
    return float(np.exp(np.mean(np.log(losses)))) if losses else float("inf")
