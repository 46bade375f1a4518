"""What is lost when processes are killed, disks are full, files are cut and the clock is set: each fault, many times.

    python -m benchmarks.chaos [--kills 100] [--cuts 200] [--seed 0] [--write]

A kill is `kill -9` of a worker, a spare worker, the warm server, the host (Streamlit, with its queue) or the queue of a
second app on the same home, at a random moment of a run's life. `--write` puts the table into docs/reliability.md.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random

from benchmarks.performance_page import ROOT, busy, parser, publish, table
from engines import paths
from engines.runs import new_id
from tests.chaos import faults, journey
from tests.pages import compared_run, finished_run

PAGE = ROOT / "docs" / "reliability.md"
Rows = list[tuple[str, str, str, str]]
HEADS = ("what happens", "times", "what must hold", "broken")


def kills(n: int, minutes: float, rng: Random) -> tuple[Rows, str]:
    """A row a kind of process, and what it came to in words: of `n` kills, or as many as fit into the minutes."""
    until = time.monotonic() + 60 * minutes
    with tempfile.TemporaryDirectory() as home, journey.opened(Path(home)) as place:
        points = []
        for number in range(n):
            if time.monotonic() > until:
                break
            points.append(journey.killed(place, journey.VICTIMS[number % len(journey.VICTIMS)], rng))
            print(points[-1], flush=True)
        waiting = journey.waiting(Path(home))
        left = place.close()
    rows: Rows = []
    for victim in journey.VICTIMS:
        mine = [point for point in points if point.victim == victim]
        wrong = [f"{point.moment}: {sentence}" for point in mine for sentence in point.wrong]
        hit = sum(point.hit for point in mine)
        holds = "the run is done, at its own count, one epoch lost at most"
        rows.append((f"kill -9 of the {victim}", f"{len(mine)}, {hit} of them hit one", holds, _told(wrong)))
    lost = Counter(point.lost for point in points)
    rows.append(
        (
            "after all of them",
            "1",
            "nothing waits, no process is left",
            _told([f"{waiting} wait"] * bool(waiting) + left),
        )
    )
    words = f"Of {len(points)} runs {sum(point.ended == 'done' for point in points)} ended done; "
    words += ", ".join(f"{count} lost {epochs}" for epochs, count in sorted(lost.items())) + " epochs."
    return rows, words


def full_disks() -> Rows:
    rows: Rows = []
    for verb in ("fit", "compare"):
        met, n, wrong = True, 0, []
        while met:
            n += 1
            met, found = faults.full_at(n, verb)
            wrong += [f"write {n}: {sentence}" for sentence in found]
        holds = "a sentence; once there is room it goes on, one epoch lost at most, nothing half written left"
        rows.append((f"disk full from the n-th write of a {verb} on", f"{n - 1} writes, each", holds, _told(wrong)))
    return rows


def cuts(n: int, rng: Random) -> Rows:
    runs = faults.queued_runs()
    database = [found for share in faults.shares(rng, n) for found in faults.database_cut(share, runs)]
    visitors = [found for share in faults.shares(rng, n) for found in faults.visitors_cut(share)]
    places = [
        finished_run.write(paths.runs() / new_id()),
        compared_run.write(paths.runs() / new_id(), found=compared_run.answer()),
    ]
    files = [(run, file.name) for run in places for file in run.path.iterdir() if file.suffix in faults.CUT]
    each = max(3, n // len(files))
    folders = [
        found for run, name in files for share in faults.shares(rng, each) for found in faults.run_cut(run, name, share)
    ]
    return [
        ("the queue's database cut at a byte", str(n), "every run that waits still waits", _told(database)),
        (
            "the visitors' database and key cut",
            str(n),
            "counted on, and no cookie signed with half a key",
            _told(visitors),
        ),
        (
            f"a run's files cut ({len(files)} files)",
            str(each * len(files)),
            "what there is, or a sentence",
            _told(folders),
        ),
    ]


def clocks() -> Rows:
    wrong = [found for jump in faults.JUMPS for found in faults.clock_set(jump)]
    holds = "a run is neither stopped nor taken for dead, nor given to a second worker"
    return [
        ("the clock set while a run trains", f"{len(faults.JUMPS)} jumps, an hour to ten years", holds, _told(wrong))
    ]


def _told(wrong: Iterable[str]) -> str:
    found = list(wrong)
    for sentence in found:
        print(sentence, file=sys.stderr, flush=True)
    return str(len(found)) if found else "none"


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--kills", type=int, default=100)
    arguments.add_argument("--minutes", type=float, default=120, help="kill for no longer than that")
    arguments.add_argument("--cuts", type=int, default=200)
    arguments.add_argument("--seed", type=int, default=0)
    asked = arguments.parse_args()
    rng, began = Random(asked.seed), time.monotonic()
    killed, words = kills(asked.kills, asked.minutes, rng)
    rest: list[Callable[[], Rows]] = [full_disks, lambda: cuts(asked.cuts, rng), clocks]
    with tempfile.TemporaryDirectory() as home:
        os.environ.update(journey.environment(Path(home)) | {"HEADSTART_PUBLIC": "", "HEADSTART_SPARE_WORKERS": "0"})
        sys.path.insert(0, str(ROOT / "tests" / "jobs"))
        with (Path(home) / "said.log").open("w") as log, contextlib.redirect_stdout(log):  # what the runs print
            rows = killed + [row for part in rest for row in part()]
    told = f"{words} Seed {asked.seed}; {(time.monotonic() - began) / 60:.0f} minutes, {busy()} at the end."
    publish(f"{table(HEADS, rows)}\n\n{told}", write=asked.write, page=PAGE)


if __name__ == "__main__":
    main()
