"""Pictures and their classes, in whatever form a person brings them, checked one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from engines.contract import InputError, Problem, Progress, ReadAs, Skipped
from engines.data.class_names import about_numbers, by_size, one_name
from engines.data.foreign import kinds
from engines.data.several_labels import SETTING, without_joined
from engines.data.unpacked import prepared
from engines.messages import _, _n
from engines.vision.classification.data_quality import (
    ACCEPTED,
    Photograph,
    digest,
    first,
    notes,
    require_enough,
    without_leaks,
)
from engines.vision.classification.folders import brought, whose
from engines.vision.classification.folders.class_folders import (
    TABLES,
    Listing,
    clean,
    may_name_classes,
    merged_names,
    unwrapped,
    walk,
)
from engines.vision.classification.folders.label_tables import apply_lists, by_tables, find
from engines.vision.classification.folders.part_folders import by_parts
from engines.vision.classification.folders.table_columns import Columns
from engines.vision.classification.settings import VisionSettings
from engines.vision.images.decode_cache import Checked, check_all
from engines.vision.images.reading import BITS, white_of
from engines.vision.medical import patients
from engines.vision.medical.file_kinds import is_scan

USUAL = VisionSettings()


@dataclass
class Photographs:
    """Everything found in somebody's data."""

    examples: list[Photograph]
    """Sorted by name."""
    skipped: list[Skipped]
    notes: list[str]
    sha256: str
    """Over every example's bytes and label, whatever their order and file names."""
    read_as: list[ReadAs] = field(default_factory=list)
    """Whatever was guessed."""
    columns: Columns | None = None
    """Of the (first) table, where one was read."""
    white: float | None = None
    """The value that is white in grey of more than 8 bits; None where there is none, or it is 65535."""
    brightest: float | None = None
    """The largest value in such grey; None where there is none."""
    clinical: bool = False
    """Whether they are scans, or pictures of patients."""
    scans: bool = False
    """Whether they were DICOM or NIfTI files."""
    key: bytes = b""
    """The salt of patients' hashes: kept nowhere."""

    @property
    def classes(self) -> list[str]:
        """Class names, sorted; whole numbers by size."""
        return by_size(example.label for example in self.examples)


def open_photographs(
    data: Path,
    work: Path,
    settings: VisionSettings = USUAL,
    *,
    progress: Progress | None = None,
    to_train: bool = True,
    like: Columns | None = None,
    key: bytes | None = None,
) -> Photographs:
    """Finds the labelled pictures in `data` and decodes each of them once.

    `data` is a zip or folder with a folder a class (with train/ and test/ on top or without, and whatever folder wraps
    it), images with a table, that table itself, a MedMNIST .npz, or a zip that holds one of these. Archives are
    unpacked below `work`, and what was unpacked and checked there before is used again.

    Files that can't be used are skipped and named. Raises InputError when nothing is left to learn from: fewer than
    two classes of two images, or fewer than FEWEST_IMAGES images; and to ask, where two readings are as likely. With
    `to_train=False` (test data) one image will do. `like`: what a table's columns are in the data to train on;
    `key`: the salt of their patients' hashes.
    """
    opened = brought.folder(data, work, settings)
    root, skipped = opened.root, opened.skipped
    listing = _listing(data, root, work, settings, to_train, like)
    entries = sorted(listing.entries, key=lambda entry: entry.file.name)
    renamed = one_name(clean(entry.label) for entry in entries) if listing.columns else {}
    entries = [replace(entry, label=renamed.get(clean(entry.label), entry.label)) for entry in entries]
    outcomes = check_all([entry.file.path for entry in entries], work / "checked.json", progress)
    examples = []
    bad = []
    kept: list[tuple[str, Checked]] = []
    for entry, outcome in zip(entries, outcomes, strict=True):
        if outcome.reason:
            bad.append(Skipped(entry.file.name, outcome.reason))
        else:
            kept.append((entry.file.name, outcome))
            label = clean(entry.label)
            examples.append(Photograph(entry.file.path, entry.file.name, label, entry.split, outcome.sha256))
    heading = listing.columns.label if listing.columns else None
    known = any(guess.setting == SETTING for guess in listing.read_as)
    examples, several = without_joined(examples, settings.several_labels, "images", heading, known)
    examples, leaks = without_leaks(examples)
    key = key or patients.salt(example.sha256 for example in examples)
    column = listing.columns.patient if listing.columns else None
    people = whose.find(examples, entries, opened, settings.patients, column, key)
    examples = people.examples
    skipped = [*skipped, *listing.skipped, *bad, *several.skipped, *leaks]
    require_no_boxes(data.name, examples, root, to_train)
    require_enough(data.name, examples, skipped, to_train)
    remarks = [*opened.notes, *people.notes, *listing.notes, *kinds.notes(skipped), *about_pages(kept)]
    if listing.columns:
        remarks += about_numbers(renamed, set(renamed.values()) | {example.label for example in examples})
    remarks += several.notes
    remarks += [*merged_names(entries), *notes(entries, examples)]
    found = Photographs(
        examples,
        skipped,
        remarks,
        digest(examples),
        opened.read_as + people.read_as + listing.read_as + several.read_as,
        listing.columns,
        clinical=people.of_clinics or bool(opened.files) or data.suffix.lower() == ".npz",
        scans=bool(opened.files),
        key=key,
    )
    _find_white(found, kept, settings)
    return found


