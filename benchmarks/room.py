"""A room of thirty: how soon everybody is in it, and how soon everybody has a first model.

    python -m benchmarks.room [--members 30] [--anew 6] [--rounds 3] [--seed 0] [--write]

Joining: so many sockets at once, each a browser with a cookie of its own, open the link with the code, join, and open a
domain's page with the room's line on it. First models: each asks at once for a head on the digits sample with
EfficientNet-Lite0 and the comparison with training from scratch that pages ask for; a spare worker waits, as in an app
that has been open for a while. The room ends when everybody has a model, so of the comparisons few are trained. Then
the same for `--anew` of them with every worker starting anew, without the room's order.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

from benchmarks.browsers import Browser, served
from benchmarks.performance_page import ROOT, busy, parser, publish, table
from engines import api
from engines.contract import Job, Recipe, Strategy
from engines.hosting import visitors
from engines.jobs import room_end
from engines.jobs.backends import backend
from engines.jobs.local import orders
from engines.jobs.serving import client
from engines.rooms import members, rooms
from engines.runs import RunFolder

PAGE = ROOT / "docs" / "workshop" / "room.md"
TASK, SAMPLE, MODEL = "vision.classification", "digits", "tf_efficientnet_lite0"
PROMISED_JOIN, PROMISED_MODEL = 10.0, 180.0
PATIENCE = 1800.0


@dataclass(frozen=True)
class Asked:
    members: int = 30
    anew: int = 6
    rounds: int = 3
    seed: int = 0


@dataclass
class Found:
    """What was measured, in seconds: of everybody's joining in each round, and of everybody's first model."""

    joining: list[list[float]] = field(default_factory=list)
    models: list[float] = field(default_factory=list)
    anew: list[float] = field(default_factory=list)
    processes: int = 0
    """That the first models came out of."""
    left: int = 0
    """Files of the room, its runs included, that were there after its end."""
    loads: list[float] = field(default_factory=list)


async def joined(url: str, code: str, number: int) -> float:
    """Seconds until somebody is in the room and has a page with its line."""
    browser, start = Browser(url), time.perf_counter()
    await browser.open("room", f"code={code}")
    visitor = visitors.visitor_of(browser.cookie.partition("=")[2])
    assert visitor is not None
    await asyncio.to_thread(members.join, code, visitor, f"Guest {number}")
    await browser.open("vision")
    took = time.perf_counter() - start
    await browser.close()
    return took


async def everybody(url: str, code: str, count: int) -> list[float]:
    return list(await asyncio.gather(*(joined(url, code, number) for number in range(count))))


def joining(found: Found, home: Path, asked: Asked) -> None:
    """Fills in `joining`: a room a round, on one server; a first visitor has opened both pages before."""
    with served(home, HEADSTART_PUBLIC="1", HEADSTART_SPARE_WORKERS="0") as server:
        asyncio.run(everybody(server.url, rooms.open_room("warm")[0].code, 1))
        for number in range(asked.rounds):
            room, _token = rooms.open_room(f"Round {number}")
            found.joining.append(asyncio.run(everybody(server.url, room.code, asked.members)))
            found.loads.append(os.getloadavg()[0])


def models(home: Path, asked: Asked, *, in_room: bool) -> tuple[list[float], int, int]:
    """Seconds until each had a model, out of how many processes, and how many files were left after the room's end."""
    os.environ["HEADSTART_HOME"] = str(home)
    os.environ["HEADSTART_MAX_QUEUED"] = str(2 * asked.members)
    data = api.make_sample(TASK, SAMPLE, home / "samples" / TASK)
    before = {path for path in home.rglob("*") if path.is_file()}
    room, _token = rooms.open_room("Benchmark")
    jobs = backend()
    jobs.warm_up()
    time.sleep(60.0)  # the spare worker imports what it needs
    people = asked.members if in_room else asked.anew
    owners = [members.join(room.code, f"visitor {n}").owner for n in range(people)]
    begun, waiting = time.monotonic(), {}
    for number, owner in enumerate(owners):  # the same sample and seed, as pages ask: what is frozen runs once for all
        settings = {"baseline": "scratch"} if in_room else {"baseline": "none"}
        recipe = Recipe(TASK, str(data), MODEL, Strategy.FEATURES, seed=asked.seed, settings=settings)
        run_id = jobs.submit(Job(recipe, owner=owner if in_room else f"outside {number}"))
        waiting[run_id] = time.monotonic()
    submitted = list(waiting)
    took: list[float] = []
    processes: set[str] = set()
    while waiting:
        for run_id in list(waiting):
            run = RunFolder.find(run_id)
            status = jobs.status(run_id)
            if (run.path / "worker.json").is_file():
                processes.add((run.path / "worker.json").read_text(encoding="utf-8"))
            if any(event.kind == "result" and event.data["series"] == "transfer" for event in run.events()):
                took.append(time.monotonic() - waiting.pop(run_id))
            elif status.state.finished:
                raise SystemExit(f"A run ended without a model: {status.message}")
        if time.monotonic() - begun > PATIENCE:
            raise SystemExit(f"{len(waiting)} had no model after {PATIENCE:.0f} s.")
        time.sleep(0.1)
    room_end.end(jobs, room.code)
    while not in_room and not all(jobs.status(run_id).state.finished for run_id in submitted):
        time.sleep(0.1)  # nobody ends these: a worker still writes its last files
    jobs.close()
    known = {"queue.sqlite3", "rooms.sqlite3", "visitors.sqlite3", "spare.log", "measured.jsonl"}
    left = [p for p in home.rglob("*") if p.is_file() and p not in before and p.name.split("-")[0] not in known]
    return took, len(processes), len([path for path in left if "runs" in path.parts or "uploads" in path.parts])


