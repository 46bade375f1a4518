"""What a public host writes down of errors: where in our code, and of what kind; nothing that a visitor brought.

An exception's message quotes names, contents, paths and ids of what it stumbled over, and whoever reads the logs may
read none of them: an id is the key to a run.
"""

from __future__ import annotations

import logging
import traceback
from typing import Any

from engines.hosting import limits


def told(error: BaseException) -> str:
    """The traceback of an error; on a public host without any message, of it or of those behind it."""
    if not limits.public():
        return "".join(traceback.format_exception(error))
    lines: list[str] = []
    behind: BaseException | None = error
    while behind is not None:
        kind = type(behind)
        lines.append(f"{''.join(traceback.format_tb(behind.__traceback__))}{kind.__module__}.{kind.__qualname__}\n")
        behind = behind.__cause__ or (None if behind.__suppress_context__ else behind.__context__)
    return "behind it\n".join(lines)


def keep_quiet() -> None:
    """Has every logger of this process leave messages of exceptions out, on a public host."""
    make = logging.getLogRecordFactory()
    if getattr(make, "quiet", False):
        return

    def quiet(*values: Any, **more: Any) -> logging.LogRecord:
        record = make(*values, **more)
        if record.exc_info and limits.public():
            error = record.exc_info[1]
            record.exc_info, record.exc_text = None, told(error) if error else ""
        return record

    quiet.quiet = True  # type: ignore[attr-defined]  # so that it is put there once
    logging.setLogRecordFactory(quiet)
