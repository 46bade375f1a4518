"""What an image–text network is asked of each class: its name in one sentence or several. Light: pages read it.

Radford et al. 2021, section 3.1.4: a class is found better by 'a photo of a dog.' than by 'dog', and better still by
the mean over several such sentences.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from engines.contract import InputError, Problem
from engines.data.class_names import codes
from engines.messages import _

PROMPT = _("a photo of a {}.")
BETWEEN = "|"
PLACES = ("{}", "{label}")
MOST_NAMED = 5


def sentences(classes: Sequence[str], prompt: str, class_names: str | None) -> list[list[str]]:
    """The sentences about each class. `prompt` holds one or several, with | between them; `class_names` says what
    classes are called, as JSON.

    Raises InputError for a sentence without a place for the name, and for a class whose name is a code.
    """
    found = templates(prompt)
    called = words(class_names)
    if unknown := sorted(called.keys() - set(classes)):
        accepted = _("accepted: {classes}", classes=", ".join(classes))
        raise InputError(
            Problem(_("setting class_names"), _("there is no class '{unknown}'", unknown=unknown[0]), accepted)
        )
    if unnamed := codes(name for name in classes if name not in called):
        raise InputError(about_codes(unnamed))
    names = [called.get(name, name.replace("_", " ")) for name in classes]
    return [[filled(template, name) for template in found] for name in names]


def filled(template: str, name: str) -> str:
    for place in PLACES:
        template = template.replace(place, name)
    return template


def templates(prompt: str) -> list[str]:
    """The sentences of the setting `prompt`. Raises InputError."""
    found = [part.strip() for part in prompt.split(BETWEEN) if part.strip()]
    if without := [part for part in found if not any(place in part for place in PLACES)]:
        raise InputError(
            Problem(
                _("setting prompt"), _("found {without!r}", without=without[0]), _("accepted: a sentence with {} in it")
            )
        )
    if not found:
        raise InputError(
            Problem(
                _("setting prompt"),
                _("it is empty"),
                _("accepted: a sentence with {{}} in it: '{prompt}'", prompt=PROMPT),
            )
        )
    return found


def words(class_names: str | None) -> dict[str, str]:
    """Class -> what it is called. Raises InputError where `class_names` is no JSON object of words."""
    accepted = _('accepted: JSON such as {"n02123045": "tabby cat"}')
    if class_names is None or not class_names.strip():
        return {}
    try:
        found = json.loads(class_names)
    except ValueError as error:
        raise InputError(
            Problem(_("setting class_names"), _("this is no JSON ({error})", error=error), accepted)
        ) from None
    if not isinstance(found, dict) or not all(isinstance(name, str) and name.strip() for name in found.values()):
        raise InputError(Problem(_("setting class_names"), _("a name is missing, or is no text"), accepted))
    return {label: name.strip() for label, name in found.items()}


def written(called: Mapping[str, str]) -> str:
    """The text of the setting `class_names`: what differs from the data, and what codes are called; else ''."""
    given = {label: name.strip() for label, name in called.items() if name.strip()}
    changed = {label: name for label, name in given.items() if name != label or codes([label])}
    return json.dumps(dict(sorted(changed.items())), ensure_ascii=False) if changed else ""


def about_codes(unnamed: Iterable[str]) -> Problem:
    """What to say of classes that nobody could know by their names."""
    some = list(unnamed)
    told = ", ".join(f"'{name}'" for name in some[:MOST_NAMED]) + (" …" if len(some) > MOST_NAMED else "")
    found = f"{told}: {'a code, not a word' if len(some) == 1 else 'codes, not words'}"
    accepted = _(
        'accepted: words that say what is on the pictures; call a class by one with class_names={"CODE": "word"}'
    )
    return Problem(_("class names"), found, accepted)
