"""What went wrong, in one plain sentence. The traceback goes to a log, never to a person."""

from __future__ import annotations

import errno

from engines.messages import _
from engines.training import memory
from engines.training.parallel import siblings

FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
FULL_WORDS = (
    "no space left on device",
    "disk quota exceeded",
    "os error 28",
    "os error 112",
    "database or disk is full",
)
"""How libraries that raise their own errors say it (safetensors, SQLite, and torch with an OSError behind it)."""
GONE = _("The folder of this run was moved or deleted while it worked: nothing more can be kept. Start the run again.")


def sentence(error: BaseException, log: str) -> str:
    """What to tell a person about `error`, whose traceback lies in the file called `log`."""
    if disk_is_full(error):
        return _("The disk is full: free some space, then press Resume. Finished epochs are kept.")
    if memory.on_card(error):
        return _(
            "The graphics card ran out of memory: choose a smaller batch size, smaller pictures or a smaller model."
        )
    if memory.ran_out(error):
        return _("The computer ran out of memory: choose a smaller batch size or model, or close other programs.")
    if isinstance(error, siblings.Lost):
        return _(
            "One of the processes that trained this run together was killed, or broke (the details, if any, are in "
            "{log}). Resume goes on from the last checkpoint.",
            log=log,
        )
    return _("This is a defect of ours: {name}. The details are in {log}.", name=type(error).__name__, log=log)


def disk_is_full(error: BaseException | None) -> bool:
    """Also where a library put its own error on top of the system's."""
    while error is not None:
        text = str(error).lower()
        if isinstance(error, OSError) and error.errno in FULL or any(words in text for words in FULL_WORDS):
            return True
        error = error.__cause__ or error.__context__
    return False
