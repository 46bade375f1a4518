"""How long a run will take, by phase: its work, at the pace that finished runs on this machine had. Light."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engines import paths
from engines.contract import ModelCard, Settings, Strategy, Task
from engines.cost.rates import Kind, Took, known
from engines.cost.timed_steps import Ratios
from engines.cost.work import PACE, Sizes, Work, by_phase
from engines.training import cost
from engines.training.settings import TrainSettings

FEWEST = 2
"""Runs that a range is said of."""
DISAGREE = 1.5
"""Factor between what runs took and what the probe leads one to expect, from which on it is measured again."""
LATELY = 5
"""Runs that are looked at for that."""
PROBE = "machine.json"
LAUNCHES = 400
"""Things that a card is told in a step. Counted, without those that only look at memory otherwise: 190 to 470 in
ResNet-18 and -50, EfficientNet-Lite0, a small ViT, BERT and GPT-2; 80 in three LSTMs, 2,270 in the forecaster."""

WRITTEN = 1e9
"""Bytes a second that checkpoints are written with: 410 MB took .23 to .73 s."""


@dataclass(frozen=True)
class Forecast:
    """Seconds that a run takes on this machine."""

    phases: dict[str, float]
    """Phase -> seconds, in their order."""
    runs: int = 0
    """Finished runs here that it rests on; 0: on timed steps, or on a probe of the machine alone."""
    alike: str = ""
    """What these share with it: 'model' (and the strategy), 'strategy' or 'task'."""
    low: float | None = None
    high: float | None = None
    """What the whole would take at the pace of the fastest and the slowest of these; None of fewer than FEWEST."""
    memory: int | None = None
    """Bytes at the peak; None where this model did not run here before."""
    timed: bool = False
    """Whether it rests on some steps of this very run, timed before."""

    def alone(self) -> Forecast:
        """Without the comparison."""
        if "baseline" not in self.phases:
            return self
        own = {name: seconds for name, seconds in self.phases.items() if name != "baseline"}
        return replace(self, phases=own, low=None, high=None)

    @property
    def total(self) -> float:
        return sum(self.phases.values())

    @property
    def comparison(self) -> float:
        """Seconds of the comparison; 0 where there is none."""
        return self.phases.get("baseline", 0.0)

    @property
    def own(self) -> float:
        """Seconds until the run's own result."""
        return self.total - self.comparison


def works(task: Task, card: ModelCard, strategy: Strategy, settings: Settings, sizes: Sizes) -> list[Work]:
    """What the run has to do: as the task's cost.py says, else as any network that is trained; empty where nobody can
    say."""
    try:
        own = task.verb("cost")
    except NotImplementedError:
        return cost.work(card, strategy, settings, sizes) if isinstance(settings, TrainSettings) else []
    found: list[Work] = own.work(card, strategy, settings, sizes)
    return found


def kind(task: Task, card: ModelCard, strategy: Strategy, settings: Settings, device_name: str) -> Kind:
    """`device_name` as `training.devices.name` has it."""
    on_cpu = device_name.startswith("CPU") or getattr(settings, "device", "auto") == "cpu"
    on_cpu = on_cpu or not isinstance(settings, TrainSettings)  # policies learn fastest on the processor
    listed = any(card.name == other.name for other in task.models())
    precision = str(getattr(settings, "mixed_precision", "auto"))
    return Kind(task.info.name, card.name if listed else "", str(strategy), "cpu" if on_cpu else device_name, precision)


def forecast(
    works: Sequence[Work],
    of: Kind,
    runs: Iterable[Took],
    probe: Mapping[str, Any] | None,
    most: float | None = None,
    timed: Ratios | None = None,
) -> Forecast | None:
    """None where there is neither work nor any measure of this machine. `most`: seconds after which training ends.
    `timed`: what some steps of this run took (`timed_steps.known`), which counts for more than runs of other models or
    strategies."""
    expected, seen = by_phase(works, PACE), known(of, runs)
    if not expected or (not seen.runs and probe is None and not timed):
        return None
    guess = first_guess(works, probe)
    steps = timed if timed and seen.alike != "model" else {}

    def at(pace: Callable[[str], float | None]) -> dict[str, float]:
        """Seconds of each phase, where a phase takes `pace` times what it is expected to."""
        found = {}
        for phase, seconds in expected.items():
            ratio = steps.get(phase) or pace(phase) or seen.ratio(phase)
            found[phase] = guess[phase] if ratio is None else seconds * ratio
            if most is not None and phase in {"training", "baseline"}:
                found[phase] = min(found[phase], most)
        return found

    low = high = None
    if len(seen.runs) >= FEWEST:
        each = [sum(at(run.ratio).values()) for run in seen.runs]
        low, high = min(each), max(each)
    return Forecast(at(seen.ratio), len(seen.runs), seen.alike, low, high, seen.memory, bool(steps))


def first_guess(works: Sequence[Work], probe: Mapping[str, Any] | None) -> dict[str, float]:
    """Seconds of each phase where no run has told yet: multiply-accumulates at the probe's pace, and a card's steps at
    that at which it can be told what to do.

    Processors that make batches (`card.feeding`) work while the card does: what takes longer counts. A single core
    makes them in between. Saving takes as long as writing at WRITTEN does,
    and no more than its share of a training (`training.checkpoint`).
    """
    speed = float((probe or {}).get("macs_per_second") or PACE["MACs"])
    half = (probe or {}).get("bf16_macs_per_second") or speed
    launch = float((probe or {}).get("seconds_a_launch") or 0.0)
    steps = 1 / (LAUNCHES * launch) if launch else PACE["optimiser steps"]
    found = by_phase(works, {**PACE, "MACs": speed, "bf16 MACs": float(half), "optimiser steps": steps})
    if not launch:
        return found
    cores = os.cpu_count() or 1
    made = _of(works, "seconds of a core", max(1, min(cost.MOST_WORKERS, cores - 1)))
    saved = _of(works, "bytes saved", WRITTEN)
    for phase, seconds in found.items():
        fed = made.get(phase, 0.0)
        busy = seconds + fed if cores == 1 else max(seconds, fed)
        found[phase] = busy + min(saved.get(phase, 0.0), cost.SAVING * busy)
    return found


def _of(works: Sequence[Work], unit: str, pace: float) -> dict[str, float]:
    return by_phase([one for one in works if one.unit == unit], {unit: pace})


def probed() -> dict[str, Any] | None:
    """What the machine's probe measured last; None where there was none, or it cannot be read."""
    try:
        found = json.loads((paths.home() / PROBE).read_text(encoding="utf-8"))
        return found if float(found["macs_per_second"]) > 0 else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def disagrees(runs: Iterable[Took], speed: float, device: str) -> bool:
    """Whether the newest runs that ran while the probe stood at `speed` took that much longer or shorter, in training,
    than it leads one to expect."""
    lately = [run for run in runs if run.probe == speed and run.kind.device == device][-LATELY:]
    ratios = sorted(ratio for run in lately if (ratio := run.ratio("training")) is not None)
    if not ratios:
        return False
    off = ratios[len(ratios) // 2] * speed / PACE["MACs"]
    return not 1 / DISAGREE <= off <= DISAGREE
