"""The thread that moves the local queue: starts what may start, adopts what runs, and settles what died."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from engines.contract import State
from engines.hosting import limits as hosting_limits
from engines.hosting import logs, operation
from engines.jobs import cleanup, limits, processes
from engines.jobs.launchers import tickets
from engines.jobs.launchers.contract import Ending, Launcher, Process, Refused, Unreachable
from engines.jobs.launchers.local import FRESH_HEARTBEAT, LocalLauncher
from engines.jobs.local import orders
from engines.jobs.local.queue_db import Asked, Row, Store
from engines.jobs.worker import LOG, worker_of
from engines.messages import _
from engines.rooms import queueing
from engines.runs import RunFolder

BUSY_SECONDS = 0.15
IDLE_SECONDS = 2.0
UNCONFIRMED_SECONDS = 10.0
"""A claim whose app died before it wrote down the worker's process id is given back after this long."""
FIRST_TIDY_SECONDS, TIDY_SECONDS = 30.0, 600.0
"""When leftovers are looked for first after a start, and how often then."""


class Dispatcher:
    """Works on one home folder. Several may share it, in several processes: the store decides who gets what."""

    def __init__(self, home: Path, store: Store, cluster: Launcher | None = None):
        """New runs go to the `cluster`, where there is one."""
        self.home = home
        self.store = store
        self.local = LocalLauncher(home)
        self.launcher = cluster or self.local
        self.trouble = ""
        """Why nothing can be started just now, one plain sentence."""
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
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
        self.launcher.close()

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
            self.local.close()

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
        paused = operation.state() is operation.Operation.PAUSED
        with self._in_touch():
            places = self.launcher.places()
            while not paused and (claimed := self.store.claim(places, _me(), queueing.held())):
                self._launch(claimed, places)
        self.launcher.keep_ready()
        return bool(self.store.running() or self.store.queued())

    @contextlib.contextmanager
    def _in_touch(self) -> Iterator[None]:
        """Keeps why a cluster does not answer for whoever waits."""
        try:
            yield
            self.trouble = ""
        except Unreachable as error:
            self.trouble = str(error)

    # -- starting

    def _folder(self, run_id: str) -> RunFolder:
        return RunFolder(self.home / "runs" / run_id)

    def launcher_of(self, run: RunFolder) -> Launcher:
        """Who has started the run's worker; whoever is to, where nobody has."""
        launch = tickets.launch_of(run)
        return self.launcher if launch and not launch.ended else self.local

    def _launch(self, row: Row, places: limits.Places) -> None:
        """Raises Unreachable; then the run waits as before."""
        run = self._folder(row.id)
        try:
            process = self.launcher.start(run, row.slot or 0, places)
        except OSError as error:
            message = _(
                "The training process could not be started: {strerror}. Resume tries again.", strerror=error.strerror
            )
            self.store.move(row.id, State.RUNNING, State.FAILED, lambda: run.set_state(State.FAILED, message))
        except Refused as refused:
            told = str(refused)
            self.store.move(row.id, State.RUNNING, State.FAILED, lambda: run.set_state(State.FAILED, told))
        except Unreachable:
            self.store.move(row.id, State.RUNNING, State.QUEUED)
            raise
        else:
            if process:
                self.store.set_process(row.id, *process)

    # -- looking after

    def _look_after(self, row: Row) -> None:
        run = self._folder(row.id)
        launcher, process = self.launcher_of(run), _process(row)
        if process is None and not run.exists:
            self._settle(row, run, self.launcher)
        elif launcher is self.local and process is None:
            self._confirm(row, run)
        elif not launcher.alive(run, process):
            self._settle(row, run, launcher)
        elif self._overdue(row, run, launcher):
            launcher.kill(run, process)
        elif run.cancel_requested:
            launcher.stop(run, process)
        elif self._too_long(row):
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

    def _overdue(self, row: Row, run: RunFolder, launcher: Launcher) -> bool:
        """Should this living worker be gone by now? Cancelled longer ago than the grace, or finished and hanging."""
        grace = limits.grace_seconds()
        if run.cancel_requested and self._seconds_since(row, "cancelled") > grace:
            return True
        return grace < launcher.silence(run) < float("inf") and run.state[0].finished

    def _confirm(self, row: Row, run: RunFolder) -> None:
        """A run without a worker in the table: its app is just starting one, or has died, or it was found on disk."""
        if worker := worker_of(run):
            self.store.set_process(row.id, *worker)
            return
        if row.owner_pid is not None and row.owner_created is not None:
            claimed_lately = 0 <= time.time() - (row.started or 0) < UNCONFIRMED_SECONDS
            owner = row.owner_pid, row.owner_created
            if claimed_lately or (owner != _me() and processes.alive(*owner)):  # we are not just starting one
                return
        if run.state[0] is State.QUEUED:
            self.store.move(row.id, State.RUNNING, State.QUEUED)
        elif self.local.silence(run) > FRESH_HEARTBEAT:
            self._settle(row, run, self.local)

    def _settle(self, row: Row, run: RunFolder, launcher: Launcher) -> None:
        """The worker is gone: the state it left is the state, and where it left none, we say what happened."""
        ending = launcher.ended(run)
        if not run.path.exists():
            self.store.forget(row.id)
            return
        state, _unused = run.state
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
        if ending.again and not run.cancel_requested:
            self.store.move(row.id, State.RUNNING, State.QUEUED)
            return
        state, message = _last_words(run, ending)
        self.store.move(row.id, State.RUNNING, state, lambda: run.set_state(state, message))


def _process(row: Row) -> Process | None:
    return None if row.pid is None or row.pid_created is None else (row.pid, row.pid_created)


def _last_words(run: RunFolder, ending: Ending) -> tuple[State, str]:
    """What to write for a worker that ended without a word."""
    if run.cancel_requested and run.state[0] is State.QUEUED:
        return State.CANCELLED, _("Cancelled before it started.")
    if run.cancel_requested:
        run.skip_comparison()  # who cancels once the model is tested keeps its result
    if run.done:
        return State.DONE, "Done."
    if run.cancel_requested:
        return State.CANCELLED, _(
            "Cancelled; the worker had to be stopped by force. {where_resume_starts}",
            where_resume_starts=where_resume_starts(run),
        )
    if ending.message:
        return State.FAILED, ending.message
    what = _("The training process was killed, or the machine went down.")
    if ending.status is not None and ending.status > 0:
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
