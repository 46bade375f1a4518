"""Folders with scans in them, as folders of pictures: what is brought is replaced by what may be kept, and then shown.

Twice a folder is made, each once: of what was brought, without anybody's name (`anonymise`); and of that, pictures in
the window, of the frames and slices that settings ask for. The first is all that is kept of an upload.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
import secrets
import shutil
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from engines import paths
from engines.contract import InputError, Problem, ReadAs, Skipped
from engines.data import unpacked
from engines.messages import _, _n
from engines.vision.medical import anonymise, scan
from engines.vision.medical.anonymise import RECORD, SCAN
from engines.vision.medical.scan import UnreadableScan
from engines.vision.medical.settings import AXES, FRAMES, OF_CT, RANGE, WINDOW

HIDDEN = f".{RECORD}"
"""RECORD beside pictures, where no listing finds it."""


class Reading(Protocol):
    """The settings that say how scans are read."""

    @property
    def window(self) -> str: ...
    @property
    def frames(self) -> str: ...
    @property
    def axis(self) -> str: ...
    @property
    def slice_step(self) -> int | None: ...


@dataclass
class Shown:
    """A folder of pictures that were scans."""

    root: Path
    skipped: list[Skipped] = field(default_factory=list)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Relative path of a picture -> 'patient' (hash by its tags), 'named' (hash by its name) and 'word' (of its name);
    empty where there are no scans."""
    notes: list[str] = field(default_factory=list)
    read_as: list[ReadAs] = field(default_factory=list)


def without_names(root: Path) -> list[Skipped]:
    """Replaces what lies below `root` by what may be kept of it, where there are scans; what was left out then."""
    if not anonymise.holds_scans(root):
        return []
    brought = root / ".brought"
    brought.mkdir()
    for child in sorted(root.iterdir()):
        if child != brought:
            child.rename(brought / child.name)
    try:
        return anonymise.write(brought, root)
    finally:
        shutil.rmtree(brought)


def copied(source: Path, out: Path) -> list[Skipped]:
    """The same for a file or a folder that stays where it is."""
    if source.is_dir():
        return anonymise.write(source, out)
    alone = out / ".brought"
    alone.mkdir()
    try:
        shutil.copyfile(source, alone / source.name)
        return anonymise.write(alone, out)
    finally:
        shutil.rmtree(alone)


def replace_upload(archive: Path, root: Path) -> None:
    """Puts what may be kept, which lies below `root`, in the place of an archive that was uploaded; one that lies
    elsewhere is its owner's and stays. Raises InputError where the disk is full."""
    if not (root / RECORD).is_file() or not archive.resolve().is_relative_to(paths.uploads().resolve()):
        return
    with contextlib.suppress(KeyError), zipfile.ZipFile(archive) as known:
        if known.read(RECORD) == (root / RECORD).read_bytes():
            return  # it was replaced before
    partial = archive.with_name(f".{archive.name}.{secrets.token_hex(4)}")
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as packed:
            for file in unpacked.files_below(root):
                packed.write(file, file.relative_to(root).as_posix())
        partial.replace(archive)
    except OSError as error:
        found = _("what may be kept of it cannot be written ({strerror})", strerror=error.strerror)
        raise InputError(Problem(archive.name, found, _("make room on the disk and try again"))) from None
    finally:
        partial.unlink(missing_ok=True)


def folder(root: Path, work: Path, reading: Reading) -> Shown:
    """The pictures of the scans below `root`, which `without_names` or `copied` made; `root` itself where are none.

    Raises InputError for a window that is none.
    """
    record = _record(root / RECORD)
    if record is None:
        return Shown(root)
    scan.parsed_window(reading.window)
    how = (reading.window, reading.frames, reading.axis, reading.slice_step)
    key = hashlib.sha256(repr((root.name, how)).encode()).hexdigest()[:16]
    pictures, skipped = unpacked.made(key, work / "scans", lambda out: _draw(root, record, reading, out))
    shown = _record(pictures / HIDDEN) or {"files": {}}
    tags = [one for one in record["files"].values() if "modality" in one]
    return Shown(pictures, skipped, shown["files"], _notes(record, tags), _read_as(tags, reading))


