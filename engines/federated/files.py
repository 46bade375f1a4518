"""Sites' files, whatever they add up: written whole, read one by one, and held against the first."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from engines.contract import InputError, Problem
from engines.messages import _, _n


class SiteFile(Protocol):
    """What is asked of any."""

    @property
    def name(self) -> str:
        """The file's."""

    @property
    def manifest(self) -> Any:
        """What its numbers are of."""


S = TypeVar("S")


def write(path: Path, told: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> int:
    """Writes manifest and arrays whole or not at all, and returns the file's bytes."""
    packed = io.BytesIO()
    text = np.frombuffer(json.dumps(told, ensure_ascii=False).encode(), dtype=np.uint8)
    np.savez(packed, allow_pickle=False, manifest=text, **arrays)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(packed.getvalue())
    partial.replace(path)
    return len(packed.getvalue())


def wrong(where: str, found: str) -> InputError:
    """Of a file that is none, or was changed."""
    return InputError(Problem(where, found, _("accepted: the file as `headstart federate summarise` has written it")))


def each(paths: Sequence[Path], read: Callable[[Path], S]) -> list[S]:
    """What `read` makes of two files or more. Raises InputError with the problems of all."""
    if len(paths) < 2:
        found = _n("{n} file", "{n} files", len(paths))
        raise InputError(Problem(_("the sites"), found, _("accepted: the files of two sites or more")))
    problems: list[Problem] = []
    sites: list[S] = []
    for path in paths:
        try:
            sites.append(read(path))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(*problems)
    return sites


def differences(first: SiteFile, site: SiteFile, called: Mapping[str, str]) -> list[Problem]:
    """A sentence for each entry of the manifest that is another one than the first's. called: name -> what it is."""
    problems = []
    for key, what in called.items():
        own, theirs = getattr(site.manifest, key), getattr(first.manifest, key)
        if own != theirs:
            found = _("{what} is another one: {own}, not {theirs}", what=what, own=_short(own), theirs=_short(theirs))
            problems.append(Problem(site.name, found, _("accepted: as in {name}", name=first.name)))
    return problems


def twice(site: SiteFile, before: Sequence[SiteFile], same: Callable[[Any, Any], bool]) -> list[Problem]:
    """A sentence where a file of the same site, as `same` has it, came before."""
    for one in before:
        if same(one, site):
            found = _("it is the same site as {twin}", twin=one.name)
            return [Problem(site.name, found, _("accepted: each site once"))]
    return []


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:60]}…"
