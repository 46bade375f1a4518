"""Workers on this machine: a process each, started ahead as a spare where there is one."""

from __future__ import annotations

import os
import subprocess
import time
from collections import Counter
from pathlib import Path

from engines.jobs import limits, processes
from engines.jobs.launchers.contract import Ending, Process
from engines.jobs.local import gpus, orders
from engines.jobs.worker import LOG, worker_of
from engines.runs import RunFolder
from engines.training.parallel import siblings

FRESH_HEARTBEAT = 3.0
"""A heartbeat this young, in seconds, is proof of life whatever the process table says."""
MOST_RUNS = 50
"""That one process works through, of those that stay."""
ALLOCATOR = "PYTORCH_ALLOC_CONF"
"""How PyTorch takes a card's memory, unless whoever runs Headstart has said so."""
QUIET_SECONDS = 5.0
"""A run that has just started gets the machine to itself this long before the next spare worker is warmed up."""


class LocalLauncher:
    """See `contract.Launcher`."""

    name = "local"

    def __init__(self, home: Path):
        self.home = home
        self.spares: list[subprocess.Popen[bytes]] = []
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        """Run -> its worker, of those that we have started."""
        self._staying: dict[str, subprocess.Popen[bytes]] = {}
        """Run -> its worker, of those that take a further run when it ends well."""
        self._worked: Counter[int] = Counter()
        """Process id of such a worker -> how many runs it has had."""
        self._last_launch = -QUIET_SECONDS

    def places(self) -> limits.Places:
        return limits.places(len(gpus.groups(siblings.wanted())))

    # -- starting

    def start(self, run: RunFolder, slot: int, places: limits.Places) -> Process:
        environment = {"HEADSTART_HOME": str(self.home)}
        cards = gpus.groups(siblings.wanted())
        if cards:
            environment["CUDA_VISIBLE_DEVICES"] = cards[slot % len(cards)] if slot < places.cards else ""
            # batches of texts differ in length: blocks of memory that grow are not left over between them
            environment[ALLOCATOR] = os.environ.get(ALLOCATOR, "expandable_segments:True")
        one_card = not cards or len(cards) == 1 and slot < places.cards
        stays = one_card and orders.stays(run)  # a process keeps to its first card
        child = self._hand_to_spare(run, environment, stays) or self._start_for(run, environment, stays)
        self._children[run.path.name] = child
        if stays:
            self._staying[run.path.name] = child
        self._last_launch = time.monotonic()
        return child.pid, processes.created(child.pid) or time.time()

    def _hand_to_spare(self, run: RunFolder, environment: dict[str, str], stays: bool) -> orders.Worker | None:
        """Gives the run to a spare worker; None when there is none."""
        while self.spares:
            spare = self.spares.pop(0)
            try:
                orders.order(spare, run, environment, stays)
            except OSError:  # it died while it waited
                orders.dismiss(spare)
                continue
            return spare
        return None

    def _start_for(self, run: RunFolder, environment: dict[str, str], stays: bool) -> orders.Worker:
        """A worker for that run alone. Raises OSError."""
        worker = processes.start(
            "engines.jobs.worker", ["--order"], log=run.path / LOG, stdin=subprocess.PIPE, environment=environment
        )
        orders.order(worker, run, environment, stays)
        return worker

    def keep_ready(self) -> None:
        for spare in [spare for spare in self.spares if spare.poll() is not None]:
            self.spares.remove(spare)
            orders.dismiss(spare)
        if time.monotonic() - self._last_launch < QUIET_SECONDS:
            return
        while len(self.spares) > limits.spare_workers():
            orders.dismiss(self.spares.pop())
        while len(self.spares) + len(self._staying) < limits.spare_workers():
            self.spares.append(
                processes.start(
                    "engines.jobs.worker",
                    ["--spare"],
                    log=self.home / "spare.log",
                    stdin=subprocess.PIPE,
                    # Looking for CUDA must not fix the choice of card before the run brings its own.
                    environment={"HEADSTART_HOME": str(self.home), "PYTORCH_NVML_BASED_CUDA_CHECK": "1"},
                )
            )

    # -- looking after

    def alive(self, run: RunFolder, process: Process | None) -> bool:
        name = run.path.name
        if child := self._children.get(name):
            return child.poll() is None and not (name in self._staying and orders.left(run))
        if process and processes.alive(*process):
            return True
        if run.state[0].finished:
            return False
        return worker_of(run) is not None or self.silence(run) < FRESH_HEARTBEAT

    def silence(self, run: RunFolder) -> float:
        return run.seconds_since_heartbeat()

    def stop(self, run: RunFolder, process: Process | None) -> None:
        """Nothing more: the page that asked has told the process, and the worker sees the flag."""

    def kill(self, run: RunFolder, process: Process | None) -> None:
        if process:
            processes.kill_tree(*process)

    def ended(self, run: RunFolder) -> Ending:
        child = self._children.pop(run.path.name, None)
        if worker := self._staying.pop(run.path.name, None):
            self._keep(worker, run)
        return Ending(child.returncode if child else None)

    def _keep(self, worker: subprocess.Popen[bytes], run: RunFolder) -> None:
        """A worker that has done with a run waits for the next one among the spares; not for ever the same one."""
        self._worked[worker.pid] += 1
        if worker.poll() is None and orders.ended_well(run) and self._worked[worker.pid] < MOST_RUNS:
            self.spares.insert(0, worker)
        else:
            del self._worked[worker.pid]
            orders.close(worker)

    def close(self) -> None:
        """Ends the spare workers."""
        for spare in self.spares:
            orders.dismiss(spare)
        self.spares.clear()
        for worker in self._staying.values():
            orders.close(worker)
