"""What is written behind the command line's options, read."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import typer

from engines import api
from engines.contract import InputError, Problem
from engines.messages import _


def settings(pairs: list[str] | None, accept_guesses: bool = False) -> dict[str, Any]:
    """The settings in KEY=VALUE and KEY=@FILE. Raises InputError for what is neither."""
    given: dict[str, Any] = {"accept_guesses": True} if accept_guesses else {}
    problems = []
    for pair in pairs or []:
        name, equals, value = pair.partition("=")
        if equals and value.startswith("@"):
            try:
                given[name.strip()] = Path(value[1:]).read_text(encoding="utf-8").strip()
            except (OSError, ValueError):
                problems.append(
                    Problem(f"--set {pair}", _("this file cannot be read"), _("accepted: key=value, key=@file"))
                )
        elif equals:
            given[name.strip()] = value.strip()
        else:
            problems.append(Problem(f"--set {pair}", _("there is no '='"), _("accepted: key=value")))
    if problems:
        raise InputError(*problems)
    return given


def numbers(text: str, option: str = "--budgets") -> list[int]:
    try:
        found = [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        found = []
    if not found or min(found) < 1:
        accepted = _("accepted: whole numbers with commas, such as 10,30,100")
        raise InputError(Problem(option, _("found {text!r}", text=text), accepted))
    return found


def names(text: str) -> list[str]:
    """Names with commas between them."""
    return [part.strip() for part in text.split(",") if part.strip()]


FILE = re.compile(r"(?:(?P<architecture>[A-Za-z0-9_.]+)@)?(?P<file>.*\.(?:safetensors|pth|pt|bin|ckpt|pkl))")


def model(context: typer.Context, given: str | None) -> str | None:
    """The model's name; a checkpoint, FILE or ARCHITECTURE@FILE, is taken over, and what of it fits is said on standard
    error. Raises InputError."""
    if given is None or not (found := FILE.fullmatch(given)):
        return given
    name, told = api.bring(context.params["task"], Path(found["file"]), found["architecture"] or "")
    print(*told, _("From now on it is called {name}.", name=name), file=sys.stderr)
    return name


def models(context: typer.Context, given: list[str] | None) -> list[str]:
    """As `model`, of each."""
    return [str(model(context, one)) for one in given or ()]
