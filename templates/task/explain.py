"""Which moments of a signal decided.

To change: how it is found out, and the picture; or give 'tokens' and 'scores' in place of a picture, as texts do.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from engines.contract import InputError, Problem, Skipped, Task
from engines.messages import _
from templates.task import pictures, prepare
from templates.task.predict import Classifier, new_signals
from templates.task.prepare import Signal

METHODS = {"leave-out": "Leave-one-moment-out"}
MOMENT = 4  # numbers


def explain(
    task: Task, run: Path, data: Path, out: Path, *, method: str | None = None, example: str | None = None
) -> list[dict[str, Any]]:
    """A picture (PNG, below `out`) of each signal, orange where the answer is less sure without a moment.

    Every MOMENT is put to the signal's mean by itself (occlusion, Zeiler & Fergus 2014). Raises InputError.
    """
    if method not in {None, *METHODS}:
        raise InputError(
            Problem(
                "method", _("found {method!r}", method=method), _("accepted: {methods}", methods=", ".join(METHODS))
            )
        )
    classifier, rows = Classifier(run), []
    found = new_signals(data) if example is None else [test_signal(data, example)]
    for number, signal in enumerate(found):
        if isinstance(signal, Skipped):
            rows.append({"file": signal.where, "error": signal.reason})
            continue
        label, heat = moments(classifier, signal)
        picture = pictures.draw(signal.values, out / f"{number:04d}.png", heat)
        rows.append({"file": signal.name, "label": label, "method": METHODS["leave-out"], "picture": str(picture)})
    return rows


def test_signal(data: Path, name: str) -> Signal:
    """Raises InputError when the data are gone or hold no such signal any more."""
    for signal in prepare.read(data)[0]:
        if signal.name == name:
            return signal
    raise InputError(
        Problem(name, _("this signal is no longer in {name}", name=data.name), _("accepted: the data of the run"))
    )


def moments(classifier: Classifier, signal: Signal) -> tuple[str, np.ndarray]:
    """The answer, and how much each number matters to it, float (LENGTH,) in [0, 1]."""
    without = []
    for start in range(0, len(signal.values), MOMENT):
        values = signal.values.copy()
        values[start : start + MOMENT] = values.mean()
        without.append(replace(signal, values=values))
    whole, *each = np.log(classifier.ask([signal, *without]).clip(1e-12))
    best = int(whole.argmax())
    loss = np.array([max(0.0, whole[best] - one[best]) for one in each]).repeat(MOMENT)
    return classifier.classes[best], loss / max(float(loss.max()), 1e-12)
