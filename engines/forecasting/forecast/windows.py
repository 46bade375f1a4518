"""Stretches of the past as training examples: what the network would have known at a point in time, and what came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from engines.forecasting.models import inputs
from engines.forecasting.models.fracast import HORIZON
from engines.forecasting.series.series import SeriesTable


@dataclass(frozen=True)
class Slot:
    """A stretch of one series within which an origin is drawn anew for each epoch."""

    series: int
    first: int
    last: int
    """Origins first … last, both included."""
    until: int
    """Values from this position on are never looked at."""
    lag: int
    """What it is read as: 0 for values, else differences from that many steps before."""
    upside_down: bool = False
    """Whether the network sees it so (`inputs.mirrored`)."""


@dataclass
class Windows:
    """Examples of the training loop (see `training.examples.Examples`). Reads from disk what a batch needs."""

    table: SeriesTable
    slots: Sequence[Slot]
    scales: Sequence[float]
    """Of each series in the table: the seasonal naive's mean error on its training part."""
    width: int
    """Context steps."""
    horizon: int
    identity: str = ""
    variation: str = "origins"
    lengths: Tensor | None = None
    _drawn: dict[int, int] = field(default_factory=dict)
    """Slot -> the origin drawn last."""

    def __len__(self) -> int:
        return len(self.slots)

    def weight(self, indices: Tensor) -> float:
        return len(indices)

    def subset(self, chosen: Tensor) -> Windows:
        return replace(self, slots=[self.slots[i] for i in chosen.tolist()], _drawn={})

    def varied(self, indices: Tensor, generator: torch.Generator) -> Tensor:
        for index in indices.tolist():
            slot = self.slots[index]
            self._drawn[index] = int(torch.randint(slot.first, slot.last + 1, (1,), generator=generator))
        return self._inputs(indices)

    def plain(self, indices: Tensor) -> Tensor:
        for index in indices.tolist():
            self._drawn[index] = self.slots[index].last
        return self._inputs(indices)

    def targets(self, indices: Tensor) -> Tensor:
        """float32 (B, 48, 6) for the origins drawn last: see `inputs.prepare`."""
        found = []
        for index in indices.tolist():
            slot, origin = self.slots[index], self._drawn.get(index, self.slots[index].last)
            stop = min(origin + min(self.horizon, HORIZON), slot.until)
            window = inputs.window(self._context(slot, origin), slot.lag, self.width)
            future = self._values(slot.series, origin, stop)
            found.append(
                inputs.prepare(window, future, slot.lag, self.scales[slot.series], self.horizon, slot.upside_down)
            )
        return torch.from_numpy(np.stack(found))

    def _inputs(self, indices: Tensor) -> Tensor:
        """float32 (B, 2, W)"""
        rows = []
        for index in indices.tolist():
            slot = self.slots[index]
            context = self._context(slot, self._drawn[index])
            rows.append(inputs.window(context, slot.lag, self.width).inputs)
        given = torch.from_numpy(np.stack(rows))
        turned = torch.tensor([self.slots[index].upside_down for index in indices.tolist()])
        return torch.where(turned[:, None, None], inputs.mirrored(given), given)

    def _context(self, slot: Slot, origin: int) -> np.ndarray:
        return self._values(slot.series, max(0, origin - self.width - slot.lag), origin)

    def _values(self, series: int, start: int, stop: int) -> np.ndarray:
        offset = self.table.offsets[series]
        return np.array(self.table.values[offset + start : offset + stop])


def slots(series: int, first: int, last: int, until: int, lag: int, count: int) -> list[Slot]:
    """Up to `count` slots that together cover the origins first … last."""
    if last < first:
        return []
    edges = np.linspace(first, last + 1, min(count, last - first + 1) + 1).astype(int)
    return [Slot(series, int(start), int(stop) - 1, until, lag) for start, stop in pairwise(edges)]
