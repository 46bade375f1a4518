"""What a worker of a public host may not."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

TRY = """
import json, os, socket, sys
from engines.jobs import fence
missing = fence.put_up()
found = {"missing": missing}
def tried(what):
    try:
        what()
    except (OSError, MemoryError) as error:
        return type(error).__name__
    return "done"
found["memory"] = tried(lambda: bytearray(3 << 30))
def fill():
    with open(sys.argv[1], "wb") as file:
        for _ in range(64):
            file.write(bytes(1 << 20))
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
found["file"] = tried(fill)
found["network"] = tried(lambda: socket.create_connection(("127.0.0.1", int(sys.argv[2])), 2))
found["nice"] = os.nice(0)
print(json.dumps(found))
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the limits of other systems are named, not held")


@pytest.fixture
def listening() -> str:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        yield str(server.getsockname()[1])


def tried(tmp_path: object, port: str, **settings: str) -> dict[str, object]:
    environment = {**os.environ, **settings}
    command = [sys.executable, "-c", TRY, f"{tmp_path}/large", port]
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    found: dict[str, object] = json.loads(answer.stdout)
    return found


def test_at_home_there_is_no_fence(tmp_path: object, listening: str) -> None:
    found = tried(tmp_path, listening)
    assert (found["memory"], found["file"], found["network"], found["nice"]) == ("done", "done", "done", 0)


def test_memory_disk_and_network_are_out_of_reach_on_a_public_host(tmp_path: object, listening: str) -> None:
    settings = {"HEADSTART_RUN_MEMORY_BYTES": str(2 << 30), "HEADSTART_RUN_FILE_BYTES": str(32 << 20)}
    found = tried(tmp_path, listening, HEADSTART_PUBLIC="1", **settings)
    assert (found["memory"], found["file"], found["nice"]) == ("MemoryError", "OSError", 10)
    missing = " ".join(found["missing"])  # type: ignore[arg-type]  # a list of sentences
    assert found["network"] == ("done" if "network" in missing else "OSError")


def test_what_a_system_does_not_have_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from engines.jobs import fence

    def refuse(*_: object) -> None:
        raise OSError("Operation not permitted")

    monkeypatch.setenv("HEADSTART_PUBLIC", "1")
    for part in ("_nice", "_limit", "_leave_network"):
        monkeypatch.setattr(fence, part, refuse)
    missing = fence.put_up()
    assert "This system does not give a worker a network namespace of its own: Operation not permitted." in missing
    assert len(missing) >= 6
