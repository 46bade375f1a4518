"""A site's file of `models/known_sums`: read as if somebody else had sent it, and checked against the others."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engines.contract import InputError, Problem
from engines.data.class_names import clean
from engines.federated import files
from engines.federated.files import wrong
from engines.forecasting.models.known_sums import KnownSums
from engines.forecasting.series.covariates import MOST_FEATURES
from engines.messages import _

SCHEMA = 1
KIND = "known ahead"
MOST_BYTES = 1 << 24
CLOSE = 1e-9


@dataclass(frozen=True)
class Manifest:
    """What a site's numbers are of."""

    task: str
    frequency: str
    season: int
    ahead: str
    """The columns, separated by commas."""
    series: int
    site: str
    """A random name."""


@dataclass(frozen=True)
class Site:
    """A site's file, read."""

    name: str
    manifest: Manifest
    known: KnownSums

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.known.moments.tobytes()).hexdigest()


def write(path: Path, manifest: Manifest, known: KnownSums) -> int:
    """Writes the file whole or not at all, and returns its bytes."""
    told = {
        "schema": SCHEMA,
        "kind": KIND,
        **asdict(manifest),
        "features": known.features,
        "curved": known.curved,
        "n": known.n,
    }
    return files.write(path, told, {"moments": known.moments, "seen": known.seen})


def read(path: Path) -> Site:
    """Raises InputError for whatever is no such file, is damaged, or was changed by hand."""
    name = path.name
    if not path.is_file():
        raise wrong(name, _("there is no such file"))
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError
        with np.load(path, allow_pickle=False) as arrays:
            told = json.loads(bytes(np.asarray(arrays["manifest"], dtype=np.uint8)))
            if not isinstance(told, dict) or told["kind"] != KIND or told["schema"] != SCHEMA:
                raise ValueError
            manifest = Manifest(**{key: told[key] for key in Manifest.__dataclass_fields__})
            known = _known(name, told, np.asarray(arrays["moments"]), np.asarray(arrays["seen"]))
    except InputError:
        raise
    except Exception:  # whatever a library makes of bytes that are none of its own
        raise wrong(name, _("it is no site's file of series, or it is damaged")) from None
    texts = (manifest.task, manifest.frequency, manifest.ahead, manifest.site)
    counts = (manifest.season, manifest.series)
    if not all(isinstance(one, str) and one for one in texts) or not all(type(n) is int and n > 0 for n in counts):
        raise wrong(name, _("its manifest cannot be read"))
    return Site(name, manifest, known)


def _known(where: str, told: dict[str, Any], moments: np.ndarray, seen: np.ndarray) -> KnownSums:
    features, curved, n = told["features"], told["curved"], told["n"]
    count = len(features)
    fits = (
        0 < count <= MOST_FEATURES
        and all(isinstance(name, str) and clean(name) == name for name in features)
        and len(set(features)) == count
        and isinstance(curved, list)
        and [type(one) for one in curved] == [bool] * count
        and moments.dtype == seen.dtype == np.float64
        and moments.shape == (2 * count + 1, 2 * count + 1)
        and seen.shape == (3, count)
    )
    if not fits:
        raise wrong(where, _("its manifest cannot be read"))
    if type(n) is not int or n < 1:
        raise wrong(where, _("it has {n} changes", n=n))
    if not (np.isfinite(moments).all() and np.isfinite(seen).all()):
        raise wrong(where, _("one of its numbers is not finite"))
    if np.abs(moments - moments.T).max() > CLOSE * np.abs(moments).max():
        raise wrong(where, _("its sums are not symmetric"))
    eigenvalues = np.linalg.eigvalsh(moments)
    if eigenvalues[0] < -CLOSE * max(float(eigenvalues[-1]), 1e-12):
        raise wrong(where, _("its sums are negative somewhere, which sums of squares never are"))
    if (seen[0] < n).any() or (seen[1] ** 2 > seen[0] * seen[2] * (1 + CLOSE)).any():
        raise wrong(where, _("{n} changes do not fit its sums", n=n))
    return KnownSums(features, curved, n, moments, seen)


def read_all(paths: Sequence[Path]) -> list[Site]:
    """The sites in the files. Raises InputError with a sentence a problem: fewer than two, one of them twice, or one
    whose series go by another calendar."""
    sites = files.each(paths, read)
    first, problems = sites[0], list[Problem]()
    called = {"task": _("the task"), "frequency": _("the frequency"), "season": _("the season")}
    for number, site in enumerate(sites):
        problems += files.differences(first, site, called)
        if _columns(site) != _columns(first):
            found = _(
                "its columns that are known ahead are others: {own}, not {theirs}",
                own=site.manifest.ahead,
                theirs=first.manifest.ahead,
            )
            accepted = _("accepted: the same columns at every site, of numbers or of words everywhere")
            problems.append(Problem(site.name, found, accepted))
        problems += files.twice(site, sites[:number], _is_twin)
    if problems:
        raise InputError(*problems)
    return sites


def _is_twin(one: Site, other: Site) -> bool:
    return one.manifest.site == other.manifest.site or one.digest == other.digest


def _columns(site: Site) -> set[tuple[str, bool]]:
    """Each column, and whether it holds words; which words may differ."""
    return {(name.partition("=")[0], "=" in name) for name in site.known.features}
