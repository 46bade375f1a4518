"""How files that were made to break a reader fare: kinds × variations, each an upload that is checked.

    python -m benchmarks.hostile [--each 16] [--seed 0] [--plain] [--write]

Each task's files are tried in a process of their own. Counts tracebacks, files that took more than SECONDS of the
processor, memory above MEGABYTES over idle, and good examples lost beside a bad one. Each kind is given to a reader
that trusts it too (`tests/hostile/plain.py`), which says whether it is hostile at all: with `--plain` anew, else as
the kind has it noted (`kinds.Kind.plain`). `--write` puts both tables into docs/hosting.md.
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

TASKS = (
    "vision.classification",
    "vision.detection",
    "text.sentiment",
    "forecasting.forecast",
    "control.policy",
    "speech.speaker",
)
SECONDS, MEGABYTES = 10.0, 1024.0
VARIATIONS = 3
"""Of a kind, given to a plain reader until one breaks it."""
PAGE = ROOT / "docs" / "hosting.md"
HEADS = ("task", "kinds", "files", "refused in a sentence", "read, or left out", "tracebacks", f"over {SECONDS:.0f} s",
         "over 1 GB", "good examples lost")  # fmt: skip
BROKEN = {
    "raises": "ends in a traceback",
    "wrong": "gives what is not in the file, or what harms whoever is shown it",
    "memory": "wants more than 1 GB of memory",
    "disk": "fills more than 1 GB of disk",
    "time": "takes more than 10 s of the processor",
    "dies": "dies without a word",
    "reads": "reads it, and nothing is wrong",
}


def tried(task: str, each: int, seed: int) -> Iterator[dict[str, Any]]:
    """What became of each file; the last has outcome 'died' where the process went down with it."""
    command = [sys.executable, "-m", "tests.hostile.trial", task, str(each), str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout
        yield from map(json.loads, process.stdout)
    if process.returncode:
        yield {"kind": "unknown", "outcome": "died", "seconds": 0.0, "worked": 0.0, "grown": 0.0, "lost": 0}


def plainly(seed: int, anew: bool) -> dict[str, list[str]]:
    """What becomes of a plain reader -> the kinds that do this to it: tried `anew`, or as each kind says of itself."""
    found: dict[str, list[str]] = {outcome: [] for outcome in BROKEN}
    command = [sys.executable, "-m", "tests.hostile.plain", str(VARIATIONS if anew else 0), str(seed)]
    answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, check=True).stdout
    for kind, outcome in map(json.loads, answer.splitlines()):
        found[outcome].append(kind)
    return found


def row(task: str, found: list[dict[str, Any]]) -> tuple[str, ...]:
    outcomes = Counter(each["outcome"] for each in found)
    broken = sum(n for outcome, n in outcomes.items() if outcome not in {"read", "refused"})
    slow = sum(each["worked"] > SECONDS for each in found)
    large = sum(each["grown"] > MEGABYTES for each in found)
    numbers = (outcomes["refused"], outcomes["read"], broken, slow, large, sum(each["lost"] for each in found))
    return task, str(len({each["kind"] for each in found})), f"{len(found):,}", *map(str, numbers)


def in_words(rows: list[tuple[str, ...]], every: list[dict[str, Any]], plain: dict[str, list[str]]) -> str:
    """Both tables, with what a reader of them has to know."""
    slowest, largest = max(every, key=lambda each: each["worked"]), max(every, key=lambda each: each["grown"])
    kinds = sum(map(len, plain.values()))
    shown = [
        (f"a plain reader {BROKEN[outcome]}", str(len(names)), ", ".join(names)) for outcome, names in plain.items()
    ]
    return f"""\
{table(HEADS, rows)}

{len(every):,} files of {kinds} kinds. Seconds are the processor's. The most of them took
"{slowest["kind"]}" ({slowest["worked"]:.1f}; by the clock, {slowest["seconds"]:.1f} s), the most memory
"{largest["kind"]}" ({largest["grown"]:,.0f} MiB more than before); load average {os.getloadavg()[0]:.1f} at the end.

What the same files do to pandas, Pillow, zipfile, NumPy, MuJoCo and soundfile, called plainly; of up to
{VARIATIONS} variations the first that broke one:

{table(("", "kinds", "which"), [each for each in shown if each[1] != "0"])}"""


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument(
        "--each", type=int, default=16, help="variations of each kind; of one that takes seconds, one"
    )
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--plain", action="store_true", help="try plain readers anew: minutes; else as kinds say")
    asked = arguments.parse_args()
    rows, every = [], []
    for task in TASKS:
        found = list(tried(task, asked.each, asked.seed))
        rows.append(row(task, found))
        every += found
        print(rows[-1], flush=True)
        bad = [each for each in found if each["outcome"] not in {"read", "refused"} or each["worked"] > SECONDS]
        print(*bad, sep="\n", flush=True)
    publish(in_words(rows, every, plainly(asked.seed, asked.plain)), write=asked.write, page=PAGE)


if __name__ == "__main__":
    main()
