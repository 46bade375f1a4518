"""One training among those of a run, which writes below its folder."""

from __future__ import annotations

from pathlib import Path

from engines.contract import Json, Run


class TrialRun:
    """One training within a run: a folder of its own for its checkpoint, the whole's events and cancel flag."""

    def __init__(self, run: Run, name: str):
        self.run, self.name = run, name
        self.path = run.path / name

    def emit(self, kind: str, **data: Json) -> None:
        """What concerns the whole; the curves of one training among many do not."""
        if kind != "epoch":
            self.run.emit(kind, **data)

    def write(self, name: str, text: str) -> Path:
        return self.run.write(f"{self.name}/{name}", text)

    def check_cancelled(self) -> None:
        self.run.check_cancelled()


class QuietRun(TrialRun):
    """One of many like trainings: what happens in it is told once, by how many are done. What is out of the ordinary
    is told all the same."""

    def emit(self, kind: str, **data: Json) -> None:
        if kind == "note":
            self.run.emit(kind, **data)
