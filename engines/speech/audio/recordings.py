"""What is known of sound files before any is decoded: each recording, and how a person says they are to be read."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Protocol

from engines.contract import ReadAs, Skipped
from engines.data.json_shapes import UPLOADED
from engines.messages import _
from engines.speech.audio.files import EXTENSIONS, FOREIGN_EXTENSIONS

SOUNDS = EXTENSIONS | FOREIGN_EXTENSIONS
"""Endings of sound files; the foreign ones are found, so that each can be named with the format that it is."""


class Chosen(Protocol):
    """The settings of a speech task that say how its data are read."""

    @property
    def layout(self) -> str: ...
    @property
    def parts(self) -> str: ...
    @property
    def file_column(self) -> str | None: ...
    @property
    def speaker_column(self) -> str | None: ...
    @property
    def accept_guesses(self) -> bool: ...


@dataclass(frozen=True)
class Reading:
    """How data are read: what the task needs of them, and what a person says of them; else it is guessed."""

    needs: str = "transcription"
    """Or 'speaker'."""
    layout: str = "auto"
    parts: str = "auto"
    file_column: str | None = None
    text_column: str | None = None
    speaker_column: str | None = None
    accept_guesses: bool = False

    @classmethod
    def by(cls, settings: Chosen, needs: str) -> Reading:
        """As the settings of a run say."""
        return cls(
            needs,
            settings.layout,
            settings.parts,
            settings.file_column,
            getattr(settings, "text_column", None),
            settings.speaker_column,
            settings.accept_guesses,
        )

    def column(self, role: str) -> str | None:
        """The column that a person names for 'file', 'text' or 'speaker'."""
        name: str | None = getattr(self, f"{role}_column", None)
        return name


@dataclass(frozen=True)
class Recording:
    """One sound file, and what the data say about it."""

    path: Path
    name: str
    """Relative path with forward slashes, as it is shown to people."""
    text: str | None = None
    speaker: str | None = None
    accent: str | None = None
    split: str | None = None
    column: str | None = None
    """Of new data in a table: the column that names it."""

    @property
    def reading(self) -> dict[str, str]:
        """How it was found, as each answer about new data says it: 'column', where a table named it."""
        return {} if self.column is None else {"column": self.column}


@dataclass
class Listing:
    """Everything found in somebody's folder."""

    recordings: list[Recording] = field(default_factory=list)
    """Sorted by name."""
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    source: str = ""
    """What was read of them: the table's name; of several, all names."""
    read_as: list[ReadAs] = field(default_factory=list)
    """What was guessed."""


class Sounds:
    """The sound files of a folder, found by whatever name a table gives them."""

    def __init__(self, paths: dict[str, Path]):
        """`paths`: relative name -> path."""
        self.paths = paths
        self.names = {folded(name): name for name in paths}
        self.by_last: defaultdict[str, list[str]] = defaultdict(list)
        self.by_stem: defaultdict[str, list[str]] = defaultdict(list)
        for name in paths:
            own = PurePosixPath(folded(name))
            self.by_last[own.name].append(name)
            self.by_stem[own.stem].append(name)

    def find(self, written: str, below: str = "") -> list[str]:
        """The names of the files that `written` may mean: one where it is clear, none where no file is called so.

        Looked for in `below` ('folder/', where the table lies) and from the top; then by as many of its last folders as
        agree; then by its name without ending, since tables often have none, or that of the file before it was
        converted.
        """
        wanted = folded(written.replace("\\", "/").removeprefix("./"))
        if not wanted:
            return []
        for name in (folded(below) + wanted, wanted):
            if name in self.names:
                return [self.names[name]]
        last = PurePosixPath(wanted).name
        stem = PurePosixPath(last).stem if PurePosixPath(last).suffix in SOUNDS else last
        bare = UPLOADED.sub("", stem)
        alike = self.by_last.get(last) or self.by_stem.get(stem) or self.by_stem.get(bare) or []
        return _nearest(alike, PurePosixPath(wanted).parts[:-1], folded(below))


def _nearest(alike: Sequence[str], folders: Sequence[str], below: str) -> list[str]:
    """Those of the names that share the most last folders with what was written, else those that lie in `below`."""
    if len(alike) < 2:
        return list(alike)

    def shared(name: str) -> int:
        pairs = zip(reversed(PurePosixPath(folded(name)).parts[:-1]), reversed(folders), strict=False)
        return next((n for n, (ours, theirs) in enumerate(pairs) if ours != theirs), len(folders))

    most = max(map(shared, alike))
    best = [name for name in alike if shared(name) == most]
    return [name for name in best if folded(name).startswith(below)] or best


def folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def folder_of(name: str) -> str:
    """'a/b/' of 'a/b/c.wav'; '' of what lies at the top."""
    parent = PurePosixPath(name).parent.as_posix()
    return "" if parent == "." else f"{parent}/"


def listed(names: Iterable[str], most: int = 3) -> str:
    """'a, b and c'; 'a, b, c and 4 more'."""
    every = list(names)
    if len(every) > most:
        return _("{every} and {most:,} more", every=", ".join(every[:most]), most=len(every) - most)
    return _(" and ").join(filter(None, [", ".join(every[:-1]), *every[-1:]]))
