"""YOLO txt: a text file a picture, a line a box: class number, then four shares of the picture, or an outline."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from engines.contract import Skipped
from engines.data.class_names import nfc
from engines.data.parts import part_of
from engines.messages import _, _n
from engines.vision.detection.annotations.raw import (
    PARTS,
    File,
    Marked,
    Numbers,
    Raw,
    around,
    counted,
    merged,
    name_of,
    number,
    twice,
)
from engines.vision.images.picture_names import Names

MOST_BYTES = 4 << 20
"""Of one file of labels or classes: a hundred thousand lines."""
CLASS_FILES = ("classes.txt", "obj.names", "_darknet.labels", "classes.names", "predefined_classes.txt", "labels.txt")
BAD_LINE = _("is no line of a class number and four numbers")


def read(files: list[File], pictures: Names[File]) -> Raw | None:
    """What the YOLO files among `files` say; None where there is none."""
    found = Raw("yolo")
    described = _described(files, found)
    classes = _classes(files, described, found)
    parts = _stated_parts(described, files)
    by_stem: defaultdict[str, list[File]] = defaultdict(list)
    for file in pictures.files:
        by_stem[file.stem].append(file)
    bad: defaultdict[str, list[str]] = defaultdict(list)
    outlines = predictions = 0
    stray: list[str] = []
    for file in files:
        if file.suffix != ".txt" or file.path.name.casefold() in CLASS_FILES:
            continue
        if (picture := _picture(file, by_stem)) is None:
            if "labels" in map(str.casefold, file.parts[:-1]):
                stray.append(file.name)
            continue
        if file.path.stat().st_size > MOST_BYTES:
            bad[_("is larger than the {most:,} MB that are read", most=MOST_BYTES >> 20)].append(file.name)
            continue
        marked = Marked(picture, file.name, None, parts.get(picture.name) or picture.part)
        for line, number_of, numbers, kind in _lines(file):
            where = _("{file}, line {n}", file=file.name, n=line)
            if numbers is None:
                bad[BAD_LINE].append(where)
            elif not (label := _label(number_of, classes)):
                bad[_out_of(number_of, classes)].append(where)
            else:
                outlines += kind == "outline"
                predictions += kind == "prediction"
                marked.add(numbers, label, line, outlined=kind == "outline")
        found.marked.append(marked)
    if not any(marked.numbers for marked in found.marked):
        return None
    bad[_("its picture is not among the files")] += stray
    found.marked, again = twice(found.marked)
    found.skipped += [*counted(bad), *again]
    found.classes = tuple(classes) if classes is not None else None
    found.notes += _told(outlines, predictions, classes is None)
    return found


def _told(outlines: int, predictions: int, nameless: bool) -> list[str]:
    notes = []
    if nameless:
        notes.append(
            _("There is no data.yaml and no classes.txt, which say what the classes are called: they go by number.")
        )
    if outlines:
        notes.append(
            _n(
                "One line is an outline: the box around it was taken.",
                "{n:,} lines are outlines: the box around each was taken.",
                outlines,
            )
        )
    if predictions:
        notes.append(
            _n(
                "One line has a sixth number, as a model's answers have: it was passed over.",
                "{n:,} lines have a sixth number, as a model's answers have: it was passed over.",
                predictions,
            )
        )
    return notes


def _lines(file: File) -> Iterator[tuple[int, float, Numbers | None, str]]:
    """Of each line that is not empty: which it is, its class number, its four numbers (None where it is no such line),
    and whether they are a 'box', of an 'outline' or a 'prediction'."""
    text = file.path.read_bytes().decode("utf-8-sig", errors="replace")
    for line, written in enumerate(text.splitlines(), 1):
        if not written.strip():
            continue
        values = [number(word) for word in _words(written)]
        first, rest = values[0], values[1:]
        if len(rest) < 4 or first != first:
            yield line, first, None, "box"
        elif len(rest) >= 6 and len(rest) % 2 == 0:
            yield line, first, around(rest[::2], rest[1::2]), "outline"
        else:  # four numbers, a confidence behind them, or points of a pose behind them
            kind = "prediction" if len(rest) == 5 else "box"
            yield line, first, (rest[0], rest[1], rest[2], rest[3]), kind


def _words(line: str) -> list[str]:
    """Apart by space; also by comma or semicolon, unless the comma is that of a decimal."""
    words = line.replace(";", " ").split()
    if len(words) >= 5 and "." not in line:
        return [word.replace(",", ".") for word in words]
    return line.replace(";", " ").replace(",", " ").split() or [""]


def _label(class_number: float, classes: Mapping[int, str] | list[str] | None) -> str:
    if class_number < 0 or not class_number.is_integer():
        return ""
    if classes is None:
        return f"class {int(class_number)}"
    return classes[int(class_number)] if class_number < len(classes) else ""


def _out_of(class_number: float, classes: list[str] | None) -> str:
    if classes is not None and class_number >= len(classes):
        return _("has class {number:g}, and the class file names {n:,}, from 0 on", number=class_number, n=len(classes))
    return _("has class {number:g}, which is no number of a class", number=class_number)


def _picture(file: File, by_stem: Mapping[str, list[File]]) -> File | None:
    """That of the same name: beside the labels, or in images/ where they are in labels/."""
    found = by_stem.get(file.stem, [])
    folders = [part.casefold() for part in file.parts[:-1]]
    near = [other for other in found if _as_images([p.casefold() for p in other.parts[:-1]]) == _as_images(folders)]
    near = near or (found if len(found) == 1 else [])
    return near[0] if len(near) == 1 else None


def _as_images(folders: list[str]) -> list[str]:
    return [folder for folder in folders if folder not in {"images", "labels"}]


# --- what the classes are called, and which part a picture is of ------------------------------------


def _described(files: list[File], found: Raw) -> list[tuple[File, dict[str, Any]]]:
    """The data.yaml, or whatever it is called, with what is in it."""
    described = []
    for file in files:
        if file.suffix not in {".yaml", ".yml"} or file.path.stat().st_size > MOST_BYTES:
            continue
        try:
            content = yaml.safe_load(file.path.read_text(encoding="utf-8-sig"))
        except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError):
            found.skipped.append(Skipped(file.name, _("is damaged, or no YAML")))
            continue
        if isinstance(content, dict) and "names" in content:
            described.append((file, content))
    return described


def _classes(files: list[File], described: list[tuple[File, dict[str, Any]]], found: Raw) -> list[str] | None:
    """The classes' names by number; None where nothing says them."""
    by_file: dict[str, list[str]] = {}
    for file, content in described:
        if names := _names(content["names"]):
            by_file[file.name] = names
            if isinstance(content.get("nc"), int) and content["nc"] != len(names):
                found.notes.append(
                    _(
                        "{file} says that there are {nc:,} classes and names {n:,}: the names were taken.",
                        file=file.name,
                        nc=content["nc"],
                        n=len(names),
                    )
                )
    for file in files:
        if file.path.name.casefold() in CLASS_FILES and file.path.stat().st_size <= MOST_BYTES:
            text = file.path.read_bytes().decode("utf-8-sig", errors="replace")
            if names := [name_of(line) for line in text.splitlines() if name_of(line)]:
                by_file[file.name] = names
    if not by_file:
        return None
    first, names = next(iter(by_file.items()))
    for other, differing in by_file.items():
        if differing != names:
            found.notes.append(
                _("{other} names other classes than {first}, which was taken.", other=other, first=first)
            )
    for name in merged(names):
        found.notes.append(_("{file} has several classes '{name}': they are one.", file=first, name=name))
    return names


