"""What people read, as messages: a template of the catalogue with its values, told in the language of whoever asks.

`_("{texts} texts were left out.", texts=3)` is a `Message`: a str, in the language that is spoken where it is made,
that still knows its template and values. So what a worker wrote in English can be told in another language by the page
that reads it, and what is declared at import is told anew where it is shown. `make messages` collects the templates
into locale/headstart.pot; docs/decisions/014-messages.md says why it is done so. Standard library only.
"""

from __future__ import annotations

import functools
import gettext
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Self, SupportsIndex, TypeVar

DOMAIN = "headstart"
LOCALE = Path(__file__).parent / "locale"
"""LANGUAGE/LC_MESSAGES/headstart.mo, and the templates of them all: headstart.pot."""
ENGLISH = "en"
"""The language of the templates themselves."""
MESSAGES = "templates"
"""The key under which data carry what their messages are made of."""

Told = TypeVar("Told")
Packed = dict[str, Any]
"""JSON of what a message is made of: 'template', 'values', and of a plural 'many'; 'language' where not English."""

_spoken: ContextVar[str | None] = ContextVar("language", default=None)
_ask: Callable[[], str | None] = lambda: None  # noqa: E731  (whoever draws pages puts another in its place)


def language() -> str:
    """What is spoken here: in this thread of a page, or in this process."""
    return _spoken.get() or _ask() or ENGLISH


def speak(language: str) -> None:
    """From here on, in this thread."""
    _spoken.set(language)


def ask(whom: Callable[[], str | None]) -> None:
    """From here on `whom` says what is spoken in the thread that asks, where `speaking` says nothing; None: English."""
    global _ask
    _ask = whom


