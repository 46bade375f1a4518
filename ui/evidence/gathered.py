"""The runs whose evidence is shown: this browser's, or those recorded with Headstart where it has none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engines import registry
from engines.contract import InputError
from engines.reporting import collected
from engines.reporting.collected import Line
from engines.runs import RunFolder
from ui.page import recorded


@dataclass(frozen=True)
class Gathered:
    """What some runs came to."""

    runs: tuple[RunFolder, ...]
    lines: tuple[Line, ...]
    recorded: bool
    """Whether these are not the visitor's own."""

    def of(self, domain: str) -> list[Line]:
        return [line for line in self.lines if line.domain == domain]


def gather(ids: Sequence[str]) -> Gathered:
    """What the runs of these ids came to; where none of them was compared with anything, the recorded ones."""
    own = _gathered(ids, recorded=False)
    return own if own.lines else _gathered(recorded.ids(), recorded=True)


def _gathered(ids: Iterable[str], *, recorded: bool) -> Gathered:
    runs, found = [], []
    for run_id in ids:
        try:
            run = RunFolder.find(run_id)
            found += collected.lines(run, registry.task(run.recipe.task).info)
        except InputError:  # it is gone, or a newer version wrote it
            continue
        runs.append(run)
    return Gathered(tuple(runs), tuple(found), recorded)
