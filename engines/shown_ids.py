"""The second id of a run or a data set: whoever has it sees it and changes nothing.

It is a digest of its own id, so it needs no secret, and nobody comes from it to the own id by computing: that takes the
index below `paths.shown()`, a small file for each whose link was asked for.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib

from engines import paths

RUN, DATASET = b"headstart: shows a run\n", b"headstart: shows a data set\n"
"""What the digest is for: another one of the same id would be another key."""


def of(own_id: str, purpose: bytes = RUN) -> str:
    """The id that shows it: 22 URL-safe characters like its own, of which 128 bits cannot be guessed."""
    digest = hashlib.sha256(purpose + own_id.encode()).digest()
    return base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode()


def publish(own_id: str, purpose: bytes = RUN) -> str:
    """Makes it findable by the id that shows it, and returns that id. Twice is as good as once."""
    shown = of(own_id, purpose)
    file = paths.shown() / shown
    if not file.is_file():
        partial = file.with_name(f".{shown}.partial")
        partial.write_text(own_id, encoding="ascii")
        partial.replace(file)
    return shown


def run_of(shown_id: str) -> str | None:
    """The own id of the run that is shown by that id; None where none is. `shown_id` has been checked to be an id."""
    return _own(shown_id, RUN)


def dataset_of(shown_id: str) -> str | None:
    """The same of a data set."""
    return _own(shown_id, DATASET)


def withdraw(own_id: str) -> None:
    """Nobody finds it by the id that shows it any more."""
    for purpose in (RUN, DATASET):
        (paths.shown() / of(own_id, purpose)).unlink(missing_ok=True)


def _own(shown_id: str, purpose: bytes) -> str | None:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        own_id = (paths.shown() / shown_id).read_text(encoding="ascii")
        if of(own_id, purpose) == shown_id:  # a file cut short, or put there by somebody, leads nowhere
            return own_id
    return None
