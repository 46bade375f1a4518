"""The line to whoever carries a federation's orders and answers: a JSON object a line, out on standard output, in on
standard input.

    out  {"ask": PATH, "kind": "summary" or "learn", "round": N, "sites": {NAME: EXAMPLES, …}, "patience": SECONDS,
          "secure": false}
    in   {"answers": [[NAME, PATH], …], "lost": [[NAME, WHY], …], "late": [NAME, …]}

What else this process prints goes to standard error from then on.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from engines.contract import InputError, Problem, Run
from engines.federated.lead import Heard
from engines.messages import _

LOOKS = 0.2
"""Seconds between two looks at whether somebody wants the run to stop."""


class StandardLine:
    """See `lead.Line`."""

    def __init__(self) -> None:
        sys.stdout.flush()
        self.out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        self.lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=_read, args=(sys.stdin, self.lines), name="line", daemon=True).start()

    def ask(self, run: Run, order: Path, sites: Mapping[str, int], *, patience: float, secure: bool) -> Heard:
        kind = "learn" if sites else "summary"
        asked = {
            "ask": str(order),
            "kind": kind,
            "round": int(order.stem),
            "sites": dict(sites),
            "patience": patience,
            "secure": secure,
        }
        try:
            print(json.dumps(asked, ensure_ascii=False), file=self.out, flush=True)
        except OSError:
            raise _gone() from None
        while True:
            run.check_cancelled()
            try:
                return heard(self.lines.get(timeout=LOOKS))
            except queue.Empty:
                continue


def _read(source: TextIO, lines: queue.SimpleQueue[str]) -> None:
    for line in source:
        lines.put(line)
    lines.put("")


def _gone() -> InputError:
    found = _("whoever carried orders and answers is gone")
    return InputError(Problem(_("the federation"), found, _("start it again: it goes on after its last whole round")))


def heard(line: str) -> Heard:
    """What an answering line tells. Raises InputError for the end of the line, and for what is no answer."""
    if not line:
        raise _gone()
    try:
        told: dict[str, Any] = json.loads(line)
        return Heard(
            [(str(name), Path(path)) for name, path in told["answers"]],
            [(str(name), str(why)) for name, why in told["lost"]],
            [str(name) for name in told["late"]],
        )
    except (ValueError, KeyError, TypeError):
        found = _("found {line}", line=line[:80])
        raise InputError(Problem(_("the federation"), found, _("accepted: answers, lost and late"))) from None
