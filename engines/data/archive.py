"""Unpack a zip that a stranger made, without trusting a word of it."""

from __future__ import annotations

import contextlib
import errno
import io
import re
import shutil
import stat
import unicodedata
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from engines.cancellation import cancellation_point
from engines.contract import InputError, Problem, Skipped
from engines.environment import number
from engines.messages import _

ACCEPTED = _("accepted: a zip archive that opens on an ordinary computer")
CHUNK = 1 << 20  # bytes
CLUTTER = {"__macosx", "thumbs.db", "desktop.ini"}
COMPRESSIONS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}  # the others can unpack without bound in a single read
NAME_ERRORS = {errno.ENAMETOOLONG, errno.EINVAL, errno.ENOENT, errno.EILSEQ}
MOST_DEEP = 64
"""Folders inside one another, in an archive or a folder."""
DIRECTORY_BYTES_A_MEMBER = 256  # in the archive's table of contents: name, sizes, times


@dataclass(frozen=True)
class Limits:
    """How much an archive may unpack to. Bytes are counted as they are written, whatever the archive claims.

    The environment overrides each default: HEADSTART_ZIP_MEMBERS, HEADSTART_ZIP_TOTAL_BYTES,
    HEADSTART_ZIP_MEMBER_BYTES, HEADSTART_ZIP_RATIO, HEADSTART_FREE_BYTES.
    """

    members: int = field(default_factory=lambda: number("HEADSTART_ZIP_MEMBERS", 100_000, low=1))
    """Entries, folders and clutter included."""
    total_bytes: int = field(default_factory=lambda: number("HEADSTART_ZIP_TOTAL_BYTES", 20 << 30, low=1))
    """Of everything unpacked, skipped members included."""
    member_bytes: int = field(default_factory=lambda: number("HEADSTART_ZIP_MEMBER_BYTES", 4 << 30, low=1))
    """Of one member."""
    ratio: int = field(default_factory=lambda: number("HEADSTART_ZIP_RATIO", 200, low=1))
    """Unpacked bytes for one packed byte, for members that unpack to more than `ratio_from` bytes."""
    ratio_from: int = 10 << 20
    """A blank page may be packed a thousand times smaller; up to this size (bytes) it harms nobody."""
    whole_ratio_from: int = 1 << 30
    """The same of the whole archive, for which `ratio` counts above this size: many small bombs are one large one."""
    free_bytes: int = field(default_factory=lambda: number("HEADSTART_FREE_BYTES", 1 << 30))
    """What unpacking leaves free on the disk, for the runs that are under way."""


class _Unusable(Exception):
    """This member is left out; the message says why."""


def is_clutter(name: str) -> bool:
    """Whether a file of this relative path is something no person put there: hidden files, __MACOSX, Thumbs.db."""
    return any(part.startswith(".") or part.lower() in CLUTTER for part in PurePosixPath(name).parts)


def unpack(archive: Path, out: Path, limits: Limits | None = None) -> list[Skipped]:
    """Writes the files of the zip `archive` below `out` and returns what was left out, in the archive's order.

    One bad member is left out and named: a path that leads out of the archive (`..`, absolute, drive letter; a
    backslash counts as a slash), a link or device, a password, an unusual compression, a checksum that does not
    match, a name that is taken already, more than `limits.member_bytes`, more than `limits.ratio`. Clutter and
    empty folders are left out silently. Nothing that lies in `out` already is ever overwritten.

    Raises InputError when the archive as a whole is of no use: no zip, cut short, empty, nothing in it that could
    be unpacked, more than `limits.members` entries or `limits.total_bytes`, or no room on the disk.
    """
    limits = limits or Limits()
    skipped: list[Skipped] = []
    total = written = 0
    packed, room = archive.stat().st_size if archive.is_file() else 0, _free(out)
    with _opened(archive, limits) as source:
        for info in source.infolist():
            cancellation_point()
            target = None
            try:
                name = _safe_name(info)
                if info.filename.endswith(("/", "\\")) or is_clutter(name):
                    continue
                target = _new_file(out, name)
                with target.open("wb") as file:
                    for chunk in _content(source, info, limits):
                        cancellation_point()
                        total += len(chunk)
                        _require_bearable(archive, packed, total, room, limits)
                        file.write(chunk)
                target = None
                written += 1
            except _Unusable as reason:
                skipped.append(Skipped(_shown(info.filename), str(reason)))
            except OSError as error:
                found = _("it cannot be unpacked ({strerror})", strerror=error.strerror)
                raise InputError(Problem(archive.name, found, _("make room on the disk and try again"))) from None
            finally:
                if target:
                    target.unlink(missing_ok=True)
    if not written:
        first = f": {skipped[0].where} {skipped[0].reason}" if skipped else ""
        raise _refusal(archive, _("there is no file in it that can be used{first}", first=first))
    return skipped


