"""What went wrong, in one plain sentence. The traceback goes to a log, never to a person."""

from __future__ import annotations

import errno

FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


def sentence(error: BaseException, log: str) -> str:
    """What to tell a person about `error`, whose traceback lies in the file called `log`."""
    text = str(error).lower()
    if isinstance(error, OSError) and error.errno in FULL:
        return "The disk is full: free some space, then press Resume. Finished epochs are kept."
    if type(error).__name__ == "OutOfMemoryError" or "cuda out of memory" in text:
        return "The graphics card ran out of memory: choose a smaller batch size, smaller pictures or a smaller model."
    if isinstance(error, MemoryError) or "can't allocate memory" in text:
        return "The computer ran out of memory: choose a smaller batch size or model, or close other programs."
    return f"This is a defect of ours: {type(error).__name__}. The details are in {log}."
