"""What a worker that waits on its standard input is told, and how one knows that it has done what it was told."""

from __future__ import annotations

import contextlib
import json
import subprocess

from engines.contract import InputError, State
from engines.jobs.worker import WHO
from engines.rooms import queueing
from engines.runs import RunFolder

Worker = subprocess.Popen[bytes]


def stays(run: RunFolder) -> bool:
    """Whether the run's worker shall take further runs after it. One of a newer version's says what is wrong itself."""
    with contextlib.suppress(InputError):
        return queueing.several_in_one_process(run.job)
    return False


def order(worker: Worker, run: RunFolder, environment: dict[str, str], stays: bool) -> None:
    """Tells a waiting worker its run: not on its command line, which every user of the machine may read, and a run's
    id is the key to it. `stays`: it waits for another one afterwards. Raises OSError where it has died."""
    assert worker.stdin
    order = {"run": str(run.path), "environment": environment, "stay": stays}
    worker.stdin.write(json.dumps(order).encode() + b"\n")
    worker.stdin.flush()
    if not stays:
        worker.stdin.close()


def close(worker: Worker) -> None:
    """A worker whose standard input closes leaves when it has done with the run that it has."""
    if worker.stdin:
        with contextlib.suppress(OSError):
            worker.stdin.close()


def dismiss(spare: Worker) -> None:
    """A spare leaves when its standard input closes."""
    close(spare)
    try:
        spare.wait(timeout=5)
    except subprocess.TimeoutExpired:
        spare.kill()
        spare.wait()


def is_deferred(run: RunFolder) -> bool:
    """Whether its worker has put it back into the queue, with the model done and the comparison to come."""
    return run.job.arguments.get("comparison") == queueing.NEXT


def left(run: RunFolder) -> bool:
    """Whether a worker that stays has done with the run."""
    if not run.exists:
        return True
    state, _ = run.state
    return not (run.path / WHO).exists() and (state.finished or (state is State.QUEUED and is_deferred(run)))


def ended_well(run: RunFolder) -> bool:
    """Whether a worker that was told to stay does so after this run."""
    state, _ = run.state
    return run.exists and (state is State.DONE or (state is State.QUEUED and is_deferred(run)))


def waive_comparison(run: RunFolder) -> None:
    """The run is done with its model; its comparison, which waits, does not come any more."""
    run.skip_comparison()
    run.clear_cancel()
    run.set_state(State.DONE, "Done.")