def require_no_boxes(where: str, examples: Sequence[Photograph], root: Path, to_train: bool) -> None:
    """Raises InputError where pictures of one class alone have files beside them that say where things are on them."""
    if not to_train or len({example.label for example in examples}) > 1:
        return
    beside = {file.path.stem: file for file in walk(root) if file.suffix in {".txt", ".xml"}}
    named = [file for example in examples if (file := beside.get(example.path.stem)) is not None]
    if len(named) > len(examples) / 2:
        what = _("YOLO") if named[0].suffix == ".txt" else _("Pascal VOC")
        found = _(
            "{named:,} of its images have a {suffix} beside them, as {what} marks where things are",
            named=len(named),
            suffix=named[0].suffix,
            what=what,
        )
        accepted = _(
            "a classifier needs one class an image: folders of classes, or a table with the columns file_name, label"
        )
        raise InputError(Problem(where, found, accepted))


def about_pages(kept: Sequence[tuple[str, Checked]]) -> list[str]:
    """A note where files hold several pictures each."""
    several = [(name, checked.pages) for name, checked in kept if checked.pages > 1]
    if not several:
        return []
    files = _n("{n:,} file holds several pictures", "{n:,} files hold several pictures", len(several))
    return [
        _(
            "{files} ({several}: {several2:,}): the first is read, the others are left out.",
            files=files,
            several=several[0][0],
            several2=several[0][1],
        )
    ]


def _find_white(found: Photographs, kept: Sequence[tuple[str, Checked]], settings: VisionSettings) -> None:
    """Says what is white in grey of more than 8 bits, where that is not the end of 16 bits."""
    wide = [checked.brightest for _, checked in kept if checked.brightest is not None]
    if not wide:
        return
    found.brightest = max(wide)
    guessed = white_of(found.brightest)
    white = float(settings.white or guessed)
    if white == guessed == BITS[-1]:
        return
    found.white = white
    others = [f"{other:.0f}" for other in (guessed, BITS[-1]) if other != white]
    why = _(
        "None of the {wide:,} pictures of more than 8 bits has a value above {brightest:.0f}.",
        wide=len(wide),
        brightest=found.brightest,
    )
    found.read_as.append(ReadAs(_("white"), f"{white:.0f}", others, "white", why))
    found.notes.append(
        _(
            "{wide:,} 16-bit pictures have values up to {brightest:.0f}: {white:.0f} is white here, and in new ones.",
            wide=len(wide),
            brightest=found.brightest,
            white=white,
        )
    )


def open_unlabelled(
    data: Path, work: Path, settings: VisionSettings = USUAL
) -> tuple[list[tuple[str, Path]], list[Skipped]]:
    """(name, path) of the pictures in `data` (one image, a folder or a zip), sorted by name, and what was left out.

    Pictures are found by their extension and not decoded: whoever reads one handles `images.UnreadableImage`.
    Raises InputError when there is none.
    """
    accepted = _("accepted: an image, or a folder or zip of images")
    if not data.exists():
        raise InputError(Problem(str(data), _("there is no such file or folder"), accepted))
    if data.is_file() and not brought.is_zip(data) and not is_scan(data):
        return [(data.name, data)], []
    opened = brought.folder(data, work, settings)
    root, skipped = opened.root, list(opened.skipped)
    found = []
    for file in walk(root):
        if file.is_image:
            found.append((file.name, file.path))
        else:
            skipped.append(Skipped(file.name, _("is no image")))
    if not found:
        raise InputError(Problem(data.name, _("no image in it{skipped}", skipped=first(skipped)), accepted))
    return sorted(found), skipped


def written_labels(data: Path, work: Path, settings: VisionSettings) -> tuple[dict[Path, str], bool]:
    """The class that folders or a table give each picture in `data`, by its path, and whether a table did; none where
    nothing says it."""
    try:
        listing = _listing(data, brought.folder(data, work, settings).root, work, settings, False, None)
    except InputError:
        return {}, False
    return {entry.file.path: clean(entry.label) for entry in listing.entries}, listing.columns is not None


def names_on_disk(data: Path, work: Path, paths: list[Path]) -> list[str] | None:
    """Where a person finds these pictures of `data`, below the folder or the unpacked zip that they brought.

    None when they are no files there, because they came in a MedMNIST .npz or are what is shown of scans.
    """
    opened = brought.folder(data, work, USUAL)
    root = opened.root
    if data.suffix.lower() == ".npz" or opened.files or not all(path.is_relative_to(root) for path in paths):
        return None
    return [path.relative_to(root).as_posix() for path in paths]


# --- from a folder to classes ---------------------------------------------------------------------


def _listing(
    data: Path, root: Path, work: Path, settings: VisionSettings, to_train: bool, like: Columns | None
) -> Listing:
    files, loose = unwrapped(walk(root))
    archives = [file for file in files if file.suffix == ".npz" and len(file.parts) == 1]
    if len(archives) == 1 and not any(file.is_image and file.suffix for file in files):
        inner, _unused = prepared(archives[0].path, work, lambda out: brought.from_medmnist(archives[0].path, out))
        files = walk(inner)
    only = data.name if data.is_file() and data.suffix.lower() in TABLES else None
    listing, aside = by_tables(
        files, settings, only=only, like=like, folders=may_name_classes(files), to_train=to_train
    )
    if listing is None:
        put_aside = {entry.where for entry in aside}
        rest, more = unwrapped([file for file in files if file.name not in put_aside])
        listing = by_parts(rest, settings, where=data.name, to_train=to_train, like=like)
        lists = apply_lists(listing, find(files), rest, settings)
        aside = [entry for entry in aside if entry.where not in lists]
        loose += more
    listing.skipped = loose + aside + listing.skipped
    if not listing.entries:
        n_images = sum(file.is_image for file in files)
        found = _("no image in it{skipped}", skipped=first(listing.skipped))
        if n_images:
            found = _n(
                "{n:,} image, but neither class folders nor a table",
                "{n:,} images, but neither class folders nor a table",
                n_images,
            )
        raise InputError(Problem(data.name, found, ACCEPTED))
    return listing