def _names(listed: object) -> list[str]:
    """A list of names, or names by number; numbers that are left out go by their number."""
    if isinstance(listed, list):
        return [name_of(name) or f"class {place}" for place, name in enumerate(listed)]
    if not isinstance(listed, dict) or not listed:
        return []
    named = {int(key): name_of(name) for key, name in listed.items() if str(key).isdecimal() and int(key) < 100_000}
    return [named.get(place) or f"class {place}" for place in range(max(named, default=-1) + 1)]


def _stated_parts(described: list[tuple[File, dict[str, Any]]], files: list[File]) -> dict[str, str]:
    """Picture -> its part, as a data.yaml says it: of a folder, of several, or of a text file that lists pictures."""
    found: dict[str, str] = {}
    for _unused, content in described:
        for key, part in (("train", PARTS["train"]), ("val", PARTS["validation"]), ("test", PARTS["test"])):
            stated = content.get(key)
            for entry in stated if isinstance(stated, list) else [stated]:
                if isinstance(entry, str):
                    found |= dict.fromkeys(_below(entry, files), part)
    return found


def _below(stated: str, files: list[File]) -> list[str]:
    """The files of a folder that a data.yaml names, or that a text file lists: only files that are here."""
    tail = tuple(part for part in nfc(stated.replace("\\", "/")).split("/") if part not in {"", ".", ".."})
    if not tail:
        return []
    if tail[-1].endswith(".txt"):
        lists = [file for file in files if file.parts[-1] == tail[-1] and file.path.stat().st_size <= MOST_BYTES]
        names = {
            line.strip().rsplit("/", 1)[-1]
            for file in lists
            for line in file.path.open(encoding="utf-8", errors="replace")
        }
        return [file.name for file in files if file.parts[-1] in names]
    for start in range(len(tail)):
        if start and not any(map(part_of, tail[start:])):
            break  # what is left of the path says nothing any more: images/
        if below := [file.name for file in files if _has(file.parts[:-1], tail[start:])]:
            return below
    return []


def _has(folders: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    n = len(wanted)
    return any(folders[at : at + n] == wanted for at in range(len(folders) - n + 1))
