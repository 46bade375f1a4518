"""A disk that is full from its n-th write on, for whatever this process writes through Python."""

from __future__ import annotations

import builtins
import contextlib
import errno
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


class FullDisk:
    """Counts what takes space (bytes written, files and folders made) and refuses the n-th such thing and all after."""

    def __init__(self, full_from: int):
        self.full_from = full_from
        self.count = 0

    @property
    def met(self) -> bool:
        """Whether anything was refused."""
        return self.count >= self.full_from

    def spend(self) -> None:
        self.count += 1
        if self.met:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@contextlib.contextmanager
def full_from(n: int) -> Iterator[FullDisk]:
    disk = FullDisk(n)
    real_open, real_os_open, real_mkdir = io.open, os.open, os.mkdir

    class File(io.FileIO):
        def write(self, content: Any) -> int:
            disk.spend()
            return super().write(content)

    def open_file(
        file: Any,
        mode: str = "r",
        buffering: int = -1,
        encoding: Any = None,
        errors: Any = None,
        newline: Any = None,
        closefd: bool = True,
        opener: Any = None,
    ) -> Any:
        if not set(mode) & set("wax+") or isinstance(file, int):
            return real_open(file, mode, buffering, encoding, errors, newline, closefd, opener)
        if not Path(file).exists():
            disk.spend()
        raw = File(file, mode.replace("b", "").replace("t", ""))
        buffer = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        if "b" in mode:
            return buffer
        return io.TextIOWrapper(buffer, encoding, errors, newline)

    def open_number(path: Any, flags: int, *rest: Any, **more: Any) -> int:
        if flags & os.O_CREAT and not Path(path).exists():
            disk.spend()
        return real_os_open(path, flags, *rest, **more)

    def mkdir(path: Any, *rest: Any, **more: Any) -> None:
        if not Path(path).exists():
            disk.spend()
        real_mkdir(path, *rest, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(io, "open", open_file)
        patch.setattr(builtins, "open", open_file)
        patch.setattr(os, "open", open_number)
        patch.setattr(os, "mkdir", mkdir)
        yield disk
