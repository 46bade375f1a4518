"""What a host takes that only shows recorded runs: the time to its first page, and its memory after every page.

    python -m benchmarks.showcase [--rounds 5] [--python PYTHON] [--write]

Each round starts a server, opens the vision page as its first visitor, then every page and every recorded run, and asks
the recorded image models about pictures. With `--python`, by an interpreter that has nothing but
requirements-showcase.txt. Memory is the process's resident size (RSS); there is no other process.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.browsers import Browser, Server, served
from benchmarks.performance_page import ROOT, busy, parser, publish, table

PAGES = ("", "vision", "text", "speech", "forecasting", "control", "showing", "my_data", "explore", "kinds", "runs",
         "evidence", "privacy", "story", "glossary")  # fmt: skip
PROMISED_SECONDS, PROMISED_MEGABYTES = 3.0, 300.0
ASKED = "import psutil\nbefore = psutil.Process().memory_info().rss\n" + (
    "from engines.jobs import showcase\nfrom engines import paths\n"
    "for picture in sorted((paths.showcase() / 'recorded_digits_seed_0/thumbnails').glob('*.jpg'))[:5]:\n"
    "    run = paths.showcase() / 'recorded_digits_seed_0'\n"
    "    showcase.answer({'verb': 'predict', 'run': str(run), 'data': str(picture)})\n"
    "print((psutil.Process().memory_info().rss - before) >> 20)\n"
)
"""Run beside the server: what asking adds to a process that has numpy and Pillow already is less than it adds to one
that has nothing."""


async def visit(server: Server) -> dict[str, float]:
    """Seconds of the first page, by the clock and of the processor; MiB after it and after all pages."""
    browser = Browser(server.url)
    await browser.open("vision")
    first = time.perf_counter() - server.began
    times = server.process.cpu_times()
    found = {"first": first, "cpu": times.user + times.system, "after_first": server.megabytes}
    index = json.loads((ROOT / "showcase" / "index.json").read_text(encoding="utf-8"))
    for page in PAGES:
        await browser.open(page)
    for entry in index:
        await browser.open(entry["task"].partition(".")[0], f"run={entry['id']}")
    await browser.close()
    return found | {"after_all": server.megabytes}


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--python", default=sys.executable)
    asked = arguments.parse_args()
    rounds = []
    for _ in range(asked.rounds):
        with (
            tempfile.TemporaryDirectory() as home,
            served(Path(home), python=asked.python, HEADSTART_SHOWCASE="1") as s,
        ):
            rounds.append(asyncio.run(visit(s)) | {"load": os.getloadavg()[0]})
    surroundings = {**os.environ, "HEADSTART_SHOWCASE": "1", "PYTHONPATH": str(ROOT)}
    answer = subprocess.run([asked.python, "-c", ASKED], cwd=ROOT, env=surroundings, capture_output=True, check=True)
    asking = int(answer.stdout)

    def told(key: str, digits: int) -> str:
        values = [each[key] for each in rounds]
        return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"

    after_all = max(each["after_all"] for each in rounds)
    rows = [
        ("first page after the start, seconds by the clock", f"{PROMISED_SECONDS:g}", told("first", 1)),
        ("the same, seconds of the processor", "", told("cpu", 1)),
        ("memory after the first page, MiB", "", told("after_first", 0)),
        ("after every page and recorded run, MiB", f"{PROMISED_MEGABYTES:g}", told("after_all", 0)),
        ("and at most once pictures are asked about, MiB", f"{PROMISED_MEGABYTES:g}", f"{after_all + asking:.0f}"),
    ]
    loads = ", ".join(f"{each['load']:.1f}" for each in rounds)
    remark = f"Median (least to most) of {len(rounds)} rounds; load averages after each: {loads}; now {busy()}."
    publish(f"{table(('', 'promised', 'measured'), rows)}\n\n{remark}", write=asked.write)


if __name__ == "__main__":
    main()
