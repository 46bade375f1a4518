"""How long each phase of a run took, read off what the run tells while it goes on."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from engines.contract import Json, Run
from engines.cost.work import PHASES

TOLD = {
    **dict.fromkeys(("checking", "reading"), "start"),
    "caching": "encoding",
    **dict.fromkeys(("testing", "listening"), "testing"),
    **dict.fromkeys(("mapping", "picturing", "comparing"), "keeping"),
}
"""The phase of a cost that a phase event belongs to, by its name; whatever else a task calls it is training."""
OPENS = ("start", "keeping", "baseline")
"""Stretches of a run's life that are one phase, whatever is told in them (see `Stopwatch.enter`)."""


class Stopwatch:
    """A `Run` that passes everything on and counts the seconds of each phase of `work.PHASES`."""

    def __init__(self, run: Run, clock: Callable[[], float] = time.monotonic):
        self.run, self.path = run, run.path
        self.resumed = (run.path / "checkpoint").exists()
        """Whether it goes on where an earlier attempt stopped, and so took less than a whole run."""
        self.borrowed: set[str] = set()
        """Phases that began with what an earlier run has left."""
        self._clock, self._seconds = clock, defaultdict[str, float](float)
        self._stretch, self._phase, self._since = "start", "start", clock()
        self._met: set[str] = set()

    def emit(self, kind: str, **data: Json) -> None:
        if kind == "phase":
            self._tell(str(data.get("name")), known=bool(data.get("known")))
        self.run.emit(kind, **data)

    def write(self, name: str, text: str) -> Path:
        return self.run.write(name, text)

    def check_cancelled(self) -> None:
        self.run.check_cancelled()

    def enter(self, stretch: str) -> None:
        """From here on it is 'start', 'testing' (before it learns), 'training', 'keeping' or 'baseline'; in testing and
        training the run's events tell more."""
        self._stretch = stretch
        self._turn("start" if stretch == "training" else stretch)

    def seconds(self) -> dict[str, float]:
        """Of each phase so far, in the order of PHASES."""
        self._turn(self._phase)
        return {phase: self._seconds[phase] for phase in PHASES if phase in self._seconds}

    def _tell(self, name: str, *, known: bool) -> None:
        if self._stretch in OPENS:
            return
        phase = TOLD.get(name, "training")
        if phase == "start":  # the model is looked at before it learns
            phase = self._stretch
        if known and phase not in self._met:
            self.borrowed.add(phase)
        self._met.add(phase)
        self._turn(phase)

    def _turn(self, phase: str) -> None:
        now = self._clock()
        self._seconds[self._phase] += now - self._since
        self._phase, self._since = phase, now
