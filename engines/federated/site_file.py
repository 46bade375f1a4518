"""What a site carries to the others: one .npz file of numbers, with a manifest that says what they are of.

The manifest is JSON: schema, task, model, backbone (SHA-256 of its weights), input (how examples become inputs), width,
kind ('scatter' or 'means'), site (a random name), noise, left_out (classes and examples that were too few), and of each
class name, n and energy (Σ ‖x‖², by which a changed n is found). Of class i there are `mean_i` and one of `factor_i`
and `half_i`, see `statistics`. Of masked sums (schema 2) the manifest names site, all sites and the agreement, and of
classes the names alone; `sums` is uint64, see `masks`. Nothing in it is ever unpickled, and whatever does not fit is
refused with a sentence.
"""

from __future__ import annotations

import hashlib
import json
import math
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from engines.contract import InputError
from engines.data.class_names import clean
from engines.federated import files
from engines.federated.files import wrong
from engines.federated.masking import masks
from engines.federated.statistics import ClassStatistics, half_size, whole
from engines.messages import _

SCHEMA, MASKED_SCHEMA = 1, 2
MOST_BYTES = 2 << 30
MOST_CLASSES, MOST_WIDTH = 10_000, 8192
CLOSE = 1e-3
"""Relative difference of n and the energy that rounding may make."""


@dataclass(frozen=True)
class Manifest:
    """What a site's numbers are of."""

    task: str
    model: str
    backbone: str
    """SHA-256 of the weights."""
    input: str
    width: int
    """Features."""
    kind: str
    """'scatter', or 'means' where means are all that there is."""
    site: str
    """A random name: the same file brought twice is found by it."""
    noise: dict[str, float] | None = None
    """epsilon, delta, length; see `noise.Noise`."""
    left_out: dict[str, int] = field(default_factory=dict)
    """`classes` that had too few examples, and how many `examples`."""
    masks: dict[str, Any] | None = None
    """site (its name), sites (of all), agreement (SHA-256); see `agreement`."""


@dataclass(frozen=True)
class Site:
    """A site's file, read."""

    name: str
    """The file's."""
    manifest: Manifest
    known: dict[str, ClassStatistics]
    """None of a masked site."""
    classes: list[str] = field(default_factory=list)
    """Of a masked site: those that were agreed on."""
    masked: np.ndarray | None = None
    """uint64, see `masks`."""

    @property
    def n(self) -> int:
        return sum(own.n for own in self.known.values())

    @property
    def counts(self) -> dict[str, int]:
        return {name: own.n for name, own in self.known.items()}

    @property
    def digest(self) -> str:
        """Of its numbers, whatever the file is called."""
        found = hashlib.sha256(b"" if self.masked is None else self.masked.tobytes())
        for name in sorted(self.known):
            own = self.known[name]
            found.update(f"{name} {own.n}".encode())
            found.update(own.mean.tobytes())
        return found.hexdigest()


def write(path: Path, manifest: Manifest, known: Mapping[str, ClassStatistics]) -> int:
    """Writes the file whole or not at all, and returns its bytes."""
    arrays: dict[str, np.ndarray] = {}
    classes: list[dict[str, Any]] = []
    for number, (name, own) in enumerate(sorted(known.items())):
        classes.append({"name": name, "n": own.n, "energy": _energy(own)})
        arrays[f"mean_{number}"] = own.mean
        if own.factor is not None:
            arrays[f"factor_{number}"] = own.factor.astype(np.float32)
        elif own.half is not None:
            arrays[f"half_{number}"] = own.half.astype(np.float32)
    told = {"schema": SCHEMA, **asdict(manifest), "classes": classes}
    del told["masks"]
    return files.write(path, told, arrays)


def write_masked(path: Path, manifest: Manifest, classes: Sequence[str], sums: np.ndarray) -> int:
    """The same of masked sums, uint64, and the classes that were agreed on."""
    told = {"schema": MASKED_SCHEMA, **asdict(manifest), "classes": [{"name": name} for name in classes]}
    return files.write(path, told, {"sums": sums})


def _energy(own: ClassStatistics) -> float:
    scatter = 0.0
    if own.factor is not None:
        scatter = float((own.factor.astype(np.float64) ** 2).sum())
    elif own.half is not None:
        scatter = float(_diagonal(own.half, own.width).sum())
    return scatter + own.n * float(own.mean @ own.mean)


