"""What people bring: kept under an unguessable id, checked once, shown again at `?data=<id>`.

uploads/<id>/origin.json     what it was called, where it lies
uploads/<id>/<uuid>.zip      the data; several files are put into one archive under their own names
uploads/<id>/report.json     the DataReport of the last check
uploads/<id>/gallery/        thumbnails
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import uuid
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Protocol

from engines import messages, paths, registry, runs
from engines.contract import InputError, Problem
from engines.messages import _
from ui.page import visitor

MAX_FILES = 5000
CHUNK = 1 << 20


class Upload(Protocol):
    """A file as Streamlit hands it over. Its name is whatever the browser said: never used as a path."""

    name: str
    size: int

    def seek(self, offset: int, /) -> int: ...

    def read(self, size: int = -1, /) -> bytes: ...


class Made(io.BytesIO):
    """A file that was made in the browser, for `keep`."""

    def __init__(self, name: str, content: bytes):
        super().__init__(content)
        self.name, self.size = name, len(content)


@dataclass(frozen=True)
class Origin:
    """What was brought."""

    title: str
    path: str
    sample: str | None = None
    owner: str = ""
    """The visitor of a public host who brought them; see `visitor.me`."""


def folder(data_id: str) -> Path:
    """The folder of that upload. Raises InputError when there is none; an id is never used as a path unchecked."""
    if exists(data_id):
        return paths.uploads() / data_id
    raise InputError(Problem("data", _("there are no data at this address any more"), _("bring them again")))


def exists(data_id: str) -> bool:
    return bool(runs.ID.fullmatch(data_id)) and (paths.uploads() / data_id / "origin.json").is_file()


def origin(data_id: str) -> Origin:
    return Origin(**json.loads((folder(data_id) / "origin.json").read_text(encoding="utf-8")))


def keep(files: Sequence[Upload], archives: Sequence[str] = (".zip", ".npz"), title: str = "") -> str:
    """Store uploaded files and return their id: one archive as it is, several files as one archive of ours.

    `archives` are the endings of files that are data by themselves; `title` is what they are called, by default the
    file's name.

    Raises InputError when there is nothing, too much, an archive among other files, or nobody whose they are.
    """
    single = [f for f in files if f.name.lower().endswith(tuple(archives))]
    if not files:
        raise InputError(Problem("upload", _("no file was chosen"), _("choose one archive, or several files")))
    if len(files) > MAX_FILES:
        raise InputError(
            Problem(
                "upload",
                _("{files:,} files", files=len(files)),
                _("up to {max_files:,} at once, or one zip", max_files=MAX_FILES),
            )
        )
    if single and len(files) > 1:
        raise InputError(
            Problem(
                single[0].name, _("it came with {files} other files", files=len(files) - 1), _("one archive at a time")
            )
        )
    owner = visitor.require()
    data_id = runs.new_id()
    into = paths.uploads() / data_id
    into.mkdir()
    try:
        if single:
            path = into / f"{uuid.uuid4().hex}{Path(single[0].name).suffix.lower()}"
            with path.open("wb") as target:
                _copy(single[0], target)
            title = title or safe_name(single[0].name)
        else:
            path = into / f"{uuid.uuid4().hex}.zip"
            _pack(files, path)
            title = title or (safe_name(files[0].name) if len(files) == 1 else _("{files} files", files=len(files)))
    except BaseException:
        shutil.rmtree(into, ignore_errors=True)
        raise
    _write_origin(into, Origin(title=title, path=str(path), owner=owner))
    return data_id


def take_sample(task: str, name: str, path: Path) -> str:
    """An id for a sample that lies at `path` already."""
    title = next((s.title for s in registry.task(task).samples() if s.name == name), name)
    into = paths.uploads() / runs.new_id()
    into.mkdir()
    _write_origin(into, Origin(title=title, path=str(path), sample=name, owner=visitor.me()))
    return into.name


def take_made(title: str, path: Path) -> str:
    """An id for the examples of a data set made in the app, which lie at `path` and stay there."""
    into = paths.uploads() / runs.new_id()
    into.mkdir()
    _write_origin(into, Origin(title=title, path=str(path), owner=visitor.me()))
    return into.name


def check(
    task: str,
    data_id: str,
    progress: Callable[[int, int], None] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The DataReport as a dict; asked for once and then read from disk. Raises InputError and ServerFailed.

    `settings`: those that say how the data are read (`Settings.reading`).
    """
    into = folder(data_id)
    settings = dict(sorted((settings or {}).items()))
    if (report := known(task, data_id, settings)) is not None:
        return report
    from engines.jobs.serving import client

    brought = origin(data_id)
    question = {"verb": "check", "task": task, "data": brought.path, "seed": 0, "gallery": str(into / "gallery")}
    question |= {"settings": settings} if settings else {}
    try:
        report = client.ask(question, progress)
    except InputError as error:
        raise InputError(*(by_its_own_name(problem, brought) for problem in error.problems)) from None
    if (report.get("details") or {}).get("scans"):  # their file's name may be a patient's
        _write_origin(into, replace(brought, title=str(_("Scans"))))
    partial = into / f".report.{uuid.uuid4().hex}"
    partial.write_text(json.dumps(messages.kept(report), ensure_ascii=False), encoding="utf-8")
    partial.replace(_cached(data_id, settings))
    return report


