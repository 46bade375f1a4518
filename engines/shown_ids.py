"""The second id of a run: whoever has it sees the run and changes nothing.

It is a digest of the run's own id, so it needs no secret, and nobody comes from it to the run's own id by computing:
that takes the index below `paths.shown()`, a small file a run whose link was asked for.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib

from engines import paths

PURPOSE = b"headstart: shows a run\n"
"""What the digest is for: another one of the same id would be another key."""


def of(run_id: str) -> str:
    """The id that shows the run: 22 URL-safe characters like its own, of which 128 bits cannot be guessed."""
    digest = hashlib.sha256(PURPOSE + run_id.encode()).digest()
    return base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode()


def publish(run_id: str) -> str:
    """Makes the run findable by the id that shows it, and returns that id. Twice is as good as once."""
    shown = of(run_id)
    file = paths.shown() / shown
    if not file.is_file():
        partial = file.with_name(f".{shown}.partial")
        partial.write_text(run_id, encoding="ascii")
        partial.replace(file)
    return shown


def run_of(shown_id: str) -> str | None:
    """The own id of the run that is shown by that id; None where none is. `shown_id` has been checked to be an id."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        run_id = (paths.shown() / shown_id).read_text(encoding="ascii")
        if of(run_id) == shown_id:  # a file cut short, or put there by somebody, leads nowhere
            return run_id
    return None


def withdraw(run_id: str) -> None:
    """Nobody finds the run by that id any more."""
    (paths.shown() / of(run_id)).unlink(missing_ok=True)
