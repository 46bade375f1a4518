"""The warm server: a process with torch imported that answers the pages' short questions.

    python -m engines.jobs.serving.server

It listens on this machine only, tells its address and key in a file that only its owner can read (see `wire`), and
leaves when nobody has asked for a while. `client` is the page's side.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import secrets
import sys
import threading
import time
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, Listener, answer_challenge, deliver_challenge
from typing import Any

import filelock

from engines import cancellation, paths
from engines.contract import InputError
from engines.hosting import limits as hosting_limits
from engines.hosting import logs
from engines.jobs import failures, fence, limits, warm_imports
from engines.jobs.serving import cards, wire
from engines.jobs.serving.handlers import LoadedModels, answer
from engines.jobs.serving.wire import Message, Question

TWICE = 2
"""A question that has had so many times what it may have takes this process down; the next starts a fresh one."""


class _Server:
    def __init__(self) -> None:
        self.key = secrets.token_bytes(32)
        self.models = LoadedModels()
        self.importing = warm_imports.start_importing(warm_imports.ANSWERING)
        self.stopping = threading.Event()
        self._worked: dict[int, float] = {}
        """Thread of a question -> seconds of the processor that it has had: see `worked`."""
        self._shared = time.process_time()
        self._last_end = time.monotonic()
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def _at_work(self) -> Any:
        with self._lock:
            self._share()
            self._worked[threading.get_ident()] = 0.0
        try:
            yield
        finally:
            with self._lock:
                self._share()
                del self._worked[threading.get_ident()]
                self._last_end = time.monotonic()

    @property
    def busy(self) -> bool:
        return bool(self._worked)

    def _share(self) -> None:
        """Charges what this process has worked since last time to the questions that it answers, in equal parts:
        decoders and torch work in threads of their own, of which nobody knows for whom. Nobody pays for our imports."""
        now = time.process_time()
        for asker in self._worked if not self.importing.is_alive() else ():
            self._worked[asker] += (now - self._shared) / len(self._worked)
        self._shared = now

    def worked(self) -> float:
        """Seconds of the processor that the question of this thread has had."""
        with self._lock:
            self._share()
            return self._worked[threading.get_ident()]

    @property
    def overdue(self) -> bool:
        """Whether a question has long had all it may have of the processor, and does not look whether it has."""
        most = _question_seconds()
        with self._lock:
            self._share()
            return bool(most) and max(self._worked.values(), default=0.0) > TWICE * most

    @property
    def idle_seconds(self) -> float:
        with self._lock:
            return 0.0 if self._worked else time.monotonic() - self._last_end

    def accept(self, listener: Listener) -> None:
        """Gives every visitor a thread. A visitor who doesn't know the key holds nobody up."""
        while not self.stopping.is_set():
            with contextlib.suppress(OSError, EOFError):
                connection = listener.accept()
                threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: Connection) -> None:
        with connection, contextlib.suppress(OSError, EOFError, AuthenticationError):
            wire.leave_at_once(connection)
            deliver_challenge(connection, self.key)
            answer_challenge(connection, self.key)
            question = wire.receive(connection, wire.LONGEST_QUESTION)
            if question.get("verb") == "stop":
                self.stopping.set()
                return
            with self._at_work():
                wire.send(connection, {"begun": True})
                wire.send(connection, self._reply(question, connection))

    def _reply(self, question: Question, connection: Connection) -> Message:
        self.importing.join()
        reporter = _Reporter(connection)
        try:
            with cancellation.watched(reporter.require_wanted, _question_seconds(), self.worked):
                return {"answer": answer(question, self.models, reporter)}
        except InputError as error:
            return {"problems": [dataclasses.astuple(problem) for problem in error.problems]}
        except _Gone:
            raise EOFError from None
        except Exception as error:
            print(logs.told(error), file=sys.stderr)
            return {"failed": failures.sentence(error, wire.log_as_told())}


class _Gone(BaseException):
    """Whoever asked has left; no need to go on. Readers catch every Exception that bytes provoke, and not this."""


def _question_seconds() -> int:
    return hosting_limits.question_seconds() if hosting_limits.public() else 0


class _Reporter:
    """Sends progress, ten times a second at most."""

    def __init__(self, connection: Connection):
        self._connection = connection
        self._next = 0.0

    def require_wanted(self) -> None:
        """Raises _Gone where whoever asked has hung up: nobody says anything more after a question."""
        if self._connection.poll(0):
            raise _Gone

    def __call__(self, done: int, total: int) -> None:
        cancellation.cancellation_point()
        if done != total and time.monotonic() < self._next:
            return
        self._next = time.monotonic() + 0.1
        self._send({"progress": [done, total]})

    def piece(self, text: str) -> None:
        """Sends a piece of an answer that is still being written."""
        self._send({"piece": text})

    def _send(self, message: Message) -> None:
        try:
            wire.send(self._connection, message)
        except OSError:
            raise _Gone from None


def main() -> int:
    """Serves until nobody has asked for HEADSTART_SERVING_IDLE_SECONDS, or somebody says stop. One a home folder."""
    cards.hide()
    for missing in fence.put_up(network=True):
        print(missing, file=sys.stderr)
    try:
        with filelock.FileLock(paths.home() / "serving.lock", timeout=5):
            server = _Server()
            _serve(server)
    except filelock.Timeout:
        return 0  # another server is there
    while server.busy and not server.overdue:
        time.sleep(0.1)
    return 0


def _serve(server: _Server) -> None:
    with Listener(("127.0.0.1", 0), backlog=16) as listener:
        threading.Thread(target=server.accept, args=(listener,), daemon=True).start()
        wire.publish(listener.address[1], server.key)
        while not server.stopping.wait(0.5):
            idle = server.idle_seconds > limits.serving_idle_seconds()
            if idle or server.overdue or not wire.address_file().exists():
                server.stopping.set()
        wire.address_file().unlink(missing_ok=True)


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)  # the imports may still be under way
