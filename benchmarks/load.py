"""A public host with many browsers open: how soon pages come while a run trains, and what visitors leave in memory.

    python -m benchmarks.load [--sockets 50] [--seconds 60] [--think 20] [--rounds 3] [--visits 200] [--write]

So many sockets stay open, each a visitor with a cookie of its own who opens a page or a recorded run now and then (the
pauses are exponential, with a mean of `--think` seconds, drawn by `--seed`). Rounds without and with a run that trains
all of a network go in turn on one server, so that what else the machine does weighs on both. Then a fresh server has
`--visits` visitors, who come and leave, five at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.browsers import Browser, Server, served
from benchmarks.performance_page import ROOT, busy, parser, publish, table
from engines import api
from engines.contract import Job, Recipe, Strategy
from engines.jobs.backends import backend
from engines.jobs.serving import client

PAGE = ROOT / "docs" / "reliability.md"
TASK, SAMPLE = "vision.classification", "digits"
PAGES = ("", "vision", "text", "speech", "forecasting", "control", "kinds", "runs", "evidence")
PROMISED_RATIO, PROMISED_MEGABYTES, PROMISED_GROWTH = 1.5, 1.0, 0.10
AT_ONCE = 5
TOGETHER = 50
"""Visits after which memory is first looked at."""


@dataclass
class Found:
    """What was measured. Seconds of each page, MiB of the server."""

    idle: list[list[float]] = field(default_factory=list)
    training: list[list[float]] = field(default_factory=list)
    a_session: float = 0.0
    after_few: float = 0.0
    after_all: float = 0.0
    loads: list[float] = field(default_factory=list)


def places() -> list[tuple[str, str]]:
    """What there is to open: (page, query)."""
    index = json.loads((ROOT / "showcase" / "index.json").read_text(encoding="utf-8"))
    return [*((page, "") for page in PAGES), *((e["task"].partition(".")[0], f"run={e['id']}") for e in index)]


async def clicking(browsers: list[Browser], seconds: float, think: float, seed: int) -> list[float]:
    """Seconds that each page took which these browsers opened in that time."""
    took: list[float] = []
    end = time.monotonic() + seconds

    async def visitor(number: int) -> None:
        draw = random.Random(f"{seed} {number}")
        while (pause := draw.expovariate(1 / think)) < end - time.monotonic():
            await asyncio.sleep(pause)
            took.append(await browsers[number].open(*draw.choice(places())))

    await asyncio.gather(*map(visitor, range(len(browsers))))
    return took


async def opened(url: str, count: int) -> list[Browser]:
    """So many browsers, each with a page open."""
    browsers = [Browser(url) for _ in range(count)]
    for number, browser in enumerate(browsers):
        await browser.open(*places()[number % len(places())])
    return browsers


@contextlib.asynccontextmanager
async def training(home: Path) -> AsyncIterator[None]:
    """While it is entered, a run on the host's queue trains all of a network."""
    data = await asyncio.to_thread(api.make_sample, TASK, SAMPLE, home / "samples" / TASK)
    settings = {"epochs": 500, "baseline": "none"}
    recipe = Recipe(TASK, str(data), "tf_efficientnet_lite0", Strategy.FULL, settings=settings)
    run_id = backend().submit(Job(recipe, owner="benchmark"))

    def learns() -> bool:
        status = backend().status(run_id)
        if status.state.finished:
            raise SystemExit(f"The run ended too early: {status.message}")
        return any(event.kind == "progress" and event.data["phase"] != "reading" for event in backend().events(run_id))

    await _wait(learns, "the run to train")
    try:
        yield
        if not learns():
            raise SystemExit("The run ended while pages were opened.")
    finally:
        backend().cancel(run_id)
        await _wait(lambda: backend().status(run_id).state.finished, "the run to stop")


async def _wait(look: Callable[[], bool], what: str, seconds: float = 300.0) -> None:
    deadline = time.monotonic() + seconds
    while not look():
        if time.monotonic() > deadline:
            raise SystemExit(f"Waited {seconds:.0f} s for {what}.")
        await asyncio.sleep(0.2)


async def pages_while_training(found: Found, server: Server, home: Path, asked: Asked) -> None:
    """Fills in `idle`, `training` and `a_session`."""
    for place in places():  # whatever is read once
        browser = Browser(server.url)
        await browser.open(*place)
        await browser.close()
    before = server.megabytes
    browsers = await opened(server.url, asked.sockets)
    found.a_session = (server.megabytes - before) / asked.sockets
    for number in range(asked.rounds):
        found.idle.append(await clicking(browsers, asked.seconds, asked.think, asked.seed + number))
        found.loads.append(os.getloadavg()[0])
        async with training(home):
            found.training.append(await clicking(browsers, asked.seconds, asked.think, asked.seed + number))
        found.loads.append(os.getloadavg()[0])
    for browser in browsers:
        await browser.close()


