"""A hub on this machine that speaks as much of the Hugging Face hub's protocol as a download needs."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(ThreadingHTTPServer):
    """`files`: 'owner/name/file' -> bytes. `digests`: the same -> the SHA-256 that is published, if another."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.digests: dict[str, str] = {}
        self.status: int | None = None
        """Answer everything below a repository with this."""
        self.asked: list[str] = []

    def listing(self, repository: str, what: str) -> bytes:
        """What the hub says of a repository: its commit ('revision') or its files ('tree')."""
        if what == "revision":
            return json.dumps({"id": repository, "sha": COMMIT, "siblings": []}).encode()
        own = [name.removeprefix(f"{repository}/") for name in self.files if name.startswith(f"{repository}/")]
        return json.dumps([{"type": "file", "path": name, "size": 1, "oid": COMMIT} for name in own]).encode()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        path = self.path.strip("/").partition("?")[0].replace(f"/resolve/{COMMIT}/", "/resolve/main/")
        repository, resolve, file = path.partition("/resolve/main/")
        name = f"{repository}/{file}"
        content = self.server.files.get(name, b"")
        if asked := re.fullmatch(r"api/models/(.+)/(revision|tree)/\w+", path):
            content = self.server.listing(asked[1], asked[2])
            self.send_response(self.server.status or 200)
            self.send_header("Content-Type", "application/json")
        elif not resolve:
            self.send_response(200)
        elif self.server.status:
            self.send_response(self.server.status)
        elif name not in self.server.files:
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound")
        else:
            digest = self.server.digests.get(name, hashlib.sha256(content).hexdigest())
            self.send_response(200)
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", f'"{digest}"')
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if with_body:
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextlib.contextmanager
def running() -> Iterator[Hub]:
    with Hub() as hub:
        thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield hub
        finally:
            hub.shutdown()
            thread.join()
