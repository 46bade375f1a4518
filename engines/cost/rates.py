"""What runs took on this machine: a small file for all who use it, so that the next run's time can be said before.

It holds no ids, no names of data and no times of day: deleting a run leaves nothing of it here but how fast the machine
was.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from engines import paths

FILE = "costs.jsonl"
NEWEST = 7
"""Runs of a kind that a forecast rests on."""
MOST_BYTES = 1 << 16
"""Of the file; beyond, the older half of it goes."""


@dataclass(frozen=True)
class Kind:
    """What runs have in common whose pace is the same."""

    task: str
    model: str
    """Of the catalogue; '' for any other: somebody may have named it."""
    strategy: str
    device: str
    """'cpu', or the name of the GPU."""
    precision: str
    """As the settings ask for it: 'auto', 'no', 'bf16', 'fp16'."""


@dataclass(frozen=True)
class Took:
    """A finished run."""

    kind: Kind
    phases: Mapping[str, tuple[float, float]]
    """Phase -> seconds by `work.PACE`, and seconds that it took."""
    probe: float | None = None
    """MACs a second that the machine's probe stood at then."""
    memory: int | None = None
    """Bytes, at the peak."""

    def ratio(self, phase: str) -> float | None:
        expected, took = self.phases.get(phase, (0.0, 0.0))
        return took / expected if expected > 0 else None


@dataclass(frozen=True)
class Known:
    """What is known of a kind of run, the newest last."""

    runs: list[Took] = field(default_factory=list)
    alike: str = ""
    """What they share with the run that is asked about: 'model', 'strategy' or 'task'."""

    def ratio(self, phase: str) -> float | None:
        """Seconds taken over those by `work.PACE`: the median, so that one run on a busy machine changes little. Where
        a baseline was never trained, that of training."""
        found = [ratio for run in self.runs if (ratio := run.ratio(phase)) is not None]
        if not found and phase == "baseline":
            return self.ratio("training")
        return statistics.median(found) if found else None

    @property
    def memory(self) -> int | None:
        """Bytes at the peak: the median; None where other models ran only."""
        found = [run.memory for run in self.runs if run.memory is not None and self.alike == "model"]
        return round(statistics.median(found)) if found else None


def version() -> int:
    """Changes with the file; 0 where there is none."""
    try:
        return (paths.home() / FILE).stat().st_mtime_ns
    except OSError:
        return 0


def read() -> list[Took]:
    """All that is remembered, the oldest first. Lines that cannot be read are passed over."""
    try:
        lines = (paths.home() / FILE).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [run for line in lines if (run := _parsed(line)) is not None]


def learn(run: Took) -> None:
    """Remembers a run. One line goes out in one write, so that several processes may do so at once; a machine that
    cannot keep it forgets it."""
    path = paths.home() / FILE
    line = json.dumps(asdict(run), separators=(",", ":")).encode() + b"\n"
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(line)
        if path.stat().st_size > MOST_BYTES:
            kept = path.read_bytes()[-MOST_BYTES // 2 :].partition(b"\n")[2]
            partial = path.with_name(f".{FILE}.{os.getpid()}.partial")
            partial.write_bytes(kept)
            partial.replace(path)


def known(kind: Kind, among: Iterable[Took]) -> Known:
    """The newest runs of that kind: of the same model and strategy; where there are none of the strategy, else of the
    task; always on the same device, in the same precision."""
    here = [run for run in among if (run.kind.task, run.kind.device) == (kind.task, kind.device)]
    here = [run for run in here if run.kind.precision == kind.precision]
    same = [run for run in here if run.kind.strategy == kind.strategy]
    narrow = [run for run in same if kind.model and run.kind.model == kind.model]
    for alike, found in (("model", narrow), ("strategy", same), ("task", here)):
        if found:
            return Known(found[-NEWEST:], alike)
    return Known()


def _parsed(line: str) -> Took | None:
    try:
        values: dict[str, Any] = json.loads(line)
        phases = {str(name): (float(said), float(took)) for name, (said, took) in values["phases"].items()}
        probe, memory = values.get("probe"), values.get("memory")
        return Took(
            Kind(**values["kind"]),
            phases,
            None if probe is None else float(probe),
            None if memory is None else int(memory),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
