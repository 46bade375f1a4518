"""Runs that are more than one training, by their verb: what one is called, what it came to, and who draws it.

A further verb is a row here, one of `jobs.worker.VERBS` and, where it leaves a file of its own, one of `runs.OUTCOMES`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from engines.contract import TaskInfo
from engines.messages import _
from engines.runs import RunFolder
from ui.batch import asked as batch
from ui.comparisons import found as comparisons
from ui.comparisons import sweep
from ui.federated import asked as federated
from ui.search import board as search


@dataclass(frozen=True)
class Kind:
    """Of what a page other than a training's draws."""

    title: Callable[[], str]
    """'Comparison'"""
    in_short: Callable[[RunFolder], str]
    """What one came to, for a list; empty while it goes on."""
    ended: Callable[[RunFolder], object]
    """Whether there is more to see than how it goes on."""
    page: str
    """The module whose `show(info, run)` draws one: imported when there is one, for most visits have none."""
    with_result: bool = False
    """Whether it leaves a model: then its page stands above an ordinary result, else in place of one."""
    own_data: bool = True
    """Whether its data are there to learn from."""

    def show(self, info: TaskInfo, run: RunFolder) -> None:
        importlib.import_module(self.page).show(info, run)


KINDS = {
    "compare": Kind(lambda: _("Comparison"), comparisons.in_short, comparisons.outcome, "ui.comparisons.page"),
    "sweep": Kind(lambda: _("Sweep"), sweep.in_short, lambda run: run.sweep, "ui.comparisons.sweep_page"),
    "search": Kind(lambda: _("Find the best"), search.in_short, lambda run: run.search, "ui.search.page"),
    "predict": Kind(lambda: _("Answers"), batch.in_short, lambda _run: True, "ui.batch.page", own_data=False),
    "federate": Kind(
        lambda: _("Several sites"), federated.in_short, lambda run: run.result, "ui.federated.page", with_result=True
    ),
}


def of(run: RunFolder) -> Kind | None:
    """None of a run that trains one network."""
    return KINDS.get(run.job.verb)
