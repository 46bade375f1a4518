"""Whose picture it is: by a column, a DICOM tag or a file's name; and what stays on one side of every split by that.

A patient is never kept by number or name, only as a hash: HMAC-SHA256 under a salt that is made of the data set's own
bytes and kept nowhere. So the same data give the same split again, nobody who holds a hash can look up whose it is
without the data, and one patient has different hashes in two data sets.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from engines.contract import InputError, Problem
from engines.messages import _, _n
from engines.vision.medical.settings import NAME, NONE, TAG

COLUMNS = (
    "patient_id",
    "patientid",
    "patient",
    "patient_number",
    "patient_no",
    "pid",
    "subject_id",
    "subject",
    "case_id",
)
WORD = re.compile(
    r"(?<![A-Za-z])(?P<word>patient|pat|pt|subject|subj|sub|participant|case)[-_ ]?"
    r"(?P<number>[A-Za-z]{0,3}\d+)(?![A-Za-z0-9])",
    re.IGNORECASE,
)
"""patient-012, sub-01 (BIDS), case_3, pat0007."""
OF_CLINICS = ("patient", "pat", "pt", "pid")
LETTERS = 10


def salt(contents: Iterable[str]) -> bytes:
    """Of a data set, from the SHA-256 of each of its files, in any order. It is to be kept nowhere."""
    return hashlib.sha256("\n".join(sorted(contents)).encode()).digest()


def hashed(patient: str, key: bytes) -> str:
    """What stands for a patient; '' for nobody. However the number is written: 'P 01' is 'p01'."""
    plain = re.sub(r"\s+", "", patient).casefold()
    return hmac.new(key, plain.encode(), hashlib.sha256).hexdigest()[:LETTERS] if plain else ""


def named(path: str) -> tuple[str, str] | None:
    """The word and the number by which a path names a patient, the file's own name first; None where it names none."""
    for part in reversed(path.split("/")):
        if found := WORD.search(part):
            return found["word"].lower(), found["number"].lower()
    return None


def by_names(paths: Sequence[str]) -> tuple[list[str], str] | None:
    """Of each path the patient that it names, and the word by which; None where not all do so, or each another one."""
    found = [named(path) for path in paths]
    words = Counter(one[0] for one in found if one)
    numbers = [one[1] for one in found if one]
    if not words or len(numbers) < len(paths) or len(set(numbers)) in {1, len(paths)}:
        return None
    return numbers, words.most_common(1)[0][0]


def by_expression(expression: str, paths: Sequence[str]) -> list[str]:
    """What a regular expression finds in each path: its first group, else all of it. Raises InputError for one that is
    wrong, or that finds nobody in some of them."""
    where = "setting patients"
    accepted = _(
        "accepted: a column's name, '{tag}', '{name}', '{none}', or a regular expression", tag=TAG, name=NAME, none=NONE
    )
    try:
        compiled = re.compile(expression)
    except re.error as error:
        found = _(
            "'{expression}' is neither a column nor a regular expression ({error})", expression=expression, error=error
        )
        raise InputError(Problem(where, found, accepted)) from None
    matches = [compiled.search(path) for path in paths]
    if lacking := sum(match is None for match in matches):
        found = _(
            "'{expression}' finds nobody in {n:,} of {of:,} paths", expression=expression, n=lacking, of=len(paths)
        )
        raise InputError(Problem(where, found, accepted))
    return [
        (match.group(1) or "") if match and compiled.groups else match.group() if match else "" for match in matches
    ]


def together(patients: Sequence[str], contents: Sequence[str]) -> tuple[list[str], int]:
    """What stays on one side of a split, one entry an example: a patient's pictures and their exact copies; and how
    many patients are taken together because they share a picture. `contents` are digests; a patient may be ''."""
    root: dict[str, str] = {}

    def find(name: str) -> str:
        while root.setdefault(name, name) != name:
            name = root[name]
        return name

    for patient, content in zip(patients, contents, strict=True):
        if patient:
            root[find(f"of {content}")] = find(patient)
    groups = [
        find(patient) if patient else find(f"of {content}") for patient, content in zip(patients, contents, strict=True)
    ]
    known = {patient for patient in patients if patient}
    return groups, len(known) - len({find(patient) for patient in known})


def require_no_leak(where: str, patients: Sequence[str], parts: Sequence[str | None]) -> None:
    """Raises InputError where the data's own parts have a patient on both sides: such a test is too easy."""
    own: defaultdict[str, set[str]] = defaultdict(set)
    for patient, part in zip(patients, parts, strict=True):
        if patient:
            own[patient].add(part or "train")
    leaks = sorted(patient for patient, found in own.items() if len(found) > 1)
    if not leaks:
        return
    named_parts = _(" and ").join(sorted(own[leaks[0]]))
    found = _n(
        "patient {patient} is in {parts}",
        "{n:,} patients are in several parts, such as {patient} in {parts}",
        len(leaks),
        patient=leaks[0],
        parts=named_parts,
    )
    reason = _(
        "{found}: what is learnt of a patient helps to test that patient, so the test would be too easy", found=found
    )
    accepted = _(
        "accepted: parts that share no patient, one data set that is split here, or patients={none}", none=NONE
    )
    raise InputError(Problem(where, reason, accepted, choices=()))
