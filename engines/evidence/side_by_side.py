"""Trainings of a comparison at the same time, each in a process of its own with a share of the processor's threads.

A training leaves a file whoever does it, so nothing else changes: what is missing afterwards, because a process was
stopped or has failed, is trained as if there had been no others.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.contract import Cancelled, Recipe, Run, Strategy, Task
from engines.runs import RunFolder

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess
    from multiprocessing.sharedctypes import Synchronized

Training = tuple[int | None, int, Strategy]
"""Budget, seed, strategy."""
Train = Callable[[Any, Run, Training], object]
"""(study, run, training): trains it and leaves its file."""
CORES_EACH = 2
MOST = 4
"""At once, however many cores there are: each holds the data and a network."""
LOOKS_EVERY = 0.2  # seconds


def workers(cores: int | None = None) -> int:
    """How many trainings this machine does at a time: as many as it has graphics cards, else one for two cores."""
    import torch

    if torch.cuda.is_available():
        return min(MOST, torch.cuda.device_count())
    if cores is None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(MOST, cores // CORES_EACH))


def in_turn(wanted: Sequence[Training]) -> list[Training]:
    """The order in which they are begun: one of what is not from scratch, since others find in the cache what it
    computes; then the longest first, so that no process is left alone with one of them at the end."""

    def longest(one: Training) -> tuple[bool, float]:
        return one[2] is not Strategy.SCRATCH, -(math.inf if one[0] is None else one[0])

    first = [one for one in wanted if one[2] is not Strategy.SCRATCH][:1]
    return first + sorted((one for one in wanted if one not in first), key=longest)


def train(
    task: Task,
    recipe: Recipe,
    run: Run,
    wanted: Sequence[Training],
    one: Train,
    at_once: int,
    look: Callable[[], None] = lambda: None,
) -> None:
    """Has `at_once` processes share the trainings; `look` is called now and then. Raises Cancelled once all of them
    have stopped, what they were at checkpointed; a process that fails is left to whoever finds its training missing."""
    context = multiprocessing.get_context("spawn")
    threads, cards = _shares(at_once)
    begun, order = context.Value("i", 0), in_turn(wanted)
    processes = [
        context.Process(target=_work, args=(task, recipe, run.path, order, begun, one, threads, cards[place]))
        for place in range(min(at_once, len(wanted)))
    ]
    for process in processes:
        process.start()
    try:
        while any(process.is_alive() for process in processes):
            run.check_cancelled()
            look()
            time.sleep(LOOKS_EVERY)
    finally:
        _wait(processes)
    run.check_cancelled()


def _wait(processes: Sequence[BaseProcess]) -> None:
    """Each ends by itself: it looks before every step whether the run was cancelled, or we are gone."""
    for process in processes:
        process.join()


def _shares(at_once: int) -> tuple[int, list[str | None]]:
    """Threads of each process, and the graphics card of each, where there are any."""
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    named = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    cards = (named or [str(number) for number in range(count)]) if count else []
    return max(1, torch.get_num_threads() // at_once), [
        cards[place % len(cards)] if cards else None for place in range(at_once)
    ]


class _Shared(RunFolder):
    """The run as one of several processes sees it: it ends with whoever started it, too."""

    def check_cancelled(self) -> None:
        super().check_cancelled()
        parent = multiprocessing.parent_process()
        if parent is not None and not parent.is_alive():
            raise Cancelled

    def emit(self, kind: str, **data: Any) -> None:
        """Nothing: what is done is told by whoever reads the trainings' files."""


def _work(
    task: Task,
    recipe: Recipe,
    path: Path,
    wanted: Sequence[Training],
    begun: Synchronized[int],
    one: Train,
    threads: int,
    card: str | None,
) -> None:
    """Does whatever of `wanted` nobody has begun yet, of which so many were `begun`, until there is nothing left."""
    if card is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = card  # before torch looks for them
    import torch

    torch.set_num_threads(threads)
    run = _Shared(path)
    try:
        study = task.open(recipe, run)
        torch.set_num_threads(threads)
        if any(budget is None for budget, _, _ in wanted):
            study.before()  # as a run does: it may be tested in folds
        while (place := _next(begun)) < len(wanted):
            one(study, run, wanted[place])
    except Cancelled:
        return


def _next(begun: Synchronized[int]) -> int:
    with begun.get_lock():
        begun.value += 1
        return begun.value - 1
