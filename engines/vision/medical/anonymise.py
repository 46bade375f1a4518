"""From a folder of scans to a folder that says nothing of whose they are: numbers and the tags that are kept.

What comes out: scans as NumPy arrays and pictures without their EXIF, numbered in the order of their names; folders
that name classes or parts, and none that name a patient; tables without columns that tell of people; and scans.json
with what is kept of each file. What went in is the caller's to delete.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from engines.contract import InputError, Skipped
from engines.data.parts import part_of
from engines.data.unpacked import files_below
from engines.messages import _
from engines.vision.images import reading
from engines.vision.medical import label_tables, patients
from engines.vision.medical.file_kinds import is_dicom, is_nifti, is_scan
from engines.vision.medical.scan import Scan, UnreadableScan

RECORD = "scans.json"
SCAN = ".npy"
UNNAMED = "class-{}"
"""What a folder is called that was called like a patient."""


@dataclass
class _File:
    """A file as it was brought; nothing of it is kept but what `write` says."""

    path: Path
    name: str
    """Relative, with forward slashes."""
    number: int
    """Among all, sorted by name: what it is called to people."""
    sha256: str = ""
    patient: str = ""
    """As its tags say it."""
    kind: str = ""
    """'dicom', 'nifti', 'picture'."""
    kept: Path | None = None
    """Where its numbers or its pixels wait for their name."""
    tags: dict[str, Any] = field(default_factory=dict)

    @property
    def folders(self) -> tuple[str, ...]:
        return PurePosixPath(self.name).parts[:-1]


def holds_scans(folder: Path) -> bool:
    """Whether there is one below a folder. Raises InputError as `unpacked.walk` does."""
    return any(is_scan(path) for path in files_below(folder))


def write(brought: Path, out: Path) -> list[Skipped]:
    """Writes what may be kept of the files below `brought` to `out`, with RECORD; what was left out, by numbers instead
    of names. Raises InputError where nothing can be used."""
    paths = files_below(brought)
    files = [_File(path, path.relative_to(brought).as_posix(), at) for at, path in enumerate(paths, 1)]
    people: set[str] = set()
    looks: defaultdict[str, set[str]] = defaultdict(set)
    skipped: list[Skipped] = []
    tables = [one for one in files if one.path.suffix.lower() in label_tables.ENDINGS and not is_scan(one.path)]
    waiting = out / ".waiting"
    waiting.mkdir(parents=True)
    for one in files:
        if one in tables:
            continue
        try:
            with one.path.open("rb") as file:
                one.sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            _read(one, waiting, people, looks)
        except (UnreadableScan, reading.UnreadableImage) as error:
            skipped.append(Skipped(_called(one, files), str(error)))
    usable = [one for one in files if one.kept]
    key = patients.salt(one.sha256 for one in usable)
    folders = _folders(usable, people, bool(tables))
    _rename(usable, folders, key, out)
    waiting.rmdir()
    now = label_tables.Lookup({one.name: str(one.tags["file"]) for one in usable})
    left_out = 0
    for at, table in enumerate(tables, 1):
        target = out / f"{part_of(table.path.stem) or 'labels'}{'' if len(tables) == 1 else f'-{at}'}.csv"
        try:
            found = label_tables.rewrite(table.path, target, now, lambda cell: patients.hashed(cell, key), people)
        except InputError:  # what it says of the table may quote it
            skipped.append(Skipped(_called(table, files), _("cannot be read as a table, and is not kept")))
            continue
        if found is None:
            skipped.append(Skipped(_called(table, files), _("names none of the scans, and is not kept")))
        left_out += found or 0
    record = {
        "files": {
            one.tags["file"]: {name: value for name, value in one.tags.items() if name != "file"} for one in usable
        },
        "kinds": {kind: sum(one.kind == kind for one in usable) for kind in ("dicom", "nifti", "picture")},
        "columns_left_out": left_out,
        "alike": sum(len(ids) > 1 for ids in looks.values()),
    }
    (out / RECORD).write_text(json.dumps(record), encoding="utf-8")
    return skipped


def _called(one: _File, files: list[_File]) -> str:
    """What a file is called whose name may be a patient's."""
    return _("file {number} of {files}, by name", number=one.number, files=len(files))


