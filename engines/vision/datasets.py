"""Pictures and their classes, in whatever form a person brings them, checked one by one."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

from engines.contract import InputError, Problem, Progress, Skipped
from engines.data.archive import unpack
from engines.data.labelled import correct, corrected_digest
from engines.data.prepared import prepared
from engines.vision import label_tables, medmnist
from engines.vision.checked import check_all
from engines.vision.findings import ACCEPTED, Photograph, digest, first, notes, require_enough, without_leaks
from engines.vision.images import EXTENSIONS
from engines.vision.layouts import (
    TABLES,
    File,
    Listing,
    by_folder,
    clean,
    inside,
    merged_names,
    split_folders,
    unwrapped,
    walk,
)

__all__ = ["Photographs", "correct", "corrected_digest", "open_photographs", "open_unlabelled"]


@dataclass
class Photographs:
    """Everything found in somebody's data."""

    examples: list[Photograph]
    """Sorted by name."""
    skipped: list[Skipped]
    notes: list[str]
    sha256: str
    """Over every example's bytes and label, whatever their order and file names."""

    @property
    def classes(self) -> list[str]:
        """Class names, sorted."""
        return sorted({example.label for example in self.examples})


def open_photographs(data: Path, work: Path, *, progress: Progress | None = None, to_train: bool = True) -> Photographs:
    """Finds the labelled pictures in `data` and decodes each of them once.

    `data` is a zip or folder with a folder a class (with train/ and test/ on top or without, and whatever folder wraps
    it), images with a table, that table itself, a MedMNIST .npz, or a zip that holds one of these. Archives are
    unpacked below `work`, and what was unpacked and checked there before is used again.

    Files that can't be used are skipped and named. Raises InputError when nothing is left to learn from: fewer than
    two classes of two images, or fewer than FEWEST_IMAGES images. With `to_train=False` (test data) one image will do.
    """
    root, skipped = _folder(data, work)
    listing = _listing(data, root, work)
    entries = sorted(listing.entries, key=lambda entry: entry.file.name)
    outcomes = check_all([entry.file.path for entry in entries], work / "checked.json", progress)
    examples = []
    bad = []
    for entry, outcome in zip(entries, outcomes, strict=True):
        if outcome.reason:
            bad.append(Skipped(entry.file.name, outcome.reason))
        else:
            label = clean(entry.label)
            examples.append(Photograph(entry.file.path, entry.file.name, label, entry.split, outcome.sha256))
    examples, leaks = without_leaks(examples)
    skipped = [*skipped, *listing.skipped, *bad, *leaks]
    require_enough(data.name, examples, skipped, to_train)
    remarks = [*listing.notes, *merged_names(entries), *notes(entries, examples)]
    return Photographs(examples, skipped, remarks, digest(examples))


def open_unlabelled(data: Path, work: Path) -> tuple[list[tuple[str, Path]], list[Skipped]]:
    """(name, path) of the pictures in `data` (one image, a folder or a zip), sorted by name, and what was left out.

    Pictures are found by their extension and not decoded: whoever reads one handles `images.UnreadableImage`.
    Raises InputError when there is none.
    """
    accepted = "accepted: an image, or a folder or zip of images"
    if not data.exists():
        raise InputError(Problem(str(data), "there is no such file or folder", accepted))
    if data.is_file() and not _is_zip(data):
        return [(data.name, data)], []
    root, skipped = _folder(data, work)
    found = []
    for file in walk(root):
        if file.is_image:
            found.append((file.name, file.path))
        else:
            skipped.append(Skipped(file.name, "is no image"))
    if not found:
        raise InputError(Problem(data.name, f"no image in it{first(skipped)}", accepted))
    return sorted(found), skipped


