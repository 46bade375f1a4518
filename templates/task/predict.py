"""Ask a trained model.

To change: what it is loaded from, as fit.py keeps it, and what a row says besides.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

from engines.cancellation import counted
from engines.contract import InputError, Predictor, Problem, Progress, Skipped, Task
from engines.messages import _
from engines.runs import no_model
from templates.task import prepare
from templates.task.network import Network
from templates.task.prepare import Signal


def load(task: Task, run: Path) -> Classifier:
    """See `contract.Task.load`."""
    return Classifier(run)


class Classifier(Predictor):
    """A finished run's model, in memory. See `contract.Predictor`."""

    def __init__(self, run: Path):
        """Raises InputError when the run holds no model (yet)."""
        try:
            config = json.loads((run / "model" / "config.json").read_text(encoding="utf-8"))
            state = load_file(run / "model" / "model.safetensors")
        except FileNotFoundError:
            raise no_model(run) from None
        self.classes: list[str] = config["label_names"]
        self.temperature = float(config["temperature"])
        self.model = Network(len(self.classes)).eval()
        self.model.load_state_dict(state)

    def ask(self, signals: list[Signal]) -> np.ndarray:
        """Probabilities float64 (N, C)."""
        with torch.no_grad():
            logits = self.model(prepare.inputs(signals)).double()
        found: np.ndarray = (logits / self.temperature).softmax(1).numpy()
        return found

    def stream(self, data: Path, progress: Progress | None = None) -> Iterator[dict[str, Any]]:
        for found in counted(new_signals(data), progress):
            if isinstance(found, Skipped):
                yield {"file": found.where, "error": found.reason}
                continue
            probabilities = dict(zip(self.classes, self.ask([found])[0].tolist(), strict=True))
            label = max(probabilities, key=probabilities.__getitem__)
            answer = {"label": label, "confidence": probabilities[label], "probabilities": probabilities}
            yield {"file": found.name, **answer}


def new_signals(data: Path) -> list[Signal | Skipped]:
    """The rows of a table, or of the tables in a folder, as a page hands them over; then those that cannot be used.
    Raises InputError where none can."""
    tables = sorted(path for path in data.iterdir() if path.is_file()) if data.is_dir() else [data]
    found: list[Signal] = []
    skipped: list[Skipped] = []
    for table in tables:
        signals, left_out, _unused = prepare.read(table, with_labels=False)
        found, skipped = [*found, *signals], [*skipped, *left_out]
    if not found:
        first = f": {skipped[0].where} {skipped[0].reason}" if skipped else ""
        raise InputError(Problem(data.name, _("no signal in it can be used{first}", first=first), prepare.ACCEPTED))
    every: list[Signal | Skipped] = [*found, *skipped]
    return every
