"""Which wheels a platform needs, found out on any other one.

pip resolves for the machine that it runs on: on Linux it wants NVIDIA's libraries for a Windows laptop, too. Here it
only says what a package is and needs (`--report`), a round for each layer of needs; which of those hold is answered
with the markers of the platform, and every version is that of constraints.txt.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from scripts.workshop.platforms import Platform

ABSENT = re.compile(r"No matching distribution found for ([\w.-]+)")


class Unresolved(Exception):
    """A package that the platform needs is not to be had, or two want versions that exclude each other: a sentence."""


@dataclass(frozen=True)
class Wheel:
    """One file for a platform."""

    name: str
    version: str
    file: str
    sha256: str

    @property
    def pinned(self) -> str:
        """As pip's requirements files have it: no other file of that name is taken."""
        return f"{self.name}=={self.version} --hash=sha256:{self.sha256}"


@dataclass
class Resolved:
    """What a platform needs."""

    wheels: list[Wheel] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    """`name==version` of what has no wheel for it."""


def pins(text: str) -> dict[str, str]:
    """constraints.txt: version by name."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines if line)}


def requirements(text: str) -> list[Requirement]:
    """The lines of a requirements file that name a package."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [Requirement(line) for line in lines if line]


def resolve(
    platform: Platform,
    wanted: Iterable[Requirement],
    alone: Iterable[Requirement],
    pinned: Mapping[str, str],
    pip: Sequence[str],
) -> Resolved:
    """All that `wanted` need on `platform`, and `alone`, of whose needs nothing is read. Raises Unresolved."""
    found = Resolved()
    extras: dict[str, set[str]] = {}
    asked_by: dict[str, list[tuple[str, SpecifierSet]]] = {}
    answers: dict[str, dict[str, Any]] = {}
    without_needs = {canonicalize_name(own.name) for own in alone}
    layer = [("requirements", own) for own in (*wanted, *alone)]
    while layer:
        fresh: dict[str, str] = {}
        renewed: set[str] = set()
        for asker, own in layer:
            name = str(canonicalize_name(own.name))
            asked_by.setdefault(name, []).append((asker, own.specifier))
            if name not in answers:
                fresh[name] = f"{name}=={pinned[name]}" if name in pinned else f"{name}{own.specifier}"
            if own.extras - extras.setdefault(name, set()):
                extras[name] |= own.extras
                renewed.add(name)
        answers |= {name: {} for name in fresh}
        for answer in _reported(platform, fresh, found, pip):
            answers[canonicalize_name(answer["metadata"]["name"])] = answer
        layer = [
            (name, own)
            for name in {*fresh, *renewed}
            if name not in without_needs
            for own in _needs(answers[name], platform, extras[name])
        ]
    for name, answer in sorted(answers.items()):
        if answer:
            version = answer["metadata"]["version"]
            _require_agreement(platform, name, version, asked_by[name])
            archive = answer["download_info"]
            file = unquote(archive["url"].rsplit("/", 1)[-1])
            found.wheels.append(Wheel(name, version, file, archive["archive_info"]["hashes"]["sha256"]))
    return found


def _require_agreement(platform: Platform, name: str, version: str, asked: Iterable[tuple[str, SpecifierSet]]) -> None:
    for asker, specifier in asked:
        if not specifier.contains(version, prereleases=True):
            raise Unresolved(f"On {platform.name} {asker} needs {name} {specifier}, and {version} is what is pinned.")


def _needs(answer: Mapping[str, Any], platform: Platform, extras: set[str]) -> list[Requirement]:
    """What of a package's requirements holds on that platform."""
    listed = [Requirement(line) for line in (answer.get("metadata") or {}).get("requires_dist", [])]
    return [
        own
        for own in listed
        if own.marker is None
        or any(own.marker.evaluate({**platform.markers, "extra": extra}) for extra in ("", *extras))
    ]


def _reported(
    platform: Platform, fresh: Mapping[str, str], found: Resolved, pip: Sequence[str]
) -> list[dict[str, Any]]:
    """What pip says of each; those without a wheel go to `found.sources`. Raises Unresolved."""
    left = dict(fresh)
    with tempfile.TemporaryDirectory() as place:
        report = Path(place) / "report.json"
        while left:
            words = ["install", "--dry-run", "--ignore-installed", "--no-deps", "--quiet", "--target", place]
            command = [*pip, *words, *platform.options, "--report", str(report), *left.values()]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode == 0:
                answers: list[dict[str, Any]] = json.loads(report.read_text(encoding="utf-8"))["install"]
                return answers
            absent = ABSENT.search(done.stderr)
            name = canonicalize_name(absent[1]) if absent else ""
            if name not in left:
                last = (done.stderr.strip().splitlines() or ["nothing"])[-1]
                raise Unresolved(f"pip could not say what {platform.name} needs. It said last: {last}")
            found.sources.append(left.pop(name))
    return []


def download(platform: Platform, found: Resolved, folder: Path, pip: Sequence[str]) -> None:
    """Puts the wheels into `folder`, each with the SHA-256 that was reported; what has none is built where it is pure
    Python. Raises Unresolved."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [wheel for wheel in found.wheels if not (folder / wheel.file).is_file()]
    if missing:
        with tempfile.TemporaryDirectory() as place:
            listed = Path(place) / "wheels.txt"
            listed.write_text("".join(f"{wheel.pinned}\n" for wheel in missing), encoding="utf-8")
            words = ["download", "--no-deps", "--require-hashes", "--dest", str(folder), "-r", str(listed)]
            if subprocess.call([*pip, *words, *platform.options]):
                raise Unresolved(f"The wheels for {platform.name} could not be fetched: see what pip said above.")
    for source in found.sources:
        with tempfile.TemporaryDirectory() as place:
            if subprocess.call([*pip, "wheel", "--no-deps", "--wheel-dir", place, source]):
                raise Unresolved(f"{source} has no wheel for {platform.name}, and none could be built.")
            built = next(Path(place).glob("*.whl"))
            if not built.name.endswith("-none-any.whl"):
                raise Unresolved(f"{source} has no wheel for {platform.name} and is not pure Python: see {built.name}.")
            built.replace(folder / built.name)
            name, version = built.name.split("-")[:2]
            kept = Path(shutil.move(built, folder / built.name))
            found.wheels.append(Wheel(canonicalize_name(name), version, kept.name, sha256(kept)))


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