@functools.cache
def languages() -> tuple[str, ...]:
    """English, and whatever there is a catalogue of."""
    return (ENGLISH, *sorted(file.parents[1].name for file in LOCALE.glob(f"*/LC_MESSAGES/{DOMAIN}.mo")))


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Within the body, in this thread."""
    before = _spoken.set(language)
    try:
        yield
    finally:
        _spoken.reset(before)


@functools.cache
def catalogue(language: str) -> gettext.NullTranslations:
    """Its translations; an empty catalogue, which gives the English back, where there are none."""
    return gettext.translation(DOMAIN, LOCALE, [language], fallback=True)


class Message(str):
    """A text that knows its template, and so can be told in another language.

    As a str it is the text in the language spoken when it was made. `str(message)`, `format(message)`, and so every
    f-string and every other message that it is a value of, tell it in the language spoken then.
    """

    __slots__ = ("language", "many", "template", "values")

    template: str
    """The English, with {fields} as `str.format` has them; without values it stands as it is."""
    values: Mapping[str, Any]
    """What the fields are filled with, messages among them; of a plural, the number is 'n'."""
    many: str
    """Of a plural, the template for several; '' otherwise."""
    language: str
    """Of this str itself."""

    def __new__(cls, template: str, values: Mapping[str, Any], many: str = "", text: str | None = None) -> Self:
        """`text` is what it was in English when somebody kept it: in English, it stays that to the letter."""
        spoken = language()
        if text is None or spoken != ENGLISH:
            text = _rendered(template, values, many, text)
        self = super().__new__(cls, text)
        self.template, self.values, self.many, self.language = template, values, many, spoken
        return self

    def __str__(self) -> str:
        if self.language == language():
            return str.__str__(self)
        return _rendered(self.template, self.values, self.many, str.__str__(self))

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __repr__(self) -> str:
        return repr(str(self))

    def __add__(self, other: str) -> Message:
        return _row(self, other)

    def __radd__(self, other: str) -> Message:
        return _row(other, self)

    def __getitem__(self, key: SupportsIndex | slice) -> str:
        return str(self)[key]

    def join(self, parts: Iterable[str], /) -> str:
        """The parts with this between them, still a message: `_(" and ").join(names)`."""
        row: list[str] = []
        for part in parts:
            row += [self, part] if row else [part]
        return _row(*row)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self  # neither it nor its values ever change

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpacked, (str.__str__(self), pack(self))


CAPITALS = {"de"}
"""Languages that write nouns with a capital: `lower`, which puts an English title into a sentence, leaves them."""


def _of_the_text(name: str) -> Any:
    method = getattr(str, name)

    @functools.wraps(method)
    def told_first(self: Message, *given: Any, **named: Any) -> Any:
        return str(self) if name == "lower" and language() in CAPITALS else method(str(self), *given, **named)

    return told_first


for _name in (
    *("capitalize", "casefold", "format", "lower", "partition", "removeprefix", "removesuffix"),
    *("replace", "rpartition", "rstrip", "split", "splitlines", "strip", "title", "upper"),
):
    setattr(Message, _name, _of_the_text(_name))


def _(template: str, /, **values: Any) -> str:
    """A sentence that a person reads: a template of the catalogue, and what its {fields} are.

    It is a `Message`. The template is one literal: no f-string, no sum, no variable, or nothing collects it.
    """
    return Message(template, _plain(values))


def _n(one: str, many: str, n: float, /, **values: Any) -> str:
    """One that depends on a number, which is the field {n}: `_n("{n:,} text", "{n:,} texts", 3)`."""
    return Message(one, {"n": n, **_plain(values)}, many)


def told(value: Told) -> Told:
    """What was declared at import, in the language spoken here: a message, or whatever mapping, list or tuple has some
    in it. In English it is the value itself."""
    return value if language() == ENGLISH else _told(value)


def _told(value: Any) -> Any:
    if isinstance(value, Message):
        return Message(value.template, value.values, value.many)
    if type(value) is dict:
        return {key: _told(entry) for key, entry in value.items()}
    if type(value) in {list, tuple}:
        return type(value)(map(_told, value))
    return value


class Declared:
    """The base of what is declared at import and shown for years: its messages are told whenever they are asked for."""

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        return found if language() == ENGLISH else _told(found)


# --- kept in files and sent between processes ---------------------------------------------------------


def pack(message: Message) -> Packed:
    """What a message is made of, for JSON. A value that JSON does not know is kept as its text."""
    packed: Packed = {"template": message.template, "values": {k: _kept(v) for k, v in message.values.items()}}
    if message.many:
        packed["many"] = message.many
    if message.language != ENGLISH:
        packed["language"] = message.language
    return packed


def packed(data: Any, at: str = "") -> dict[str, Packed]:
    """What the messages within JSON-like data are made of, by where they stand: 'notes/0'. It goes beside the data, in
    which they are plain texts."""
    if isinstance(data, Message):
        return {at: pack(data)}
    inside = data.items() if isinstance(data, Mapping) else enumerate(data) if isinstance(data, list | tuple) else ()
    found: dict[str, Packed] = {}
    for key, value in inside:
        if isinstance(value, str | Mapping | list | tuple) and type(value) is not str:
            found |= packed(value, f"{at}/{_escaped(key)}" if at else _escaped(key))
    return found


def unpack(data: Any, messages: Mapping[str, Packed], at: str = "") -> Any:
    """`data` with the messages in it that `packed` found, told in the language spoken here."""
    if not messages:
        return data
    if isinstance(data, str):
        return _unpacked(data, messages[at]) if at in messages else data
    if isinstance(data, dict):
        return {k: unpack(v, messages, f"{at}/{_escaped(k)}" if at else _escaped(k)) for k, v in data.items()}
    if isinstance(data, list):
        return [unpack(v, messages, f"{at}/{i}" if at else str(i)) for i, v in enumerate(data)]
    return data


def kept(data: Mapping[str, Any]) -> dict[str, Any]:
    """JSON-like data as they go into a file or to another process: what their messages are made of goes along, under
    'messages'."""
    found = packed(data)
    return {**data, MESSAGES: found} if found else dict(data)


def read(data: dict[str, Any]) -> dict[str, Any]:
    """What `kept` made, with its messages told in the language spoken here. Data from before there were messages stay
    as they are."""
    messages = data.pop(MESSAGES, None)
    return unpack(data, messages) if isinstance(messages, dict) else data


def _unpacked(text: str, packed: Packed) -> Message:
    values = {
        name: _unpacked(value["text"], value) if isinstance(value, dict) else value
        for name, value in packed["values"].items()
    }
    with_text = text if packed.get("language", ENGLISH) == ENGLISH else None
    return Message(packed["template"], values, packed.get("many", ""), with_text)


def _kept(value: Any) -> Any:
    if isinstance(value, Message):
        return {"text": str.__str__(value), **pack(value)}
    if isinstance(value, str | int | float) or value is None:
        return value
    return value.item() if hasattr(value, "item") else str(value)


def _escaped(key: object) -> str:
    return str(key).replace("~", "~0").replace("/", "~1")


# --- from template and values to text -----------------------------------------------------------------


def _rendered(template: str, values: Mapping[str, Any], many: str, otherwise: str | None) -> str:
    """The text in the language spoken here; `otherwise` where a translation, or what became of a value in a file, does
    not fit the template."""
    spoken = language()
    english = many if many and values["n"] != 1 else template
    if spoken == ENGLISH or not template:  # in a catalogue, '' is its header
        found = english
    elif many:
        n = float(values["n"])
        found = catalogue(spoken).ngettext(template, many, int(n) if n.is_integer() else 2)
    else:
        found = catalogue(spoken).gettext(template)
    if not values:
        return found
    try:
        return found.format_map(values)
    except (LookupError, ValueError, TypeError, AttributeError):
        if otherwise is not None:
            return otherwise
        if spoken == ENGLISH:
            raise
        return english.format_map(values)


def _row(*parts: str) -> Message:
    """Texts, one after another, as one message: each is told by itself."""
    values = {f"part{number}": part for number, part in enumerate(parts)}
    return Message("".join(f"{{{name}}}" for name in values), values)


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Values as they are kept: an error is what it says, as a message where it says one."""
    for name, value in values.items():
        if isinstance(value, BaseException):
            said = value.args[0] if len(value.args) == 1 else value
            values[name] = said if isinstance(said, Message) else str(value)
    return values
