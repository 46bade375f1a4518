"""COCO JSON: one file of images, annotations and categories, or one a part."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import PurePosixPath
from typing import Any

from engines.contract import Skipped
from engines.data.parts import part_of
from engines.messages import _, _n
from engines.vision.detection.annotations.outlines import box_of
from engines.vision.detection.annotations.raw import (
    PARTS,
    File,
    Marked,
    Raw,
    counted,
    merged,
    name_of,
    number,
    size_of,
    twice,
)
from engines.vision.images.picture_names import Names

MOST_BYTES = 512 << 20
"""Of one JSON file: COCO's own annotations of 118,000 pictures are 448 MB."""
ACCEPTED = _("accepted: an object with the lists images, annotations and categories")


def read(files: list[File], pictures: Names[File]) -> Raw | None:
    """What the COCO files among `files` say; None where there is none."""
    found = Raw("coco")
    names: list[str] = []
    any_read = False
    crowds = outlines = 0
    for file in files:
        if file.suffix != ".json":
            continue
        try:
            content = _content(file)
        except ValueError as error:
            found.skipped.append(Skipped(file.name, str(error)))
            continue
        if content is None:
            continue
        any_read = True
        one = _Reading(file, content, pictures)
        found.marked += one.marked
        found.skipped += one.skipped
        names += [name for name in one.categories.values() if name not in names]
        crowds, outlines = crowds + one.crowds, outlines + one.outlines
        found.notes += one.notes
    found.marked, again = twice(found.marked)
    found.skipped += again
    found.classes = tuple(names) or None
    if crowds:
        found.notes.append(
            _n(
                "One box is marked as a crowd (iscrowd) and left out: it is around many objects at once.",
                "{n:,} boxes are marked as crowds (iscrowd) and left out: each is around many objects at once.",
                crowds,
            )
        )
    if outlines:
        found.notes.append(
            _n(
                "One object has an outline and no box: the box around its outline was taken.",
                "{n:,} objects have an outline and no box: the box around each outline was taken.",
                outlines,
            )
        )
    return found if any_read or found.skipped else None


def _content(file: File) -> dict[str, Any] | None:
    """The object in a COCO file; None where the file is about something else. Raises ValueError, saying why, where it
    may be one and cannot be read."""
    if file.path.stat().st_size > MOST_BYTES:
        raise ValueError(_("is larger than the {most:,} MB that are read", most=MOST_BYTES >> 20))
    try:
        content = json.loads(file.path.read_bytes())
    except OSError as error:
        raise ValueError(_("cannot be opened ({strerror})", strerror=error.strerror)) from None
    except RecursionError:
        raise ValueError(_("is nested too deep to be a file of annotations")) from None
    except ValueError:
        raise ValueError(_("is damaged, or no JSON")) from None
    if not isinstance(content, dict) or not {"images", "annotations"} & content.keys():
        return None
    wrong = [key for key in ("images", "annotations") if not isinstance(content.get(key), list)]
    if wrong:
        raise ValueError(_("has no list called {key}; {accepted}", key=wrong[0], accepted=ACCEPTED))
    return content


class _Reading:
    """One COCO file, read."""

    def __init__(self, file: File, content: dict[str, Any], pictures: Names[File]):
        self.file, self.pictures = file, pictures
        self.skipped: list[Skipped] = []
        self.notes: list[str] = []
        self.crowds = self.outlines = 0
        self.bad: defaultdict[str, list[str]] = defaultdict(list)
        self.categories = self._categories(content.get("categories"))
        self.part = PARTS.get(part_of(PurePosixPath(file.name).stem) or "", "") or file.part
        self.marked = self._images(content["images"], content["annotations"])
        self.skipped += counted(self.bad)

    def _categories(self, listed: object) -> dict[str, str]:
        """Id -> name."""
        found: dict[str, str] = {}
        for entry in listed if isinstance(listed, list) else []:
            if isinstance(entry, dict) and (name := name_of(entry.get("name"))) and "id" in entry:
                key = _key(entry["id"])
                if found.setdefault(key, name) != name:
                    reason = _("the category id {id} is also that of '{name}'", id=key, name=found[key])
                    self.skipped.append(Skipped(_("{file}, category '{name}'", file=self.file.name, name=name), reason))
        for name in merged(list(found.values())):
            self.notes.append(
                _("{file} has several categories '{name}': they are one.", file=self.file.name, name=name)
            )
        return found

    def _images(self, images: list[Any], annotations: list[Any]) -> list[Marked]:
        by_id: dict[str, Marked | None] = {}
        for entry in images:
            if not isinstance(entry, dict) or not isinstance(entry.get("file_name"), str) or "id" not in entry:
                self.bad[_("an entry of its images has no id or no file_name")].append(self.file.name)
                continue
            key, named = _key(entry["id"]), entry["file_name"]
            if key in by_id:
                self.bad[_("its id is that of an image before it")].append(f"{self.file.name}: {named}")
                continue
            by_id[key] = self._image(entry, named)
        for place, entry in enumerate(annotations):
            self._annotation(entry, place, by_id)
        return [marked for marked in by_id.values() if marked]

    def _image(self, entry: dict[str, Any], named: str) -> Marked | None:
        found = self.pictures.find(named)
        if len(found) > 1:
            found = [file for file in found if self.part and file.part == self.part] or found
        if len(found) != 1:
            missing, several = _("its picture is not among the files"), _("several pictures are called so")
            self.bad[several if found else missing].append(f"{self.file.name}: {named}")
            return None
        stated = size_of(entry.get("width"), entry.get("height"))
        return Marked(found[0], self.file.name, stated, self.part or found[0].part)

    def _annotation(self, entry: object, place: int, by_id: dict[str, Marked | None]) -> None:
        if not isinstance(entry, dict):
            self.bad[_("an entry of its annotations is no object")].append(self.file.name)
            return
        name = entry.get("id", place)
        name = name if isinstance(name, int | str) else place
        where = _("{file}, annotation {id}", file=self.file.name, id=name)
        image = _key(entry.get("image_id"))
        if image not in by_id:
            self.bad[_("belongs to an image that is not listed")].append(where)
            return
        if (marked := by_id[image]) is None:
            return
        if number(entry.get("iscrowd")) == 1 or entry.get("iscrowd") is True:
            self.crowds += 1
            return
        category = _key(entry.get("category_id"))
        label = self.categories.get(category) or (_named(category) if not self.categories else "")
        if not label:
            self.bad[_("its category {id} is not listed", id=category)].append(where)
            return
        box = entry.get("bbox")
        if isinstance(box, list) and len(box) == 4:
            marked.add((number(box[0]), number(box[1]), number(box[2]), number(box[3])), label, name)
        elif not box and (around := box_of(entry.get("segmentation"))):
            self.outlines += 1
            marked.add(around, label, name, outlined=True)
        else:
            self.bad[_("its bbox is not four numbers")].append(where)


def _key(value: object) -> str:
    """An id: 7, 7.0 and '7' are the same one."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value)


def _named(category: str) -> str:
    return f"class {category}" if category not in {"", "None"} else ""
