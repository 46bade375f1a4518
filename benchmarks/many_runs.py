"""Very many runs in one queue: how soon each is taken, and whether one is lost or done twice.

    python -m benchmarks.many_runs [--runs 1000] [--apps 2] [--write]

Several apps share the home and take turns in submitting. A run is a fake: its worker is a thread that writes what a
real one writes and learns nothing, so that what is measured is the queue: its table, the run folders, its thread.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from benchmarks.performance_page import ROOT, parser, publish, table
from engines import paths
from engines.contract import Job, Recipe, State, Strategy
from engines.jobs import limits
from engines.jobs.launchers.contract import Ending, Process
from engines.jobs.local.backend import LocalBackend
from engines.runs import RunFolder

PAGE = ROOT / "docs" / "scale.md"
PROMISED_MS = 50


class Fakes:
    """A launcher whose workers are threads that only say what a worker says."""

    name = "fake"
    started: ClassVar[Counter[str]] = Counter()
    """Run -> how often it was started, by whichever app."""

    def __init__(self) -> None:
        self.working: dict[str, threading.Thread] = {}

    def places(self) -> limits.Places:
        return limits.places(0)

    def start(self, run: RunFolder, slot: int, places: limits.Places) -> Process | None:
        def work() -> None:
            run.set_state(State.RUNNING, "Starting.")
            run.set_state(State.DONE, "Done.")

        Fakes.started[run.path.name] += 1
        thread = self.working[run.path.name] = threading.Thread(target=work)
        thread.start()
        return os.getpid(), 0.0

    def alive(self, run: RunFolder, process: Process | None) -> bool:
        thread = self.working.get(run.path.name)
        return thread.is_alive() if thread else not run.state[0].finished

    def stop(self, run: RunFolder, process: Process | None) -> None: ...

    def kill(self, run: RunFolder, process: Process | None) -> None: ...

    def ended(self, run: RunFolder) -> Ending:
        self.working.pop(run.path.name, None)
        return Ending()

    def silence(self, run: RunFolder) -> float:
        return 0.0

    def keep_ready(self) -> None: ...

    def close(self) -> None: ...


@dataclass
class Found:
    submits: list[float]
    """Seconds that each took, in the order in which they came."""
    lost: int
    doubled: int
    seconds: float
    """Until the last was done."""


def measured(runs: int, apps: int) -> Found:
    """On the current HEADSTART_HOME."""
    Fakes.started.clear()
    queues = []
    for _ in range(apps):
        queues.append(LocalBackend())
        queues[-1]._dispatcher.local = queues[-1]._dispatcher.launcher = Fakes()  # type: ignore[assignment]
    began, submits, ids = time.monotonic(), [], []
    try:
        for number in range(runs):
            start = time.perf_counter()
            recipe = Recipe("vision.classification", "/data", "fingers", Strategy.FEATURES, seed=number)
            ids.append(queues[number % apps].submit(Job(recipe)))
            submits.append(time.perf_counter() - start)
        deadline = time.monotonic() + 600
        while queues[0].load().waiting or queues[0]._store.running():
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
    finally:
        for queue in queues:
            queue.close()
    done = [run_id for run_id in ids if RunFolder(paths.runs() / run_id).state[0] is State.DONE]
    doubled = sum(times > 1 for times in Fakes.started.values())
    return Found(submits, runs - len(done), doubled, time.monotonic() - began)


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--runs", type=int, default=1000)
    arguments.add_argument("--apps", type=int, default=2)
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ.update(HEADSTART_HOME=home, HEADSTART_MAX_QUEUED=str(asked.runs), HEADSTART_MAX_RUNNING="8")
        found = measured(asked.runs, asked.apps)
    p50, p95, most = (float(np.quantile(found.submits, share)) * 1000 for share in (0.5, 0.95, 1.0))
    rows = [
        ("submit, median / 95 % / slowest", f"p95 {PROMISED_MS} ms", f"{p50:.1f} / **{p95:.1f}** / {most:.1f} ms"),
        ("lost", "0", f"**{found.lost}** of {asked.runs}"),
        ("started twice", "0", f"**{found.doubled}** of {asked.runs}"),
        ("all done, eight at once", "", f"{found.seconds:.0f} s"),
    ]
    publish(table(("", "asked for", "measured"), rows), write=asked.write, page=PAGE)


if __name__ == "__main__":
    main()