def names_on_disk(data: Path, work: Path, paths: list[Path]) -> list[str] | None:
    """Where a person finds these pictures of `data`, below the folder or the unpacked zip that they brought.

    None when they are no files there, because they came in a MedMNIST .npz.
    """
    root = _folder(data, work)[0]
    if data.suffix.lower() == ".npz" or not all(path.is_relative_to(root) for path in paths):
        return None
    return [path.relative_to(root).as_posix() for path in paths]


# --- from whatever was brought to a folder --------------------------------------------------------


def _folder(data: Path, work: Path) -> tuple[Path, list[Skipped]]:
    """A folder with the files of `data` in it, and what was left out on the way."""
    if data.is_dir():
        return data, []
    if not data.exists():
        raise InputError(Problem(str(data), "there is no such file or folder", ACCEPTED))
    suffix = data.suffix.lower()
    if suffix == ".npz":
        return prepared(data, work, lambda out: _from_medmnist(data, out))
    if suffix in TABLES:
        return data.parent, []
    if suffix in EXTENSIONS:
        raise InputError(Problem(data.name, "this is a single image", ACCEPTED))
    if not _is_zip(data):
        raise InputError(Problem(data.name, "the file is neither a zip nor a table", ACCEPTED))
    return prepared(data, work, lambda out: unpack(data, out))


def _is_zip(data: Path) -> bool:
    """By its name or its content; a picture with a zip at its end is a picture."""
    suffix = data.suffix.lower()
    return suffix == ".zip" or (suffix not in EXTENSIONS and zipfile.is_zipfile(data))


def _from_medmnist(data: Path, out: Path) -> list[Skipped]:
    medmnist.write_folders(data, out)
    return []


# --- from a folder to classes ---------------------------------------------------------------------


def _listing(data: Path, root: Path, work: Path) -> Listing:
    files, loose = unwrapped(walk(root))
    archives = [file for file in files if file.suffix == ".npz" and len(file.parts) == 1]
    if len(archives) == 1 and not any(file.is_image and file.suffix for file in files):
        inner, _ = prepared(archives[0].path, work, lambda out: _from_medmnist(archives[0].path, out))
        files = walk(inner)
    listing = _by_table(data, files) or _by_parts(files)
    listing.skipped = loose + listing.skipped
    if not listing.entries:
        n_images = sum(file.is_image for file in files)
        found = f"no image in it{first(listing.skipped)}"
        if n_images:
            found = f"{n_images:,} image{'s' * (n_images > 1)}, but neither class folders nor a table"
        raise InputError(Problem(data.name, found, ACCEPTED))
    return listing


def _by_parts(files: list[File]) -> Listing:
    """Class folders, below train/ and test/ where these exist; each of those may have a table of its own."""
    parts = split_folders(files)
    if not parts:
        return by_folder(files)
    listing = by_folder([file for file in files if len(file.parts) == 1])
    for top, split in sorted(parts.items()):
        part = inside(files, top)
        found = _by_table(None, part) or by_folder(part)
        listing.add(replace(found, entries=[replace(entry, split=split) for entry in found.entries]))
    return listing


def _by_table(data: Path | None, files: list[File]) -> Listing | None:
    """What the table among `files` says, or None where folders say it better. `data` may be the very table."""
    tables = label_tables.find(files)
    asked_for = data is not None and data.suffix.lower() in TABLES
    if asked_for:
        tables = [table for table in tables if data and table.path.name == data.name]
    has_folders = any(len(file.parts) > 1 and file.is_image for file in files)
    problem = None
    for table in tables:
        try:
            listing = label_tables.by_table(table, files)
        except InputError as error:
            problem = problem or error
            continue
        others = [other for other in tables if other is not table]
        listing.skipped += [Skipped(other.name, f"is not read, for {table.name} is") for other in others]
        if not any(entry.split for entry in listing.entries):
            parts = split_folders(files)
            listing.entries = [replace(entry, split=parts.get(entry.file.parts[0])) for entry in listing.entries]
        return listing
    if problem and (asked_for or not has_folders):
        raise problem
    return None
