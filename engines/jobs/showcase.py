"""A host that only shows recorded runs (HEADSTART_SHOWCASE): a queue that takes nothing, answers without torch."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import threading
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

from engines import paths, registry
from engines.contract import Event, InputError, Job, Predictor, Problem
from engines.jobs.contract import JobStatus, Load, Standing
from engines.messages import _, told
from engines.runs import RunFolder

WHAT_IT_IS = _("it shows recorded runs, and nothing can be trained or brought")
INSTEAD = _("the whole app, on a machine of your own: copy the project there and say `make run`")


def refusal() -> InputError:
    """What this host is, and how to have what it has not."""
    return InputError(Problem(_("this host"), told(WHAT_IT_IS), told(INSTEAD)))


class ShowcaseBackend:
    """A `JobBackend` of the recorded runs: their states and events are there to be read, and nothing can be queued."""

    def submit(self, job: Job | None, resume: str | None = None) -> str:
        """See `JobBackend.submit`. Raises InputError, always."""
        raise refusal()

    def status(self, run_id: str) -> JobStatus:
        """See `JobBackend.status`."""
        run = RunFolder.find(run_id)
        return JobStatus(run.id, *run.state)

    def events(self, run_id: str, after: int = -1) -> list[Event]:
        """See `JobBackend.events`."""
        return RunFolder.find(run_id).events(after)

    def cancel(self, run_id: str) -> JobStatus:
        """See `JobBackend.cancel`: every run here has finished."""
        return self.status(run_id)

    def sooner(self, run_id: str) -> JobStatus:
        """See `JobBackend.sooner`: none waits here."""
        return self.status(run_id)

    def load(self) -> Load:
        """See `JobBackend.load`."""
        return Load(0, ())

    def standing(self, owners: Collection[str]) -> dict[str, Standing]:
        """See `JobBackend.standing`: nobody has a run of their own here."""
        return {}

    def forget(self, owner: str) -> None:
        """There is nothing to forget."""

    def warm_up(self) -> None:
        """There is nothing to get ready."""

    def close(self) -> None:
        """There is nothing to let go of."""


# --- questions ------------------------------------------------------------------------------------


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """The answer to a page's question, in this process: `predict`, of a recorded model that needs no torch.

    Raises InputError, which says what this host is, for anything else.
    """
    if question["verb"] != "predict":
        raise refusal()
    run = RunFolder.find(Path(question["run"]).name)
    predictor = _predictor(run.id)
    if predictor is None:
        raise refusal()
    with _asking:
        start = time.perf_counter()
        rows = predictor.predict(Path(question["data"]))
        seconds = time.perf_counter() - start
        _give_back()
        return {"rows": rows, "milliseconds": 1000 * seconds}


def _give_back() -> None:
    """What the C library keeps of freed memory goes back to the system: 15 MB after a picture, 10 after loading."""
    with contextlib.suppress(OSError, AttributeError):  # only glibc has it
        ctypes.CDLL("libc.so.6").malloc_trim(0)


_asking = threading.Lock()
"""One question at a time: each takes a core and the memory of one picture."""


def can_be_asked(run: RunFolder) -> bool:
    """Whether `answer` has an answer about this run's model."""
    return run.path.parent == paths.showcase() and _predictor(run.id) is not None


@functools.cache
def _predictor(run_id: str) -> Predictor | None:
    """The recorded model, by its task's predict_light.py; None where there is no such file, or its model needs more."""
    run = RunFolder.find(run_id)
    task = registry.task(run.recipe.task)
    try:
        predictor: Predictor = task.verb("predict_light").load(task, run.path)
    except (NotImplementedError, ModuleNotFoundError):  # no such verb; or no ONNX Runtime for this machine
        return None
    return predictor
