"""A trained forecaster on disk: weights, and what it needs to know of the series it was made for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import load_file, save_file
from torch import nn

from engines.contract import InputError, ModelCard, Problem
from engines.forecasting.forecast import reading
from engines.forecasting.forecast.evaluate import ForecastTrial
from engines.forecasting.forecast.prepare import Prepared
from engines.forecasting.models import catalogue, conformal, hub_models
from engines.forecasting.models.covariate_regression import Effect
from engines.forecasting.models.fracast import Fracast
from engines.forecasting.models.rollout import InputWeights
from engines.messages import _
from engines.runs import no_model
from engines.training import devices

SNIPPET = """\
from forecaster import FracastForecaster
forecaster = FracastForecaster.from_folder(".")
forecaster.fit(y, fh=range(1, {end})).predict_quantiles(alpha=[0.1, 0.5, 0.9])"""
"""Loads the exported model back as an sktime forecaster, in the folder it was unpacked to; y is a pandas series."""
SNIPPET_KNOWN = """\
from forecaster import FracastForecaster
forecaster = FracastForecaster.from_folder(".", series="{series}")
forecaster.fit(y, X=X, fh=range(1, {end})).predict_quantiles(X=ahead, alpha=[0.1, 0.5, 0.9])"""
"""The same where columns are known ahead: X holds them for the steps of y, `ahead` for those to come."""
SNIPPET_HUB = """\
from sktime.forecasting.ttm import TinyTimeMixerForecaster
forecaster = TinyTimeMixerForecaster(model_path=".", fit_strategy="zero-shot")
forecaster.fit(y, fh=range(1, {end})).predict()"""


def snippet(card: ModelCard, prepared: Prepared, tested: list[int]) -> str:
    """How the exported model is loaded back and asked for as many steps as the run forecast."""
    end = prepared.horizon + 1
    if hub_models.is_borrowed(card):
        return SNIPPET_HUB.format(end=end)
    explained = [series for series in tested if prepared.effects[series] is not None]
    if explained:
        return SNIPPET_KNOWN.format(series=prepared.table.names[explained[0]], end=end)
    return SNIPPET.format(end=end)


@dataclass
class Kept:
    """A finished run's model, in memory."""

    model: nn.Module
    config: dict[str, Any]

    def mix(self, series: str) -> InputWeights:
        """What this series is read as; a series that is new gets what the others have on average."""
        own = self.config["mixes"].get(series, self.config["mix"])
        return {int(lag): float(share) for lag, share in own.items()}

    @property
    def both_ways_up(self) -> bool:
        """Whether windows are read both ways up: runs of before this was done are not."""
        return bool(self.config.get("both_ways_up", False))

    @property
    def features(self) -> list[str]:
        """What the model wants to know ahead."""
        return list(self.config.get("features", []))

    def effect(self, series: str) -> Effect | None:
        """What these features explain of a series; None for one that is new, or where it is nothing."""
        found = self.config.get("effects", {}).get(series)
        return Effect(**found) if found else None

    def widths(self, series: str) -> np.ndarray:
        """float64 (4,): the corrections of its intervals."""
        return np.array(self.config["widths"].get(series, self.config["width_of_all"]))


def save(folder: Path, trial: ForecastTrial, tested: list[int]) -> None:
    """Writes model.safetensors (Fracast's own names) and config.json; `tested`: the series that were tested."""
    folder.mkdir(parents=True, exist_ok=True)
    network, p, mixes = trial.outcome.network, trial.spec.prepared, trial.spec.mixes
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in network.model.state_dict().items()}
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    ways = sorted({lag for series in p.usable for lag in mixes[series]})
    widths = {series: conformal.factors(trial.interval_scores, series, p.horizon).tolist() for series in tested}
    config = {
        "architecture": trial.spec.card.name,
        "context": trial.spec.width,
        "horizon": p.horizon,
        "season": p.season,
        "frequency": p.table.frequency.name,
        "mix": {lag: float(np.mean([mixes[series].get(lag, 0.0) for series in p.usable])) for lag in ways},
        "mixes": {p.table.names[series]: dict(mixes[series]) for series in p.usable},
        "width_of_all": conformal.factors(trial.interval_scores, -1, p.horizon).tolist(),
        "widths": {p.table.names[series]: own for series, own in widths.items()},
        "share": trial.outcome.share,
        "both_ways_up": True,
        "features": p.table.features,
        "reading": reading.kept(p.table),
        "effects": {
            p.table.names[series]: asdict(effect) for series in p.usable if (effect := p.effects[series]) is not None
        },
    }
    (folder / "config.json").write_text(json.dumps(config, indent=1, ensure_ascii=False), encoding="utf-8")


def load(run: Path) -> Kept:
    """Raises InputError when the run holds no model (yet)."""
    folder = run / "model"
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        state = load_file(folder / "model.safetensors")
    except FileNotFoundError:
        raise no_model(run) from None
    card = catalogue.find(config["architecture"])
    if card is not None and hub_models.is_borrowed(card):
        own = hub_models.folder_of(run)
        return Kept(hub_models.Borrowed(card, config["season"], own if own.is_dir() else None), config)
    model = Fracast()
    model.load_state_dict(state)
    device = devices.answers()
    return Kept(model.eval().to(device), config)


def require_own(run: Path, kept: Kept) -> None:
    """Raises InputError for a model whose weights stay on the hub and which is asked through sktime."""
    if isinstance(kept.model, hub_models.Borrowed):
        found = _("its model, {title}, comes from the hub and is asked through sktime", title=kept.model.card.title)
        raise InputError(Problem(_("run {name}", name=run.name), found, _("accepted: a run of the model fracast")))


def carry_code(files: Iterable[str], folder: Path) -> None:
    """Puts `files` of engines/forecasting into `folder`, where they need no Headstart."""
    for name in files:
        source = Path(__file__).parents[1] / name
        own = "forecaster.py" if source.stem == "sktime_forecaster" else source.name  # as every load snippet says it
        (folder / own).write_text(outside(source.read_text(encoding="utf-8")), encoding="utf-8")


def outside(text: str) -> str:
    """A file of engines/forecasting as it stands without Headstart, the others beside it."""
    text = re.sub(r"from engines\.forecasting\.\w+ import", "import", text)
    return re.sub(r"from engines\.forecasting\.\w+\.(?:sktime_)?(\w+) import", r"from \1 import", text)
