"""A trained forecaster on disk: weights, and what it needs to know of the series it was made for."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from engines.contract import InputError, ModelCard, Problem
from engines.export.parcel import parcel
from engines.forecasting import borrowed, calibrating, catalogue
from engines.forecasting.network import Fracast
from engines.forecasting.preparing import Prepared
from engines.forecasting.regression import Effect
from engines.forecasting.rolling import Mix
from engines.runs import no_model
from engines.training.staged import Staged

SNIPPET = """\
from forecaster import FracastForecaster
forecaster = FracastForecaster.from_folder(".")
forecaster.fit(y, fh=range(1, 13)).predict_quantiles(alpha=[0.1, 0.5, 0.9])"""
"""Loads the exported model back as an sktime forecaster, in the folder it was unpacked to; y is a pandas series."""
SNIPPET_KNOWN = """\
from forecaster import FracastForecaster
forecaster = FracastForecaster.from_folder(".", series="{series}")
forecaster.fit(y, X=X, fh=range(1, 13)).predict_quantiles(X=ahead, alpha=[0.1, 0.5, 0.9])"""
"""The same where columns are known ahead: X holds them for the steps of y, `ahead` for those to come."""
SNIPPET_HUB = """\
from sktime.forecasting.ttm import TinyTimeMixerForecaster
forecaster = TinyTimeMixerForecaster(model_path=".", fit_strategy="zero-shot")
forecaster.fit(y, fh=range(1, 13)).predict()"""


def snippet(card: ModelCard, prepared: Prepared, tested: list[int]) -> str:
    """How the exported model is loaded back."""
    if borrowed.is_borrowed(card):
        return SNIPPET_HUB
    explained = [series for series in tested if prepared.effects[series] is not None]
    return SNIPPET_KNOWN.format(series=prepared.table.names[explained[0]]) if explained else SNIPPET


@dataclass
class Kept:
    """A finished run's model, in memory."""

    model: nn.Module
    config: dict[str, Any]

    def mix(self, series: str) -> Mix:
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


def save(
    folder: Path, card: ModelCard, network: Staged, prepared: Prepared, mixes: list[Mix], width: int,
    scores: calibrating.Scores, tested: list[int], share: float,
) -> None:  # fmt: skip
    """Writes model.safetensors (Fracast's own names) and config.json."""
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in network.model.state_dict().items()}
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    p = prepared
    ways = sorted({lag for series in p.usable for lag in mixes[series]})
    config = {
        "architecture": card.name,
        "context": width,
        "horizon": p.horizon,
        "season": p.season,
        "frequency": p.table.frequency.name,
        "mix": {lag: float(np.mean([mixes[series].get(lag, 0.0) for series in p.usable])) for lag in ways},
        "mixes": {p.table.names[series]: dict(mixes[series]) for series in p.usable},
        "width_of_all": calibrating.factors(scores, -1, p.horizon).tolist(),
        "widths": {p.table.names[series]: calibrating.factors(scores, series, p.horizon).tolist() for series in tested},
        "share": share,
        "both_ways_up": True,
        "features": p.table.features,
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
    if card is not None and borrowed.is_borrowed(card):
        own = borrowed.folder_of(run)
        return Kept(borrowed.Borrowed(card, config["season"], own if own.is_dir() else None), config)
    model = Fracast()
    model.load_state_dict(state)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return Kept(model.eval().to(device), config)


def require_own(run: Path, kept: Kept) -> None:
    """Raises InputError for a model whose weights stay on the hub and which is asked through sktime."""
    if isinstance(kept.model, borrowed.Borrowed):
        found = f"its model, {kept.model.card.title}, comes from the hub and is asked through sktime"
        raise InputError(Problem(f"run {run.name}", found, "accepted: a run of the model fracast"))


def export(run: Path, out: Path) -> Path:
    """Weights, config, the forecaster's code for sktime, model card and recipe: a folder, or a zip when `out` says so.
    Of a fine-tuned model of the hub, its weights in the hub's own format.

    Raises InputError when the run holds no model, or one that was used as it came from the hub.
    """
    here, hub = Path(__file__).parent, borrowed.folder_of(run)
    if not hub.is_dir():
        require_own(run, load(run))
    with parcel(out) as folder:
        if hub.is_dir():
            shutil.copytree(hub, folder, dirs_exist_ok=True)
            for name in ("README.md", "recipe.json"):
                shutil.copyfile(run / name, folder / name)
            return out
        for name in ("model.safetensors", "config.json"):
            shutil.copyfile(run / "model" / name, folder / name)
        for name in ("README.md", "recipe.json"):
            shutil.copyfile(run / name, folder / name)
        for name in ("network.py", "inputs.py", "rolling.py", "calibrating.py", "regression.py", "forecaster.py"):
            (folder / name).write_text(outside((here / name).read_text(encoding="utf-8")), encoding="utf-8")
    return out


def outside(text: str) -> str:
    """A file of this folder as it stands without Headstart, its neighbours beside it."""
    return text.replace("from engines.forecasting.", "from ").replace("from engines.forecasting import", "import")
