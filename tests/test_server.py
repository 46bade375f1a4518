"""The app's server: whom it listens to, and whom it calls."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil
import pytest

from engines import paths

WATCH = """
import sys

def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname"):
        with open({log!r}, "a") as log:
            print(event, arguments[1] if event == "socket.connect" else arguments[0], file=log)

sys.addaudithook(watch)
"""
PATIENCE = 120


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def healthy(port: int, server: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            time.sleep(0.2)
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="which sockets a process has is not told everywhere")
def test_it_listens_to_this_machine_alone_and_calls_nobody(tmp_path: Path) -> None:
    log = tmp_path / "contacts"
    (tmp_path / "sitecustomize.py").write_text(WATCH.format(log=str(log)))
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true", f"--server.port={port}"]
    surroundings = {**os.environ, "PYTHONPATH": str(tmp_path)}
    with subprocess.Popen(command, cwd=paths.PROJECT, env=surroundings, stdout=subprocess.DEVNULL) as server:
        try:
            assert healthy(port, server)
            listening = [c for c in psutil.Process(server.pid).net_connections() if c.status == psutil.CONN_LISTEN]
        finally:
            server.terminate()
    assert {found.laddr.ip for found in listening if found.laddr.port == port} <= {"127.0.0.1", "::1"}
    called = log.read_text().splitlines() if log.exists() else []
    assert [line for line in called if not any(home in line for home in ("localhost", "127.0.0.1", "::1"))] == []
