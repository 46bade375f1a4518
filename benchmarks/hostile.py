"""How files that were made to break a reader fare: kinds × variations, each an upload that is checked.

    python benchmarks/hostile.py [--each 16] [--seed 0] [--write]

Each task's files are tried in a process of their own. Counts tracebacks, files that took more than SECONDS, memory
above MEGABYTES over idle, and good examples lost beside a bad one; `--write` puts the table into docs/hosting.md.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

from benchmarks.performance_page import ROOT, parser, publish, table

TASKS = ("vision.classification", "text.sentiment", "forecasting.forecast", "control.policy", "speech.speaker")
SECONDS, MEGABYTES = 10.0, 1024.0
PAGE = ROOT / "docs" / "hosting.md"
HEADS = ("task", "kinds", "files", "refused in a sentence", "read, or left out", "tracebacks", f"over {SECONDS:.0f} s",
         "over 1 GB", "good examples lost")  # fmt: skip


def tried(task: str, each: int, seed: int) -> Iterator[dict[str, Any]]:
    """What became of each file; the last has outcome 'died' where the process went down with it."""
    command = [sys.executable, "-m", "tests.hostile.trial", task, str(each), str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout
        yield from map(json.loads, process.stdout)
    if process.returncode:
        yield {"kind": "unknown", "outcome": "died", "seconds": 0.0, "grown": 0.0, "lost": 0}


def row(task: str, found: list[dict[str, Any]]) -> tuple[str, ...]:
    outcomes = Counter(each["outcome"] for each in found)
    broken = sum(n for outcome, n in outcomes.items() if outcome not in {"read", "refused"})
    slow = sum(each["seconds"] > SECONDS for each in found)
    large = sum(each["grown"] > MEGABYTES for each in found)
    numbers = (outcomes["refused"], outcomes["read"], broken, slow, large, sum(each["lost"] for each in found))
    return task, str(len({each["kind"] for each in found})), f"{len(found):,}", *map(str, numbers)


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--each", type=int, default=16, help="variations of each kind")
    arguments.add_argument("--seed", type=int, default=0)
    asked = arguments.parse_args()
    rows, slowest = [], 0.0
    for task in TASKS:
        found = list(tried(task, asked.each, asked.seed))
        rows.append(row(task, found))
        slowest = max(slowest, *(each["seconds"] for each in found))
        print(rows[-1], flush=True)
    text = f"{table(HEADS, rows)}\n\nThe slowest took {slowest:.1f} s; load {os.getloadavg()[0]:.1f} at the end."
    publish(text, write=asked.write, page=PAGE)


if __name__ == "__main__":
    main()
