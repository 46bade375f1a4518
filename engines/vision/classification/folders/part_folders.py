"""Folders that are parts of the data: train/ and test/ above the classes, or within each class."""

from __future__ import annotations

from dataclasses import replace

from engines.contract import InputError, Problem, ReadAs, Skipped
from engines.data.parts import among, lacks_training, part_of
from engines.data.splits import Part
from engines.messages import _
from engines.vision.classification.folders.class_folders import File, Listing, by_folder, inside, unwrapped
from engines.vision.classification.folders.label_tables import by_tables
from engines.vision.classification.folders.table_columns import Columns
from engines.vision.classification.settings import VisionSettings

A_TABLE = _("a table")
"""What a part holds in whose folder a table says the classes."""


def by_parts(
    files: list[File], settings: VisionSettings, *, where: str, to_train: bool = True, like: Columns | None = None
) -> Listing:
    """Class folders, below train/ and test/ where these exist; each of those may have a table of its own.

    What lies beside the parts is left out and named. `where` is what the data are called. Raises InputError when the
    folders are parts and there is none `to_train` on.
    """
    held, loose = _held(files)
    parts = _parts(held, settings.parts, where, to_train)
    if not parts:
        return _within_classes(files, settings) or _as_classes(files, held, settings)
    listing = by_folder([file for file in files if len(file.parts) == 1], settings)
    listing.skipped += loose
    for top, part in sorted(parts.items(), key=lambda one: (one[1] != "train", one[0])):
        own, aside = by_tables(
            held[top], replace(settings, table=None), like=listing.columns or like, folders=len(_names(held[top])) > 1
        )
        found = own or by_folder(_without(held[top], aside), settings)
        found.skipped += aside
        listing.add(replace(found, entries=[replace(entry, split=part) for entry in found.entries]))
    for top in sorted(held.keys() - parts.keys()):
        if n := sum(file.is_image for file in held[top]):
            beside = _(" and ").join(sorted(parts))
            listing.skipped.append(
                Skipped(f"{top}/", _("is no part of the data, beside {beside}: its {n:,} images", beside=beside, n=n))
            )
    said = "; ".join(f"{top}: {part}" for top, part in sorted(parts.items()))
    why = _("Their names say it, and they hold the same classes.")
    listing.read_as.append(ReadAs(_("parts"), said, ["classes"], "parts", why))
    return listing


def _held(files: list[File]) -> tuple[dict[str, list[File]], list[Skipped]]:
    """Top folder -> its files, less what wraps those of a part once more (training_set/training_set/cats); and what
    lies loose beside such a wrapper."""
    held = {top: inside(files, top) for top in sorted({file.parts[0] for file in files if len(file.parts) > 1})}
    loose: list[Skipped] = []
    taught: set[str] = set()
    for top in sorted(held, key=lambda top: part_of(top) != "train"):
        if part_of(top) and not (taught and _names(held[top]) <= taught):
            held[top], beside = unwrapped(held[top])
            loose += beside
        if part_of(top) == "train":
            taught |= _names(held[top])
    return held, loose


def _names(files: list[File]) -> set[str]:
    """The folders of pictures, or that there is a table."""
    found = {file.parts[0] for file in files if len(file.parts) > 1 and file.is_image}
    return {A_TABLE} if any(len(file.parts) == 1 and file.is_table for file in files) else found


def _parts(held: dict[str, list[File]], reading: str, where: str, to_train: bool) -> dict[str, Part]:
    """Folder -> its part; nothing where the folders are classes. Raises InputError as `by_parts` says."""
    if reading == "classes":
        return {}
    names = {top: _names(own) for top, own in held.items() if any(file.is_image for file in own)}
    called = {top: part for top in names if (part := part_of(top))}
    found = called if reading == "parts" else among(names)
    if not to_train and not found and lacks_training(names):
        return called
    if not to_train or "train" in found.values():
        return found
    told = _(" and ").join(sorted(called))
    if lacks_training(names):
        problem = _(
            "there is nothing to train on: {told} hold the same classes, and are parts by their names", told=told
        )
        raise InputError(Problem(where, problem, _("accepted: a folder called train beside them, or parts=classes")))
    if reading == "parts":
        problem = _("there is nothing to train on: no folder is called train")
        raise InputError(Problem(where, problem, _("accepted: a folder called train, or parts=classes")))
    if "train" in called.values() and called.keys() == names.keys() and len(called) > 1 and not any(names.values()):
        problem = _("{told} hold pictures, but neither class folders nor a table", told=told)
        raise InputError(Problem(where, problem, _("accepted: class folders or a table in them, or parts=classes")))
    return found


def _as_classes(files: list[File], held: dict[str, list[File]], settings: VisionSettings) -> Listing:
    listing = by_folder(files, settings)
    if called := [top for top in held if part_of(top)]:
        why = _("Taken for the name of a class: {called}.", called=", ".join(called))
        listing.read_as.append(ReadAs(_("parts"), "", ["parts"], "parts", why))
    return listing


def _within_classes(files: list[File], settings: VisionSettings) -> Listing | None:
    """Where every folder is split within itself, cats/train and cats/test: each is a class, or, where the same
    folders lie below their parts, a share of the same classes."""
    pictures = [file for file in files if file.is_image and len(file.parts) > 1]
    if settings.parts == "classes" or any(len(f.parts) < 3 or not part_of(f.parts[1]) for f in pictures):
        return None
    tops = {file.parts[0] for file in pictures}
    trained = {file.parts[0] for file in pictures if part_of(file.parts[1]) == "train"}
    kinds = {part for file in pictures if (part := part_of(file.parts[1]))}
    if trained != tops or len(kinds) < 2 or len(tops) < 2:
        return None
    below = [{f.parts[2] for f in pictures if f.parts[0] == top and len(f.parts) > 3} for top in sorted(tops)]
    shared = all(own and own == below[0] for own in below)
    listing = by_folder([file for file in files if not file.is_image or len(file.parts) == 1], settings)
    for part in sorted(kinds):
        own = [file for file in pictures if part_of(file.parts[1]) == part]
        found = by_folder([_without_part(file, whole=not shared) for file in own], settings)
        listing.add(replace(found, entries=[replace(entry, split=part) for entry in found.entries]))
    said = "; ".join(sorted({f"*/{file.parts[1]}: {part_of(file.parts[1])}" for file in pictures}))
    listing.read_as.append(ReadAs(_("parts"), said, ["classes"], "parts", _("Every folder has the same parts within.")))
    return listing


def _without_part(file: File, *, whole: bool) -> File:
    """Its path less the part, and less the folder above the part unless that one is the class."""
    return replace(file, parts=(file.parts[0], *file.parts[2:]) if whole else file.parts[2:])


def _without(files: list[File], aside: list[Skipped]) -> list[File]:
    named = {entry.where for entry in aside}
    return [file for file in files if file.name not in named]
