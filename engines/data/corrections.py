"""What a person put right in their data: another label for an example, or that it is left out.

The data themselves are never changed: a recipe carries its corrections, as JSON {"name": "new label" or null}, and they
are applied when the data are read. The split is drawn before that, from the data as they came: every other example
stays in its part, and what was tested before is tested again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engines.contract import InputError, Problem
from engines.messages import _

WHERE = _("setting corrections")
ACCEPTED = _('accepted: JSON such as {"cat/7.jpg": "dog", "cat/9.jpg": null}, where null leaves an example out')

Corrections = dict[str, str | None]
"""Name of an example -> its new label, or None where it is left out."""


@dataclass(frozen=True)
class Corrected:
    """Labels after the corrections."""

    labels: list[str]
    """One an example, also of those that are left out."""
    kept: list[bool]
    notes: list[str]


def parse(text: str | None) -> Corrections:
    """Raises InputError where `text` is not what it should be."""
    if text is None or not text.strip():
        return {}
    try:
        found = json.loads(text)
    except ValueError as error:
        raise InputError(Problem(WHERE, _("this is no JSON ({error})", error=error), ACCEPTED)) from None
    if not isinstance(found, dict):
        raise InputError(Problem(WHERE, _("this is JSON, but no object"), ACCEPTED))
    for name, label in found.items():
        if label is not None and not (isinstance(label, str) and label.strip()):
            raise InputError(Problem(WHERE, _("{name!r} has {label!r} for a label", name=name, label=label), ACCEPTED))
    return found


def written(corrections: Mapping[str, str | None]) -> str:
    """The text of the setting: the same for the same corrections, whatever their order."""
    return json.dumps(dict(sorted(corrections.items())), ensure_ascii=False)


def apply(names: Sequence[str], labels: Sequence[str], corrections: Mapping[str, str | None]) -> Corrected:
    """`names` and `labels` have one entry an example. A name that occurs twice, as in data and separate test data that
    have the same file names, means the later one.

    Raises InputError for a label that no example has: a slip of the pen would make a class of one example.
    """
    positions = {name: position for position, name in enumerate(names)}
    known = sorted(set(labels))
    now, kept = list(labels), [True] * len(names)
    unknown = sorted({label for label in corrections.values() if label is not None and label not in known})
    if unknown:
        raise InputError(
            Problem(
                WHERE,
                _("there is no class {unknown!r}", unknown=unknown[0]),
                _("accepted: {known}", known=", ".join(known)),
            )
        )
    relabelled = dropped = 0
    for name, label in corrections.items():
        if (position := positions.get(name)) is None:
            continue
        if label is None:
            kept[position] = False
            dropped += 1
        elif label != now[position]:
            now[position] = label
            relabelled += 1
    done = [f"{count:,} {verb}" for count, verb in ((relabelled, "relabelled"), (dropped, "dropped")) if count]
    notes = [_("{done} by you.", done=", ".join(done))] if done else []
    if absent := [name for name in corrections if name not in positions]:
        more = _(" and {absent:,} more", absent=len(absent) - 3) if len(absent) > 3 else ""
        notes.append(
            _(
                "Corrections of what is not in the data (any more): {absent}{more}.",
                absent=", ".join(absent[:3]),
                more=more,
            )
        )
    return Corrected(now, kept, notes)
