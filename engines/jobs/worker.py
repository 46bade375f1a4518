"""Works through one run: trains, or compares.

    python -m engines.jobs.worker RUN_DIR    works through that run folder
    python -m engines.jobs.worker --order    waits on standard input for one line, {"run": RUN_DIR,
                                             "environment": {…}, and perhaps "stay": true}; leaves when
                                             standard input closes
    python -m engines.jobs.worker --spare    the same, and imports the heavy libraries meanwhile

The command line calls `execute` in its own process. Nothing here imports torch: a run says that it is running
before anything heavy is loaded.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import platform
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from engines import cancellation, messages, registry
from engines.contract import Cancelled, InputError, Job, Problem, State
from engines.jobs import failures, fence, heartbeat, processes, tracking, warm_imports
from engines.messages import _
from engines.rooms import queueing
from engines.runs import CACHED, HEARTBEAT_SECONDS, RunFolder

LOG = "worker.log"
WHO = "worker.json"

DONE, DEFECT, WRONG_INPUT, CANCELLED = 0, 1, 2, 130


class Deferred(Cancelled):
    """The model is done, and others' first models come before its comparison: the run goes back into the queue."""


def execute(run: RunFolder, ready: Callable[[], Any] = lambda: None) -> int:
    """Works through a run folder, from its checkpoint if there is one. Never raises.

    `ready` is called once the run has said that it is running. Returns the exit status of the command line: 0 done,
    2 the input is wrong, 130 cancelled, 1 a defect of ours. The ending and its sentence are the last status event.
    """
    if worker_of(run):
        print(_("Another worker is busy with this run."), file=sys.stderr)
        return DEFECT
    with _at_work(run):
        try:
            run.check_cancelled()
            run.clear_outcome()
            run.set_state(State.RUNNING, "Starting.")
            ready()
            with tracking.followed(run), cancellation.watched(run.check_cancelled):
                _work(run.job, run)
        except InputError as error:
            return _end(run, State.FAILED, str(error), WRONG_INPUT)
        except Deferred:
            return _end(run, State.QUEUED, _("The model is there. Its comparison waits for its turn."), DONE)
        except Cancelled:
            return _end(run, State.CANCELLED, _("Cancelled. What was learnt so far is kept."), CANCELLED)
        except Exception as error:
            if not run.exists:
                print(failures.GONE, file=sys.stderr)
                return DEFECT
            _log_traceback(run)
            if failures.disk_is_full(error) and run.done:
                return _end(run, State.DONE, "Done.", DONE)  # only what comes after the result was not written
            if run.cancel_requested:
                message = _("Cancelled; the run broke while it was stopping. The details are in {log}.", log=LOG)
                return _end(run, State.CANCELLED, message, CANCELLED)
            return _end(run, State.FAILED, failures.sentence(error, LOG), DEFECT)
        return _end(run, State.DONE, "Done.", DONE)


# --- what is done ---------------------------------------------------------------------------------


def _fit(job: Job, run: RunFolder) -> None:
    from engines import lifecycle

    def give_way() -> None:
        if job.arguments.get("comparison") == queueing.LATER:
            run.write("job.json", queueing.deferred(run.job).to_json())
            raise Deferred

    lifecycle.fit(registry.task(job.recipe.task), job.recipe, run, give_way)


def _compare(job: Job, run: RunFolder) -> None:
    from engines import lifecycle

    task = registry.task(job.recipe.task)
    try:
        budgets, seeds = list(map(int, job.arguments["budgets"])), int(job.arguments["seeds"])
    except (KeyError, TypeError, ValueError):
        accepted = _("accepted: budgets, a list of whole numbers, and seeds, a whole number")
        raise InputError(
            Problem(_("arguments of 'compare'"), _("found {arguments}", arguments=job.arguments), accepted)
        ) from None
    first = None
    with contextlib.suppress(InputError):  # where it was deleted meanwhile, or is only shown, its seed is trained again
        named = RunFolder.find(str(job.arguments.get("first", "")))
        named.require_owner()
        first = named
    answer = lifecycle.compare(task, job.recipe, run, budgets, seeds, first)
    run.write("comparison.json", json.dumps(messages.kept(answer), indent=2))


