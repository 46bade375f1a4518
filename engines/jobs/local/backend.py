"""The queue of one machine: SQLite for the order, a subprocess a run, one thread of the app to look after both."""

from __future__ import annotations

import contextlib
import functools
import shutil
import sqlite3
import time
from collections.abc import Collection
from dataclasses import replace

from engines import paths
from engines.contract import Event, InputError, Job, Problem, State
from engines.hosting import admission, operation
from engines.jobs import failures, limits, offered, processes
from engines.jobs.contract import JobStatus, Load, Standing
from engines.jobs.launchers import chosen
from engines.jobs.local import orders
from engines.jobs.local.dispatcher import Dispatcher
from engines.jobs.local.queue_db import Asked, Row, Store
from engines.jobs.worker import worker_of
from engines.messages import _
from engines.rooms import queueing
from engines.runs import RunFolder

STALLED_SECONDS = 30.0


class LocalBackend:
    """A `JobBackend` on the run folders below `paths.home()`. Workers outlive it; the next one there adopts them."""

    def __init__(self) -> None:
        limits.check()
        self.home = paths.home()
        cluster = chosen.cluster()
        self._store = Store(chosen.queue_folder(self.home) / "queue.sqlite3")
        self._dispatcher = Dispatcher(self.home, self._store, cluster)
        if self._store.new:
            self._rebuild()

    def warm_up(self) -> None:
        """See `JobBackend.warm_up`: starts the spare workers and adopts what runs."""
        self._dispatcher.wake()

    def close(self) -> None:
        """Stops the queue's thread and the spare workers. Runs go on in their own processes."""
        self._dispatcher.stop()
        self._store.close()

    # -- runs

    def submit(self, job: Job | None, resume: str | None = None) -> str:
        """See `JobBackend.submit`."""
        operation.require_accepting()
        if resume is not None:
            return self._resume(resume, job)
        if job is None:
            raise InputError(
                Problem("submit", _("there is neither a recipe nor a run to resume"), _("give one of them"))
            )
        if not job.recipe.data:
            raise InputError(Problem("data", _("nothing says where they lie"), _("accepted: data of your own")))
        offered.require(job.recipe)
        job = queueing.of_room(job, self._has_begun(job.owner))
        admission.admit(job, self._store.unfinished_of(job.owner))
        try:
            run = RunFolder.create(job)
        except OSError as error:
            raise _told(error) from error
        queued = functools.partial(run.set_state, State.QUEUED, "Waiting for its turn.")
        try:
            added = self._store.add(run.id, limits.max_queued(), queued, Asked.by(job))
        except (OSError, sqlite3.Error) as error:
            shutil.rmtree(run.path, ignore_errors=True)
            raise _told(error) from error
        if not added:
            shutil.rmtree(run.path)
            raise _full()
        self._dispatcher.wake()
        return run.id

    def _resume(self, run_id: str, job: Job | None) -> str:
        run = RunFolder.find(run_id)
        run.require_owner()
        status = self.status(run_id)
        done = job is not None and status.state is State.DONE and not self._at_work(run)
        if not status.may_resume and not (done and run.path.parent == self.home / "runs"):
            accepted = _("only a run that failed, was cancelled or was interrupted can be resumed")
            raise InputError(Problem("run", _("this one is {state}", state=status.state), accepted))

        def queue() -> None:
            if job is not None:
                run.give(job)
            run.clear_outcome()
            run.clear_cancel()
            run.set_state(State.QUEUED, _("Waiting for its turn, to continue."))

        if not self._store.add(run.id, limits.max_queued(), queue, Asked.by(job or run.job)):
            raise _full()
        self._dispatcher.wake()
        return run.id

    def status(self, run_id: str) -> JobStatus:
        """See `JobBackend.status`. The folder says the state; the queue adds the position."""
        run = RunFolder.find(run_id)
        state, message = run.state
        status = JobStatus(run.id, state, message, only_shown=run.only_shown)
        if run.path.parent != self.home / "runs":
            return status
        self._dispatcher.wake()
        if state.finished:
            return replace(status, may_resume=state is not State.DONE and not self._at_work(run))
        self._remember(run)
        if run.cancel_requested:
            return replace(
                status, message=_("Stopping: it finishes its step and keeps what was learnt."), stopping=True
            )
        if state is State.QUEUED:
            waiting, own = [row.id for row in self._store.queued()], run.path.name
            status = replace(status, message=self._dispatcher.trouble or message)
            return replace(status, position=waiting.index(own) + 1 if own in waiting else None)
        silence = self._silence(run)
        if STALLED_SECONDS < silence < float("inf"):
            message = _(
                "No sign of life for {silence:.0f} s: the machine may be short of memory. Cancel stops the run.",
                silence=silence,
            )
            return replace(status, message=message)
        return status

    def events(self, run_id: str, after: int = -1) -> list[Event]:
        """See `JobBackend.events`."""
        return RunFolder.find(run_id).events(after)

    def load(self) -> Load:
        """See `JobBackend.load`. Who asks, as the monitor of a host does, keeps the queue awake."""
        self._dispatcher.wake()
        running = [RunFolder(self.home / "runs" / row.id) for row in self._store.running()]
        silent = tuple(map(self._silence, running))
        return Load(len(self._store.queued()), silent, self._store.ended_since(time.time() - 24 * 3600))

    def _silence(self, run: RunFolder) -> float:
        """Seconds since its last sign of life."""
        return self._dispatcher.launcher_of(run).silence(run)

    def standing(self, owners: Collection[str]) -> dict[str, Standing]:
        """See `JobBackend.standing`."""
        self._dispatcher.wake()
        places = {row.id: place for place, row in enumerate(self._store.queued(), 1)}
        found: dict[str, Standing] = {}
        for row in self._store.of_owners(owners):
            had = found.get(row.asked.owner, Standing())
            place = min(filter(None, (had.position, places.get(row.id))), default=None)
            found[row.asked.owner] = Standing(
                had.waiting + (row.state is State.QUEUED),
                had.running + (row.state is State.RUNNING),
                had.done + ((row.asked.verb == "fit" and row.state is State.DONE) or self._is_comparison(row)),
                place,
            )
        return found

    def _has_begun(self, owner: str) -> bool:
        """Whether something of that owner waits, runs or is done."""
        lost = {State.FAILED, State.CANCELLED, State.INTERRUPTED}
        return bool(owner) and any(row.state not in lost for row in self._store.of_owners([owner]))

    def _is_comparison(self, row: Row) -> bool:
        """Of a room's fit: whether only what compares it is left to do."""
        unfinished = row.state in {State.QUEUED, State.RUNNING}
        return unfinished and row.asked.verb == "fit" and row.asked.priority == queueing.COMPARISON

    def sooner(self, run_id: str) -> JobStatus:
        """See `JobBackend.sooner`."""
        run = RunFolder.find(run_id)
        run.require_owner()
        if run.state[0] is not State.QUEUED:
            found, accepted = _("this one is {state}", state=run.state[0]), _("only a run that waits can be moved")
            raise InputError(Problem("run", found, accepted))
        self._remember(run)
        self._store.sooner(run.path.name)
        return self.status(run_id)

    def forget(self, owner: str) -> None:
        """See `JobBackend.forget`."""
        self._store.forget_ended_of(owner)

    def cancel(self, run_id: str) -> JobStatus:
        """See `JobBackend.cancel`. A run that won't stop is killed after HEADSTART_GRACE_SECONDS."""
        run = RunFolder.find(run_id)
        run.require_owner()
        if not run.state[0].finished:
            self._remember(run)
            if not run.cancel_requested:
                run.request_cancel()
            if not self._end_waiting(run):
                row = self._store.get(run.id)
                if row and row.state is State.RUNNING and row.pid and row.pid_created:
                    processes.ask_to_stop(row.pid, row.pid_created)
        return self.status(run_id)

    def _end_waiting(self, run: RunFolder) -> bool:
        """Takes a run from the queue; False where it was not in it. One of which only a comparison waits is done."""
        if run.job.verb == "fit" and run.result is not None:
            return self._store.move(run.id, State.QUEUED, State.DONE, lambda: orders.waive_comparison(run))
        cancelled = functools.partial(run.set_state, State.CANCELLED, _("Cancelled before it started."))
        return self._store.move(run.id, State.QUEUED, State.CANCELLED, cancelled)

    # -- folders the queue does not know

    def _at_work(self, run: RunFolder) -> bool:
        """Is its worker still on the way out? It may have written its last event and not yet have left."""
        row = self._store.get(run.path.name)
        return row is not None and not row.state.finished

    def _remember(self, run: RunFolder) -> None:
        """Takes an unfinished run into the table when it isn't there: the database was lost, or `fit` has the run.

        A folder without events is one that somebody is just making.
        """
        row = self._store.get(run.path.name)
        if (row is None or row.state.finished) and run.events() and not run.state[0].finished:
            worker = worker_of(run) or (None, None)
            self._store.remember(run.path.name, run.state[0], run.recipe.created, worker, Asked.by(run.job))

    def _rebuild(self) -> None:
        for recipe in paths.runs().glob("*/recipe.json"):
            run = RunFolder(recipe.parent)
            if not run.state[0].finished:
                with contextlib.suppress(InputError):  # a newer Headstart has written it
                    self._remember(run)


def _told(error: Exception) -> Exception:
    """Why a run can't be taken, where the disk is full; else the error as it is."""
    if not failures.disk_is_full(error):
        return error
    return InputError(Problem("queue", _("the disk is full"), _("free some space, then start the run again")))


def _full() -> InputError:
    limit = limits.max_queued()
    return InputError(
        Problem(
            "queue",
            _("{limit} runs are waiting already", limit=limit),
            _("cancel one, or try again when some have finished"),
        )
    )
