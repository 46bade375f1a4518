"""Find out what a folder's names say: which pictures there are, and of which class."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from engines.contract import ReadAs, Skipped
from engines.data import class_names, unpacked
from engines.data.class_names import clean, nfc
from engines.data.parts import part_of
from engines.messages import _
from engines.vision.classification.folders.table_columns import Columns
from engines.vision.classification.settings import VisionSettings
from engines.vision.images.foreign import what_else
from engines.vision.images.reading import ACCEPTED, EXTENSIONS

TABLES = {".csv", ".tsv", ".jsonl", ".parquet", ".xlsx"}
PERHAPS_TABLES = {".txt", ".json"}
TELLING = {"label", "labels", "annotation", "annotations", "metadata", "instances", "result", "project"}
"""What a text file is called that is a table of labels, and no note."""


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

    @property
    def is_table(self) -> bool:
        """By its name, which has to say so in a text file."""
        words = {word.lower() for word in re.findall("[A-Za-z]+", self.path.stem)}
        told = not words.isdisjoint(TELLING) or part_of(self.path.stem) is not None
        return self.suffix in TABLES or (self.suffix in PERHAPS_TABLES and told)

    @property
    def is_described(self) -> bool:
        """Whether it says what others are, or holds pictures with their labels."""
        return self.is_table or self.suffix == ".npz"


@dataclass(frozen=True)
class Entry:
    """One picture, and what the data say about it."""

    file: File
    label: str
    """As it was written; `clean` makes the class name of it."""
    split: str | None = None
    patient: str = ""
    """Whose picture it is, where a table says it."""


@dataclass
class Listing:
    """What the names in a folder, or its tables, tell."""

    entries: list[Entry] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    read_as: list[ReadAs] = field(default_factory=list)
    columns: Columns | None = None
    """Of the (first) table, where one was read."""

    def add(self, other: Listing) -> None:
        self.entries += other.entries
        self.skipped += other.skipped
        self.notes += other.notes
        self.read_as += [guess for guess in other.read_as if guess.setting not in {g.setting for g in self.read_as}]
        self.columns = self.columns or other.columns


def walk(root: Path) -> list[File]:
    """Every file below `root` that a person put there, folder by folder. Raises InputError as `unpacked.walk` does."""
    found = [folder / name for folder, names in unpacked.walk(root) for name in names]
    parts = [path.relative_to(root).parts for path in found]
    return [File(path, nfc("/".join(names)), names) for path, names in zip(found, parts, strict=True)]


def unwrapped(files: list[File]) -> tuple[list[File], list[Skipped]]:
    """The files with every folder left off that merely wraps all the others: one folder of folders, or of a table.

    Loose files beside such a folder are skipped.
    """
    skipped: list[Skipped] = []
    while (top := _wrapper(files)) is not None:
        skipped += [Skipped(file.name, _("lies in no class folder")) for file in files if len(file.parts) == 1]
        files = inside(files, top)
    return files, skipped


def _wrapper(files: list[File]) -> str | None:
    """The one top folder, if it can hold no class itself because what lies in it has folders or a table of its own."""
    useful = [file for file in files if file.is_image or file.is_described]
    tops = {file.parts[0] for file in useful if len(file.parts) > 1}
    if len(tops) != 1 or any(len(file.parts) == 1 and file.is_described for file in useful):
        return None
    described = any(len(file.parts) == 2 and file.is_described for file in useful)
    loose = any(len(file.parts) == 2 and file.is_image for file in useful)
    folders = {file.parts[1] for file in useful if len(file.parts) > 2}
    return tops.pop() if described or len(folders) > loose else None


def by_folder(files: list[File], settings: VisionSettings) -> Listing:
    """A folder a class; folders below it belong to it, or are the classes themselves where `settings` say so."""
    listing = Listing()
    nearest = settings.class_folder == "nearest"
    for file in files:
        label = "" if len(file.parts) == 1 else file.parts[-2] if nearest else file.parts[0]
        if not file.is_image:
            told = what_else(file.path) or _(
                "is a {suffix} file, which is not read: {accepted_images}",
                suffix=file.suffix,
                accepted_images=ACCEPTED_IMAGES,
            )
            listing.skipped.append(Skipped(file.name, told))
        elif not clean(label):
            listing.skipped.append(Skipped(file.name, _("lies in no class folder")))
        else:
            listing.entries.append(Entry(file, label))
    deep = {entry.file.parts[1] for entry in listing.entries if len(entry.file.parts) > 2}
    if deep:
        below = _("Below it lie {deep:,} folders more, such as {deep2}", deep=len(deep), deep2=sorted(deep)[0])
        value, other = ("nearest", "top") if nearest else ("top", "nearest")
        listing.read_as.append(ReadAs(_("class folder"), value, [other], "class_folder", f"{below}."))
    return listing


ACCEPTED_IMAGES = _("accepted are {accepted}", accepted=ACCEPTED)


def inside(files: list[File], top: str) -> list[File]:
    """The files of one top folder, relative to it; their names stay whole, so that people find them."""
    below = [file for file in files if len(file.parts) > 1 and file.parts[0] == top]
    return [File(file.path, file.name, file.parts[1:]) for file in below]


def may_name_classes(files: list[File]) -> bool:
    """Whether the pictures' folders are several that are no parts: they may be classes."""
    pictures = [file for file in unwrapped([file for file in files if file.is_image])[0] if len(file.parts) > 1]
    own = {file.parts[1] if part_of(file.parts[0]) and len(file.parts) > 2 else file.parts[0] for file in pictures}
    return len({name for name in own if not part_of(name)}) > 1


def merged_names(entries: list[Entry]) -> list[str]:
    """A note for each class that was written in several ways, and for classes that differ by case alone."""
    return class_names.merged_names(entry.label for entry in entries)
