"""Read annotated pictures, whatever format their boxes came in."""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from engines import paths
from engines.contract import InputError, Problem, Progress, ReadAs, Skipped
from engines.data.archive import unpack
from engines.data.class_names import by_size, merged_names
from engines.data.foreign import kinds
from engines.data.unpacked import prepared
from engines.messages import _, _n
from engines.vision.detection.annotated import AnnotatedPicture, Annotations
from engines.vision.detection.annotations import coco, conventions, frames, voc, yolo
from engines.vision.detection.annotations.judging import judge
from engines.vision.detection.annotations.raw import OUTLINES, File, Marked, Raw, pictures, walk
from engines.vision.detection.annotations.settings import FORMS, TITLES, AnnotationSettings
from engines.vision.images.decode_cache import check_all
from engines.vision.images.picture_names import Names
from engines.vision.images.reading import Size, UnreadableImage, size

ACCEPTED = _(
    "accepted: a zip or folder of pictures with COCO JSON, Pascal VOC XML or YOLO txt files that say where things are "
    "on them"
)
READERS: dict[str, Callable[[list[File], Names[File]], Raw | None]] = {
    "coco": coco.read,
    "voc": voc.read,
    "yolo": yolo.read,
}
FEW_LACK = 0.5
"""Of the pictures of YOLO data: where fewer lack a file of labels, those that lack one have no objects on them."""
USUAL = AnnotationSettings()


def read(data: Path, settings: AnnotationSettings = USUAL, progress: Progress | None = None) -> Annotations:
    """The annotated pictures in `data`, a folder or a zip of one.

    Every picture is decoded once and every box judged; what cannot be used is left out and named. Boxes are upright, in
    pixels. Raises InputError where there is no picture with a box.
    """
    root, skipped = _folder(data)
    files = walk(root)
    names = pictures(files)
    found = {form: raw for form in FORMS if (raw := READERS[form](files, names)) is not None}
    raw, read_as = _chosen(data, found, settings.form, len(names.files), skipped)
    read_as += _parted(raw, settings.parts)
    raw.skipped += _beside(raw, settings.parts)
    read_as += _unlabelled(raw, names, settings.unlabelled)
    marked, sizes, digests, unreadable = _readable(raw.marked, data, progress)
    around = frames.stated(marked, sizes, settings.orientation)
    numbers, abouts = _plain_numbers(marked, around.largest())
    guess = conventions.guess(raw.form, settings.boxes, numbers, abouts)
    turned, notes = frames.settled(around, marked, sizes, guess.convention, settings.orientation)
    judged, bad, more = _judged(raw, marked, sizes, around.frames, guess.convention)
    labels = [labels for _unused, labels in judged]
    classes, unused = _classes(raw, labels)
    places = {name: place for place, name in enumerate(classes)}
    upright = [
        AnnotatedPicture(
            one.picture.path,
            one.picture.name,
            own.width,
            own.height,
            boxes,
            np.array([places[label] for label in named], np.int64),
            one.part,
            digest,
        )
        for one, own, digest, (boxes, named) in zip(marked, sizes, digests, judged, strict=True)
    ]
    left_out = [*skipped, *raw.skipped, *unreadable, *bad]
    if not classes:
        raise InputError(Problem(data.name, _("no box in it can be used{first}", first=_first(left_out)), ACCEPTED))
    return Annotations(
        classes,
        sorted(upright, key=lambda picture: picture.name),
        raw.form,
        left_out,
        [*raw.notes, *notes, *more, *unused, *merged_names(classes), *kinds.notes(left_out)],
        [*read_as, guess.read_as, *turned],
    )


def _folder(data: Path) -> tuple[Path, list[Skipped]]:
    if data.is_dir():
        return data, []
    if not data.exists():
        raise InputError(Problem(str(data), _("there is no such file or folder"), ACCEPTED))
    if data.suffix.lower() != ".zip" and not zipfile.is_zipfile(data):
        raise InputError(Problem(data.name, _("the file is no zip"), ACCEPTED))
    return prepared(data, paths.work(data), lambda out: unpack(data, out))


