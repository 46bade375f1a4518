"""One class, one name: whole numbers and truth values are the same however a program wrote them."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from decimal import Decimal

from engines.messages import _

NUMBER = re.compile(r"[-+]?\d{1,15}(\.\d{1,15})?")
WHOLE = re.compile(r"([-+]?\d{1,15})\.0{1,15}")
TRUTH = {"true", "false"}
CODE = re.compile(r"(class|label|category|cat|cls|id|type|group|n|c|k|l)?[\s_.-]*\d+", re.IGNORECASE)
"""'3', 'class_3', 'n02123045'."""


def one_name(labels: Iterable[str]) -> dict[str, str]:
    """Class as it was written -> its name, where that is another: '1.0' is '1' where all numbers among the classes are
    whole, or where '1' is among them too."""
    known = set(labels)
    whole = all(WHOLE.fullmatch(label) or "." not in label for label in known if NUMBER.fullmatch(label))
    found = {label: match[1] for label in known if (match := WHOLE.fullmatch(label))}
    return {label: name for label, name in found.items() if whole or name in known}


def as_known(labels: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """Class as further data have it -> the known class of the same meaning, where that is written otherwise: '1.0' for
    '1', 'True' for 'true'."""
    names = set(known)
    by_meaning = {_meaning(name): name for name in sorted(names)}
    found = {label: by_meaning.get(_meaning(label), label) for label in labels if label not in names}
    return {label: name for label, name in found.items() if label != name}


def about_numbers(renamed: dict[str, str], labels: Iterable[str]) -> list[str]:
    """What to say of classes that are numbers or truth values, one sentence each."""
    notes = []
    if renamed:
        example = min(renamed)
        notes.append(
            _(
                "Whole numbers are one class however they are written: '{example}' is '{renamed}' "
                "here ({renamed2:,} so written).",
                example=example,
                renamed=renamed[example],
                renamed2=len(renamed),
            )
        )
    names = set(labels)
    if ({"0", "1"} & names) and (truths := sorted(name for name in names if name.casefold() in TRUTH)):
        told = _(" and ").join(f"'{name}'" for name in [*sorted({"0", "1"} & names), *truths])
        notes.append(
            _("{told} are kept apart, as classes of their own. Correct them if they mean the same.", told=told)
        )
    fractions = sorted(name for name in names if NUMBER.fullmatch(name) and "." in name)
    if len(fractions) > 2 and all(NUMBER.fullmatch(name) for name in names):
        notes.append(
            _(
                "The classes look like measurements ({fractions}, …): each number is learnt as a "
                "class of its own, and none is nearer to another.",
                fractions=", ".join(fractions[:3]),
            )
        )
    return notes


def _meaning(label: str) -> Decimal | str:
    if NUMBER.fullmatch(label):
        return Decimal(label)
    return label.casefold() if label.casefold() in TRUTH else label


def codes(labels: Iterable[str]) -> list[str]:
    """Those of the classes whose names are codes, which say nothing to a network that reads words."""
    return [label for label in labels if CODE.fullmatch(label.strip()) or not re.search(r"[^\W\d_]{2}", label)]


def nfc(text: str) -> str:
    """é is one letter, whichever computer wrote it."""
    return unicodedata.normalize("NFC", text)


def clean(label: str) -> str:
    """A class's name: NFC, without control characters or space around it, and with single spaces in it."""
    visible = "".join(" " if unicodedata.category(letter) == "Cc" else letter for letter in nfc(label))
    return " ".join(visible.split())


def by_size(names: Iterable[str]) -> list[str]:
    """Class names in the order in which they are listed: whole numbers by size, anything else as text."""
    found = set(names)
    if all(re.fullmatch(r"-?\d+", name) for name in found):
        return sorted(found, key=lambda name: (int(name), name))
    return sorted(found)


def merged_names(written: Iterable[str]) -> list[str]:
    """A note for each class that was written in several ways, and for classes that differ by case alone."""
    ways_of: defaultdict[str, set[str]] = defaultdict(set)
    for label in written:
        ways_of[clean(label)].add(label)
    found = [
        _(
            "{listed} are one class, '{label}': they differ only in spaces or in how an accent is stored.",
            listed=_listed(ways),
            label=label,
        )
        for label, ways in sorted(ways_of.items())
        if len(ways) > 1
    ]
    folded: defaultdict[str, set[str]] = defaultdict(set)
    for label in ways_of:
        folded[label.casefold()].add(label)
    for _unused, labels in sorted(folded.items()):
        if len(labels) > 1:
            found.append(_("{listed} differ only in capital letters and are kept apart.", listed=_listed(labels)))
    return found


def _listed(names: set[str]) -> str:
    return _(" and ").join(f"'{name}'" for name in sorted(names))


def shown_names(labels: set[str]) -> str:
    listed = ", ".join(f"'{label}'" for label in by_size(labels)[:8])
    return _("{listed} and {labels:,} more", listed=listed, labels=len(labels) - 8) if len(labels) > 8 else listed


def shown_counts(counts: Counter[str]) -> str:
    listed = ", ".join(_("{count:,} of '{label}'", count=count, label=label) for label, count in counts.most_common(4))
    if len(counts) <= 4:
        return listed
    label, count = counts.most_common()[-1]
    return _("{listed} … {count:,} of '{label}'", listed=listed, count=count, label=label)