def measure(asked: Asked) -> Found:
    """All of it. Sets HEADSTART_HOME for this process."""
    found = Found()
    with tempfile.TemporaryDirectory() as scratch:
        homes = [Path(scratch) / name for name in ("joining", "room", "anew")]
        for home in homes:
            home.mkdir()
        os.environ["HEADSTART_HOME"] = str(homes[0])
        joining(found, homes[0], asked)
        client.stop()
        found.models, found.processes, found.left = models(homes[1], asked, in_room=True)
        found.loads.append(os.getloadavg()[0])
        with mock.patch.object(orders, "stays", return_value=False):
            found.anew, _processes, _left = models(homes[2], asked, in_room=False)
        found.loads.append(os.getloadavg()[0])
    return found


def told(found: Found, asked: Asked) -> str:
    """The table, in Markdown."""
    joins = [seconds for each in found.joining for seconds in each]
    by_round = ", ".join(f"{max(each):.1f}" for each in found.joining)
    rows = [
        (
            f"{asked.members} browsers join at once: the last is in after",
            f"{PROMISED_JOIN:g} s",
            f"{max(joins):.1f} s (median {statistics.median(joins):.1f}; the last by round {by_round})",
        ),
        (
            f"{asked.members} ask at once for a model: the last has it after",
            f"{PROMISED_MODEL:g} s, on four cores",
            f"{max(found.models):.0f} s (median {statistics.median(found.models):.0f}), out of {found.processes} "
            "process" + ("es" if found.processes != 1 else ""),
        ),
        (
            f"{asked.anew} who each start a process anew, without comparisons: the last after",
            "",
            f"{max(found.anew):.0f} s, {max(found.anew) / asked.anew:.1f} s each",
        ),
        ("runs and uploads left after the end, files", "0", str(found.left)),
    ]
    loads = ", ".join(f"{load:.1f}" for load in found.loads)
    how = (
        f"{asked.rounds} rounds of joining, one of each queue; seed {asked.seed} for all, as pages ask. "
        f"Load averages after each: {loads}; at the end {busy()}."
    )
    return f"{table(('', 'promised', 'measured'), rows)}\n\n{how}"


def main() -> None:
    arguments, usual = parser(__doc__), Asked()
    for name in ("members", "anew", "rounds", "seed"):
        arguments.add_argument(f"--{name}", type=int, default=getattr(usual, name))
    given = vars(arguments.parse_args())
    write = given.pop("write")
    asked = Asked(**given)
    publish(told(measure(asked), asked), write=write, page=PAGE)


if __name__ == "__main__":
    main()
