"""Find out what a folder's names say: which pictures there are, of which class, and for which part of the work."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from engines.contract import Skipped
from engines.data import labelled
from engines.data.archive import is_clutter
from engines.data.labelled import SPLITS, clean, nfc
from engines.vision.images import ACCEPTED, EXTENSIONS

TABLES = {".csv", ".tsv"}
DESCRIBING = TABLES | {".npz"}


@dataclass(frozen=True)
class File:
    """A file below the folder that was opened."""

    path: Path
    name: str
    """Relative path with forward slashes, as it is shown to people."""
    parts: tuple[str, ...]
    """Of the relative path, less the folders that merely wrap everything or name a part (train, test)."""

    @property
    def suffix(self) -> str:
        return self.path.suffix.lower()

    @property
    def is_image(self) -> bool:
        """By its name: a file without an extension may be one."""
        return self.suffix in EXTENSIONS or self.suffix == ""


@dataclass(frozen=True)
class Entry:
    """One picture, and what the data say about it."""

    file: File
    label: str
    """As it was written; `clean` makes the class name of it."""
    split: str | None = None


@dataclass
class Listing:
    """What the names in a folder tell."""

    entries: list[Entry] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, other: Listing) -> None:
        self.entries += other.entries
        self.skipped += other.skipped
        self.notes += other.notes


def walk(root: Path) -> list[File]:
    """Every file below `root` that a person put there, sorted by path. Linked folders are followed, each once."""
    seen: set[tuple[int, int]] = set()
    files = []
    for folder, folders, names in os.walk(root, followlinks=True):
        status = Path(folder).stat()
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not is_clutter(name))
        for name in sorted(names):
            path = Path(folder, name)
            if not is_clutter(name):
                relative = path.relative_to(root)
                files.append(File(path, nfc(relative.as_posix()), relative.parts))
    return files


def unwrapped(files: list[File]) -> tuple[list[File], list[Skipped]]:
    """The files with every folder left off that merely wraps all the others: one folder of folders, or of a table.

    Loose files beside such a folder are skipped.
    """
    skipped: list[Skipped] = []
    while (top := _wrapper(files)) is not None:
        skipped += [Skipped(file.name, "lies in no class folder") for file in files if len(file.parts) == 1]
        files = inside(files, top)
    return files, skipped


def _wrapper(files: list[File]) -> str | None:
    """The one top folder, if it can hold no class itself because what lies in it has folders or a table of its own."""
    useful = [file for file in files if file.is_image or file.suffix in DESCRIBING]
    tops = {file.parts[0] for file in useful if len(file.parts) > 1}
    if len(tops) != 1 or any(len(file.parts) == 1 and file.suffix in DESCRIBING for file in useful):
        return None
    described = any(len(file.parts) == 2 and file.suffix in DESCRIBING for file in useful)
    loose = any(len(file.parts) == 2 and file.is_image for file in useful)
    folders = {file.parts[1] for file in useful if len(file.parts) > 2}
    return tops.pop() if described or len(folders) > loose else None


def by_folder(files: list[File], split: str | None = None) -> Listing:
    """A folder a class; folders below it belong to it."""
    listing = Listing()
    for file in files:
        if not file.is_image:
            listing.skipped.append(Skipped(file.name, f"is a {file.suffix} file, no image: accepted are {ACCEPTED}"))
        elif len(file.parts) == 1 or not clean(file.parts[0]):
            listing.skipped.append(Skipped(file.name, "lies in no class folder"))
        else:
            listing.entries.append(Entry(file, file.parts[0], split))
    return listing


def split_folders(files: list[File]) -> dict[str, str]:
    """Top folder -> 'train', 'validation' or 'test' when that is what the top folders are; otherwise nothing.

    A folder called train may also hold pictures of trains: it counts as a part only when it holds folders or a table
    itself, and only when nothing but parts stands beside it.
    """
    tops = {file.parts[0] for file in files if len(file.parts) > 1 and (file.is_image or file.suffix in TABLES)}
    parts = {top: SPLITS[top.strip().lower()] for top in tops if top.strip().lower() in SPLITS}
    holds_more = {parts.get(file.parts[0]) for file in files if len(file.parts) > 2 or file.suffix in TABLES}
    if len(parts) < len(tops) or "train" not in parts.values() or "train" not in holds_more:
        return {}
    return parts


def inside(files: list[File], top: str) -> list[File]:
    """The files of one top folder, relative to it; their names stay whole, so that people find them."""
    below = [file for file in files if len(file.parts) > 1 and file.parts[0] == top]
    return [File(file.path, file.name, file.parts[1:]) for file in below]


def merged_names(entries: list[Entry]) -> list[str]:
    """A note for each class that was written in several ways, and for classes that differ by case alone."""
    return labelled.merged_names(entry.label for entry in entries)
