"""Limits that whoever runs Headstart may set: whole numbers in environment variables, each with a default."""

from __future__ import annotations

import os

from engines.contract import InputError, Problem
from engines.messages import _


def public() -> bool:
    """HEADSTART_PUBLIC: strangers come here. Without it none of the limits of `hosting` holds."""
    return is_set("HEADSTART_PUBLIC")


def is_set(variable: str) -> bool:
    """Whether a switch is on: anything but 0, no and false turns it on."""
    return os.environ.get(variable, "").strip().lower() not in {"", "0", "no", "false"}


def number(variable: str, default: int, low: int = 0) -> int:
    """The variable's whole number, `low` or more; `default` where it is not set. Raises InputError for all else."""
    text = os.environ.get(variable, "").strip()
    if not text:
        return default
    if not text.isdecimal() or int(text) < low:
        raise InputError(
            Problem(
                _("environment variable {variable}", variable=variable),
                _("found {text!r}", text=text),
                _("accepted: {low} or more", low=low),
            )
        )
    return int(text)