def _diagonal(half: np.ndarray, width: int) -> np.ndarray:
    rows = np.arange(width)
    found: np.ndarray = half[rows * width - rows * (rows - 1) // 2].astype(np.float64)
    return found


# --- read -----------------------------------------------------------------------------------------


def read(path: Path) -> Site:
    """The site in a file. Raises InputError for whatever is no such file, is damaged, or was changed by hand."""
    name = path.name
    if not path.is_file():
        raise wrong(name, _("there is no such file"))
    if path.stat().st_size > MOST_BYTES:
        raise wrong(name, _("it is larger than {most} GiB", most=MOST_BYTES >> 30))
    try:
        with zipfile.ZipFile(path) as packed:
            if sum(entry.file_size for entry in packed.infolist()) > MOST_BYTES:
                raise wrong(name, _("it is larger than {most} GiB", most=MOST_BYTES >> 30))
        with np.load(path, allow_pickle=False) as arrays:
            told = json.loads(bytes(np.asarray(arrays["manifest"], dtype=np.uint8)))
            manifest, rows = _manifest(name, told)
            if manifest.masks:
                classes = [row["name"] for row in rows]
                return Site(name, manifest, {}, classes, _masked(name, arrays, manifest, len(classes)))
            known = {row["name"]: _class(name, arrays, number, row, manifest) for number, row in enumerate(rows)}
    except InputError:
        raise
    except Exception:  # whatever a library makes of bytes that are none of its own
        raise wrong(name, _("it is no site's file, or it is damaged")) from None
    return Site(name, manifest, known)


def _manifest(where: str, told: Any) -> tuple[Manifest, list[dict[str, Any]]]:
    if not isinstance(told, dict) or not isinstance(told.get("schema"), int):
        raise wrong(where, _("its manifest cannot be read"))
    if told["schema"] > MASKED_SCHEMA:
        raise wrong(where, _("a newer Headstart has written it (schema {schema})", schema=told["schema"]))
    texts: dict[str, Any] = {key: told.get(key) for key in ("task", "model", "backbone", "input", "kind", "site")}
    width: Any = told.get("width")
    rows: Any = told.get("classes")
    noise = told.get("noise")
    left_out = told.get("left_out") or {}
    under = told.get("masks")
    fits = (
        all(isinstance(text, str) and text for text in texts.values())
        and texts["kind"] in {"scatter", "means"}
        and _is_count(width)
        and width <= MOST_WIDTH
        and isinstance(rows, list)
        and 0 < len(rows) <= MOST_CLASSES
        and all(isinstance(row, dict) and isinstance(row.get("name"), str) for row in rows)
        and isinstance(left_out, dict)
        and all(type(value) is int and value >= 0 for value in left_out.values())
        and (noise is None or isinstance(noise, dict))
        and (under is None) == (told["schema"] < MASKED_SCHEMA)
        and (under is None or _are_masks(under))
    )
    if not fits:
        raise wrong(where, _("its manifest cannot be read"))
    if noise is not None and not all(_is_positive(noise.get(key)) for key in ("epsilon", "delta", "length")):
        raise wrong(where, _("its manifest cannot be read"))
    names = [clean(row["name"]) for row in rows]
    if not all(names):
        raise wrong(where, _("it has a class without a name"))
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise wrong(where, _("it has the class {name!r} twice", name=twice[0]))
    return Manifest(**texts, width=width, noise=noise, left_out=left_out, masks=under), [
        {**row, "name": name} for row, name in zip(rows, names, strict=True)
    ]


def _are_masks(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and all(isinstance(value.get(key), str) and value[key] for key in ("site", "agreement"))
        and isinstance(value.get("sites"), list)
        and all(isinstance(name, str) for name in value["sites"])
        and value["site"] in value["sites"]
    )


def _masked(where: str, arrays: Any, manifest: Manifest, classes: int) -> np.ndarray:
    found = np.asarray(arrays["sums"])
    if found.dtype != np.uint64 or found.shape != (classes * masks.numbers(manifest.width, manifest.kind),):
        raise wrong(where, _("its masked sums are not as many as its manifest says"))
    return found


def _is_count(value: Any) -> bool:
    return type(value) is int and value > 0


def _is_positive(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value > 0


def _class(where: str, arrays: Any, number: int, row: Mapping[str, Any], manifest: Manifest) -> ClassStatistics:
    """The numbers of one class. Raises InputError where they cannot be those of so many examples."""
    name, n, energy, width = row["name"], row.get("n"), row.get("energy"), manifest.width
    if type(n) is not int or n < 1:
        raise wrong(where, _("class {name!r} has {n} examples", name=name, n=n))
    if not isinstance(energy, int | float) or not math.isfinite(energy):
        raise wrong(where, _("a number of class {name!r} is not finite", name=name))
    mean = _array(where, arrays, f"mean_{number}", name)
    if mean.shape != (width,):
        raise wrong(where, _("class {name!r} has other features than its manifest says", name=name))
    mean = mean.astype(np.float64)
    known = ClassStatistics(n, mean)
    if manifest.kind == "scatter":
        factor = _array(where, arrays, f"factor_{number}", name) if f"factor_{number}" in arrays else None
        half = _array(where, arrays, f"half_{number}", name) if f"half_{number}" in arrays else None
        if factor is not None and (factor.ndim != 2 or factor.shape[1] != width or half is not None):
            raise wrong(where, _("class {name!r} has other features than its manifest says", name=name))
        if factor is None and (half is None or half.shape != (half_size(width),)):
            raise wrong(where, _("the statistics of class {name!r} are not symmetric, or parts are missing", name=name))
        if factor is not None and (len(factor) != n or np.tril(factor, -1).any()):
            raise wrong(where, _("the factor of class {name!r} does not fit its {n} examples", name=name, n=n))
        if half is not None and manifest.noise is None and n < width / 2:
            raise wrong(where, _("the factor of class {name!r} does not fit its {n} examples", name=name, n=n))
        known = ClassStatistics(n, mean, factor, None if factor is not None else half)
        if half is not None and _is_negative(half, width):
            found = _(
                "the statistics of class {name!r} are negative somewhere, which sums of squares never are", name=name
            )
            raise wrong(where, found)
        if abs(_energy(known) - energy) > CLOSE * max(abs(energy), 1e-12):
            raise wrong(where, _("{n} examples of class {name!r} do not fit their sums", n=n, name=name))
    return known


def _array(where: str, arrays: Any, key: str, name: str) -> np.ndarray:
    """An array of finite real numbers."""
    found = np.asarray(arrays[key])
    if found.dtype not in (np.float32, np.float64):
        raise wrong(where, _("class {name!r} holds something that is no number", name=name))
    if not np.isfinite(found).all():
        raise wrong(where, _("a number of class {name!r} is not finite", name=name))
    return found


def _is_negative(half: np.ndarray, width: int) -> bool:
    values = np.linalg.eigvalsh(whole(half, width))
    return bool(values[0] < -CLOSE * max(float(values[-1]), 1e-12))
