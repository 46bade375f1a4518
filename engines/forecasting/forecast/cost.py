"""What a run of a forecaster has to do. Light: pages call it."""

from __future__ import annotations

from dataclasses import replace

from engines.contract import ModelCard, Strategy
from engines.cost.work import Sizes, Work
from engines.forecasting.settings import ForecastSettings
from engines.training import cost

VIEWS = 4
"""Windows drawn from each slot that a frozen part sees."""
MOST_CHECKS = 256
"""Windows that choose, before each is turned upside down."""
WAYS_UP = 2
SLOWEST = 0.7
"""Share of AutoARIMA in the time of the classical methods."""


def work(card: ModelCard, strategy: Strategy, settings: ForecastSettings, sizes: Sizes) -> list[Work]:
    """An epoch learns from `settings.windows`, however many values there are; `sizes.details['n_series']` series are
    forecast from each origin, as the check has them."""
    tested = min(int(sizes.details.get("n_series", 1)), settings.most_series)
    forecasts = tested * settings.origins
    classical = Work("keeping", forecasts * (1 if settings.arima else 1 - SLOWEST), "classical forecasts")
    if not cost.forward_macs(card):  # it is run by a library, which says nothing of its size
        trained = 0 if strategy is Strategy.ZERO_SHOT else settings.windows * settings.epochs_for(strategy)
        elsewhere = [Work("training", trained * (1 + cost.BACKWARD), "windows"), Work("testing", forecasts, "windows")]
        return [Work("start", 1, "starts"), *(one for one in elsewhere if one.amount), classical]
    windows = Sizes(settings.windows, WAYS_UP * min(MOST_CHECKS, forecasts), WAYS_UP * forecasts)
    given = replace(settings, views=VIEWS)
    came = Work("keeping", 2 * windows.test * cost.forward_macs(card), "MACs")  # the network as it came, twice
    found = cost.work(card, strategy, given, windows, warms_up=False)
    return [*found, came, classical]
