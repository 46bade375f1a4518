"""What was found in data without labels, as a page reads it."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engines.messages import _
from engines.unlabelled import store
from ui.page.waiting import with_bar
from ui.unlabelled.desk import Desk

ASKED = "asked.json"


@dataclass(frozen=True)
class Found:
    """Everything that `explore` left, in columns: entry i of each list is example i."""

    folder: Path
    answer: dict[str, Any]
    """As `python -m engines explore --json`."""
    columns: dict[str, list[Any]]
    """Of map.parquet."""
    ids: list[str]
    originals: list[Path]
    """Empty where examples are no files."""
    came_as: list[str]

    @property
    def kind(self) -> str:
        return str(self.answer["kind"])

    @property
    def n(self) -> int:
        return len(self.ids)

    @property
    def k(self) -> int:
        return len(self.answer["clusters"])

    @functools.cached_property
    def place(self) -> dict[str, int]:
        """Name -> position."""
        return {name: i for i, name in enumerate(self.columns["file"])}

    @functools.cached_property
    def by_id(self) -> dict[str, int]:
        """Id -> the first position that has it."""
        return {own: i for i, own in reversed(list(enumerate(self.ids)))}

    def title(self, position: int) -> str:
        """What an example is called on the page; where names would tell the class, its number."""
        if self.came_as or self.kind == "texts":
            return f"{self.kind.removesuffix('s') if self.kind != 'series' else 'series'} {position + 1:,}"
        return str(self.columns["file"][position])

    def content(self, position: int) -> bytes:
        """The example's bytes, as a data set made in the app takes them."""
        if self.originals:
            return self.originals[position].read_bytes()
        return str(self.columns["preview"][position]).encode()

    def name(self, position: int) -> str:
        """What its file is called there."""
        return self.originals[position].name if self.originals else _("text {position}", position=position + 1)


def find(desk: Desk, groups: int | None) -> Found:
    """What is in the desk's data, in so many groups; looked for where it is not known. Raises InputError and
    ServerFailed."""
    known = _known(desk.folder)
    if known is None or (groups is not None and known["clusters"] != groups) or known["data"] != _identity(desk):
        from engines.jobs.serving import client

        desk.folder.mkdir(parents=True, exist_ok=True)
        question: dict[str, Any] = {
            "verb": "explore",
            "task": desk.task,
            "data": str(desk.path()),
            "out": str(desk.folder),
        }
        question |= {"clusters": groups} if groups else {}
        question |= {"settings": {"text_column": desk.column}} if desk.column else {}
        answer = with_bar(_("Looking at the {unit}", unit=desk.unit), lambda tell: client.ask(question, tell))
        asked = {"data": _identity(desk), "clusters": len(answer["clusters"])}
        (desk.folder / ASKED).write_text(json.dumps(asked), encoding="utf-8")
    return _read(desk.folder, (desk.folder / store.FOUND).stat().st_mtime_ns)


def _identity(desk: Desk) -> str:
    """Changes with the data: examples may be added to a data set made in the app."""
    if desk.data or desk.dataset is None:
        return f"{desk.data} {desk.column}" if desk.column else str(desk.data)
    return " ".join(sorted(item.id for item in desk.dataset.state().items))


def _known(folder: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads((folder / ASKED).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return found if (folder / store.FOUND).is_file() else None


@functools.lru_cache(maxsize=8)
def _read(folder: Path, _written: int) -> Found:
    import pyarrow.parquet as pq

    details = json.loads((folder / store.EMBEDDED).read_text(encoding="utf-8"))
    return Found(
        folder,
        json.loads((folder / store.FOUND).read_text(encoding="utf-8")),
        pq.read_table(folder / store.MAP).to_pydict(),
        details["ids"],
        [Path(path) for path in details["originals"]],
        details["came_as"],
    )
