"""The pictures of a folder, looked up by what a table or a file of annotations calls them."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from engines.data.class_names import nfc
from engines.data.json_shapes import UPLOADED

BY_STEM = 0.4
"""How surely a cell names a picture whose extension it lacks."""

ABSOLUTE = re.compile(r"[A-Za-z]:[\\/]|[\\/]|\.\.[\\/]")
"""How a path begins that says where a file lay on its owner's machine."""


class Named(Protocol):
    """A file below the folder that was opened."""

    @property
    def path(self) -> Path: ...

    @property
    def name(self) -> str:
        """Relative path with forward slashes, as it is shown to people."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Of the path by which it is looked up."""

    @property
    def suffix(self) -> str: ...


F = TypeVar("F", bound=Named)


class Names(Generic[F]):
    """Files to be found by path or by bare name, with or without extension, whatever the case.

    Only these are looked at, so a table cannot reach out of the folder.
    """

    def __init__(self, files: list[F]):
        self.files = files
        self.by_path: defaultdict[str, list[F]] = defaultdict(list)
        self.by_name: defaultdict[str, list[F]] = defaultdict(list)
        self.by_number: defaultdict[int, list[F]] = defaultdict(list)
        for file in files:
            path = _key("/".join(file.parts))
            for key in {path, path.removesuffix(file.suffix)}:
                self.by_path[key].append(file)
                self.by_name[key.rsplit("/", 1)[-1]].append(file)
            if file.path.stem.isdecimal():
                self.by_number[int(file.path.stem)].append(file)

    def likeness(self, name: str) -> float:
        """How surely this names a picture: a number may be a file's name without its extension, or a row's number."""
        found = self.find(name)
        if not found:
            return 0.0
        return 1.0 if name.lower().endswith(found[0].suffix or "/") else BY_STEM

    def find(self, name: str) -> list[F]:
        """The files that fit: one, or none, or several that fit equally well.

        Leading folders that were not brought along are left off: 'data/cats/1.jpg' finds cats/1.jpg. Of a path on
        another machine ('C:\\photos\\1.jpg', '/home/me/1.jpg') the bare name will do.
        """
        parts = [part for part in name.replace("\\", "/").split("/") if part not in {"", "."}]
        for start in range(len(parts)):
            if found := self.by_path.get(_key("/".join(parts[start:]))):
                break
        else:
            bare = len(parts) == 1 or ABSOLUTE.match(name)
            found = self._by_bare_name(parts[-1]) if bare and parts else []
        exact = [file for file in found if file.name.endswith(nfc(name))]
        return exact if len(exact) == 1 else found

    def _by_bare_name(self, name: str) -> list[F]:
        """Also without the eight letters that Label Studio puts before what is uploaded, and of a number without the
        zeros before it."""
        if found := self.by_name.get(_key(name)):
            return found
        if found := self.by_name.get(_key(UPLOADED.sub("", name))):
            return found
        return self.by_number.get(int(name), []) if name.isdecimal() else []


def _key(path: str) -> str:
    return nfc(path).casefold()
