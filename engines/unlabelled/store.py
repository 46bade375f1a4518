"""What was embedded, kept beside the map: another number of groups, or the next label, needs no second look.

embedded.json    Unlabelled without its vectors, the SHA-256 of each example, and what it was made of
vectors.npy      float32 (N, D)
points.npy       float64 (N, at most 50): their principal components
plane.npy        float (N, 2): their place on the map
previews/        small copies of pictures or sounds
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from engines.contract import Skipped
from engines.unlabelled.examples import Unlabelled

EMBEDDED, VECTORS, POINTS, PLANE = "embedded.json", "vectors.npy", "points.npy", "plane.npy"
MAP, FOUND = "map.parquet", "found.json"
"""See `explore`."""


def state(data: Path, *chosen: object) -> str:
    """Changes with the files of `data`, their sizes and times, and with whatever was chosen."""
    files = sorted(data.rglob("*")) if data.is_dir() else [data]
    seen = [(str(file.relative_to(data.parent)), (s := file.stat()).st_size, s.st_mtime_ns) for file in files]
    return hashlib.sha256(repr((str(data.absolute()), seen, chosen)).encode()).hexdigest()


def keep(found: Unlabelled, points: np.ndarray, plane: np.ndarray, folder: Path, made_of: str) -> None:
    """Writes what was embedded, its principal components and where it lies on a plane, below `folder`."""
    np.save(folder / POINTS, points)
    np.save(folder / PLANE, plane)
    np.save(folder / VECTORS, found.vectors.astype(np.float32))
    plain = {name: value for name, value in asdict(found).items() if name != "vectors"}
    plain |= {"originals": [str(path) for path in found.originals], "ids": ids(found), "made_of": made_of}
    partial = folder / f".{EMBEDDED}"
    partial.write_text(json.dumps(plain, ensure_ascii=False), encoding="utf-8")
    partial.replace(folder / EMBEDDED)


def details(folder: Path) -> dict[str, Any] | None:
    """embedded.json as it is; None where there is none."""
    try:
        found: dict[str, Any] = json.loads((folder / EMBEDDED).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return found


def known(folder: Path, made_of: str) -> Unlabelled | None:
    """What was kept of the same; None where that is something else, or nothing."""
    found = details(folder)
    if found is None or found["made_of"] != made_of:
        return None
    own = {field.name for field in fields(Unlabelled)}
    found = {name: value for name, value in found.items() if name in own}
    found["originals"] = [Path(path) for path in found["originals"]]
    found["skipped"] = [Skipped(**entry) for entry in found["skipped"]]
    return Unlabelled(**found, vectors=np.load(folder / VECTORS))


def ids(found: Unlabelled) -> list[str]:
    """The SHA-256 of each example's bytes, of a text as a data set made in the app keeps it."""
    if found.originals:
        return [hashlib.sha256(path.read_bytes()).hexdigest() for path in found.originals]
    return [hashlib.sha256(content(text)).hexdigest() for text in found.previews]


def content(text: str) -> bytes:
    """A text's bytes, as a data set made in the app keeps them."""
    return text.replace("\0", "").strip().encode()
