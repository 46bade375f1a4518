"""The page's side of the warm server: ask it, listen to what it writes, start it, send it home."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, answer_challenge, deliver_challenge
from typing import Any

from engines import paths
from engines.contract import InputError, Problem, Progress
from engines.hosting import limits
from engines.jobs import processes, showcase
from engines.jobs.serving import wire
from engines.jobs.serving.wire import Message, Question
from engines.messages import _

START_SECONDS = 60.0
ANSWER_SECONDS = 900.0


class ServerFailed(Exception):
    """The server broke over a question; the next question starts a fresh one. The text is for a person."""


def ask(question: Question, progress: Progress | None = None, seconds: float = ANSWER_SECONDS) -> dict[str, Any]:
    """The server's answer to `question`; the verbs are listed in docs/architecture.md.

    Starts the server when there is none. Raises InputError with the problems the server found, ServerFailed when it
    broke or said nothing for `seconds`. Where only recorded runs are shown there is no server: see `jobs.showcase`.
    """
    if limits.showcase():
        return showcase.answer(question)
    for _unused in range(3):
        with _connect() as server:
            try:
                wire.send(server, question)
                _receive(server, seconds)  # it has begun
            except (EOFError, OSError):
                continue  # it was leaving just as we came
            return _listen(server, progress, seconds)
    raise ServerFailed(
        _("The helper process could not be reached. The details are in {home}.", home=wire.log_as_told())
    )


def stream(question: Question, seconds: float = ANSWER_SECONDS) -> Iterator[str]:
    """The pieces of an answer as they are written (verb `chat`). Closing the iterator stops the writing.

    Raises as `ask` does.
    """
    if limits.showcase():
        raise showcase.refusal()
    with _connect() as server:
        wire.send(server, question)
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


def start() -> None:
    """Starts the server in the background, for whoever will ask soon."""
    if not limits.showcase() and not wire.address():
        _start()


def stop() -> None:
    """Sends the server home, if there is one. Questions it has begun are still answered."""
    with contextlib.suppress(OSError, EOFError, AuthenticationError):
        if address := wire.address():
            _tell_to_stop(address)


# --- listening --------------------------------------------------------------------------------------


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


def _receive(server: Connection, seconds: float) -> Message:
    if not server.poll(seconds):
        raise ServerFailed(
            _(
                "The helper process gave no sign for {seconds:.0f} s. Try again, with less data perhaps.",
                seconds=seconds,
            )
        )
    return wire.receive(server)


def _refusal(message: Message) -> InputError | ServerFailed:
    """What the server said instead of an answer."""
    if "problems" in message:
        problems = (Problem(where, found, accepted, tuple(c)) for where, found, accepted, c in message["problems"])
        return InputError(*problems)
    return ServerFailed(message["failed"])


def _broke_off() -> ServerFailed:
    details = wire.log_as_told()
    return ServerFailed(
        _("The helper process stopped in the middle of this: try again. Details: {details}.", details=details)
    )


# --- reaching it ------------------------------------------------------------------------------------


def _connect() -> Connection:
    """A connection to this home's server, which is started if need be."""
    deadline = time.monotonic() + START_SECONDS
    child: subprocess.Popen[bytes] | None = None
    while time.monotonic() < deadline:
        if address := wire.address():
            with contextlib.suppress(OSError, EOFError, AuthenticationError):
                if address["code"] >= wire.code_age():
                    return _call(address)
                _tell_to_stop(address)  # it runs the code of before an update
        elif child is None or child.poll() is not None:
            child = _start()
        time.sleep(0.02)
    raise ServerFailed(_("The helper process did not start. The details are in {home}.", home=wire.log_as_told()))


def _call(address: dict[str, Any]) -> Connection:
    """A connection on which both sides have shown that they know the key."""
    server = Client(("127.0.0.1", address["port"]))
    try:
        wire.leave_at_once(server)
        answer_challenge(server, bytes.fromhex(address["key"]))
        deliver_challenge(server, bytes.fromhex(address["key"]))
    except BaseException:
        server.close()
        raise
    return server


def _start() -> subprocess.Popen[bytes]:
    environment = {"HEADSTART_HOME": str(paths.home())}
    child = processes.start("engines.jobs.serving.server", log=paths.home() / wire.LOG, environment=environment)
    _started.append(child)
    return child


_started: list[subprocess.Popen[bytes]] = []
"""Servers that outlive us but are our children: kept, so that Python reaps them instead of complaining."""


def _tell_to_stop(address: dict[str, Any]) -> None:
    with _call(address) as server:
        wire.send(server, {"verb": "stop"})
        server.poll(5)