def _sweep(job: Job, run: RunFolder) -> None:
    from engines import lifecycle

    try:
        seeds, blocks = int(job.arguments["seeds"]), list(map(int, job.arguments.get("blocks") or ()))
    except (KeyError, TypeError, ValueError):
        accepted = _("accepted: seeds, a whole number, and perhaps blocks, a list of them")
        raise InputError(
            Problem(_("arguments of 'sweep'"), _("found {arguments}", arguments=job.arguments), accepted)
        ) from None
    found = lifecycle.sweep(registry.task(job.recipe.task), job.recipe, run, seeds, blocks)
    run.write("sweep.json", json.dumps(messages.kept(found), indent=2))


def _search(job: Job, run: RunFolder) -> None:
    from engines.search.plan import Plan
    from engines.search.search import run_search

    found = run_search(registry.task(job.recipe.task), job.recipe, run, Plan.read(job.arguments))
    run.write("search.json", json.dumps(messages.kept(found), indent=2))


def _longer(job: Job, run: RunFolder) -> None:
    from engines import lifecycle

    lifecycle.longer(registry.task(job.recipe.task), job.recipe, run)


def _predict(job: Job, run: RunFolder) -> None:
    from engines.reporting import answers
    from engines.training.examples import Pace

    asked = RunFolder.find(str(job.arguments.get("run", "")))
    task = registry.task(asked.recipe.task)
    run.emit("phase", name="reading", title=_("Reading the model and the data"))
    model, data = task.load(asked.path), Path(job.recipe.data)
    if not data.exists():
        raise InputError(Problem(_("your data"), _("they are gone"), _("bring them again")))
    pace: list[Pace] = []

    def heard(done: int, total: int) -> None:
        run.check_cancelled()
        if not pace:
            pace.append(Pace(total, task.info.unit))
            run.emit("phase", name="predicting", title=_("Asking the model"))
        if done > pace[0].done:
            pace[0].step(done - pace[0].done, lambda **told: run.emit("progress", phase="predicting", **told))

    answers.write(run.path, model.stream(data, heard))
    if queueing.asks_for_board(job):
        from engines.jobs import room_board

        room_board.score(task, job, run)


def _merge(job: Job, run: RunFolder) -> None:
    from engines.federated import merge

    sites = [Path(path) for path in job.arguments.get("sites") or ()]
    means = bool(job.arguments.get("means_alone"))
    merge.merge(registry.task(job.recipe.task), job.recipe, run, sites, means_alone=means)


def _federate(job: Job, run: RunFolder) -> None:
    from engines.federated import simulate

    simulate.simulate(registry.task(job.recipe.task), job.recipe, run, job.arguments)


def _lead(job: Job, run: RunFolder) -> None:
    from engines.federated import lead
    from engines.federated.line import StandardLine

    lead.lead(registry.task(job.recipe.task), job.recipe, run, job.arguments, StandardLine())


VERBS: dict[str, Callable[[Job, RunFolder], None]] = {
    "fit": _fit,
    "compare": _compare,
    "sweep": _sweep,
    "search": _search,
    "longer": _longer,
    "predict": _predict,
    "merge": _merge,
    "federate": _federate,
    "lead": _lead,
}
"""What a job may ask for. Each leaves its outcome in the run folder, see `RunFolder.done`."""


def _work(job: Job, run: RunFolder) -> None:
    if job.verb not in VERBS:
        raise InputError(
            Problem(
                "job", _("there is no verb {verb!r}", verb=job.verb), _("accepted: {verbs}", verbs=", ".join(VERBS))
            )
        )
    from engines.training import array_cache

    with array_cache.noted_in(run.path / CACHED):
        VERBS[job.verb](job, run)


# --- who has a run --------------------------------------------------------------------------------


