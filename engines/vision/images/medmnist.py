"""Turn a MedMNIST archive (.npz: train_images, train_labels, val_…, test_…) into folders of PNG files."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NoReturn

import numpy as np
from PIL import Image

from engines.cancellation import cancellation_point
from engines.contract import InputError, Problem
from engines.data.archive import Limits
from engines.messages import _
from engines.vision.images.reading import MAX_PIXELS

ACCEPTED = _(
    "accepted: a MedMNIST file of 2D images with one label each, that is uint8 arrays train_images "
    "(n, height, width) or (n, height, width, 3) and train_labels (n, 1), and the same for val and "
    "test"
)
PARTS = {"train": "train", "val": "validation", "test": "test"}
MOST_LABELS = 10_000
MOST_IMAGES = 1_000_000  # in one part; the largest MedMNIST has 100,000


def write_folders(archive: Path, out: Path) -> None:
    """Writes `out`/part/label/number.png for every image; `out` then reads like any folder with a folder a class.

    Arrays are read image by image and never unpickled, so memory stays small whatever the file says it holds.
    Raises InputError for anything but 2D images of uint8 with one whole-numbered label each.
    """
    try:
        with zipfile.ZipFile(archive) as source:
            names = set(source.namelist())
            parts = [part for part in PARTS if {f"{part}_images.npy", f"{part}_labels.npy"} <= names]
            if "train" not in parts:
                _refuse(archive, _("it holds {names}", names=", ".join(sorted(names)[:6]) or "nothing"))
            labels = {part: _labels(archive, source, part) for part in parts}
            digits = len(str(max(max(values, default=0) for values in labels.values())))
            limits = Limits()
            left = min(limits.total_bytes, max(limits.ratio_from, limits.ratio * archive.stat().st_size))
            for part in parts:
                folders = [out / PARTS[part] / f"{label:0{digits}d}" for label in labels[part]]
                left = _write_part(archive, source, part, folders, left)
    except InputError:
        raise
    except OSError as error:
        if error.errno is None:  # zipfile and NumPy raise bare OSErrors for broken bytes
            _refuse(archive, _("it is damaged"))
        _refuse(archive, _("it cannot be read or written out ({strerror})", strerror=error.strerror))
    except Exception:  # zipfile and NumPy raise whatever the bytes provoke
        _refuse(archive, _("it is damaged, or no .npz file"))


def _labels(archive: Path, source: zipfile.ZipFile, part: str) -> list[int]:
    with source.open(f"{part}_labels.npy") as file:
        shape, dtype = _header(file)
        if dtype.kind not in "iu" or len(shape) not in (1, 2) or shape[1:] not in ((), (1,)):
            _refuse(archive, _("{part}_labels has shape {shape} and type {dtype}", part=part, shape=shape, dtype=dtype))
        if shape[0] > MOST_IMAGES:
            _refuse(archive, _("{part}_labels says it has {shape:,} entries", part=part, shape=shape[0]))
        size = shape[0] * dtype.itemsize
        labels = [int(label) for whole in _entries(file, 1, size) for label in np.frombuffer(whole, dtype)]
    if len(set(labels)) > MOST_LABELS or min(labels, default=0) < 0:
        _refuse(
            archive,
            _(
                "{part}_labels holds {set:,} different values from {labels} on",
                part=part,
                set=len(set(labels)),
                labels=min(labels),
            ),
        )
    return labels


def _write_part(archive: Path, source: zipfile.ZipFile, part: str, folders: list[Path], left: int) -> int:
    """Writes each image to its folder. Returns how many of the `left` bytes of pixels may still be written."""
    where = f"{part}_images"
    with source.open(f"{where}.npy") as file:
        shape, dtype = _header(file)
        if dtype != np.uint8 or len(shape) not in (3, 4) or shape[3:] not in ((), (3,)) or 0 in shape[1:]:
            _refuse(archive, _("{where} has shape {shape} and type {dtype}", where=where, shape=shape, dtype=dtype))
        if shape[0] != len(folders):
            _refuse(
                archive,
                _(
                    "{where} has {shape:,} images for {folders:,} labels",
                    where=where,
                    shape=shape[0],
                    folders=len(folders),
                ),
            )
        if shape[1] * shape[2] > MAX_PIXELS:
            _refuse(
                archive,
                _("{where} has images of {shape:,} × {shape2:,} pixels", where=where, shape=shape[2], shape2=shape[1]),
            )
        n_bytes = math.prod(shape[1:])
        left -= n_bytes * len(folders)
        if left < 0:
            _refuse(
                archive, _("it unpacks to more than may be unpacked (HEADSTART_ZIP_TOTAL_BYTES, HEADSTART_ZIP_RATIO)")
            )
        for folder in set(folders):
            folder.mkdir(parents=True, exist_ok=True)
        for number, (folder, entry) in enumerate(zip(folders, _entries(file, len(folders), n_bytes), strict=True)):
            pixels = np.frombuffer(entry, np.uint8).reshape(shape[1:])
            Image.fromarray(pixels).save(folder / f"{number:06d}.png", compress_level=1)
    return left


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type of the .npy array that begins here. Raises ValueError for objects and for column order."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, by_columns, dtype = read(file)
    if dtype.hasobject or (by_columns and len(shape) > 1):
        raise ValueError(_("only plain arrays in row order are read"))
    return shape, dtype


def _entries(file: IO[bytes], count: int, n_bytes: int) -> Iterator[bytes]:
    for _unused in range(count):
        cancellation_point()
        entry = file.read(n_bytes)
        if len(entry) < n_bytes:
            raise EOFError("the array is cut short")
        yield entry


def _refuse(archive: Path, found: str) -> NoReturn:
    raise InputError(Problem(archive.name, found, ACCEPTED))