def _require_bearable(archive: Path, packed: int, unpacked: int, room: int, limits: Limits) -> None:
    """Raises InputError where so many bytes (`unpacked`) of an archive of `packed` bytes are too many."""
    if unpacked > limits.total_bytes:
        raise _refusal(archive, _("it unpacks to more than {total_bytes:,} bytes", total_bytes=limits.total_bytes))
    if unpacked > limits.whole_ratio_from and unpacked > limits.ratio * packed:
        raise _refusal(archive, _("it unpacks to more than {ratio} times its size", ratio=limits.ratio))
    if unpacked > room - limits.free_bytes:
        free = _("{free_bytes:.3g} GB", free_bytes=limits.free_bytes / (1 << 30))
        found = _("unpacked, it would leave less than {free} of the disk free", free=free)
        raise InputError(Problem(archive.name, found, _("make room on the disk and try again")))


def _free(folder: Path) -> int:
    """Bytes of free space where `folder` is, or will be."""
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    return shutil.disk_usage(there).free


class _Cautious(io.BufferedReader):
    """A file that refuses to read very much at once: zipfile loads the whole table of contents in one read."""

    def __init__(self, path: Path, most: int):
        super().__init__(io.FileIO(path))
        self.most = most

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > self.most:
            raise zipfile.BadZipFile(_("the table of contents is too large"))
        return super().read(size)


@contextlib.contextmanager
def _opened(archive: Path, limits: Limits) -> Iterator[zipfile.ZipFile]:
    try:
        file = _Cautious(archive, max(CHUNK, limits.members * DIRECTORY_BYTES_A_MEMBER))
    except OSError as error:
        raise _refusal(archive, _("it cannot be opened ({strerror})", strerror=error.strerror)) from None
    with file:
        try:
            source = zipfile.ZipFile(file)
        except Exception:  # zipfile raises whatever the bytes provoke: BadZipFile, struct.error, UnicodeDecodeError, …
            file.seek(0)
            start = file.read(2)
            found = {b"": _("the file is empty"), b"PK": _("the zip is cut short or damaged")}.get(
                start, _("it is no zip")
            )
            raise _refusal(archive, found) from None
        count = len(source.infolist())
        if count == 0:
            raise _refusal(archive, _("the zip is empty"))
        if count > limits.members:
            raise _refusal(
                archive, _("it has {count:,} entries, more than {members:,}", count=count, members=limits.members)
            )
        yield source


def _refusal(archive: Path, found: str) -> InputError:
    return InputError(Problem(archive.name, found, ACCEPTED))


def _safe_name(info: zipfile.ZipInfo) -> str:
    """The member's relative path with forward slashes, NFC. Raises _Unusable for a path that is no such thing."""
    name = unicodedata.normalize("NFC", _decoded(info).replace("\\", "/"))
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        raise _Unusable(_("has an absolute path"))
    parts = [part for part in name.split("/") if part not in {"", "."}]
    if ".." in parts:
        raise _Unusable(_("has '..' in its path"))
    if len(parts) > MOST_DEEP:
        raise _Unusable(_("lies more than {most_deep} folders deep", most_deep=MOST_DEEP))
    if not parts or any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in name):
        raise _Unusable(_("has no proper name"))
    if stat.S_IFMT(info.external_attr >> 16) not in {0, stat.S_IFREG, stat.S_IFDIR}:
        raise _Unusable(_("is a link or a device, not a file"))
    return "/".join(parts)


def _decoded(info: zipfile.ZipInfo) -> str:
    """macOS writes UTF-8 without saying so, and zipfile then reads the old DOS letters (cp437)."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def _new_file(out: Path, name: str) -> Path:
    """An empty file that was not there before. Letting the disk judge also catches names that differ only by case
    where the disk makes no such difference."""
    target = out / name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.open("xb").close()
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise _Unusable(_("has the name of another file in the archive")) from None
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno not in NAME_ERRORS:
            raise
        raise _Unusable(_("has a name that this computer cannot write")) from None
    return target


def _content(source: zipfile.ZipFile, info: zipfile.ZipInfo, limits: Limits) -> Iterator[bytes]:
    """The member's bytes in chunks. Raises _Unusable where they break off, lie or exceed a limit."""
    if info.flag_bits & 0x1:
        raise _Unusable(_("is protected by a password"))
    if info.compress_type not in COMPRESSIONS:
        raise _Unusable(_("is packed in an unusual way"))
    size = 0
    try:
        with source.open(info) as member:
            while chunk := member.read(CHUNK):
                size += len(chunk)
                if size > limits.member_bytes:
                    raise _Unusable(_("unpacks to more than {member_bytes:,} bytes", member_bytes=limits.member_bytes))
                if size > limits.ratio_from and size > limits.ratio * info.compress_size:
                    raise _Unusable(_("unpacks to more than {ratio} times its packed size", ratio=limits.ratio))
                yield chunk
    except _Unusable:
        raise
    except Exception:  # BadZipFile, zlib.error, EOFError, NotImplementedError, …: whatever the bytes provoke
        raise _Unusable(_("is damaged (it cannot be unpacked, or its checksum does not match)")) from None


def _shown(name: str) -> str:
    """A hostile name made fit to print."""
    printable = "".join(letter if unicodedata.category(letter)[0] != "C" else "?" for letter in name)
    return printable if len(printable) <= 120 else printable[:119] + "…"
