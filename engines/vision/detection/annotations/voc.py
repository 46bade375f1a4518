"""Pascal VOC: an XML file a picture."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import PurePosixPath
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

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
    name_of,
    number,
    size_of,
    twice,
)
from engines.vision.images.picture_names import Names

MOST_BYTES = 16 << 20
"""Of one file."""
MOST_DEEP = 32
SIDES = ("xmin", "ymin", "xmax", "ymax")


def read(files: list[File], pictures: Names[File]) -> Raw | None:
    """What the VOC files among `files` say; None where there is none."""
    found = Raw("voc")
    parts = _listed_parts(files)
    by_stem: defaultdict[str, list[File]] = defaultdict(list)
    for file in pictures.files:
        by_stem[file.stem].append(file)
    bad: defaultdict[str, list[str]] = defaultdict(list)
    outlines = difficult = 0
    for file in files:
        if file.suffix != ".xml":
            continue
        try:
            tree = parsed(file)
        except ValueError as error:
            bad[str(error)].append(file.name)
            continue
        if tree.tag != "annotation":
            continue
        picture = _picture(file, _text(tree, "filename"), by_stem, pictures)
        if picture is None:
            bad[_("its picture is not among the files")].append(file.name)
            continue
        stated = size_of(_text(tree, "size/width"), _text(tree, "size/height"))
        part = parts.get(file.stem) or picture.part or file.part
        marked = Marked(picture, file.name, stated, part)
        for place, entry in enumerate(tree.iterfind("object"), 1):
            label, box = name_of(_text(entry, "name")), _box(entry)
            if not label or box is None:
                why = _("has no name") if box else _("has no bndbox with xmin, ymin, xmax and ymax")
                bad[why].append(_("{file}, object {n}", file=file.name, n=place))
                continue
            outlined = entry.find("bndbox") is None
            outlines += outlined
            difficult += _text(entry, "difficult").strip() == "1"
            marked.add(box, label, place, outlined=outlined)
        found.marked.append(marked)
    found.marked, again = twice(found.marked)
    found.skipped = [*counted(bad), *again]
    if outlines:
        found.notes.append(
            _n(
                "One object has an outline and no box: the box around its outline was taken.",
                "{n:,} objects have an outline and no box: the box around each outline was taken.",
                outlines,
            )
        )
    if difficult:
        found.notes.append(
            _n(
                "One object is marked as difficult; it counts like any other.",
                "{n:,} objects are marked as difficult; they count like any other.",
                difficult,
            )
        )
    return found if found.marked or found.skipped else None


def parsed(file: File) -> Element:
    """The root of an XML file without a document type, which is where entities are declared that unpack to gigabytes.

    Raises ValueError, with a phrase that goes on after the file's name.
    """
    builder = TreeBuilder()
    parser = expat.ParserCreate()
    depth = 0

    def start(tag: str, attributes: Mapping[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MOST_DEEP:
            raise ValueError(_("is nested too deep to be a file of annotations"))
        builder.start(tag, dict(attributes))

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    def refused(*_unused: object) -> None:
        raise ValueError(_("declares a document type or entities, which are not read"))

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refused
    try:
        if file.path.stat().st_size > MOST_BYTES:
            raise ValueError(_("is larger than the {most:,} MB that are read", most=MOST_BYTES >> 20))
        parser.Parse(file.path.read_bytes(), True)
        return builder.close()
    except OSError as error:
        raise ValueError(_("cannot be opened ({strerror})", strerror=error.strerror)) from None
    except (expat.ExpatError, LookupError, AssertionError):
        raise ValueError(_("is damaged, or no XML")) from None


def _text(element: Element, path: str) -> str:
    found = element.find(path)
    return (found.text or "") if found is not None else ""


def _box(entry: Element) -> Numbers | None:
    if (box := entry.find("bndbox")) is not None:
        sides = [_text(box, side) for side in SIDES]
        return tuple(map(number, sides)) if all(sides) else None  # type: ignore[return-value]
    if (outline := entry.find("polygon")) is not None:
        return _around(outline)
    return None


def _around(outline: Element) -> Numbers | None:
    """Of <x1>, <y1>, <x2>, … or of <pt><x/><y/></pt>."""
    xs = [number(node.text) for node in outline.iter() if node.tag.startswith("x")]
    ys = [number(node.text) for node in outline.iter() if node.tag.startswith("y")]
    return around(xs, ys) if len(xs) == len(ys) and len(xs) >= 3 else None


def _picture(file: File, named: str, by_stem: Mapping[str, list[File]], pictures: Names[File]) -> File | None:
    """That of the same name as the file, for what is written in it often is of before a picture was renamed."""
    found = by_stem.get(file.stem) or pictures.find(named)
    if len(found) > 1:
        found = [other for other in found if other.parts[:-2] == file.parts[:-2]] or found
    if len(found) > 1:
        found = [other for other in found if other.part == file.part and file.part] or found
    return found[0] if len(found) == 1 else None


def _listed_parts(files: list[File]) -> dict[str, str]:
    """Picture without ending -> its part, of ImageSets/Main/train.txt and its like."""
    found: dict[str, str] = {}
    for file in files:
        part = PARTS.get(part_of(PurePosixPath(file.name).stem) or "")
        if part and file.suffix == ".txt" and "imagesets" in map(str.casefold, file.parts) and "_" not in file.stem:
            for line in file.path.read_text(encoding="utf-8", errors="replace").splitlines():
                if words := line.split():
                    found[words[0].casefold()] = part
    return found
