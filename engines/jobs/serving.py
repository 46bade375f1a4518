"""The warm server: a process with torch imported that answers the pages' short questions.

`ask` is the page's side. `python -m engines.jobs.serving` is the server: it listens on this machine only, tells its
address and key in a file that only its owner can read, and speaks JSON. It leaves when nobody has asked for a while.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener, answer_challenge, deliver_challenge
from pathlib import Path
from typing import Any

import filelock

from engines import places
from engines.contract import InputError, Problem, Progress
from engines.jobs import failures, limits, processes, warmth
from engines.jobs.answers import LoadedModels, Question, answer

START_SECONDS = 60.0
ANSWER_SECONDS = 900.0
LONGEST_QUESTION = 1 << 20  # bytes
LOG = "serving.log"


class ServerFailed(Exception):
    """The server broke over a question; the next question starts a fresh one. The text is for a person."""


# --- asking -----------------------------------------------------------------------------------------


def ask(question: Question, progress: Progress | None = None, seconds: float = ANSWER_SECONDS) -> dict[str, Any]:
    """The server's answer to `question`; the verbs are listed in docs/architecture.md.

    Starts the server when there is none. Raises InputError with the problems the server found, ServerFailed when it
    broke or said nothing for `seconds`.
    """
    message = json.dumps(question).encode()
    for _ in range(3):
        with _connect() as server:
            try:
                server.send_bytes(message)
                _receive(server, seconds)  # it has begun
            except (EOFError, OSError):
                continue  # it was leaving just as we came
            return _listen(server, progress, seconds)
    raise ServerFailed(f"The helper process could not be reached. The details are in {places.home() / LOG}.")


def stream(question: Question, seconds: float = ANSWER_SECONDS) -> Iterator[str]:
    """The pieces of an answer as they are written (verb `chat`). Closing the iterator stops the writing.

    Raises as `ask` does.
    """
    with _connect() as server:
        server.send_bytes(json.dumps(question).encode())
        while True:
            try:
                message = _receive(server, seconds)
            except (EOFError, OSError):
                raise _broke_off() from None
            match message:
                case {"piece": text}:
                    yield text
                case {"answer": _}:
                    return
                case {"problems": _} | {"failed": _}:
                    raise _refusal(message)


def warm_up() -> None:
    """Starts the server in the background, for whoever will ask soon."""
    if not _address():
        _start()


def stop() -> None:
    """Sends the server home, if there is one. Questions it has begun are still answered."""
    with contextlib.suppress(OSError, EOFError, AuthenticationError):
        if address := _address():
            _tell_to_stop(address)


def _listen(server: Connection, progress: Progress | None, seconds: float) -> dict[str, Any]:
    while True:
        try:
            message = _receive(server, seconds)
        except (EOFError, OSError):
            raise _broke_off() from None
        match message:
            case {"progress": [done, total]}:
                if progress:
                    progress(done, total)
            case {"problems": _} | {"failed": _}:
                raise _refusal(message)
            case {"answer": found}:
                return dict(found)


def _refusal(message: dict[str, Any]) -> InputError | ServerFailed:
    """What the server said instead of an answer."""
    if "problems" in message:
        return InputError(*(Problem(*parts) for parts in message["problems"]))
    return ServerFailed(message["failed"])


def _broke_off() -> ServerFailed:
    details = places.home() / LOG
    return ServerFailed(f"The helper process stopped in the middle of this: try again. Details: {details}.")


def _receive(server: Connection, seconds: float) -> dict[str, Any]:
    if not server.poll(seconds):
        raise ServerFailed(f"The helper process gave no sign for {seconds:.0f} s. Try again, with less data perhaps.")
    message: dict[str, Any] = json.loads(server.recv_bytes())
    return message


def _connect() -> Connection:
    """A connection to this home's server, which is started if need be."""
    deadline = time.monotonic() + START_SECONDS
    child: subprocess.Popen[bytes] | None = None
    while time.monotonic() < deadline:
        if address := _address():
            with contextlib.suppress(OSError, EOFError, AuthenticationError):
                if address["code"] >= _code_age():
                    return _call(address)
                _tell_to_stop(address)  # it runs the code of before an update
        elif child is None or child.poll() is not None:
            child = _start()
        time.sleep(0.02)
    raise ServerFailed(f"The helper process did not start. The details are in {places.home() / LOG}.")


def _call(address: dict[str, Any]) -> Connection:
    """A connection on which both sides have shown that they know the key."""
    server = Client(("127.0.0.1", address["port"]))
    try:
        _leave_at_once(server)
        answer_challenge(server, bytes.fromhex(address["key"]))
        deliver_challenge(server, bytes.fromhex(address["key"]))
    except BaseException:
        server.close()
        raise
    return server