def _chosen(
    data: Path, found: dict[str, Raw], asked: str, n_pictures: int, skipped: list[Skipped]
) -> tuple[Raw, list[ReadAs]]:
    """What one format says: that which is asked for, else that of the most boxes. Raises InputError where none does."""
    useful = {form: raw for form, raw in found.items() if raw.marked}
    if asked != "auto" and asked not in useful:
        has = ", ".join(TITLES[form] for form in useful) or _("none")
        problem = _(
            "there are no {title} annotations of its pictures in it; it has: {has}", title=TITLES[asked], has=has
        )
        raise InputError(Problem(data.name, problem, ACCEPTED))
    if not useful:
        told = _first([*skipped, *(entry for raw in found.values() for entry in raw.skipped)])
        pictures = _n("{n:,} picture", "{n:,} pictures", n_pictures)
        problem = _("{pictures}, and nothing that says where things are on them{told}", pictures=pictures, told=told)
        raise InputError(Problem(data.name, problem, ACCEPTED))
    taken = asked if asked != "auto" else max(useful, key=lambda form: useful[form].n_boxes)
    raw = useful[taken]
    others = [form for form in useful if form != taken]
    if not others:
        raw.skipped += [entry for form, other in found.items() if form != taken for entry in other.skipped]
        return raw, []
    counts = ", ".join(
        _n("{n:,} box in {title}", "{n:,} boxes in {title}", useful[form].n_boxes, title=TITLES[form])
        for form in (taken, *others)
    )
    why = _("There are several kinds: {counts}. Only one is read.", counts=counts)
    return raw, [ReadAs(_("annotations"), taken, others, "form", why)]


# --- which pictures, and which part each is of ------------------------------------------------------


def _parted(raw: Raw, asked: str) -> list[ReadAs]:
    """Takes the parts away where they are no parts: none to train on, or nothing beside it."""
    counts = Counter(marked.part for marked in raw.marked if marked.part)
    if asked != "none" and "train" in counts and len(counts) > 1:
        said = ", ".join(f"{part}: {counts[part]:,}" for part in ("train", "val", "test") if part in counts)
        return [ReadAs(_("parts"), said, ["none"], "parts", _("Names of folders or files say it."))]
    for marked in raw.marked:
        marked.part = ""
    return [ReadAs(_("parts"), "", ["auto"], "parts")] if asked == "none" and len(counts) > 1 else []


def _beside(raw: Raw, asked: str) -> list[Skipped]:
    """Takes out the pictures that are of no part where others are of one."""
    if asked == "none" or not any(marked.part for marked in raw.marked):
        return []
    beside = [marked for marked in raw.marked if not marked.part]
    raw.marked = [marked for marked in raw.marked if marked.part]
    return [Skipped(marked.picture.name, _("is in no part of the data, beside train and test")) for marked in beside]


def _unlabelled(raw: Raw, names: Names[File], asked: str) -> list[ReadAs]:
    """What becomes of the pictures that no annotation speaks of."""
    known = {marked.picture.path for marked in raw.marked}
    lacking = [file for file in names.files if file.path not in known]
    parts = {marked.part for marked in raw.marked}
    lacking = [file for file in lacking if parts == {""} or file.part in parts]
    if not lacking:
        return []
    empty = raw.form == "yolo" and len(lacking) < FEW_LACK * len(names.files) if asked == "auto" else asked == "empty"
    n = len(lacking)
    if empty:
        why = _n(
            "One picture has no label: it counts as one without objects.",
            "{n:,} pictures have no label: they count as pictures without objects.",
            n,
        )
        raw.marked += [Marked(file, file.name, part="" if parts == {""} else file.part) for file in lacking]
    else:
        why = _n("One picture has no label: it was left out.", "{n:,} pictures have no label: they were left out.", n)
        raw.skipped += [Skipped(file.name, _("has no label")) for file in lacking]
    value, other = ("empty", "skip") if empty else ("skip", "empty")
    return [ReadAs(_("pictures without a label"), value, [other], "unlabelled", why)]


