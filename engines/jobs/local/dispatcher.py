"""The thread that moves the local queue: starts what may start, adopts what runs, and settles what died."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

from engines.contract import State
from engines.hosting import limits as hosting_limits
from engines.hosting import logs, operation
from engines.jobs import cleanup, limits, processes
from engines.jobs.local import gpus, orders
from engines.jobs.local.queue_db import Asked, Row, Store
from engines.jobs.worker import LOG, worker_of
from engines.messages import _
from engines.rooms import queueing
from engines.runs import RunFolder

BUSY_SECONDS = 0.15
IDLE_SECONDS = 2.0
UNCONFIRMED_SECONDS = 10.0
"""A claim whose app died before it wrote down the worker's process id is given back after this long."""
FRESH_HEARTBEAT = 3.0
"""A heartbeat this young, in seconds, is proof of life whatever the process table says."""
FIRST_TIDY_SECONDS, TIDY_SECONDS = 30.0, 600.0
"""When leftovers are looked for first after a start, and how often then."""
MOST_RUNS = 50
"""That one process works through, of those that stay."""
ALLOCATOR = "PYTORCH_ALLOC_CONF"
"""How PyTorch takes a card's memory, unless whoever runs Headstart has said so."""
QUIET_SECONDS = 5.0
"""A run that has just started gets the machine to itself this long before the next spare worker is warmed up."""


