"""A host, its second app, its runs, and what `kill -9` at any moment does to them.

Whoever kills picks, from a seed, one process of five kinds and a moment of a run's life. Whoever watches then does what
people do: opens the host again, asks again, presses Resume. In the end every run must be done, with the count it would
have come to, no more than the epoch in progress lost, nothing queued for ever, and no process left.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import psutil

from engines import paths, registry
from engines.contract import InputError, Recipe, State, Strategy
from engines.jobs.local.queue_db import Store
from engines.jobs.serving import client, wire
from engines.runs import RunFolder

VICTIMS = ("worker", "spare", "warm server", "host", "queue")
STEPS, PAUSE = 12, 50
"""Epochs of a run, and milliseconds that each takes."""
MOMENTS = range(-1, STEPS + 2)
"""When something is killed: as soon as the run is submitted (-1), once it has a worker (0), has told that epoch, or is
done; and then up to TWO epochs later."""
TWO = 2 * PAUSE / 1000
PATIENCE = 240.0
"""Seconds for anything to come about, on a machine that others use too."""


@dataclass
class Point:
    """One kill, and what came of it."""

    victim: str
    moment: int
    """One of MOMENTS."""
    after: float
    """Seconds after that."""
    hit: bool = False
    """Whether there was such a process then."""
    ended: str = ""
    lost: int = 0
    """Epochs told before that were done again."""
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0


def environment(home: Path) -> dict[str, str]:
    """Settings of every process of the journey: a public host, and a task that counts, in every process."""
    here = paths.PROJECT / "tests" / "jobs"
    (home / "models" / "fingers").mkdir(parents=True, exist_ok=True)
    (home / "models" / "fingers" / "model.safetensors").write_bytes(b"ten")
    return {
        "HEADSTART_HOME": str(home),
        "HEADSTART_PUBLIC": "1",
        "HEADSTART_VISITOR_RUNS": "0",
        "HEADSTART_EXTRA_TASKS": "toy.counting=toy_task:Toy",
        "HEADSTART_SPARE_WORKERS": "1",
        "HEADSTART_MODELS": str(home / "models"),
        "HEADSTART_FREE_BYTES": "1",
        "PYTHONPATH": os.pathsep.join([str(here), str(paths.PROJECT)]),
    }


def until(look: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """The first true answer of `look`. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.02)
    return found


