"""Processes beside a run's own that train its network with it. Light: torch is imported where it is used.

They keep nothing and say nothing: whatever they come to the first one has as well. So they are ended by force
whenever it has done with them, and they end themselves when it is gone.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.contract import Json, Recipe, Run, Strategy, Study, Task
from engines.environment import number, public
from engines.messages import _

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

OUT_OF_MEMORY = 3
"""Exit status of a process that memory did not suffice for."""
LOOKS_EVERY = 0.05  # seconds

_started = False


class Lost(RuntimeError):
    """One of several processes has ended before its time."""


def wanted() -> int:
    """HEADSTART_PROCESSES: processes that train one run together, on a card each where there are cards. Default 1."""
    return number("HEADSTART_PROCESSES", 1, low=1)


@contextlib.contextmanager
def beside(task: Task, study: Study) -> Iterator[None]:
    """Meanwhile as many processes as are wanted, and make sense, have opened the same study and follow this one
    where it is `joint`.

    A note says how many, or why it is one. Raises Lost, and MemoryError, where one of them ended; Cancelled.
    """
    global _started
    count, cards, why = _places(study, wanted())
    if why:
        study.run.emit("note", message=_("One process trains this run: {why}.", why=why))
    if count == 1:
        yield
        return
    import torch

    from engines.training.parallel import group

    threads = torch.get_num_threads()
    each = max(1, threads // count)
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="headstart-", ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        processes: list[BaseProcess] = [
            context.Process(target=_work, args=(task, study.recipe, place, rank, count, each, cards[rank]))
            for rank in range(1, count)
        ]
        try:
            for process in processes:
                process.start()
            _await(processes, place, study.run)
            group.join(place, 0, count)
            torch.set_num_threads(each)
            message = _("{count} processes train this run, each with its share of every batch.", count=count)
            study.run.emit("note", message=message)
            _started = True
            yield
        except RuntimeError as error:
            if (happened := _what_happened(processes)) is None:
                raise
            raise happened from error
        finally:
            _started = False
            for process in processes:
                process.kill()
                process.join()
            group.leave()
            torch.set_num_threads(threads)


def joint() -> AbstractContextManager[None]:
    """In which the first process trains with the others, where there are any."""
    if not _started:
        return contextlib.nullcontext()
    from engines.training.parallel import group

    return group.joint()


def _places(study: Study, count: int) -> tuple[int, Sequence[str | None], str]:
    """How many processes train, on which card each, and why they are fewer than were wanted."""
    if count == 1:
        return 1, [], ""
    if why := study.trains_alone:
        return 1, [], why
    if public():
        return 1, [], _("a worker of a public host has no network, not even its own")
    if getattr(study.settings, "device", "auto") == "cpu":
        return count, [None] * count, ""
    from engines.training import devices

    kind = devices.found().kind
    if kind == "cpu":
        return count, [None] * count, ""
    cards = _cards() if kind == "cuda" else []
    if len(cards) < 2:
        return 1, [], _("it has one graphics card")
    return min(count, len(cards)), cards, ""


def _cards() -> list[str]:
    """The names of the cards that this process sees."""
    import torch

    named = [name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    return named or [str(number) for number in range(torch.cuda.device_count())]


def _await(processes: Sequence[BaseProcess], place: Path, run: Run) -> None:
    """Until each has come as far as joining. Raises Lost and Cancelled."""
    while not all((place / str(rank)).is_dir() for rank in range(1, len(processes) + 1)):
        run.check_cancelled()
        if any(process.exitcode is not None for process in processes):
            raise Lost
        time.sleep(LOOKS_EVERY)


def _what_happened(processes: Sequence[BaseProcess]) -> Exception | None:
    """What ended a training of several: a process that is gone, where one is."""
    left = multiprocessing.connection.wait([process.sentinel for process in processes], timeout=1.0)
    for process in processes:
        if process.sentinel in left:  # its files are closed, among them what it spoke to us by; it ends now
            process.join(5)
    ended = [process.exitcode for process in processes if process.exitcode]
    if OUT_OF_MEMORY in ended:
        return MemoryError("one of several processes")
    return Lost(f"exit status {ended[0]}") if ended else None


# --- one of them ----------------------------------------------------------------------------------


class Unheard:
    """The run as one of them sees it: with a folder of its own, and without a voice."""

    def __init__(self, path: Path):
        self.path = path

    def emit(self, kind: str, **data: Json) -> None:
        """Nothing: the first process tells."""

    def write(self, name: str, text: str) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def check_cancelled(self) -> None:
        """Nothing: the first process ends us."""


def _follow(task: Task, recipe: Recipe, run: Run) -> None:
    """What `lifecycle.fit` does of a run while it is `joint`, in the same order."""
    study = task.open(recipe, run)
    study.compute()
    study.before()
    study.trial(recipe.strategy, series=series(recipe.strategy))
    if study.compares:
        study.trial(Strategy.SCRATCH, series="scratch")


def series(strategy: Strategy) -> str:
    """Which curve the epochs of a run's own training belong to."""
    return "scratch" if strategy is Strategy.SCRATCH else "transfer"


def _work(task: Task, recipe: Recipe, place: Path, rank: int, count: int, threads: int, card: str | None) -> None:
    for name in (signal.SIGTERM, signal.SIGINT):  # the first process writes its checkpoint, and then ends us
        signal.signal(name, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    if card is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = card  # before torch looks for them
    import torch

    from engines.training import memory
    from engines.training.parallel import group

    torch.set_num_threads(threads)
    own: Any = Unheard(place / str(rank))
    own.path.mkdir()
    group.join(place, rank, count)
    try:
        with group.joint():
            _follow(task, recipe, own)
    except Exception as error:
        if memory.ran_out(error):
            os._exit(OUT_OF_MEMORY)
        raise


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
