"""Forecasters from the hub, asked through sktime's own estimators: TinyTimeMixer, Chronos-Bolt, Chronos-2, TimesFM.

They are used as they come (zero-shot); TinyTimeMixer can be fine-tuned (`tuning`). What gives a point only gets a
seasonal naive's spread around it, which the calibration then corrects.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import nn

from engines import paths
from engines.contract import Cancelled, InputError, ModelCard, Problem, Strategy
from engines.forecasting.models import catalogue, points
from engines.messages import _
from engines.training.staged import Staged

if TYPE_CHECKING:
    from sktime.forecasting.base import BaseForecaster

ESTIMATORS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "ttm-r2": ("sktime.forecasting.ttm", "TinyTimeMixerForecaster", {"fit_strategy": "zero-shot"}),
    "chronos-bolt-small": ("sktime.forecasting.chronos", "ChronosForecaster", {"seed": 0}),
    "chronos-2": ("sktime.forecasting.chronos2", "Chronos2Forecaster", {"seed": 0}),
    "timesfm-2.5": ("sktime.forecasting.timesfm2", "TimesFM2Forecaster", {}),
}
"""Catalogue name -> module, class and parameters beside the place of its weights."""
TAKES_KNOWN = ("chronos-2",)
"""Those that are given columns that are known ahead. The others forecast what a regression on these leaves over.
TinyTimeMixer takes them where a checkpoint was built for them; the public ones were not."""
TUNED = ("ttm-r2",)
"""Those that can be fine-tuned here. Chronos offers it nowhere in sktime; TimesFM does, with 200 million weights."""


class Borrowed(nn.Module):
    """A model behind an sktime estimator. It has no parameters of its own: nothing of it learns here."""

    def __init__(self, card: ModelCard, season: int, folder: Path | None = None):
        """`folder`: its weights, where they are not those of the hub."""
        super().__init__()
        self.card, self.season, self.folder = card, season, folder
        self.takes_known = card.name in TAKES_KNOWN

    def forecast(
        self, contexts: Sequence[np.ndarray], horizon: int, known: Sequence[np.ndarray] | None = None
    ) -> np.ndarray:
        """float64 (N, horizon, 9). `known`: what is known ahead beside each context, (T + horizon, K), for a model that
        takes it. Raises InputError when sktime cannot load or run the model."""
        beside = known if known is not None and self.takes_known else [None] * len(contexts)
        return np.stack([self._one(*pair, horizon) for pair in zip(contexts, beside, strict=True)])

    def _one(self, context: np.ndarray, known: np.ndarray | None, horizon: int) -> np.ndarray:
        with explained(self.card), contextlib.redirect_stdout(io.StringIO()):
            estimator = estimator_of(self.card, self.folder)
            return points.of_estimator(estimator, context, horizon, self.season, known)


@contextlib.contextmanager
def explained(card: ModelCard) -> Iterator[None]:
    """Raises InputError for whatever a model of somebody else's raises while it is loaded, trained or asked."""
    try:
        yield
    except (InputError, Cancelled):
        raise
    except Exception as error:
        found = _(
            "sktime could not run it ({name}: {splitlines})",
            name=type(error).__name__,
            splitlines=(str(error).splitlines() or [""])[0][:120],
        )
        accepted = _("choose another model, or install what it needs")
        raise InputError(Problem(_("model {name}", name=card.name), found, accepted)) from error


def estimator_of(card: ModelCard, weights: Path | None = None, **parameters: Any) -> BaseForecaster:
    """The sktime estimator of a catalogue entry, its weights in `weights`, in HEADSTART_MODELS or on the hub."""
    import importlib

    module, name, usual = ESTIMATORS[card.name]
    prepared = paths.models()
    folder = weights or (prepared / card.name if prepared is not None else None)
    where = str(folder) if folder is not None and (folder / "config.json").is_file() else card.hub
    return getattr(importlib.import_module(module), name)(model_path=where, **usual | parameters)


def network(model: Borrowed) -> Staged:
    """The model in the form in which everything here is asked."""
    return Staged(model, [], lambda: nn.Linear(1, 1))


def folder_of(run: Path) -> Path:
    """Where a run keeps fine-tuned weights of the hub, in the hub's own format."""
    return run / "model" / "hub"


def strategies(card: ModelCard) -> tuple[Strategy, ...]:
    return (Strategy.ZERO_SHOT, Strategy.FULL) if card.name in TUNED else (Strategy.ZERO_SHOT,)


def which(card: ModelCard) -> str:
    return _("{title}, which comes from the hub", title=card.title)


def require_offered(card: ModelCard, strategy: Strategy, baseline: str) -> None:
    """Raises InputError where a run asks of a model of the hub what cannot be done with it here."""
    able = strategies(card)
    if strategy not in able:
        accepted = _("accepted: {able}, or the model {name}", able=", ".join(able), name=catalogue.FRACAST.name)
        raise InputError(
            Problem("strategy", _("{strategy} with {which}", strategy=strategy, which=which(card)), accepted)
        )
    if baseline == "scratch":
        accepted = _("accepted: none, or the model {name}", name=catalogue.FRACAST.name)
        raise InputError(Problem(_("setting baseline"), _("scratch with {which}", which=which(card)), accepted))


def takes_known(card: ModelCard) -> bool:
    """Whether the model itself is given columns that are known ahead."""
    return card.name in TAKES_KNOWN


def is_borrowed(card: ModelCard) -> bool:
    return card.name in ESTIMATORS
