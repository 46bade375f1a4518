"""What the operator of a host has said: whether runs are accepted and started, kept in a file so that it outlives us.

It holds only where HEADSTART_OPERATOR_TOKEN is set: without it nobody could take it back.
"""

from __future__ import annotations

import hmac
import json
import os
import time
from collections import Counter
from enum import StrEnum

from engines import paths
from engines.contract import InputError, Problem
from engines.messages import _

FEWEST = 20
"""Characters of a token: what is shorter can be guessed, and counts as none."""


class Operation(StrEnum):
    OPEN = "open"
    PAUSED = "paused"
    """Runs are accepted and wait; none begins. Those that train go on."""
    DRAINING = "draining"
    """No run is accepted. Those that wait and train go on to their end."""


def token() -> str:
    """HEADSTART_OPERATOR_TOKEN; empty where it is not set, or too short to be one."""
    found = os.environ.get("HEADSTART_OPERATOR_TOKEN", "").strip()
    return found if len(found) >= FEWEST else ""


def is_operator(said: str) -> bool:
    """Whether somebody knows the token. It takes as long whatever they say."""
    known = token()
    return hmac.compare_digest(said.strip().encode(), known.encode()) and bool(known)


def state() -> Operation:
    """What holds now. A file that is broken counts as open: it says nothing that anybody has chosen."""
    if not token():
        return Operation.OPEN
    try:
        said = json.loads((paths.home() / "operation.json").read_text(encoding="utf-8"))
        return Operation(said["state"])
    except (OSError, ValueError, KeyError, TypeError):
        return Operation.OPEN


def choose(chosen: Operation) -> None:
    """From now on, and after a restart too. Raises OSError where it can't be written."""
    file = paths.private_home() / "operation.json"
    partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
    partial.write_text(json.dumps({"state": chosen, "since": round(time.time())}), encoding="utf-8")
    partial.replace(file)


def require_accepting() -> None:
    """Raises InputError while the host is being emptied."""
    if state() is Operation.DRAINING:
        found = _("this host takes no new runs: it is about to be restarted")
        raise InputError(Problem("runs", found, _("those that wait or train end; try again later")))


# --- what went wrong ---------------------------------------------------------------------------------

_since = time.time()
_counted: Counter[str] = Counter()


def count(kind: str) -> None:
    """One more refusal or failure of that kind: a sentence for the operator, without a word of whose it was."""
    _counted[kind] += 1


def counted() -> tuple[float, dict[str, int]]:
    """Since when (seconds since the epoch: this process's start), and how many of each kind, the most first."""
    return _since, dict(_counted.most_common())
