"""A data set made in the app is a folder. This is the one place that knows what lies in it.

dataset.json    kind, title, owner, and when it was made
events.jsonl    append-only: what was done, a line each (`datasets.state`)
items/          the examples, each in a file named by the SHA-256 of its bytes
thumbnails/     small pictures of them
exports/        zips in the form that tasks read, for training; made when asked for
cache/          what a frozen network saw of them
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import shutil
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Literal, get_args

from engines import paths, runs, shown_ids, trash
from engines.contract import InputError, Problem
from engines.datasets.names import LONGEST_NAME, class_name, clean
from engines.datasets.state import Box, DatasetState, Item, replay
from engines.messages import _

Kind = Literal["pictures", "boxes", "sounds", "texts"]
KINDS: tuple[Kind, ...] = get_args(Kind)
MOST_BYTES = 64 << 20
"""Of one example."""
MOST_ITEMS = 20_000
USUAL_SUFFIX = {"pictures": ".jpg", "boxes": ".jpg", "sounds": ".wav", "texts": ".txt"}


@dataclass(frozen=True)
class About:
    """What a data set is, apart from its examples."""

    kind: Kind
    title: str
    owner: str
    created: float
    """Seconds since 1970."""


@dataclass(frozen=True)
class New:
    """An example to add."""

    content: bytes
    """A file as it is; of a text its UTF-8 bytes."""
    name: str
    """What the file is called: shown, never used as a path."""
    label: str | None = None


class DatasetFolder:
    """One data set on disk. Any process may read it and write it, several at once: what is done is only ever added."""

    def __init__(self, path: Path, shown_as: str = ""):
        """`shown_as`: the id that only shows it, where it was found by that one."""
        self.path = Path(path)
        self._shown_as = shown_as

    @property
    def id(self) -> str:
        """The id by which it was found: a page that somebody is shown must not tell them its own."""
        return self._shown_as or self.path.name

    @property
    def only_shown(self) -> bool:
        """Whether it was found by the id that only shows it (`shown_ids`)."""
        return bool(self._shown_as)

    def require_owner(self) -> None:
        """Raises InputError where it is only shown: the doors of whatever changes it or takes it away."""
        if self.only_shown:
            found, accepted = _("this link only shows it"), _("whoever has its own link can do that")
            raise InputError(Problem(_("data set"), found, accepted))

    @classmethod
    def create(cls, kind: str, title: str, owner: str = "") -> DatasetFolder:
        """A new, empty data set of one of KINDS: 'boxes' are pictures to draw on. Raises InputError for another."""
        if kind not in KINDS:
            raise InputError(
                Problem(
                    _("data set"),
                    _("there is no kind {kind!r}", kind=kind),
                    _("accepted: {kinds}", kinds=", ".join(KINDS)),
                )
            )
        dataset = cls(paths.datasets() / runs.new_id())
        dataset.path.mkdir()
        dataset._write_about(About(kind, clean(title) or _("My {kind}", kind=kind), owner, round(time.time(), 3)))
        return dataset

    @classmethod
    def find(cls, dataset_id: str) -> DatasetFolder:
        """The data set of that id, its own or the one that shows it. Raises InputError when there is none; an id is
        never used as a path unchecked."""
        if runs.ID.fullmatch(dataset_id):
            if (found := cls(paths.datasets() / dataset_id)).exists:
                return found
            own = shown_ids.dataset_of(dataset_id)
            if own and runs.ID.fullmatch(own) and (found := cls(paths.datasets() / own, dataset_id)).exists:
                return found
        raise _gone()

    @classmethod
    def owned(cls, owner: str) -> list[DatasetFolder]:
        """Every data set that this owner made, the newest first; none for nobody ('')."""
        if not owner:
            return []
        found = [
            cls(file.parent) for file in paths.datasets().glob("*/dataset.json") if runs.ID.fullmatch(file.parent.name)
        ]
        return sorted((d for d in found if d.about.owner == owner), key=lambda d: -d.about.created)

    # -- reading

    @property
    def exists(self) -> bool:
        """False once somebody deleted it."""
        return (self.path / "dataset.json").is_file()

    @property
    def about(self) -> About:
        """Raises InputError once it is deleted."""
        try:
            return About(**json.loads((self.path / "dataset.json").read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise _gone() from None

    def state(self) -> DatasetState:
        return replay(self._events())

    @property
    def sha256(self) -> str:
        """Over every example's bytes and label, whatever their order and names."""
        return self.state().sha256

    def file(self, item: Item) -> Path:
        """Where that example lies."""
        return self.path / "items" / f"{item.id}{item.suffix}"

    def text(self, item: Item) -> str:
        """That example of a data set of texts."""
        return self.file(item).read_text(encoding="utf-8")

    def _events(self) -> list[dict[str, Any]]:
        """Every whole line; one that was cut short, by a kill or a full disk, is as if it had never been."""
        try:
            lines = (self.path / "events.jsonl").read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        events = []
        for line in lines:
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict):
                events.append(event)
        return events

    # -- changing: an event each

    def add(self, content: bytes, name: str, label: str | None = None) -> str:
        """Adds one example and returns its id. The same bytes again are the same example. Raises InputError."""
        return self.add_all([New(content, name, label)])[0]

    def add_all(self, examples: Sequence[New]) -> list[str]:
        """Adds several examples at once, one step to undo, and returns their ids.

        Raises InputError, and adds none, where one is empty or too large, a text is not UTF-8, a class has no name, or
        there would be more than MOST_ITEMS.
        """
        if len(self.state().items) + len(examples) > MOST_ITEMS:
            raise InputError(
                Problem(
                    _("data set"),
                    _("more than {most_items:,} examples", most_items=MOST_ITEMS),
                    _("start another data set"),
                )
            )
        kind = self.about.kind
        kept = [(_checked(example, kind), _item(example, kind)) for example in examples]
        for content, item in kept:
            self._keep(content, self.file(item))
        if kept:
            self._append("add", items=[_as_added(item) for _, item in kept])
        return [item.id for _, item in kept]

    def label(self, item_ids: Iterable[str], label: str | None) -> None:
        """Says of these examples which class they are; None takes it away."""
        self._append("label", items=list(item_ids), label=label if label is None else class_name(label))

    def add_class(self, name: str) -> None:
        """Names a class that has no example yet."""
        self._append("add_class", **{"class": class_name(name)})

    def rename_class(self, old: str, new: str) -> None:
        """Where there is a class of the new name already, the two become one."""
        self._append("rename_class", old=old, new=class_name(new))

    def remove_class(self, name: str) -> None:
        """Takes a class out, with its examples."""
        self._append("remove_class", **{"class": name})

    def remove(self, item_ids: Iterable[str]) -> None:
        """Takes these examples out. Their files stay until the data set is deleted, so that this can be undone."""
        self._append("remove", items=list(item_ids))

    def draw(self, item_id: str, size: tuple[int, int], box: Box) -> None:
        """Draws a box on a picture of that width and height (pixels, as it is shown), or moves or renames one.

        It is cut to the picture. Raises InputError where nothing that is at least a pixel wide and high is left of it.
        """
        width, height = size
        sides = [box.x0, box.y0, box.x1, box.y1]
        if not all(map(math.isfinite, sides)):
            raise _no_box()
        (x0, x1), (y0, y1) = sorted(sides[::2]), sorted(sides[1::2])
        x0, y0, x1, y1 = max(x0, 0.0), max(y0, 0.0), min(x1, float(width)), min(y1, float(height))
        if x1 - x0 < 1 or y1 - y0 < 1:
            raise _no_box()
        kept = Box(box.id[:LONGEST_NAME], class_name(box.label), x0, y0, x1, y1)
        self._append("draw", item=item_id, size=list(size), box=asdict(kept))

    def erase(self, item_id: str, boxes: Iterable[str]) -> None:
        """Takes these boxes of a picture away."""
        self._append("erase", item=item_id, boxes=list(boxes))

    def look(self, item_id: str, size: tuple[int, int], *, done: bool = True) -> None:
        """Says of a picture of that width and height that all its objects have a box, or not; it may have none."""
        self._append("look", item=item_id, size=list(size), done=done)

    def undo(self) -> None:
        """Takes back what was done last and still stands; does nothing where there is nothing."""
        self._append("undo")

    def rename(self, title: str) -> None:
        self._write_about(replace(self.about, title=clean(title) or self.about.title))

    def delete(self, *, undo: bool = False) -> None:
        """Everything goes: the examples, what was exported and unpacked of them, small pictures and caches. With `undo`
        `restore` brings it back for a while."""
        self.require_owner()
        for export in (self.path / "exports").glob("*"):
            shutil.rmtree(paths.work(export), ignore_errors=True)
        if not undo:
            shown_ids.withdraw(self.path.name)
        gone = trash.put_aside(self.path)
        if not undo:
            shutil.rmtree(gone, ignore_errors=True)

    @classmethod
    def restore(cls, dataset_id: str) -> DatasetFolder:
        """Brings back what was deleted with `undo`. Raises InputError when it is gone for good."""
        if runs.ID.fullmatch(dataset_id):
            trash.bring_back(paths.datasets() / dataset_id)
        return cls.find(dataset_id)

    @staticmethod
    def purge() -> None:
        """Takes away for good what can no longer be had back."""
        for gone in trash.due(paths.datasets()):
            shown_ids.withdraw(gone.name.removeprefix(trash.PREFIX))
            shutil.rmtree(gone, ignore_errors=True)

    def _append(self, kind: str, **values: Any) -> None:
        """One line, in one write, on the disk when this returns."""
        self.require_owner()
        line = json.dumps({"time": round(time.time(), 3), "kind": kind, **values}, ensure_ascii=False).encode() + b"\n"
        if not self.exists:
            raise _gone()
        with (self.path / "events.jsonl").open("ab+", buffering=0) as file:
            if file.seek(0, os.SEEK_END):
                file.seek(-1, os.SEEK_END)
                line = line if file.read(1) == b"\n" else b"\n" + line
            file.write(line)
            os.fsync(file.fileno())

    def _keep(self, content: bytes, target: Path) -> None:
        """The file whole or not at all, before any event names it."""
        self.require_owner()
        if target.is_file():
            return
        target.parent.mkdir(exist_ok=True)
        partial = target.with_name(f".{target.name}.{os.getpid()}-{runs.new_id()}")
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)

    def _write_about(self, about: About) -> None:
        self.require_owner()
        partial = self.path / f".dataset.json.{runs.new_id()}"
        partial.write_text(json.dumps(asdict(about), ensure_ascii=False), encoding="utf-8")
        partial.replace(self.path / "dataset.json")