async def coming_and_leaving(found: Found, server: Server, visits: int) -> None:
    """Fills in `after_few` and `after_all`."""

    async def visitor(number: int) -> None:
        browser = Browser(server.url)
        await browser.open(*places()[number % len(places())])
        await browser.close()

    for number in range(0, visits, AT_ONCE):
        await asyncio.gather(*map(visitor, range(number, min(visits, number + AT_ONCE))))
        if number + AT_ONCE >= min(TOGETHER, visits) and not found.after_few:
            found.after_few = server.megabytes
    found.after_all = server.megabytes


@dataclass(frozen=True)
class Asked:
    sockets: int = 50
    seconds: float = 60.0
    think: float = 20.0
    rounds: int = 3
    visits: int = 200
    seed: int = 0


def measure(asked: Asked) -> Found:
    """All of it. Sets HEADSTART_HOME and HEADSTART_PUBLIC for this process."""
    found = Found()
    settings = {"HEADSTART_PUBLIC": "1", "HEADSTART_SPARE_WORKERS": "0"}
    with tempfile.TemporaryDirectory() as scratch:
        for folder in ("first", "second"):
            (Path(scratch) / folder).mkdir()
        home = Path(scratch) / "first"
        os.environ |= {"HEADSTART_HOME": str(home), **settings}
        with served(home, **settings) as server:
            try:
                asyncio.run(pages_while_training(found, server, home, asked))
            finally:
                backend().close()
                client.stop()
        with served(Path(scratch) / "second", **settings) as server:
            asyncio.run(coming_and_leaving(found, server, asked.visits))
    return found


def together(rounds: list[list[float]]) -> list[float]:
    return [seconds for each in rounds for seconds in each]


def p95(seconds: list[float]) -> float:
    return float(np.quantile(seconds, 0.95)) if seconds else float("nan")


def interval(found: Found, seed: int, draws: int = 2000) -> tuple[float, float]:
    """95 % interval of the ratio of the two 95th percentiles: a bootstrap of the pages within each."""
    generator = np.random.default_rng(seed)
    idle, training = np.array(together(found.idle)), np.array(together(found.training))

    def drawn(seconds: np.ndarray) -> float:
        return float(np.quantile(generator.choice(seconds, seconds.size), 0.95))

    low, high = np.quantile([drawn(training) / drawn(idle) for _ in range(draws)], [0.025, 0.975])
    return float(low), float(high)


def told(found: Found, asked: Asked) -> str:
    """The table, in Markdown."""
    idle, training = together(found.idle), together(found.training)
    low, high = interval(found, asked.seed)
    by_round = ", ".join(f"{p95(t) / p95(i):.2f}" for i, t in zip(found.idle, found.training, strict=True))
    ratio = f"{p95(training) / p95(idle):.2f} ({low:.2f} to {high:.2f}); by round {by_round}"
    grown = found.after_all / found.after_few - 1
    few = min(TOGETHER, asked.visits)
    rows = [
        ("95 % of pages came within, idle", "", _seconds(idle)),
        ("the same while a run trained", "", _seconds(training)),
        ("their ratio (95 % interval)", f"{PROMISED_RATIO:g}", ratio),
        ("memory a session, MiB", f"{PROMISED_MEGABYTES:g}", f"{found.a_session:.2f}"),
        (
            f"memory after {asked.visits} visits over that after {few}",
            f"{PROMISED_GROWTH:+.0%}",
            f"{grown:+.1%} ({found.after_few:.0f} to {found.after_all:.0f} MiB)",
        ),
    ]
    loads = ", ".join(f"{load:.1f}" for load in found.loads)
    how = (
        f"{asked.sockets} sockets, a page each {asked.think:g} s on average, {asked.rounds} rounds of "
        f"{asked.seconds:g} s idle and training in turn, seed {asked.seed}. Load averages after each: {loads}; at the "
        f"end {busy()}."
    )
    return f"{table(('', 'promised', 'measured'), rows)}\n\n{how}"


def _seconds(took: list[float]) -> str:
    return f"{p95(took):.2f} s ({len(took)} pages, median {statistics.median(took):.2f} s)"


def main() -> None:
    arguments, usual = parser(__doc__), Asked()
    for name in ("sockets", "rounds", "visits", "seed"):
        arguments.add_argument(f"--{name}", type=int, default=getattr(usual, name))
    for name in ("seconds", "think"):
        arguments.add_argument(f"--{name}", type=float, default=getattr(usual, name))
    given = vars(arguments.parse_args())
    write = given.pop("write")
    asked = Asked(**given)
    publish(told(measure(asked), asked), write=write, page=PAGE)


if __name__ == "__main__":
    main()
