"""Whose pictures these are, as far as data say it; and what follows for their parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from engines.contract import ReadAs
from engines.messages import _, _n
from engines.vision.classification.data_quality import Photograph
from engines.vision.classification.folders.class_folders import Entry
from engines.vision.medical import patients
from engines.vision.medical.settings import NAME, NONE, TAG
from engines.vision.medical.shown import Shown


@dataclass
class Whose:
    """What was found of patients."""

    examples: list[Photograph]
    """With their patients, by hash."""
    how: str = NONE
    """A column's name, TAG, NAME, NONE or a regular expression."""
    of_clinics: bool = False
    """Whether the word by which they were found is one of clinics: 'patient', and not 'subject'."""
    read_as: list[ReadAs] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def find(
    examples: list[Photograph],
    entries: Sequence[Entry],
    shown: Shown,
    asked: str | None,
    column: str | None,
    key: bytes,
) -> Whose:
    """The examples with their patients: by what is `asked` for, else by a column, a DICOM tag or the names of files,
    the first that says it. `key` is the salt of the hashes.

    Raises InputError where what is asked for says it of nobody, or where the data's own parts share a patient.
    """
    said = {entry.file.path: entry for entry in entries}
    own = [said[example.path] for example in examples]
    tags = [shown.files.get(_relative(example, shown), {}) for example in examples]
    ways: dict[str, tuple[list[str], str]] = {}
    if column:
        ways[column] = [entry.patient for entry in own], column.lower()
    if any(tag.get("patient") for tag in tags):
        ways[TAG] = [str(tag.get("patient", "")) for tag in tags], "patient"
    if all(tag.get("named") for tag in tags) and len({tag["named"] for tag in tags}) > 1:
        ways[NAME] = [str(tag["named"]) for tag in tags], str(tags[0].get("word", ""))
    elif not shown.files and (named := patients.by_names([entry.file.name for entry in own])):
        ways[NAME] = named
    how = next(iter(ways), NONE)
    if asked is not None:
        how = asked if asked in ways or asked == NONE else column if column else asked
        if how not in ways and how != NONE:
            ways[how] = patients.by_expression(how, [entry.file.name for entry in own]), "patient"
    if not ways:
        return Whose(examples)
    read_as = [ReadAs(_("patients"), how, [way for way in (*ways, NONE) if way != how], "patients", _by(how))]
    if how == NONE:
        return Whose(examples, read_as=read_as)
    raw, word = ways[how]
    hashes = [patients.hashed(one, key) for one in raw]
    together, merged = patients.together(hashes, [example.sha256 for example in examples])
    found = [
        replace(example, patient=patient, together=group if patient or not group.startswith("of ") else "")
        for example, patient, group in zip(examples, hashes, together, strict=True)
    ]
    patients.require_no_leak(_("parts of the data"), [one.together for one in found], [one.split for one in found])
    clinical = bool(shown.files) or asked is not None or any(word.startswith(start) for start in patients.OF_CLINICS)
    return Whose(found, how, clinical, read_as, _notes(found, merged))


def _relative(example: Photograph, shown: Shown) -> str:
    return example.path.relative_to(shown.root).as_posix() if example.path.is_relative_to(shown.root) else ""


def _by(how: str) -> str:
    if how == NAME:
        return _("Names such as patient-012 or sub-01 say it.")
    return _("Nobody's pictures are both learnt from and tested on.") if how != NONE else ""


def _notes(found: Sequence[Photograph], merged: int) -> list[str]:
    n, unknown = len({one.patient for one in found} - {""}), sum(not one.patient for one in found)
    said = [
        _n(
            "All pictures are of one patient, so that what is tested is known.",
            "{n:,} patients: each is learnt from or tested on, never both. They go by hashes.",
            n,
        )
    ]
    if unknown:
        said.append(_("{n:,} pictures are of nobody that is known: each counts as a patient of its own.", n=unknown))
    if merged:
        said.append(
            _("{n:,} patients share a picture with another, and are taken for one: see whether they are.", n=merged)
        )
    return said
