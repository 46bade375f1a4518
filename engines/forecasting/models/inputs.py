"""What the network reads, and how its answer becomes a forecast again.

A series goes in as its values, as differences from the step before (lag 1), or as differences from the season before
(lag m): a network that has learnt shapes knows nothing of a trend that leaves the range of its context, and a lag takes
the trend away. The answer is added up again, so loss and error are always those of the values themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engines.forecasting.models.fracast import HORIZON, QUANTILES

CHANNELS = 6
"""Of a target: value, base, span, shift, lag, and whether the window stood upside down (see `prepare`)."""
MEDIAN = QUANTILES.index(0.5)
LEAST_SPAN = 1e-5


@dataclass(frozen=True)
class Window:
    """One context on its way into the network."""

    inputs: np.ndarray
    """float32 (2, W): differences (or values) scaled to [0, 1], and 1 where they were observed."""
    base: np.ndarray
    """float64 (48,): what the answer is added to; the season before each step, or zeros."""
    shift: float
    span: float
    """The answer's unit: difference = answer × span + shift."""


def window(context: np.ndarray, lag: int, width: int) -> Window:
    """context: float64 (T,), nan where missing, the newest last; at least one value in it. `width`: W."""
    base = np.zeros(HORIZON)
    differences = context
    if lag:
        differences = np.full(len(context), np.nan)
        differences[lag:] = context[lag:] - context[:-lag]
        base = last_season(context, lag)[np.arange(HORIZON) % lag]
    recent = differences[-width:]
    seen = np.isfinite(recent)
    inputs = np.zeros((2, width), dtype=np.float32)
    shift, span = 0.0, LEAST_SPAN
    if seen.any():
        shift = float(recent[seen].min())
        span = max(float(recent[seen].max()) - shift, LEAST_SPAN)
        inputs[0, width - len(recent) :] = np.where(seen, (recent - shift) / span, 0.0)
        inputs[1, width - len(recent) :] = seen
    return Window(inputs, base, shift, span)


def last_season(context: np.ndarray, lag: int) -> np.ndarray:
    """float64 (lag,): for each step of a season the newest value known of it, else the newest value of all."""
    cycles = -(-len(context) // lag)
    padded = np.concatenate([np.full(cycles * lag - len(context), np.nan), context]).reshape(cycles, lag)
    known = np.isfinite(padded)
    newest = cycles - 1 - known[::-1].argmax(0)
    values = padded[newest, np.arange(lag)]
    everywhere = context[np.isfinite(context)]
    return np.where(known.any(0), values, everywhere[-1] if len(everywhere) else 0.0)


def prepare(
    found: Window, future: np.ndarray, lag: int, scale: float, horizon: int, upside_down: bool = False
) -> np.ndarray:
    """The target of a window: float32 (48, 6), in units of `scale` around the window's last base.

    future: float64 (<= 48,), nan where unknown; steps beyond `horizon` count for nothing.
    """
    target = np.full((HORIZON, CHANNELS), np.nan, dtype=np.float32)
    centre = found.base[0] if lag else found.shift
    steps = min(horizon, len(future), HORIZON)
    target[:steps, 0] = (future[:steps] - centre) / scale
    target[:, 1] = (found.base - centre) / scale if lag else 0.0
    target[:, 2] = found.span / scale
    target[:, 3] = found.shift / scale if lag else 0.0
    target[:, 4] = lag
    target[:, 5] = upside_down
    return target


def mirrored(given: Tensor) -> Tensor:
    """Windows turned upside down, (B, 2, W): what rose now falls. Missing values stay 0."""
    return torch.stack([given[:, 1] - given[:, 0] * given[:, 1], given[:, 1]], dim=1)


def turned_back(answers: Tensor) -> Tensor:
    """The answers (B, 48, 9) to windows that stood upside down, as those to the windows themselves."""
    return 1 - answers.flip(-1)


def both_ways_up(model: torch.nn.Module, given: Tensor) -> Tensor:
    """The mean of what a network answers to windows (B, 2, W) and to the same upside down: (B, 48, 9).

    Nothing says that a series should be forecast otherwise when its sign is changed, but a network has only learnt so
    approximately; the mean of both has no such preference.
    """
    answers: Tensor = (model(given) + turned_back(model(mirrored(given)))) / 2
    return answers


def restore(answers: Tensor, target: Tensor) -> Tensor:
    """Quantiles of the values, in the target's unit: answers (B, 48, 9), target (B, 48, 6) -> (B, 48, 9).

    Differences are added up along each step's own season. Their median adds up as it is; the distances of the other
    quantiles from it add up as independent errors do, by the root of the sum of squares.
    """
    answers = torch.where(target[:, :1, 5:6] > 0, turned_back(answers), answers)
    base, span, shift, lag = target[:, :, 1:2], target[:, :1, 2:3], target[:, :1, 3:4], target[:, 0, 4]
    differences = answers * span + shift
    plain = lag == 0
    summing = adds_up(lag).to(answers)
    median = differences[:, :, MEDIAN : MEDIAN + 1]
    away = differences - median
    spread = away.sign() * (summing @ away.square() + 1e-12).sqrt()  # the constant keeps the root's slope finite
    return torch.where(plain[:, None, None], differences, summing @ median + spread) + base


def adds_up(lags: Tensor) -> Tensor:
    """bool (B, 48, 48): of each lag (B,), row k is true where step j is k or a whole number of lags before it; of 0
    where it is k. Nothing is asked of the device that the lags are on."""
    step = torch.arange(HORIZON, device=lags.device)
    back = step[:, None] - step[None]
    lags = torch.where(lags > 0, lags, HORIZON).long()[:, None, None]
    return (back >= 0) & (back % lags == 0)


def values_of(quantiles: np.ndarray, found: Window, lag: int, scale: float) -> np.ndarray:
    """Quantiles in the target's unit, (48, 9), as values."""
    return quantiles * scale + (found.base[0] if lag else found.shift)


def pinball(outputs: Tensor, target: Tensor) -> Tensor:
    """The mean quantile loss over known steps, each window alike: (B, 48, 9), (B, 48, 6) -> scalar."""
    return pinball_each(outputs, target).mean()


def pinball_each(outputs: Tensor, target: Tensor) -> Tensor:
    """Of each window, (B,): twice the pinball loss, so that the median's share is the absolute error in units of the
    seasonal naive's."""
    quantiles = torch.tensor(QUANTILES, device=outputs.device)
    value = target[:, :, :1]
    known = value.isfinite()
    off = torch.where(known, value - restore(outputs, target), 0.0)
    loss = 2 * torch.maximum(quantiles * off, (quantiles - 1) * off).mean(-1)  # (B, 48)
    return loss.sum(1) / known[:, :, 0].sum(1).clamp_min(1)


def mase(outputs: Tensor, target: Tensor) -> float:
    """The median's absolute error in units of the seasonal naive's, over known steps, each window alike."""
    value = target[:, :, 0]
    known = value.isfinite()
    off = torch.where(known, value - restore(outputs, target)[:, :, MEDIAN], 0.0).abs()
    return float((off.sum(1) / known.sum(1).clamp_min(1)).mean())
