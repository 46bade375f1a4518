"""A federation through Flower on this machine: a SuperLink and a SuperNode a site, on the loopback alone, with TLS and
keys as docs/federated.md has them. All that is started is ended by its process id."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil

from engines.contract import State
from engines.runs import RunFolder
from scripts.flower import PROGRAMS, ROOT

APP = ROOT / "deploy" / "flower"
HOST = "127.0.0.1"
NAME = "hospital"
PATIENCE = 240.0
"""Seconds that anything may take."""
CERTIFICATE = (
    *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-nodes", "-days", "365"),
    *("-subj", "/CN=federation", "-addext", f"subjectAltName=IP:{HOST}"),
    *("-keyout", "server.key", "-out", "server.pem"),
)


class Federation:
    """A SuperLink that runs, and the SuperNodes of the sites."""

    def __init__(self, folder: Path, environment: dict[str, str]):
        self.folder, self.port = folder, free_port()
        self.environment = {
            **os.environ,
            **environment,
            "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}",  # Flower starts its own programs by their names
            "PYTHONPATH": str(ROOT),
            "FLWR_HOME": str(folder / "flwr"),
            "FLWR_TELEMETRY_ENABLED": "0",
            "FLWR_DISABLE_UPDATE_CHECK": "1",
            "HEADSTART_PYTHON": sys.executable,
            "NO_COLOR": "1",
        }
        self.started: dict[str, psutil.Popen] = {}
        _run(CERTIFICATE, folder)
        (folder / "flwr").mkdir()
        (folder / "flwr" / "config.toml").write_text(
            f'[superlink]\ndefault = "{NAME}"\n\n[superlink.{NAME}]\naddress = "{HOST}:{self.port}"\n'
            f'root-certificates = "{folder / "server.pem"}"\n'
        )

    def start_link(self) -> None:
        words = ["--host", HOST, "--port", str(self.port), "--enable-supernode-auth"]
        words += ["--ssl-certfile", "server.pem", "--ssl-keyfile", "server.key", "--ssl-ca-certfile", "server.pem"]
        self._start("superlink", ["flower-superlink", *words, "--disable-runtime-dependency-installation"])
        wait_for(lambda: _listens(self.port), "the SuperLink")

    def add_node(self, site: Path, *, registered: bool = True) -> None:
        """A site whose folder's name is its own; its SuperNode has a key, which the SuperLink knows if registered."""
        name = site.name
        _run(("ssh-keygen", "-q", "-t", "ecdsa", "-b", "384", "-N", "", "-f", f"{name}.key"), self.folder)
        if registered:
            self.flwr("supernode", "register", str(self.folder / f"{name}.key.pub"), NAME)
        config = f'name="{name}" data="{site}" headstart="{sys.executable}"'
        words = ["--superlink", f"{HOST}:{self.port}", "--root-certificates", "server.pem"]
        words += ["--auth-supernode-private-key", f"{name}.key", "--host", HOST, "--port", str(free_port())]
        self._start(name, ["flower-supernode", *words, "--node-config", config])

    def flwr(self, *words: str) -> str:
        command = [str(PROGRAMS / "flwr"), *words]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def begin(self, out: Path, **asked: Any) -> str:
        """Starts a run that leaves its folder `out`; the run's number."""
        settings = {"out": str(out), **{name.replace("_", "-"): value for name, value in asked.items()}}
        words = " ".join(f"{name}={json.dumps(value)}" for name, value in settings.items())
        told = json.loads(self.flwr("run", str(APP), NAME, "--run-config", words, "--format", "json"))
        assert told["success"], told
        return str(told["run-id"])

    def ended(self, number: str, out: Path) -> tuple[str, str]:
        """The status and the log of a run once it has ended."""
        run = RunFolder(out)
        wait_for(lambda: run.exists and run.state[0] in {State.DONE, State.FAILED}, f"the end of run {number}")
        found: list[str] = []

        def has_ended() -> bool:
            told = json.loads(self.flwr("list", NAME, "--run-id", number, "--format", "json"))
            found[:] = [told["runs"][0]["status"]]
            return found[0].startswith("finished")

        wait_for(has_ended, f"the end of run {number}")
        return found[0], self.flwr("log", number, NAME, "--show")

    def kill(self, name: str) -> None:
        end(self.started.pop(name))

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def _start(self, name: str, words: Sequence[str]) -> None:
        command = [str(PROGRAMS / words[0]), *words[1:]]
        with (self.folder / f"{name}.log").open("ab") as log:
            self.started[name] = psutil.Popen(
                command, cwd=self.folder, env=self.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )


@contextlib.contextmanager
def federation(folder: Path, environment: dict[str, str]) -> Iterator[Federation]:
    """One whose SuperLink has come up."""
    found = Federation(folder, environment)
    try:
        found.start_link()
        yield found
    finally:
        for process in found.started.values():
            end(process)


def end(process: psutil.Process) -> None:
    """Ends a process and all that hangs below it, at once."""
    with contextlib.suppress(psutil.NoSuchProcess):
        family = [process, *process.children(recursive=True)]
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        psutil.wait_procs(family, timeout=10)


def below(process: psutil.Process) -> list[str]:
    """The command lines of all that hangs below it."""
    found = []
    for member in process.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            found.append(" ".join(member.cmdline()))
    return found


def addresses(process: psutil.Process) -> set[str]:
    """Where it and all that hangs below it listen."""
    found = set()
    for member in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            own = member.net_connections(kind="inet")
            found |= {one.laddr.ip for one in own if one.status == psutil.CONN_LISTEN}
    return found


def wait_for(happened: Callable[[], bool], what: str, pause: float = 0.1) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline, f"{what} did not come within {PATIENCE:.0f} s"
        time.sleep(pause)


def free_port() -> int:
    with socket.socket() as one:
        one.bind((HOST, 0))
        return int(one.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as one:
        one.settimeout(1)
        return one.connect_ex((HOST, port)) == 0


def _run(words: Sequence[str], folder: Path) -> None:
    done = subprocess.run(words, cwd=folder, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
