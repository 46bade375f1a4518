"""Browsers without a screen: sockets that speak Streamlit's protocol, and the server that they open pages of.

A visit is what a browser does: the document (which brings the visitor's cookie), the websocket, the request to run the
page's script, and all that comes until the script has finished. It draws nothing and loads no JavaScript.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from benchmarks.performance_page import ROOT

PATIENCE = 120.0
"""Seconds for one page, on machines that do other things too."""


@dataclass
class Server:
    """A Streamlit server of its own."""

    process: psutil.Process
    url: str
    began: float
    """When it was started, by time.perf_counter."""

    @property
    def megabytes(self) -> float:
        """What the process holds in memory (RSS), in MiB."""
        return float(self.process.memory_info().rss) / (1 << 20)


@contextlib.contextmanager
def served(home: Path, script: str = "host.py", python: str = sys.executable, **settings: str) -> Iterator[Server]:
    """The app with that HEADSTART_HOME and these settings, while it is entered."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = {"port": port, "headless": "true", "address": "127.0.0.1"}
    words = [f"--server.{name}={value}" for name, value in options.items()]
    environment = {**os.environ, "HEADSTART_HOME": str(home), **settings}
    began = time.perf_counter()
    with (home / "app.log").open("wb") as log:
        command = [python, "-m", "streamlit", "run", script, *words]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until_healthy(url)
            yield Server(psutil.Process(process.pid), url, began)
        finally:
            process.terminate()
            process.wait(timeout=30)


def wait_until_healthy(url: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):
            return
        time.sleep(0.05)
    raise SystemExit("The server did not start in time.")


class Browser:
    """One visitor with one open page. `await open(...)`, then `open` again as often as they click, then `close`."""

    def __init__(self, url: str, tls: ssl.SSLContext | None = None, source: str | None = None):
        """`tls`: for an https address; `source`: the address of this machine to come from."""
        self._url, self._tls, self._source = url, tls, source
        self._socket: ClientConnection | None = None
        self._cookie = ""

    async def open(self, page: str = "", query: str = "") -> float:
        """Seconds until a page (its name in the address) with that query is there. Raises RuntimeError where the
        script has failed."""
        start = time.perf_counter()
        if self._socket is None:
            self._cookie = await asyncio.to_thread(self._document, page)
            await self.connect()
        assert self._socket is not None
        asked = BackMsg()
        asked.rerun_script.page_name, asked.rerun_script.query_string = page, query
        await self._socket.send(asked.SerializeToString())
        async with asyncio.timeout(PATIENCE):
            while not self._finished(await self._socket.recv()):
                pass
        return time.perf_counter() - start

    async def connect(self) -> None:
        """Opens the websocket and asks for nothing yet. Raises websockets' InvalidStatus where it is refused."""
        self._socket = await connect(
            f"ws{self._url.removeprefix('http')}/_stcore/stream",
            additional_headers={"Cookie": self._cookie} if self._cookie else {},
            subprotocols=[Subprotocol("streamlit")],
            origin=Origin(self._url),
            ssl=self._tls,
            local_addr=(self._source, 0) if self._source else None,
            max_size=None,
            open_timeout=PATIENCE,
            ping_interval=None,
        )

    @property
    def cookie(self) -> str:
        """What the first page has brought, NAME=VALUE; empty before, and of a host that brings none."""
        return self._cookie

    def _document(self, page: str) -> str:
        with urllib.request.urlopen(f"{self._url}/{page}", timeout=PATIENCE, context=self._tls) as answer:
            answer.read()
            return str(answer.headers.get("set-cookie") or "").partition(";")[0]

    @staticmethod
    def _finished(told: str | bytes) -> bool:
        message = ForwardMsg.FromString(told if isinstance(told, bytes) else told.encode())
        if message.WhichOneof("type") != "script_finished":
            return False
        status = ForwardMsg.ScriptFinishedStatus.Name(message.script_finished)
        if status not in {"FINISHED_SUCCESSFULLY", "FINISHED_EARLY_FOR_RERUN"}:
            raise RuntimeError(f"the page's script ended with {status}")
        return status == "FINISHED_SUCCESSFULLY"

    async def close(self) -> None:
        """As a tab is closed."""
        if self._socket is not None:
            await self._socket.close()
            self._socket = None