class Place:
    """The processes of one home, and how each is brought back."""

    def __init__(self, home: Path):
        self.home = home
        self.port = _free_port()
        self.host: subprocess.Popen[bytes] | None = None
        self.app: subprocess.Popen[str] | None = None

    def open_host(self) -> None:
        """Streamlit with the gate before it; asking for its health wakes its queue."""
        if self.host and self.host.poll() is None:
            return
        command = [sys.executable, "-m", "streamlit", "run", "host.py", "--server.address", "127.0.0.1"]
        command += ["--server.port", str(self.port), "--server.headless", "true"]
        with (self.home / "host.log").open("ab") as log:
            self.host = subprocess.Popen(command, cwd=paths.PROJECT, stdout=log, stderr=subprocess.STDOUT)
        until(self.healthy, "the host")

    def healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/health", timeout=20) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError as error:
            return error.code == 503  # it answers, of a run that its worker has just lost
        except OSError:
            return False

    def open_app(self) -> None:
        if self.app and self.app.poll() is None:
            return
        command = [sys.executable, "-m", "tests.chaos.app"]
        self.app = subprocess.Popen(
            command, cwd=paths.PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        assert self.app.stdout
        self.app.stdout.readline()

    def told(self, asked: dict[str, Any]) -> str:
        """What the second app answers; '' where it died meanwhile."""
        self.open_app()
        assert self.app
        assert self.app.stdin
        assert self.app.stdout
        try:
            self.app.stdin.write(json.dumps(asked) + "\n")
            return self.app.stdout.readline().strip()
        except OSError:
            return ""

    def pid(self, victim: str, run_id: str) -> int | None:
        """The process of that kind that lives now."""
        if victim == "host":
            return self.host.pid if self.host and self.host.poll() is None else None
        if victim == "queue":
            return self.app.pid if self.app and self.app.poll() is None else None
        if victim == "warm server":
            return int(address["pid"]) if (address := wire.address()) else None
        if victim == "worker":
            with contextlib.suppress(OSError, ValueError, KeyError, InputError):
                return int(json.loads((RunFolder.find(run_id).path / "worker.json").read_text())["pid"])
            return None
        return next((process.pid for process in self.everything() if "--spare" in process.info["cmdline"]), None)

    def everything(self) -> list[psutil.Process]:
        """Every process of this home, whoever started it; not this one."""
        found = []
        for process in psutil.process_iter(["cmdline"]):
            with contextlib.suppress(psutil.Error):
                mine = process.environ().get("HEADSTART_HOME") == str(self.home) and process.pid != os.getpid()
                if mine and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def close(self) -> list[str]:
        """Ends host and second app as an operator does, and returns what is still there a while later."""
        client.stop()
        for process in (self.host, self.app):
            if process and process.poll() is None:
                process.terminate()
                process.wait(timeout=60)
        with contextlib.suppress(TimeoutError):
            until(lambda: not self.everything(), "every process to leave", 60)
        left = self.everything()
        names = [" ".join(process.info["cmdline"]) for process in left]
        for one in left:
            with contextlib.suppress(psutil.Error):
                one.kill()
        return names


@contextlib.contextmanager
def opened(home: Path) -> Iterator[Place]:
    """The place with all its processes; they are ended whatever happens."""
    before = dict(os.environ)
    os.environ.update(environment(home))
    sys.path.insert(0, str(paths.PROJECT / "tests" / "jobs"))
    registry.task.cache_clear()
    place = Place(home)
    try:
        place.open_host()
        place.open_app()
        yield place
    finally:
        place.close()
        os.environ.clear()
        os.environ.update(before)
        sys.path.remove(str(paths.PROJECT / "tests" / "jobs"))
        registry.task.cache_clear()


def killed(place: Place, victim: str, rng: Random) -> Point:
    """One run, in whose life one process is killed."""
    began = time.monotonic()
    point = Point(victim, rng.choice(MOMENTS), rng.uniform(0, TWO))
    recipe = Recipe("toy.counting", "/data", "fingers", Strategy.SCRATCH, settings={"steps": STEPS, "pause": PAUSE})
    run_id = until(lambda: place.told(json.loads(recipe.to_json())), "an app that takes the run")
    asking = threading.Thread(target=_ask, args=(point,)) if victim == "warm server" else None
    if asking:
        asking.start()
    run = RunFolder.find(run_id)
    try:
        until(lambda: _reached(run) >= point.moment, f"moment {point.moment}")
        if victim == "spare":
            until(lambda: place.pid(victim, run_id), "a spare worker")
        time.sleep(point.after)
        if any(run_id in " ".join(process.info["cmdline"]) for process in place.everything()):
            point.wrong.append("ps shows the run's id, which is its key")
        if pid := place.pid(victim, run_id):
            with contextlib.suppress(psutil.Error):
                psutil.Process(pid).kill()
                point.hit = True
        _see_it_through(place, run)
    except TimeoutError as error:
        point.wrong.append(str(error))
    if asking:
        asking.join()
        _ask(point)
    point.seconds = time.monotonic() - began
    point.ended = str(run.state[0])
    _judge(run, point)
    return point


def _reached(run: RunFolder) -> int:
    """The moment that the run has come to."""
    if run.state[0].finished:
        return STEPS + 1
    told = [int(event.data["epoch"]) for event in run.events() if event.kind == "epoch"]
    return max(told, default=0 if (run.path / "worker.json").exists() else -1)


def _see_it_through(place: Place, run: RunFolder) -> None:
    """Until the run is done: what died is started again, what was interrupted resumed."""
    deadline = time.monotonic() + PATIENCE
    while run.state[0] is not State.DONE:
        if time.monotonic() > deadline:
            raise TimeoutError(f"the run is {run.state[0]} after {PATIENCE:.0f} s")
        place.open_host()
        place.open_app()
        place.healthy()
        if run.state[0].finished:
            place.told({"resume": run.id})  # refused while its worker is on its way out
        time.sleep(0.05)


def _ask(point: Point) -> None:
    """A question to the warm server while it is killed: an answer, or a sentence."""
    for _ in range(3):
        try:
            client.ask({"verb": "check", "task": "toy.counting", "data": "/data"}, seconds=PATIENCE)
        except client.ServerFailed:
            continue
        except Exception as error:
            point.wrong.append(f"the warm server's asker met {type(error).__name__}")


def _judge(run: RunFolder, point: Point) -> None:
    """What must hold of the run, whatever was killed."""
    result = run.result
    if not result or result.value != STEPS:
        point.wrong.append(f"it came to {result and result.value} instead of {STEPS}")
    told = 0
    for event in run.events():
        if event.kind == "epoch":
            told = int(event.data["epoch"])
        elif event.kind == "note" and str(event.data["message"]).startswith("starts at "):
            point.lost += max(0, told - int(str(event.data["message"]).split()[-1]))
    if point.lost > 1:
        point.wrong.append(f"{point.lost} epochs were lost")


def waiting(home: Path) -> int:
    """Runs that the queue still has, of which there should be none. A worker may be on its way out."""
    store = Store(home / "queue.sqlite3")
    try:
        with contextlib.suppress(TimeoutError):
            until(lambda: not store.running() and not store.queued(), "the queue to be empty", 30)
        return len(store.running()) + len(store.queued())
    finally:
        store.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