def check_target(
    task: str,
    data_id: str,
    target_id: str,
    progress: Callable[[int, int], None] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What `Task.check_target` finds, asked for once and then read from disk. Raises InputError and ServerFailed."""
    settings = dict(sorted((settings or {}).items()))
    name = hashlib.sha256(json.dumps([task, data_id, settings]).encode()).hexdigest()[:12]
    kept = folder(target_id) / f"target-{name}.json"
    if kept.is_file():
        report: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
        return report
    from engines.jobs.serving import client

    brought = origin(target_id)
    question = {"verb": "check_target", "task": task, "data": origin(data_id).path, "target": brought.path, "seed": 0}
    try:
        report = client.ask({**question, "settings": settings}, progress)
    except InputError as error:
        raise InputError(*(by_its_own_name(problem, brought) for problem in error.problems)) from None
    partial = kept.with_suffix(f".{uuid.uuid4().hex}")
    partial.write_text(json.dumps(report, ensure_ascii=False), encoding="utf-8")
    partial.replace(kept)
    return report


def known(task: str, data_id: str, settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """What `check` found before; None where it has not looked yet. Raises InputError as `folder` does."""
    cached = _cached(data_id, settings)
    if not cached.is_file():
        return None
    report = messages.read(json.loads(cached.read_text(encoding="utf-8")))
    return report if report["task"] == task else None


def _cached(data_id: str, settings: Mapping[str, Any]) -> Path:
    chosen = dict(sorted(settings.items()))
    name = hashlib.sha256(json.dumps(chosen).encode()).hexdigest()[:12] if chosen else ""
    return folder(data_id) / f"report{name and '-'}{name}.json"


def by_its_own_name(problem: Problem, brought: Origin) -> Problem:
    """A person knows a file by the name they gave it, not by ours."""
    ours = Path(brought.path).name
    said = {name: getattr(problem, name).replace(ours, brought.title) for name in ("where", "found", "accepted")}
    return replace(problem, **said)


def forget(data_id: str) -> None:
    """Delete an upload."""
    shutil.rmtree(folder(data_id), ignore_errors=True)


def forget_below(place: Path) -> None:
    """Delete what was found in data that lie below this folder: their reports and thumbnails."""
    for file in paths.uploads().glob("*/origin.json"):
        if Path(json.loads(file.read_text(encoding="utf-8"))["path"]).is_relative_to(place):
            shutil.rmtree(file.parent, ignore_errors=True)


def find(path: str) -> str | None:
    """The id of the upload that lies at `path`, when it is one."""
    try:
        data_id = Path(path).relative_to(paths.uploads()).parts[0]
    except (ValueError, IndexError):
        return None
    return data_id if exists(data_id) else None


def safe_name(name: str) -> str:
    """The last part of a name, without control characters: for showing, and inside archives of ours."""
    last = PurePosixPath(name.replace("\\", "/")).name
    return re.sub(r"[\x00-\x1f\x7f]", "", last).strip()[:200] or "unnamed"


def _pack(files: Sequence[Upload], path: Path) -> None:
    seen: set[str] = set()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for file in files:
            name = safe_name(file.name)
            if name in seen:
                raise InputError(Problem(name, _("two files have this name"), _("every file under a name of its own")))
            seen.add(name)
            with archive.open(name, "w") as target:
                _copy(file, target)


def _copy(source: Upload, target: BinaryIO | Any) -> None:
    source.seek(0)
    while chunk := source.read(CHUNK):
        target.write(chunk)


def _write_origin(into: Path, origin: Origin) -> None:
    (into / "origin.json").write_text(json.dumps(asdict(origin), ensure_ascii=False), encoding="utf-8")