def _read(one: _File, waiting: Path, people: set[str], looks: defaultdict[str, set[str]]) -> None:
    """Puts what is kept of a file into `waiting`. Raises UnreadableScan and UnreadableImage."""
    from engines.vision.medical import dicom, nifti  # with libraries that pictures do not need

    if is_dicom(one.path):
        scan, whose = dicom.read(one.path)
        one.kind, one.patient = "dicom", whose.id
        people.update(word for name in whose.names for word in label_tables.words_of(name))
        people.update(label_tables.whole(number) for number in whose.numbers if number)  # words of it may be a class's
        if whose.looks:
            looks[whose.looks].add(whose.id)
    elif is_nifti(one.path):
        one.kind, scan = "nifti", nifti.read(one.path)
    else:
        _read_picture(one, waiting)
        return
    one.kept = waiting / f"{one.number}{SCAN}"
    np.save(one.kept, scan.values)
    one.tags = scan.tags() | {"frames": 1 if scan.is_volume else len(scan.values)}


def _read_picture(one: _File, waiting: Path) -> None:
    """A picture beside scans: its pixels alone, for EXIF says who took it and where."""
    if one.path.suffix.lower() not in reading.EXTENSIONS:
        raise UnreadableScan(_("is no scan, picture or table, and is not kept"))
    one.kept = waiting / f"{one.number}.png"
    if reading.facts(one.path).brightest is None:
        reading.read(one.path).save(one.kept)
    else:
        with Image.open(one.path, formats=reading.FORMATS) as image:
            wide = np.asarray(image).clip(0, 65535).astype(np.uint16)
        Image.fromarray(wide).save(one.kept)
    one.kind = "picture"


def _rename(usable: list[_File], folders: dict[str, str], key: bytes, out: Path) -> None:
    """Moves what is kept to its place, and notes what it is called and whose it is."""
    for one in usable:
        assert one.kept is not None
        name = PurePosixPath(folders[one.name]) / f"{one.number:05d}{one.kept.suffix}"
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        one.kept.replace(out / name)
        by_name = patients.named(one.name)
        one.tags |= {
            "file": name.as_posix(),
            "patient": patients.hashed(one.patient, key),
            "named": patients.hashed(by_name[1], key) if by_name else "",
            "word": by_name[0] if by_name else "",
        }


def _folders(usable: list[_File], people: set[str], described: bool) -> dict[str, str]:
    """File -> the folders that are kept of its path.

    A folder that names a part is kept, and so is one that more than one patient's files lie in. What nobody's tags tell
    is kept on top, where it is a class: with a table beside it (`described`) it need be none. A name with a word of a
    patient's is never kept: the folder on top is then called UNNAMED.
    """
    under: defaultdict[str, set[str]] = defaultdict(set)
    wrappers = _wrappers(usable)
    for one in usable:
        for folder in one.folders[wrappers:]:
            under[folder] |= {one.patient} - {""}
    unnamed: dict[str, str] = {}
    found = {}
    for one in usable:
        own = one.folders[wrappers:]
        part = [folder for folder in own[:1] if part_of(folder)]
        free = own[len(part) :]
        kept = [folder for folder in free if len(under[folder]) > 1 and not _names_somebody(folder, people)]
        if not kept and free and not described:
            somebody = _names_somebody(free[0], people)
            kept = [unnamed.setdefault(free[0], UNNAMED.format(len(unnamed) + 1)) if somebody else free[0]]
        found[one.name] = "/".join([*part, *kept[:2]])
    return found


def _wrappers(usable: list[_File]) -> int:
    """How many folders all files lie in, inside one another, that cannot be classes."""
    count = 0
    while len({one.folders[: count + 1] for one in usable}) == 1 and all(
        len(one.folders) > count + 1 for one in usable
    ):
        count += 1
    return count


def _names_somebody(folder: str, people: set[str]) -> bool:
    return patients.named(folder) is not None or not people.isdisjoint(label_tables.words_of(folder))


def kept_scan(folder: Path, name: str, tags: dict[str, Any]) -> Scan:
    """A scan that `write` wrote. Raises UnreadableScan."""
    try:
        values = np.load(folder / name, mmap_mode="r", allow_pickle=False)
        own = Scan(values).tags()
        return Scan.of(values, {field: tags[field] for field in own})
    except (OSError, ValueError, KeyError, TypeError):
        raise UnreadableScan(_("is damaged")) from None
