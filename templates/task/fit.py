"""The study of a classifier: its data, its network, and what is kept of a run.

To change: the stages in `build`, what is kept in `keep_model`, what a page draws in `columns` and `own_details`. A task
that does not classify stands on `engines.contract.Study` itself; `engines/forecasting/forecast/fit.py` is one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import save_file
from torch import nn

from engines import weights
from engines.classification.fit import ClassificationStudy
from engines.contract import InputError, Problem, Recipe, Run, Task
from engines.messages import _
from engines.training.devices import seed_everything
from engines.training.staged import Staged, StageModule
from engines.training.transfer import TrainOutcome, TrainSpec
from templates.task import export_script, pictures, prepare
from templates.task.network import Network
from templates.task.prepare import Prepared
from templates.task.settings import LENGTH, ShapesSettings

MOST_PICTURES = 500
SNIPPET = """\
import json, safetensors.torch
from network import Network, standardised  # network.py lies beside the weights
config = json.load(open("config.json"))
model = Network(len(config["label_names"])).eval()
model.load_state_dict(safetensors.torch.load_file("model.safetensors"))"""


def open_study(task: Task, recipe: Recipe, settings: ShapesSettings, run: Run) -> ShapesStudy:
    """See `contract.Task.open`."""
    return ShapesStudy(task, recipe, settings, run)


class ShapesStudy(ClassificationStudy[Prepared, ShapesSettings]):
    """Signals of a few classes."""

    def prepare(self) -> Prepared:
        test = None if self.recipe.test is None else Path(self.recipe.test)
        return prepare.prepare(Path(self.recipe.data), test, self.settings, self.recipe.seed)

    def build(self, *, pretrained: bool, seed: int, depth: int = 0) -> Staged:
        seed_everything(seed, "weights")
        model = Network(len(self.prepared.classes))
        if pretrained:
            path = weights.fetch(self.card)
            try:
                model.stages.load_state_dict(weights.read(path))
            except RuntimeError as error:
                found = _("{name} holds weights of another network", name=path.name)
                raise InputError(
                    Problem(_("model {name}", name=self.card.name), found, _("accepted: its own weights"))
                ) from error
        return Staged(model, [stage(str(n), module) for n, module in enumerate(model.stages, 1)], lambda: model.head)

    def keep_model(self, outcome: TrainOutcome, *, temperature: float, value: float) -> None:
        folder = self.run.path / "model"
        folder.mkdir(parents=True, exist_ok=True)
        state = {name: tensor.detach().cpu() for name, tensor in outcome.network.model.state_dict().items()}
        save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
        config = {"label_names": self.prepared.classes, "temperature": temperature}
        self.run.write("model/config.json", json.dumps(config, ensure_ascii=False))
        export_script.record(self, outcome, value)

    def columns(self, spec: TrainSpec, outcome: TrainOutcome) -> dict[str, Any]:
        return self.shown(self.prepared.parts["test"])

    def shown(self, positions: np.ndarray) -> dict[str, list[str | None]]:
        names = [f"thumbnails/{position:06d}.png" for position in positions[:MOST_PICTURES].tolist()]
        for position, name in zip(positions.tolist(), names, strict=False):
            pictures.draw(self.prepared.signals[position].values, self.run.path / name)
        return {"thumbnail": [*names, *[None] * len(positions[MOST_PICTURES:])]}

    def own_details(self) -> dict[str, Any]:
        return {"input": _("{length} numbers a signal", length=LENGTH), "load_snippet": SNIPPET}


def stage(name: str, module: nn.Module) -> StageModule:
    return StageModule(name, module, lambda: (module,))