def _leave_at_once(connection: Connection) -> None:
    """Small messages don't wait until the one before is acknowledged: that would be 40 ms each."""
    with socket.fromfd(connection.fileno(), socket.AF_INET, socket.SOCK_STREAM) as plain:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _address() -> dict[str, Any] | None:
    """Where the living server listens: port, key, process, age of its code."""
    try:
        address: dict[str, Any] = json.loads(_address_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return address if processes.alive(address["pid"], address["created"]) else None


def _address_file() -> Path:
    return places.home() / "serving.json"


def _start() -> subprocess.Popen[bytes]:
    environment = {"HEADSTART_HOME": str(places.home())}
    child = processes.start("engines.jobs.serving", log=places.home() / LOG, environment=environment)
    _started.append(child)
    return child


_started: list[subprocess.Popen[bytes]] = []
"""Servers that outlive us but are our children: kept, so that Python reaps them instead of complaining."""


def _tell_to_stop(address: dict[str, Any]) -> None:
    with _call(address) as server:
        server.send_bytes(json.dumps({"verb": "stop"}).encode())
        server.poll(5)


@functools.cache
def _code_age() -> float:
    """When the newest of our own files was written: a server with an earlier time than ours runs outdated code."""
    return max(file.stat().st_mtime for file in (places.PROJECT / "engines").rglob("*.py"))


# --- answering --------------------------------------------------------------------------------------


class _Server:
    def __init__(self) -> None:
        self.key = secrets.token_bytes(32)
        self.models = LoadedModels()
        self.importing = warmth.start_importing(warmth.ANSWERING)
        self.stopping = threading.Event()
        self._busy = 0
        self._last_end = time.monotonic()
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def _at_work(self) -> Any:
        with self._lock:
            self._busy += 1
        try:
            yield
        finally:
            with self._lock:
                self._busy -= 1
                self._last_end = time.monotonic()

    @property
    def busy(self) -> bool:
        return self._busy > 0

    @property
    def idle_seconds(self) -> float:
        with self._lock:
            return 0.0 if self._busy else time.monotonic() - self._last_end

    def accept(self, listener: Listener) -> None:
        """Gives every visitor a thread. A visitor who doesn't know the key holds nobody up."""
        while not self.stopping.is_set():
            with contextlib.suppress(OSError, EOFError):
                connection = listener.accept()
                threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: Connection) -> None:
        with connection, contextlib.suppress(OSError, EOFError, AuthenticationError):
            _leave_at_once(connection)
            deliver_challenge(connection, self.key)
            answer_challenge(connection, self.key)
            question = json.loads(connection.recv_bytes(LONGEST_QUESTION))
            if question.get("verb") == "stop":
                self.stopping.set()
                return
            with self._at_work():
                _send(connection, {"begun": True})
                _send(connection, self._reply(question, connection))

    def _reply(self, question: Question, connection: Connection) -> dict[str, Any]:
        self.importing.join()
        try:
            return {"answer": answer(question, self.models, _Reporter(connection))}
        except InputError as error:
            return {"problems": [[p.where, p.found, p.accepted] for p in error.problems]}
        except _Gone:
            raise EOFError from None
        except Exception as error:
            traceback.print_exc()
            return {"failed": failures.sentence(error, str(places.home() / LOG))}


class _Gone(Exception):
    """Whoever asked has left; no need to go on."""


class _Reporter:
    """Sends progress, ten times a second at most."""

    def __init__(self, connection: Connection):
        self._connection = connection
        self._next = 0.0

    def __call__(self, done: int, total: int) -> None:
        if done != total and time.monotonic() < self._next:
            return
        self._next = time.monotonic() + 0.1
        self._send({"progress": [done, total]})

    def piece(self, text: str) -> None:
        """Sends a piece of an answer that is still being written."""
        self._send({"piece": text})

    def _send(self, message: dict[str, Any]) -> None:
        try:
            _send(self._connection, message)
        except OSError:
            raise _Gone from None


def _send(connection: Connection, message: dict[str, Any]) -> None:
    connection.send_bytes(json.dumps(message, default=_plain).encode())


def _plain(value: Any) -> Any:
    """NumPy's numbers and paths as JSON has them."""
    return value.item() if hasattr(value, "item") else str(value)


def _publish(port: int, key: bytes) -> None:
    pid = os.getpid()
    address = {
        "port": port, "key": key.hex(), "pid": pid, "created": processes.created(pid), "code": _code_age()
    }  # fmt: skip
    partial = _address_file().with_suffix(f".{pid}.partial")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(address, file)
    partial.replace(_address_file())


def main() -> int:
    """Serves until nobody has asked for HEADSTART_SERVING_IDLE_SECONDS, or somebody says stop. One a home folder."""
    try:
        with filelock.FileLock(places.home() / "serving.lock", timeout=5):
            server = _Server()
            _serve(server)
    except filelock.Timeout:
        return 0  # another server is there
    while server.busy:
        time.sleep(0.1)
    return 0


def _serve(server: _Server) -> None:
    with Listener(("127.0.0.1", 0), backlog=16) as listener:
        threading.Thread(target=server.accept, args=(listener,), daemon=True).start()
        _publish(listener.address[1], server.key)
        while not server.stopping.wait(0.5):
            if server.idle_seconds > limits.serving_idle_seconds() or not _address_file().exists():
                server.stopping.set()
        _address_file().unlink(missing_ok=True)


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)  # the imports may still be under way