def _draw(root: Path, record: dict[str, Any], reading: Reading, out: Path) -> list[Skipped]:
    """Writes the pictures of each scan, and tables that name them."""
    skipped = []
    drawn: dict[str, list[str]] = {}
    files: dict[str, dict[str, Any]] = {}
    for name, tags in sorted(record["files"].items()):
        target = out / name
        target.parent.mkdir(parents=True, exist_ok=True)
        whose = {field: str(tags.get(field, "")) for field in ("patient", "named", "word")}
        if not name.endswith(SCAN):
            shutil.copyfile(root / name, target)
            drawn[name], files[name] = [name], whose
            continue
        try:
            found = scan.pictures(
                anonymise.kept_scan(root, name, tags),
                window=reading.window,
                frames=reading.frames,
                axis=reading.axis,
                step=reading.slice_step,
            )
        except UnreadableScan as error:
            skipped.append(Skipped(name.removesuffix(SCAN), str(error)))
            continue
        for ending, picture in found:
            own = f"{name.removesuffix(SCAN)}{ending}.png"
            picture.save(out / own, compress_level=1)
            drawn.setdefault(name, []).append(own)
            files[own] = whose
    for table in root.glob("*.csv"):
        _name_pictures(table, out / table.name, drawn)
    (out / HIDDEN).write_text(json.dumps({"files": files}), encoding="utf-8")
    return skipped


def _name_pictures(table: Path, out: Path, drawn: dict[str, list[str]]) -> None:
    """A table of scans as one of their pictures, a row each."""
    with table.open(encoding="utf-8", newline="") as source, out.open("w", encoding="utf-8", newline="") as target:
        heading, *rows = csv.reader(source)
        csv.writer(target).writerows([heading, *([own, *row[1:]] for row in rows for own in drawn.get(row[0], ()))])


def _record(file: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("files"), dict) else None


# --- in words -------------------------------------------------------------------------------------


def _notes(record: dict[str, Any], tags: list[dict[str, Any]]) -> list[str]:
    said = [
        _n(
            "{n:,} scan: its numbers and what is needed to show them are kept. Its file, its name and whatever says "
            "whose it is are not; of an upload, they are deleted.",
            "{n:,} scans: their numbers and what is needed to show them are kept. Their files, their names and "
            "whatever says whose they are are not; of an upload, they are deleted.",
            len(tags),
        )
    ]
    kinds = Counter(kind for one in tags for kind in one.get("notes", ()))
    if n := kinds["burned"]:
        said.append(
            _(
                "{n:,} scans come from machines that write into the picture, or say that text is burned in: look at "
                "them before you show them to others, for names in pixels are not taken out.",
                n=n,
            )
        )
    if n := kinds["volumes"]:
        said.append(_("{n:,} files hold several volumes: the first of each is read.", n=n))
    if n := kinds["nan"]:
        said.append(_("{n:,} files hold values that are no numbers: they count as the lowest that is one.", n=n))
    if columns := record.get("columns_left_out"):
        said.append(
            _("{n:,} columns of the tables tell of people, or of each scan alone: they are not kept.", n=columns)
        )
    if alike := record.get("alike"):
        said.append(
            _(
                "{n:,} times several patient numbers have the same date of birth, sex and size: if they are one "
                "person, say so by a column of the table.",
                n=alike,
            )
        )
    return said


def _read_as(tags: list[dict[str, Any]], reading: Reading) -> list[ReadAs]:
    guesses = []
    if any(not one.get("is_volume") or one.get("window") for one in tags):
        ct = any(one.get("modality") == "CT" for one in tags)
        windows = Counter("/".join(f"{value:g}" for value in one["window"]) for one in tags if one.get("window"))
        why = ""
        if windows:
            why = _("The commonest that the files ask for: {window}.", window=windows.most_common(1)[0][0])
        others = [one for one in (WINDOW, RANGE, *(OF_CT if ct else ())) if one != reading.window]
        guesses.append(ReadAs(_("window"), reading.window, others, "window", why))
    if any(not one.get("is_volume") and one.get("frames", 1) > 1 for one in tags):
        others = [one for one in FRAMES if one != reading.frames]
        guesses.append(ReadAs(_("frames"), reading.frames, others, "frames"))
    if any(one.get("is_volume") for one in tags):
        guesses.append(ReadAs(_("axis"), reading.axis, [one for one in AXES if one != reading.axis], "axis"))
        every = str(reading.slice_step or _("about ten of each"))
        guesses.append(ReadAs(_("slices"), every, ["1", "5"], "slice_step"))
    return guesses
