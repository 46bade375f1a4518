"""A hub on this machine that speaks as much of the Hugging Face hub's protocol as an upload needs: repositories, the
question how each file is sent, Git LFS, commits."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from engines import weights

TOKEN = "hf_thisIsATokenThatMustNotBeKept"
LARGE = (".safetensors", ".onnx")


class Hub(ThreadingHTTPServer):
    """`repositories`: name -> what it was made with; `files`: 'owner/name/file' -> content, once they are committed."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repositories: dict[str, dict[str, Any]] = {}
        self.files: dict[str, bytes] = {}
        self.stored: dict[str, bytes] = {}
        """By SHA-256: what Git LFS was given."""
        self.status: int | None = None
        """Answer every commit with this."""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._say(200, None)

    def do_PUT(self) -> None:
        content = self._body()
        assert hashlib.sha256(content).hexdigest() == self.path.rpartition("/")[2]
        self.server.stored[self.path.rpartition("/")[2]] = content
        self._say(200, {})

    def do_POST(self) -> None:
        body, path = self._body(), self.path.strip("/").partition("?")[0]
        if path == "api/validate-yaml":
            return self._say(200, {"errors": [], "warnings": []})
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            return self._say(401, {"error": "Invalid username or password."})
        if path == "api/repos/create":
            told = json.loads(body)
            name = f"{told['organization']}/{told['name']}"
            known = name in self.server.repositories
            self.server.repositories.setdefault(name, told)
            return self._say(409 if known else 200, {"url": f"{self.server.address}/{name}"})
        if path.endswith("/info/lfs/objects/batch"):
            asked = json.loads(body)["objects"]
            place = f"{self.server.address}/store"
            upload = [{**one, "actions": {"upload": {"href": f"{place}/{one['oid']}"}}} for one in asked]
            return self._say(200, {"transfer": "basic", "objects": upload})
        repository, _, verb = path.removeprefix("api/models/").partition("/main")[0].rpartition("/")
        if verb == "preupload":
            files = [one["path"] for one in json.loads(body)["files"]]
            modes = {name: "lfs" if name.endswith(LARGE) else "regular" for name in files}
            told = [{"path": name, "uploadMode": mode, "shouldIgnore": False} for name, mode in modes.items()]
            return self._say(200, {"files": told})
        assert verb == "commit", path
        if self.server.status:
            return self._say(self.server.status, {"error": "no"})
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                self.server.files[f"{repository}/{value['path']}"] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                self.server.files[f"{repository}/{value['path']}"] = self.server.stored[value["oid"]]
        address = f"{self.server.address}/{repository}/commit/{'1' * 40}"
        return self._say(200, {"commitUrl": address, "commitOid": "1" * 40, "success": True})

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _say(self, status: int, told: object) -> None:
        content = b"" if told is None else json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
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


@contextlib.contextmanager
def within_reach(patch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """Running, and what huggingface_hub speaks to: over Git LFS, since hf-xet speaks with servers of its own."""
    with running() as hub:
        patch.setenv("HF_HUB_OFFLINE", "0")
        patch.setenv("NO_PROXY", "*")
        for name, value in {"ENDPOINT": hub.address, "HF_HUB_DISABLE_XET": True, "HF_HUB_OFFLINE": False}.items():
            patch.setattr(f"huggingface_hub.constants.{name}", value)
        patch.setattr(weights, "_reached", (0.0, False))
        yield hub
