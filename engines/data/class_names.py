"""One class, one name: whole numbers and truth values are the same however a program wrote them."""

from __future__ import annotations

import re
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
