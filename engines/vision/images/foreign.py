"""What a file is that is no picture we read: apart from `reading`, which exported models carry off."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from engines.contract import InputError, Problem, Skipped
from engines.data.foreign import kinds
from engines.messages import _
from engines.vision.images.reading import ACCEPTED, NO_IMAGE, UnreadableImage


def what_else(file: Path | bytes) -> str | None:
    """What it is, by how it begins or what it is called, with what to do; None where nothing says it."""
    kind = kinds.named(file, kinds.PICTURES)
    if kind is None and isinstance(file, Path) and file.suffix.lower() in kinds.RAW_ENDINGS:
        kind = kinds.RAW
    return kind.phrase if kind else None


def reason(file: Path | bytes, error: UnreadableImage) -> str:
    """Why it could not be read, with what it is instead where that is known."""
    return (what_else(file) if str(error) == NO_IMAGE else None) or str(error)


def some_read(skipped: Sequence[Skipped], rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """A row {'file', 'error'} for each file that was left out, then `rows`, where a bad picture has such a row too.
    Raises InputError behind the last where none could be read."""
    bad = [{"file": entry.where, "error": entry.reason} for entry in skipped]
    yield from bad
    some = False
    for row in rows:
        some = some or "error" not in row
        if not some:
            bad.append(row)
        yield row
    if not some:
        require_some(bad)


def require_some(rows: Sequence[dict[str, Any]]) -> None:
    """Raises InputError where of all pictures that were asked about ({'file', 'error'} of a bad one) none could be
    read."""
    if rows and all("error" in row for row in rows):
        accepted = _("accepted: {accepted}", accepted=ACCEPTED)
        raise InputError(
            *(Problem(row["file"], _("the file {error}", error=row["error"]), accepted) for row in rows[:20])
        )
