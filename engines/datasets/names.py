"""What people call data sets, classes and examples, made fit to be kept."""

from __future__ import annotations

import re

from engines.contract import InputError, Problem
from engines.messages import _

LONGEST_NAME = 80


def clean(text: str) -> str:
    """A name on one line, without control characters, at most LONGEST_NAME characters long."""
    return " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", text).split())[:LONGEST_NAME].strip()


def class_name(text: str) -> str:
    """The name of a class, as it is kept. Raises InputError where nothing is left of it."""
    if name := clean(text):
        return name
    raise InputError(Problem("class", _("it has no name"), _("give it one")))
