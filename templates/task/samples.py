"""What a person without data can start from. Light: pages read it.

To change: data that may be passed on, where they come from and their licence. `real=False` says that they are made up.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engines.contract import Sample
from engines.data.tables import write_csv
from engines.messages import _
from templates.task.settings import LENGTH

A_CLASS, SEED = 25, 0
MACHINE = Sample(
    name="machine",
    title=_("How a machine sounds"),
    description=_(
        "Four kinds of made-up vibration, {a_class} short signals each: rising, fading, beating, knocking.",
        a_class=A_CLASS,
    ),
    origin="Computed by templates/task/samples.py",
    licence="CC0-1.0",
    real=False,
)


def make(out: Path) -> Path:
    """Writes machine.csv below `out`, the same each time."""
    rng, rows = np.random.default_rng(SEED), []
    for label in ("rising", "fading", "beating", "knocking"):
        for _unused in range(A_CLASS):
            signal = vibration(label, rng) + rng.normal(0, 0.25, LENGTH)
            rows.append([*(f"{number:.4f}" for number in signal), label])
    out.mkdir(parents=True, exist_ok=True)
    write_csv(out / "machine.csv", [*(f"v{n}" for n in range(LENGTH)), "label"], rows)
    return out / "machine.csv"


def vibration(label: str, rng: np.random.Generator) -> np.ndarray:
    """float (LENGTH,), about 1 at its loudest."""
    time, rate, start = np.linspace(0, 1, LENGTH), rng.uniform(4, 7), rng.uniform(0, 1)
    hum = np.sin(2 * np.pi * (rate * time + start))
    match label:
        case "rising":
            return np.sin(2 * np.pi * (rate * time**2 + start))
        case "fading":
            return hum * np.exp(-4 * time)
        case "beating":
            return hum * np.sin(2 * np.pi * (time + start))
    return np.maximum(hum, 0) ** 6
