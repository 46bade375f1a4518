"""The knobs of forecasting. Light: pages read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from engines.contract import Strategy, setting
from engines.forecasting.labels import DATE_FORMS, FREQUENCIES, FREQUENCY_CODES
from engines.messages import _
from engines.training.settings import TrainSettings


@dataclass(frozen=True)
class ForecastSettings(TrainSettings):
    """How a table becomes series, what is asked of them, and how the network learns."""

    hidden: ClassVar[frozenset[str]] = frozenset(
        {
            "balance",
            "views",
            "label_smoothing",
            "refit",
            "folds",
            "find_learning_rate",
            "lora_rank",
            "validation_fraction",
            "test_fraction",
            "depth",
        }
    )

    bf16_on_gpu: ClassVar[frozenset[Strategy]] = frozenset()  # forecasts are numbers, to more digits than bf16 has

    default_epochs: ClassVar[Mapping[Strategy, int]] = {
        Strategy.FEATURES: 20,
        Strategy.PARTIAL: 12,
        Strategy.FULL: 12,
        Strategy.SCRATCH: 30,
    }
    default_rates: ClassVar[Mapping[Strategy, float]] = {
        Strategy.FEATURES: 1e-3,
        Strategy.PARTIAL: 1e-4,
        Strategy.FULL: 1e-4,
        Strategy.SCRATCH: 2e-3,
    }

    date_column: str | None = setting(
        None, _("Column of the dates, or several that make them, separated by commas; by default guessed"), reads=True
    )
    id_column: str | None = setting(
        None, _("Column that tells the series apart, or several, separated by commas; by default guessed"), reads=True
    )
    value_column: str | None = setting(
        None, _("Column that is forecast, or several, separated by commas; by default guessed"), reads=True
    )
    known_ahead: str | None = setting(
        None, _("Columns whose future is known, such as holidays or promotions, separated by commas"), reads=True
    )
    shared_effect: str | None = setting(
        None, _("What series of several sites say of these columns, as `federate merge` has written it"), reads=True
    )
    date_order: str = setting(
        "auto",
        _("How 3/4/2024 is read, where nothing else tells"),
        choices=("auto", "day first", "month first", "year first"),
        reads=True,
    )
    date_form: str = setting(
        "auto", _("How a date that is one number is read, such as 202301"), choices=("auto", *DATE_FORMS), reads=True
    )
    layout: str = setting(
        "auto",
        _("Whether dates stand one below the other, or side by side as headings"),
        choices=("auto", "below", "side by side"),
        reads=True,
    )
    decimal: str = setting(
        "auto",
        _("Which sign comes before the decimals, where nothing else tells"),
        choices=("auto", "point", "comma"),
        reads=True,
    )
    frequency: str = setting(
        "auto", _("How far apart the steps are"), choices=("auto", *FREQUENCIES, *FREQUENCY_CODES), reads=True
    )
    duplicates: str = setting(
        "auto",
        _("What becomes of several values in one step; of few, the mean is taken without asking"),
        choices=("auto", "mean", "sum", "first", "last"),
        reads=True,
    )
    horizon: int | None = setting(
        None, _("Steps to forecast; by default what is usual at the frequency"), low=1, high=480, reads=True
    )
    season: int | None = setting(
        None, _("Steps in a season; by default what is usual at the frequency"), low=1, high=2000, reads=True
    )
    origins: int = setting(10, _("Points in time from which the test forecasts"), low=1, high=100, reads=True)
    context: int = setting(
        512, _("Past steps that the network sees"), title=_("Past steps it sees"), group="often", low=64, high=2048
    )
    inputs: str = setting(
        "auto",
        _("What the network reads: values, or differences from the step or the season before"),
        title=_("What it reads"),
        group="data",
        choices=("auto", "values", "differences", "seasonal differences"),
    )
    windows: int = setting(
        80, _("Windows of the past that an epoch learns from"), title=_("Windows an epoch"), low=8, high=100_000
    )
    most_series: int = setting(
        24,
        _("Series that are tested, drawn at random where there are more"),
        title=_("Series tested at most"),
        group="data",
        low=1,
        high=5000,
    )
    arima: bool = setting(
        True, _("Also compare with AutoARIMA, the slowest of the baselines"), title=_("Compare with AutoARIMA")
    )
    batch_size: int = setting(8, _("Windows per step"), low=1, high=4096)

    def patience_for(self, epochs: int) -> int:
        """With few windows the validation loss is noisy: half of the epochs may pass without a better one."""
        return self.patience or max(4, epochs // 2)
