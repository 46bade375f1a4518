"""Ask the network for the future of many contexts at once, as far ahead as is wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import nn

from engines.forecasting.models import inputs
from engines.forecasting.models.fracast import HORIZON, QUANTILES

BATCH = 64  # contexts
InputWeights = Mapping[int, float]
"""Lag -> its share in the forecast; the shares add up to 1."""


def pooled(
    model: nn.Module,
    contexts: Sequence[np.ndarray],
    mixes: Sequence[InputWeights],
    horizon: int,
    width: int,
    known: Sequence[np.ndarray] | None = None,
    both_ways_up: bool = True,
) -> np.ndarray:
    """float64 (N, horizon, 9): for each context the mean of the quantiles that the network gives when it reads it in
    the ways of its mix, each with its share, and both ways up (`inputs.both_ways_up`).

    `known`, for a model that takes such: columns that are known ahead, float64 (T + horizon, K) for each context.
    """
    if (whole := getattr(model, "forecast", None)) is not None:  # a model that reads series in its own way
        return np.asarray(whole(contexts, horizon, known) if known is not None else whole(contexts, horizon))
    found = np.zeros((len(contexts), horizon, len(QUANTILES)))
    for lag in sorted({lag for mix in mixes for lag in mix}):
        own = [i for i, mix in enumerate(mixes) if lag in mix]
        own_contexts = [contexts[i] for i in own]
        answers = quantiles(model, own_contexts, [lag] * len(own), horizon, width, both_ways_up)
        found[own] += answers * np.array([mixes[i][lag] for i in own])[:, None, None]
    return found


def not_below_zero(forecast: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """The forecast, cut off at 0 where nothing that was seen (float64 (T,), nan where missing) lies below: what was
    never negative, such as a count, is not expected to become so."""
    return np.maximum(forecast, 0.0) if np.nanmin(seen) >= 0 else forecast


def quantiles(
    model: nn.Module,
    contexts: Sequence[np.ndarray],
    lags: Sequence[int],
    horizon: int,
    width: int,
    both_ways_up: bool = False,
) -> np.ndarray:
    """float64 (N, horizon, 9): the forecast after each context (float64 (T,), nan where missing), in its own unit.

    Beyond the 48 steps of one pass the median is taken for what happened, and the network asked again.
    """
    found = [
        _batch(model, contexts[start : start + BATCH], lags[start : start + BATCH], horizon, width, both_ways_up)
        for start in range(0, len(contexts), BATCH)
    ]
    return np.concatenate(found) if found else np.empty((0, horizon, len(QUANTILES)))


def _batch(
    model: nn.Module, contexts: Sequence[np.ndarray], lags: Sequence[int], horizon: int, width: int, both_ways_up: bool
) -> np.ndarray:
    device = next(model.parameters()).device
    known = [np.asarray(c, dtype=np.float64)[-(width + lag) :] for c, lag in zip(contexts, lags, strict=True)]
    blocks: list[np.ndarray] = []
    while len(blocks) * HORIZON < horizon:
        windows = [inputs.window(context, lag, width) for context, lag in zip(known, lags, strict=True)]
        units = [window.span for window in windows]
        targets = [
            inputs.prepare(window, np.empty(0), lag, unit, HORIZON)
            for window, lag, unit in zip(windows, lags, units, strict=True)
        ]
        given = torch.from_numpy(np.stack([window.inputs for window in windows])).to(device)
        with torch.no_grad():
            answers = (inputs.both_ways_up(model, given) if both_ways_up else model(given)).float()
        restored = inputs.restore(answers, torch.from_numpy(np.stack(targets)).to(device)).cpu().numpy()
        block = np.stack(
            [
                inputs.values_of(rows.astype(np.float64), window, lag, unit)
                for rows, window, lag, unit in zip(restored, windows, lags, units, strict=True)
            ]
        )
        blocks.append(block)
        known = [
            np.concatenate([c, rows[:, inputs.MEDIAN]])[-(width + lag) :]
            for c, rows, lag in zip(known, block, lags, strict=True)
        ]
    return np.sort(np.concatenate(blocks, axis=1)[:, :horizon], axis=2)
