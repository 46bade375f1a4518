"""The worker that a cluster starts: takes its ticket, and works through the run that it names.

    python -m engines.jobs.launchers.remote TICKET

HEADSTART_HOME says where the shared folder is. It dies with whoever started it, for a cluster that has lost a job does
not look for what is left of it; and as soon as its run was given to somebody else.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import sys
import threading

import psutil

from engines import paths
from engines.jobs import fence, worker
from engines.jobs.launchers import tickets
from engines.messages import _
from engines.runs import RunFolder

LOST = 70
"""Exit status where nobody would have missed it any more."""
LOOK_SECONDS = 1.0


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or not re.fullmatch(r"[0-9a-f]{32}", arguments[0]):
        print(_("usage: python -m engines.jobs.launchers.remote TICKET"), file=sys.stderr)
        return worker.WRONG_INPUT
    parent = os.getppid()
    os.umask(paths.PRIVATE_UMASK)
    order = tickets.take(arguments[0]) if (paths.home() / "launches").is_dir() else None
    if order is None:
        print(_("There is no such ticket below {home} on {host}.", home=paths.home(), host=platform.node()))
        return tickets.NO_TICKET
    run, environment = order
    os.environ.update(environment)
    worker.print_into(run.path / worker.LOG)
    with contextlib.suppress(OSError):
        tickets.note_host(run, arguments[0], platform.node())
    for missing in fence.put_up():
        print(missing, file=sys.stderr)
    over = threading.Event()
    threading.Thread(target=_watch, args=(run, arguments[0], parent, over), daemon=True).start()
    try:
        return worker.execute(run)
    finally:
        over.set()


def _watch(run: RunFolder, ticket: str, parent: int, over: threading.Event) -> None:
    """Ends this process and all that it started, where nobody would miss them."""
    while not over.wait(LOOK_SECONDS):
        launch = tickets.launch_of(run)
        if os.getppid() != parent or launch is not None and launch.ticket != ticket:
            _end_all()


def _end_all() -> None:
    with contextlib.suppress(psutil.Error):
        for child in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                child.kill()
    os._exit(LOST)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
