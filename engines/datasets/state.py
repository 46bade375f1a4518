"""What the events of a data set come to: its examples, their classes, and what can be undone.

An event is one thing that a person did, as a dict with its `kind`:

add           items: of each id, name, label (or null), suffix. The same id again is one example: it counts as repeated,
              and takes the label that comes with it, where one does
label         items: ids; label, or null to take it away
rename_class  old, new: two of one name become one class
add_class     class: there before it has an example
remove_class  class: goes, with its examples
remove        items: ids
draw          item, size: width and height of the picture as it is shown, box: id, label, and corners x0 y0 x1 y1 in its
              pixels. The same id again is the same box, moved or called otherwise
erase         item, boxes: ids
look          item, size, done: whether every object of the picture has its box, also where there is none
undo          takes back the newest event that still stands
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

CHANGES = ("add", "label", "rename_class", "add_class", "remove_class", "remove", "draw", "erase", "look")


@dataclass(frozen=True)
class Box:
    """An object on a picture: its class and its corners, pixels of the picture as it is shown."""

    id: str
    label: str
    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True)
class Item:
    """One example."""

    id: str
    """SHA-256 of its bytes, in hexadecimal."""
    name: str
    """What its file was called, with its ending."""
    label: str | None
    suffix: str
    """How the file ends that it lies in: '.jpg', or '' for none."""
    boxes: tuple[Box, ...] = ()
    """What was drawn on it, in that order."""
    done: bool = False
    """Whether a person said that every object on it has its box."""
    size: tuple[int, int] | None = None
    """Width and height of a picture as it is shown, once something was drawn on it, or it was done."""

    @property
    def is_labelled(self) -> bool:
        return self.label is not None or self.done or bool(self.boxes)


@dataclass(frozen=True)
class DatasetState:
    """A data set as it stands."""

    items: tuple[Item, ...]
    """In the order in which they came."""
    classes: tuple[str, ...]
    """In the order in which they were first named; one without examples only where it was made by itself."""
    repeated: int
    """How many of the examples that stand came a second time or more, counted each time."""
    can_undo: bool

    @property
    def labelled(self) -> tuple[Item, ...]:
        return tuple(item for item in self.items if item.is_labelled)

    @property
    def unlabelled(self) -> tuple[Item, ...]:
        return tuple(item for item in self.items if not item.is_labelled)

    @cached_property
    def counts(self) -> dict[str, int]:
        """Class -> its examples, or its boxes, in order of the classes."""
        found = Counter(item.label for item in self.items)
        found.update(box.label for item in self.items for box in item.boxes)
        return {name: found[name] for name in self.classes}

    @cached_property
    def sha256(self) -> str:
        """Over every example's bytes, label and boxes, whatever their order and names."""
        lines = sorted(f"{item.id} {item.label!r}{_drawn(item)}" for item in self.items)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _drawn(item: Item) -> str:
    """Of what was drawn on it; '' where nothing was, also of data sets from before there were boxes."""
    if not item.boxes and not item.done:
        return ""
    return f" {item.done} {sorted((box.label, box.x0, box.y0, box.x1, box.y1) for box in item.boxes)}"


def standing(events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events that have not been undone, in order."""
    kept: list[dict[str, Any]] = []
    for event in events:
        if event.get("kind") in CHANGES:
            kept.append(event)
        elif event.get("kind") == "undo" and kept:
            kept.pop()
    return kept


def replay(events: Iterable[dict[str, Any]]) -> DatasetState:
    """What the events come to. One of a kind that is not known here changes nothing."""
    kept = standing(events)
    items: dict[str, Item] = {}
    repeats: Counter[str] = Counter()
    classes: dict[str, bool] = {}
    """Name -> whether it stands by itself, in order of their first naming."""
    for event in kept:
        kind, ids = event["kind"], event.get("items", ())
        if kind == "add":
            for new in ids:
                _add(Item(new["id"], new["name"], new["label"], new["suffix"]), items, repeats, classes)
        elif kind == "label":
            _name(classes, event["label"])
            items |= {i: replace(items[i], label=event["label"]) for i in ids if i in items}
        elif kind == "rename_class":
            items |= {i: _relabelled(item, event["old"], event["new"]) for i, item in items.items()}
            classes = _renamed(classes, event["old"], event["new"])
        elif kind == "add_class":
            classes[event["class"]] = True
        elif kind == "remove_class":
            classes.pop(event["class"], None)
            _remove([i for i, item in items.items() if item.label == event["class"]], items, repeats)
            items |= {i: _without_class(item, event["class"]) for i, item in items.items()}
        elif kind == "remove":
            _remove(ids, items, repeats)
        elif kind in {"draw", "erase", "look"} and event["item"] in items:
            items[event["item"]] = _marked(items[event["item"]], event, classes)
    used = {item.label for item in items.values()} | {box.label for item in items.values() for box in item.boxes}
    named = tuple(name for name, by_itself in classes.items() if by_itself or name in used)
    return DatasetState(tuple(items.values()), named, repeats.total(), bool(kept))


def _marked(item: Item, event: dict[str, Any], classes: dict[str, bool]) -> Item:
    """The picture after something was drawn on it, erased from it, or said of it."""
    if event["kind"] == "erase":
        return _without(item, set(event["boxes"]))
    size = (int(event["size"][0]), int(event["size"][1]))
    if event["kind"] == "look":
        return replace(item, done=bool(event["done"]), size=size)
    box = Box(**event["box"])
    _name(classes, box.label)
    boxes = {known.id: known for known in item.boxes} | {box.id: box}
    return replace(item, boxes=tuple(boxes.values()), size=size)


def _without(item: Item, boxes: set[str]) -> Item:
    return replace(item, boxes=tuple(box for box in item.boxes if box.id not in boxes)) if boxes else item


def _without_class(item: Item, label: str) -> Item:
    return _without(item, {box.id for box in item.boxes if box.label == label})


def _relabelled(item: Item, old: str, new: str) -> Item:
    boxes = tuple(replace(box, label=new) if box.label == old else box for box in item.boxes)
    return replace(item, label=new if item.label == old else item.label, boxes=boxes)


def _add(new: Item, items: dict[str, Item], repeats: Counter[str], classes: dict[str, bool]) -> None:
    _name(classes, new.label)
    known = items.get(new.id)
    if known is None:
        items[new.id] = new
        return
    repeats[new.id] += 1
    if new.label is not None:
        items[new.id] = replace(known, label=new.label)


def _remove(ids: Iterable[str], items: dict[str, Item], repeats: Counter[str]) -> None:
    for gone in ids:
        items.pop(gone, None)
        repeats.pop(gone, None)


def _name(classes: dict[str, bool], label: str | None) -> None:
    if label is not None:
        classes.setdefault(label, False)


def _renamed(classes: dict[str, bool], old: str, new: str) -> dict[str, bool]:
    """The new name where the first of the two stood."""
    if old not in classes:
        return classes
    by_itself = classes[old] or classes.get(new, False)
    found: dict[str, bool] = {}
    for name, alone in classes.items():
        if name in (old, new):
            found.setdefault(new, by_itself)
        else:
            found[name] = alone
    return found
