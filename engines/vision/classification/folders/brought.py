"""From whatever was brought to a folder of pictures: archives unpacked, MedMNIST written out, scans shown."""

from __future__ import annotations

import zipfile
from pathlib import Path

from engines.contract import InputError, Problem, Skipped
from engines.data.archive import unpack
from engines.data.unpacked import prepared, prepared_folder
from engines.messages import _
from engines.vision.classification.data_quality import ACCEPTED
from engines.vision.classification.folders.class_folders import TABLES
from engines.vision.classification.settings import VisionSettings
from engines.vision.images import medmnist
from engines.vision.images.reading import EXTENSIONS
from engines.vision.medical import anonymise, shown
from engines.vision.medical.file_kinds import is_scan
from engines.vision.medical.shown import Shown


def folder(data: Path, work: Path, settings: VisionSettings) -> Shown:
    """A folder with the pictures and tables of `data` in it, and what was left out on the way. Raises InputError."""
    root, skipped = _brought(data, work)
    found = shown.folder(root, work, settings)
    found.skipped = [*skipped, *found.skipped]
    return found


def _brought(data: Path, work: Path) -> tuple[Path, list[Skipped]]:
    """A folder with the files of `data` in it, of scans what may be kept of them."""
    if not data.exists():
        raise InputError(Problem(str(data), _("there is no such file or folder"), ACCEPTED))
    suffix = data.suffix.lower()
    holder = data.parent if suffix in TABLES else data
    if holder.is_dir():
        if anonymise.holds_scans(holder):
            return prepared_folder(holder, work, lambda out: shown.copied(holder, out))
        return holder, []
    if suffix == ".npz":
        return prepared(data, work, lambda out: from_medmnist(data, out))
    if suffix in EXTENSIONS:
        raise InputError(Problem(data.name, _("this is a single image"), ACCEPTED))
    if is_scan(data):
        return prepared(data, work, lambda out: shown.copied(data, out))
    if not is_zip(data):
        raise InputError(Problem(data.name, _("the file is neither a zip nor a table"), ACCEPTED))
    root, skipped = prepared(data, work, lambda out: [*unpack(data, out), *shown.without_names(out)])
    shown.replace_upload(data, root)
    return root, skipped


def is_zip(data: Path) -> bool:
    """By its name or its content; a picture with a zip at its end is a picture."""
    suffix = data.suffix.lower()
    return suffix == ".zip" or (suffix not in EXTENSIONS and zipfile.is_zipfile(data))


def from_medmnist(data: Path, out: Path) -> list[Skipped]:
    medmnist.write_folders(data, out)
    return []
