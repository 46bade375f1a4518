"""What a forecaster is taught: from which series, with which settings, where."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from accelerate import Accelerator

from engines.contract import ModelCard, Run
from engines.forecasting.forecast.prepare import Prepared
from engines.forecasting.forecast.windows import Slot, Windows
from engines.forecasting.models.rollout import InputWeights
from engines.forecasting.settings import ForecastSettings


@dataclass(frozen=True)
class TrainSpec:
    """What is learnt from, where, and what each series is read as."""

    prepared: Prepared
    card: ModelCard
    settings: ForecastSettings
    seed: int
    run: Run
    on: Accelerator
    mixes: list[InputWeights]
    """What each series is read as."""
    history: int | None = None
    """Only so many training values of each series, the newest, are learnt from; None for all."""
    start: Path | None = None
    """The finished run that it goes on from."""

    @property
    def width(self) -> int:
        return width(self.prepared, self.settings)

    def windows(self, chosen: list[Slot]) -> Windows:
        p = self.prepared
        return Windows(p.read, chosen, p.scales, self.width, p.horizon)


def width(prepared: Prepared, settings: ForecastSettings) -> int:
    """Context steps: a power of two that holds the longest series, within the setting."""
    longest = max(prepared.table.lengths)
    return min(settings.context, max(64, 1 << (longest - 1).bit_length()))