def _as_added(item: Item) -> dict[str, Any]:
    return {"id": item.id, "name": item.name, "label": item.label, "suffix": item.suffix}


def _no_box() -> InputError:
    found = _("it is smaller than a pixel, or not on its picture")
    return InputError(Problem(_("box"), found, _("draw it on the picture")))


def _gone() -> InputError:
    return InputError(
        Problem(_("data set"), _("there is no data set at this address"), _("check the link, or make a new one"))
    )


def _checked(example: New, kind: Kind) -> bytes:
    """The bytes that are kept. Raises InputError."""
    where = clean(example.name) or _("the example")
    if len(example.content) > MOST_BYTES:
        raise InputError(
            Problem(
                where, _("is larger than {most_bytes} MiB", most_bytes=MOST_BYTES >> 20), _("accepted: a smaller file")
            )
        )
    if kind != "texts":
        if not example.content:
            raise InputError(Problem(where, _("is empty"), _("accepted: a file with something in it")))
        return example.content
    try:
        text = example.content.decode("utf-8").replace("\0", "").strip()
    except UnicodeDecodeError:
        raise InputError(Problem(where, _("is no text in UTF-8"), _("accepted: text"))) from None
    if not text:
        raise InputError(Problem(where, _("is empty"), _("accepted: a text with something in it")))
    return text.encode()


def _item(example: New, kind: Kind) -> Item:
    name = clean(PurePosixPath(example.name.replace("\\", "/")).name) or "unnamed"
    suffix = PurePosixPath(name).suffix.lower()
    suffix = suffix if re.fullmatch(r"\.[a-z0-9]{1,5}", suffix) and kind != "texts" else USUAL_SUFFIX[kind]
    label = None if example.label is None else class_name(example.label)
    return Item(hashlib.sha256(_checked(example, kind)).hexdigest(), name, label, suffix)
