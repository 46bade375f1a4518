"""The knobs of a run: declared once, with a help text and bounds, and parsed from whatever a person typed."""

from __future__ import annotations

import dataclasses
import difflib
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self, TypeVar

from engines.contract.errors import InputError, Problem
from engines.contract.ranges import Tried
from engines.messages import _, told

Value = TypeVar("Value")
Group = Literal["often", "training", "data"]
"""'often' is what most people change."""


def setting(
    default: Value,
    help: str,
    *,
    title: str = "",
    group: Group | None = None,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] | None = None,
    reads: bool = False,
) -> Value:
    """One field of a `Settings` class: what pages call it and among which they show it, by default as in the class that
    it is inherited from; `reads` where it says how the data are read, e.g. which column is the label."""
    metadata = {
        "help": help,
        "title": title,
        "group": group,
        "low": low,
        "high": high,
        "choices": choices,
        "reads": reads,
    }
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Settings:
    """The knobs of one run that have a sensible default. A task subclasses it with its own.

    Each field's text is its metadata `help`; bounds are its metadata `low` and `high` (inclusive) or `choices`.
    """

    hidden: ClassVar[frozenset[str]] = frozenset()
    """Inherited settings that mean nothing to this task: no page shows them, and another value than the default is
    refused."""
    searched: ClassVar[Mapping[str, Tried]] = {}
    """The few settings that a search tries (`engines.search`), and between which values."""

    accept_guesses: bool = setting(
        False, _("Where two readings of the data are nearly as likely, take the likelier instead of asking"), reads=True
    )

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> Self:
        """Settings from `given` (values may be text, as on the command line).

        Raises InputError naming every unknown name and every value out of range.
        """
        fields = {f.name: f for f in dataclasses.fields(cls)}
        known = [name for name in fields if name not in cls.hidden]
        hints = typing.get_type_hints(cls)
        values: dict[str, Any] = {}
        problems = []
        for name, raw in given.items():
            if name not in fields:
                near = difflib.get_close_matches(name, known, n=1)
                hint = _("did you mean {near}? Known", near=near[0]) if near else "known"
                problems.append(
                    Problem(
                        _("setting {name}", name=name), _("there is no such setting"), f"{hint}: {', '.join(known)}"
                    )
                )
                continue
            try:
                values[name] = _convert(raw, hints[name])
                _check_bounds(values[name], fields[name].metadata)
                if name in cls.hidden and values[name] != fields[name].default:
                    problems.append(
                        Problem(
                            _("setting {name}", name=name),
                            _("this task does not use it"),
                            _("known: {known}", known=", ".join(known)),
                        )
                    )
            except ValueError as error:
                problems.append(Problem(_("setting {name}", name=name), _("found {raw!r}", raw=raw), str(error)))
        if problems:
            raise InputError(*problems)
        return cls(**values)

    @classmethod
    def title(cls, name: str) -> str:
        """What pages call a setting."""
        return cls._said(name, "title") or name.replace("_", " ").capitalize()

    @classmethod
    def group(cls, name: str) -> Group:
        """Among which settings pages show that one."""
        return cls._said(name, "group") or "training"

    @classmethod
    def _said(cls, name: str, what: str) -> Any:
        """What is declared of a setting, here or where it is inherited from; None where nothing is."""
        fields = (getattr(kind, "__dataclass_fields__", {}).get(name) for kind in cls.__mro__)
        return told(next((field.metadata[what] for field in fields if field and field.metadata.get(what)), None))

    @classmethod
    def by_default(cls, name: str, strategy: str) -> Any:  # noqa: ARG003  (a subclass reads it)
        """What a setting is with that strategy where nobody says otherwise; None where only the data can say it."""
        return cls.__dataclass_fields__[name].default

    @classmethod
    def reading(cls) -> tuple[str, ...]:
        """The names of the settings that say how the data are read: the Data step asks for them."""
        return tuple(f.name for f in dataclasses.fields(cls) if f.metadata.get("reads"))

    def changed(self) -> dict[str, Any]:
        """Only what differs from the defaults: this is what a recipe keeps."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if getattr(self, f.name) != f.default}


def _convert(raw: str | float | None, hint: type | types.UnionType) -> bool | int | float | str | None:
    """`raw` as the annotated type `hint` (bool, int, float, str or an optional one of these)."""
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if raw is None or (isinstance(raw, str) and raw.lower() in {"none", ""} and type(None) in options):
        if type(None) in options:
            return None
        raise ValueError(_("accepted: a value"))
    kind = next(option for option in options if option is not type(None))
    if kind is bool:
        words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        if isinstance(raw, bool):
            return raw
        if str(raw).lower() not in words:
            raise ValueError(_("accepted: true or false"))
        return words[str(raw).lower()]
    if kind is int:
        try:
            number = float(raw)
        except ValueError:
            raise ValueError(_("accepted: a whole number")) from None
        if isinstance(raw, bool) or not number.is_integer():
            raise ValueError(_("accepted: a whole number"))
        return int(number)
    if kind is float:
        try:
            number = float(raw)
        except ValueError:
            raise ValueError(_("accepted: a number")) from None
        if not math.isfinite(number):
            raise ValueError(_("accepted: a finite number"))
        return number
    return str(raw)


def _check_bounds(value: str | float | None, metadata: Mapping[str, Any]) -> None:
    if value is None:
        return
    choices, low, high = metadata.get("choices"), metadata.get("low"), metadata.get("high")
    if choices and value not in choices:
        raise ValueError(_("accepted: {choices}", choices=", ".join(choices)))
    if low is not None and value < low or high is not None and value > high:
        if high is None:
            raise ValueError(_("accepted: {low:g} or more", low=low))
        raise ValueError(_("accepted: {low} to {high:g}", low=low if low is not None else "-inf", high=high))