def worker_of(run: RunFolder) -> tuple[int, float] | None:
    """Process id and creation time of the living worker that has this run; None when nobody has it.

    A worker on another machine can't be seen from here: there its heartbeat has to do.
    """
    try:
        who = json.loads((run.path / WHO).read_text(encoding="utf-8"))
        pid, since = int(who["pid"]), float(who["created"])
    except (OSError, ValueError, KeyError):
        return None
    if who.get("host") != platform.node() or pid == os.getpid() or not processes.alive(pid, since):
        return None
    return pid, since


# --- while it works -------------------------------------------------------------------------------


@contextlib.contextmanager
def _at_work(run: RunFolder) -> Iterator[None]:
    """Signs the run folder, beats its heart, and turns SIGTERM and Ctrl-C into a request to cancel."""
    me = os.getpid()
    with contextlib.suppress(OSError):  # a full disk: the first event meets it again, where it is told
        run.write(WHO, json.dumps({"pid": me, "created": processes.created(me), "host": platform.node()}))
        heartbeat.beat(run)
    finished = threading.Event()
    heart = threading.Thread(target=_beat, args=(run, finished), name="heartbeat", daemon=True)
    heart.start()
    try:
        with signals_cancel(run):
            yield
    finally:
        finished.set()
        heart.join()
        (run.path / WHO).unlink(missing_ok=True)


def _beat(run: RunFolder, finished: threading.Event) -> None:
    while not finished.wait(HEARTBEAT_SECONDS):
        with contextlib.suppress(OSError):  # the folder was deleted, or the disk is full: the run itself will say so
            heartbeat.beat(run)


@contextlib.contextmanager
def signals_cancel(run: RunFolder) -> Iterator[None]:
    """The first signal asks the run to stop at its next check; further ones change nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def cancel(*_: Any) -> None:
        if not run.cancel_requested:
            with contextlib.suppress(OSError):
                run.request_cancel()

    before = {number: signal.signal(number, cancel) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(run: RunFolder, state: State, message: str, status: int) -> int:
    try:
        run.set_state(state, message)
    except OSError as error:  # a full disk can't hold this line either; whoever started us finds the run interrupted
        print(failures.sentence(error, LOG), file=sys.stderr)
        return DEFECT
    return status


def _log_traceback(run: RunFolder) -> None:
    with contextlib.suppress(OSError), (run.path / LOG).open("a", encoding="utf-8") as log:
        traceback.print_exc(file=log)


# --- as a process ---------------------------------------------------------------------------------


def _spare() -> int:
    return _ordered(warm_imports.start_importing(warm_imports.ANSWERING + warm_imports.TRAINING).join)


def _ordered(ready: Callable[[], Any] = lambda: None) -> int:
    """Works through the run that standard input names; and where its order says that we stay, through the next one,
    unless it ended in any other way than well."""
    while True:
        line = sys.stdin.readline()
        if not line.strip():
            os._exit(0)  # nobody needs us any more, and the imports may take a while yet
        order = json.loads(line)
        os.environ.update(order["environment"])
        run = RunFolder(Path(order["run"]))
        print_into(run.path / LOG)
        status = execute(run, ready)
        if status != DONE or not order.get("stay"):
            return status
        gc.collect()  # networks and their optimisers hold each other in circles


def print_into(path: Path) -> None:
    """Sends what this process and its children print from now on to `path`."""
    with path.open("ab") as log:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            os.dup2(log.fileno(), stream.fileno())


def main(arguments: list[str]) -> int:
    for missing in fence.put_up():
        print(missing, file=sys.stderr)
    if arguments == ["--spare"]:
        return _spare()
    if arguments == ["--order"]:
        return _ordered()
    if len(arguments) != 1 or not (Path(arguments[0]) / "recipe.json").is_file():
        print(
            _("usage: python -m engines.jobs.worker RUN_DIR (a folder with a recipe.json), --order or --spare"),
            file=sys.stderr,
        )
        return WRONG_INPUT
    return execute(RunFolder(Path(arguments[0])))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
