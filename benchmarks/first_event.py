"""How soon a job says something after it is submitted: cold (no spare worker) and warm (one waits with torch imported).

    python benchmarks/first_event.py [--data FOLDER_OR_ZIP] [--times 5]

Prints the median of each, in seconds. Without --data it trains on the task's first sample that needs nothing installed.
Each run is cancelled at the first event of its task; the queue works on a home folder of its own.
"""

from __future__ import annotations

import argparse
import functools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engines import registry
from engines.contract import Job, Recipe, Strategy
from engines.jobs.local.backend import LocalBackend
from engines.jobs.serving import client

TASK = "vision.classification"
PROMISED = {"cold": 6.0, "warm": 1.0}
Found = TypeVar("Found")


def wait(look: Callable[[], Found], what: str, seconds: float = 120) -> Found:
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise SystemExit(f"Waited {seconds:g} s for {what}.")
        time.sleep(0.005)
    return found


def spare_is_warm(home: Path, started: int) -> bool:
    log = home / "spare.log"
    return log.exists() and log.read_text().count("has its libraries") >= started


def one_run(jobs: LocalBackend, recipe: Recipe) -> tuple[float, float]:
    """Seconds from submit to the worker's first event, and to the first event of the task itself."""
    start = time.time()
    run_id = jobs.submit(Job(recipe))

    def of_task() -> bool:
        if jobs.status(run_id).state.finished:
            raise SystemExit(f"The run ended too early: {jobs.status(run_id).message}")
        return any(event.kind != "status" for event in jobs.events(run_id))

    wait(of_task, "the task's first event")
    events = jobs.events(run_id)
    jobs.cancel(run_id)
    wait(lambda: jobs.status(run_id).may_resume, "the cancelled run to leave")
    return events[1].time - start, next(event.time for event in events if event.kind != "status") - start


def measure(recipe: Recipe, kind: str, times: int) -> list[tuple[float, float]]:
    os.environ["HEADSTART_SPARE_WORKERS"] = "1" if kind == "warm" else "0"
    jobs = LocalBackend()
    try:
        found = []
        for number in range(times):
            jobs.warm_up()
            if kind == "warm":
                wait(functools.partial(spare_is_warm, jobs.home, number + 1), "the spare worker")
            found.append(one_run(jobs, recipe))
        return found
    finally:
        jobs.close()


def answer_seconds(times: int) -> float:
    """The warm server's round trip for a question that needs no work."""
    question = {"verb": "describe", "task": TASK, "model": registry.task(TASK).info.default_model}
    client.ask(question)
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        client.ask(question)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--times", type=int, default=5)
    chosen = parser.parse_args()
    task = registry.task(TASK)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HEADSTART_HOME"] = folder
        data = chosen.data
        if data is None:
            sample = next(sample for sample in task.samples() if sample.needs is None)
            made = client.ask({"verb": "sample", "task": TASK, "name": sample.name, "out": f"{folder}/sample"})
            data = Path(made["path"])
        recipe = Recipe(TASK, str(data.absolute()), task.info.default_model, Strategy.FEATURES)
        print(
            f"{'start':6}{'first event':>14}{'promised':>12}{'first event of the task':>26}   median of {chosen.times}"
        )
        for kind, promised in PROMISED.items():
            first, of_task = map(statistics.median, zip(*measure(recipe, kind, chosen.times), strict=True))
            print(f"{kind:6}{first:12.2f} s{promised:10.0f} s{of_task:24.2f} s", flush=True)
        print(f"warm server, round trip: {1000 * answer_seconds(50):.1f} ms (median of 50)")
        client.stop()


if __name__ == "__main__":
    main()