class Dispatcher:
    """Works on one home folder. Several may share it, in several processes: the store decides who gets what."""

    def __init__(self, home: Path, store: Store):
        self.home = home
        self.store = store
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._spares: list[subprocess.Popen[bytes]] = []
        self._staying: dict[str, subprocess.Popen[bytes]] = {}
        """Run -> its worker, of those that take a further run when it ends well."""
        self._worked: Counter[int] = Counter()
        """Process id of such a worker -> how many runs it has had."""
        self._last_launch = -QUIET_SECONDS
        self._seen: dict[tuple[str, float | None, str], float] = {}
        """A run that was started and what was seen of it -> when first, by a clock that nobody sets."""
        self._next_tidying = time.monotonic() + FIRST_TIDY_SECONDS

    def wake(self) -> None:
        """Starts the thread if it isn't running, and has it look at the queue now."""
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                self._stop.clear()
                self._thread = threading.Thread(target=self._run, name="job-queue", daemon=True)
                self._thread.start()
        self._wake.set()

    def stop(self) -> None:
        """Ends the thread and the spare workers. Runs go on."""
        self._stop.set()
        self._wake.set()
        if self._thread:
            self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stop.is_set() and self.store.path.exists():
                self._wake.clear()
                try:
                    busy = self._tick()
                except Exception as error:  # the queue must survive a full disk or a locked file
                    busy = False
                    self._log(logs.told(error))
                self._wake.wait(BUSY_SECONDS if busy else IDLE_SECONDS)
        finally:
            for spare in self._spares:
                orders.dismiss(spare)
            self._spares.clear()
            for worker in self._staying.values():
                orders.close(worker)

    def _log(self, text: str) -> None:
        try:
            with (self.home / "queue.log").open("a", encoding="utf-8") as log:
                print(text, file=log)
        except OSError:
            print(text, file=sys.stderr)

    def _tick(self) -> bool:
        """One look at everything; True while anything is queued or running."""
        if time.monotonic() > self._next_tidying:
            self._next_tidying = time.monotonic() + TIDY_SECONDS
            cleanup.tidy()
        for row in (running := self.store.running()):
            self._look_after(row)
        known = {row.id for row in running}
        self._seen = {seen: when for seen, when in self._seen.items() if seen[0] in known}
        places = limits.places(len(gpus.names()))
        paused = operation.state() is operation.Operation.PAUSED
        while not paused and (claimed := self.store.claim(places, _me(), queueing.held())):
            self._launch(claimed, places)
        self._keep_spares()
        return bool(self.store.running() or self.store.queued())

    # -- starting

    def _folder(self, run_id: str) -> RunFolder:
        return RunFolder(self.home / "runs" / run_id)

    def _launch(self, row: Row, places: limits.Places) -> None:
        run = self._folder(row.id)
        environment = {"HEADSTART_HOME": str(self.home)}
        cards = gpus.names()
        if cards and row.slot is not None:
            environment["CUDA_VISIBLE_DEVICES"] = cards[row.slot % len(cards)] if row.slot < places.cards else ""
            # batches of texts differ in length: blocks of memory that grow are not left over between them
            environment[ALLOCATOR] = os.environ.get(ALLOCATOR, "expandable_segments:True")
        try:
            one_card = not cards or len(cards) == 1 and (row.slot or 0) < places.cards
            stays = one_card and orders.stays(run)  # a process keeps to its first card
            child = self._hand_to_spare(run, environment, stays) or self._start_for(run, environment, stays)
        except OSError as error:
            message = _(
                "The training process could not be started: {strerror}. Resume tries again.", strerror=error.strerror
            )
            self.store.move(row.id, State.RUNNING, State.FAILED, lambda: run.set_state(State.FAILED, message))
            return
        self._children[row.id] = child
        if stays:
            self._staying[row.id] = child
        self._last_launch = time.monotonic()
        self.store.set_process(row.id, child.pid, processes.created(child.pid) or time.time())

    def _hand_to_spare(self, run: RunFolder, environment: dict[str, str], stays: bool) -> orders.Worker | None:
        """Gives the run to a spare worker; None when there is none."""
        while self._spares:
            spare = self._spares.pop(0)
            try:
                orders.order(spare, run, environment, stays)
            except OSError:  # it died while it waited
                orders.dismiss(spare)
                continue
            return spare
        return None

    def _start_for(self, run: RunFolder, environment: dict[str, str], stays: bool) -> orders.Worker:
        """A worker for that run alone. Raises OSError."""
        worker = processes.start(
            "engines.jobs.worker", ["--order"], log=run.path / LOG, stdin=subprocess.PIPE, environment=environment
        )
        orders.order(worker, run, environment, stays)
        return worker

    def _keep_spares(self) -> None:
        for spare in [spare for spare in self._spares if spare.poll() is not None]:
            self._spares.remove(spare)
            orders.dismiss(spare)
        if time.monotonic() - self._last_launch < QUIET_SECONDS:
            return
        while len(self._spares) > limits.spare_workers():
            orders.dismiss(self._spares.pop())
        while len(self._spares) + len(self._staying) < limits.spare_workers():
            self._spares.append(
                processes.start(
                    "engines.jobs.worker",
                    ["--spare"],
                    log=self.home / "spare.log",
                    stdin=subprocess.PIPE,
                    # Looking for CUDA must not fix the choice of card before the run brings its own.
                    environment={"HEADSTART_HOME": str(self.home), "PYTORCH_NVML_BASED_CUDA_CHECK": "1"},
                )
            )

    # -- looking after

    def _look_after(self, row: Row) -> None:
        run = self._folder(row.id)
        if row.pid is None or row.pid_created is None:
            self._confirm(row, run)
        elif not self._lives(row, run):
            self._settle(row, run)
        elif self._overdue(row, run):
            processes.kill_tree(row.pid, row.pid_created)
        elif self._too_long(row) and not run.cancel_requested:
            run.emit(
                "note",
                message=_(
                    "This host stops a run after {run_seconds} minutes.", run_seconds=hosting_limits.run_seconds() // 60
                ),
            )
            run.request_cancel()

    def _seconds_since(self, row: Row, what: str) -> float:
        """Seconds since we first asked this of a run: of an app that was started meanwhile, since then."""
        return time.monotonic() - self._seen.setdefault((row.id, row.started, what), time.monotonic())

    def _too_long(self, row: Row) -> bool:
        """Whether a run has had all the time that a public host gives one."""
        most, had = hosting_limits.run_seconds(), self._seconds_since(row, "training")
        return hosting_limits.public() and bool(most) and had > most

    def _overdue(self, row: Row, run: RunFolder) -> bool:
        """Should this living worker be gone by now? Cancelled longer ago than the grace, or finished and hanging."""
        grace = limits.grace_seconds()
        if run.cancel_requested and self._seconds_since(row, "cancelled") > grace:
            return True
        return grace < run.seconds_since_heartbeat() < float("inf") and run.state[0].finished

    def _confirm(self, row: Row, run: RunFolder) -> None:
        """A run without a worker in the table: its app is just starting one, or has died, or it was found on disk."""
        if worker := worker_of(run):
            self.store.set_process(row.id, *worker)
            return
        if row.owner_pid is not None and row.owner_created is not None:
            claimed_lately = 0 <= time.time() - (row.started or 0) < UNCONFIRMED_SECONDS
            if claimed_lately or processes.alive(row.owner_pid, row.owner_created):
                return
        if run.state[0] is State.QUEUED:
            self.store.move(row.id, State.RUNNING, State.QUEUED)
        elif run.seconds_since_heartbeat() > FRESH_HEARTBEAT:
            self._settle(row, run)

    def _lives(self, row: Row, run: RunFolder) -> bool:
        if child := self._children.get(row.id):
            return child.poll() is None and not (row.id in self._staying and orders.left(run))
        if processes.alive(row.pid or 0, row.pid_created or 0):
            return True
        if run.state[0].finished:
            return False
        return worker_of(run) is not None or run.seconds_since_heartbeat() < FRESH_HEARTBEAT

    def _settle(self, row: Row, run: RunFolder) -> None:
        """The worker is gone: the state it left is the state, and where it left none, we say what happened."""
        child = self._children.pop(row.id, None)
        if worker := self._staying.pop(row.id, None):
            self._keep(worker, run)
        if not run.path.exists():
            self.store.forget(row.id)
            return
        state, _ = run.state
        if state is State.QUEUED and orders.is_deferred(run):
            run.write("job.json", (job := queueing.resumed(run.job)).to_json())
            if run.cancel_requested:
                self.store.move(row.id, State.RUNNING, State.DONE, lambda: orders.waive_comparison(run))
            else:
                self.store.give_back(row.id, Asked.by(job))
            return
        if state.finished:
            self.store.move(row.id, State.RUNNING, state)
            return
        state, message = _last_words(run, child.returncode if child else None)
        self.store.move(row.id, State.RUNNING, state, lambda: run.set_state(state, message))

    def _keep(self, worker: subprocess.Popen[bytes], run: RunFolder) -> None:
        """A worker that has done with a run waits for the next one among the spares; not for ever the same one."""
        self._worked[worker.pid] += 1
        if worker.poll() is None and orders.ended_well(run) and self._worked[worker.pid] < MOST_RUNS:
            self._spares.insert(0, worker)
        else:
            del self._worked[worker.pid]
            orders.close(worker)