def _readable(
    marked: Sequence[Marked], data: Path, progress: Progress | None
) -> tuple[list[Marked], list[Size], list[str], list[Skipped]]:
    """Those whose pictures decode, with their sizes and the SHA-256 of their files."""
    outcomes = check_all([one.picture.path for one in marked], paths.work(data) / "checked.json", progress)
    kept, sizes, digests, bad = [], [], [], []
    for one, outcome in zip(marked, outcomes, strict=True):
        reason = outcome.reason
        try:
            own = size(one.picture.path) if reason is None else None
        except UnreadableImage as error:
            reason, own = str(error), None
        if own is None:
            bad.append(Skipped(one.picture.name, reason or ""))
        else:
            kept.append(one)
            sizes.append(own)
            digests.append(outcome.sha256)
    return kept, sizes, digests, bad


# --- boxes ------------------------------------------------------------------------------------------


def _plain_numbers(marked: Sequence[Marked], about: Sequence[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    """The numbers whose meaning is to be guessed, float64 (N, 4), and the sizes that they refer to, float64 (N, 2)."""
    numbers, sizes = [], []
    for one, sides in zip(marked, about, strict=True):
        own = [numbers for place, numbers in enumerate(one.numbers) if place not in one.outlined]
        numbers += own
        sizes += [sides] * len(own)
    return np.array(numbers, float).reshape(-1, 4), np.array(sizes, float).reshape(-1, 2)


def _judged(
    raw: Raw, marked: Sequence[Marked], sizes: Sequence[Size], about: Sequence[frames.Frame], convention: str
) -> tuple[list[tuple[np.ndarray, list[str]]], list[Skipped], list[str]]:
    """Boxes and classes of each picture, what was left out of them, and what is to be said."""
    found, skipped, clamped = [], [], 0
    for one, own, frame in zip(marked, sizes, about, strict=True):
        numbers = np.array(one.numbers, float).reshape(-1, 4)
        boxes = conventions.pixels(numbers, convention, frame.size)
        if one.outlined:
            those = sorted(one.outlined)
            boxes[those] = conventions.pixels(numbers[those], OUTLINES[raw.form], frame.size)
        boxes = frames.upright(boxes, frame, own)
        result = judge(boxes, one.labels, (own.width, own.height), one.by, [_place(raw.form, p) for p in one.places])
        found.append((result.boxes, [one.labels[place] for place in result.kept]))
        skipped += result.skipped
        clamped += result.clamped
        if one.dropped:
            reason = _n(
                "has more than {most:,} boxes on a picture: one was left out",
                "has more than {most:,} boxes on a picture: {n:,} were left out",
                one.dropped,
                most=len(one.numbers),
            )
            skipped.append(Skipped(one.by, reason))
    if not clamped:
        return found, skipped, []
    cut = _n(
        "One box goes over the edge of its picture: it was cut to it.",
        "{n:,} boxes go over the edges of their pictures: they were cut to them.",
        clamped,
    )
    return found, skipped, [cut]


def _place(form: str, place: int | str) -> str:
    if form == "yolo":
        return _("line {n}", n=place)
    return _("object {n}", n=place) if form == "voc" else _("annotation {id}", id=place)


def _classes(raw: Raw, labels: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], list[str]]:
    """The classes that some box has, in the order of the class file, and a note on the others in it."""
    used = {label for own in labels for label in own}
    listed = tuple(dict.fromkeys(raw.classes or by_size(used)))
    if empty := [name for name in listed if name not in used]:
        shown = ", ".join(empty[:8]) + (", …" if len(empty) > 8 else "")
        note = _n(
            "One class has no box and is left out: {shown}.",
            "{n:,} classes have no box and are left out: {shown}.",
            len(empty),
            shown=shown,
        )
        return tuple(name for name in listed if name in used), [note]
    return listed, []


def _first(skipped: Sequence[Skipped]) -> str:
    return _(" (such as {where}: {reason})", where=skipped[0].where, reason=skipped[0].reason) if skipped else ""