def _last_words(run: RunFolder, status: int | None) -> tuple[State, str]:
    """What to write for a worker that ended without a word; `status` is its exit status where we know it."""
    if run.cancel_requested:
        run.skip_comparison()  # who cancels once the model is tested keeps its result
    if run.done:
        return State.DONE, "Done."
    if run.cancel_requested:
        return State.CANCELLED, _(
            "Cancelled; the worker had to be stopped by force. {where_resume_starts}",
            where_resume_starts=where_resume_starts(run),
        )
    what = _("The training process was killed, or the machine went down.")
    if status is not None and status > 0:
        what = _("The training process stopped without a word (the details, if any, are in {log}).", log=LOG)
    return State.INTERRUPTED, f"{what} {where_resume_starts(run)}"


def where_resume_starts(run: RunFolder) -> str:
    if trials := run.trials_done:
        return _("Resume continues after training {trials}.", trials=trials)
    epochs = [event.data.get("epoch") for event in run.events() if event.kind == "epoch"]
    checkpoint = run.path / "checkpoint"
    if epochs and checkpoint.is_dir() and any(checkpoint.iterdir()):
        return _("Resume continues after epoch {kept_epoch}.", kept_epoch=_kept_epoch(checkpoint) or epochs[-1])
    return _("Resume starts from the beginning.")


def _kept_epoch(checkpoint: Path) -> int | None:
    """The epoch that the newest checkpoint holds: short epochs are not saved one by one. None where it does not say."""
    kept = sorted(checkpoint.glob("*/progress.json"), key=lambda path: path.stat().st_mtime)
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, IndexError):
        return int(json.loads(kept[-1].read_text(encoding="utf-8"))["epoch"])
    return None


def _me() -> tuple[int, float]:
    pid = os.getpid()
    return pid, processes.created(pid) or 0.0
