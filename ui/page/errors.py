"""Every failure is a sentence and a next step. The traceback goes to the log, never to the screen."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from engines.contract import InputError
from engines.hosting import operation
from engines.messages import _
from ui.page import words

log = logging.getLogger("headstart.ui")


def say(error: InputError, next_step: str = "") -> None:
    """What is wrong with what somebody gave, one sentence a problem."""
    lines = [f"**{_where(p.where)}**: {words.plain(p.found)}; {words.plain(p.accepted)}." for p in error.problems]
    text = lines[0] if len(lines) == 1 else "\n".join(f"- {line}" for line in lines[:8])
    if len(lines) > 8:
        text += _("\n- and {lines} more.", lines=len(lines) - 8)
    st.warning(f"{text}\n\n{next_step}" if next_step else text, icon=":material/error:")


def _where(where: str) -> str:
    """A setting is called as the page calls it: 'Date column', not 'setting date_column'."""
    setting = where.removeprefix("setting ")
    return words.plain(where if setting == where else setting.replace("_", " ").capitalize())


def broke(what: str, next_step: str = _("Try again; what you made so far is kept.")) -> None:
    """A defect of ours, said calmly. Call it while the exception is being handled: it goes to the log."""
    log.exception(what)
    operation.count(type(sys.exception()).__name__)
    st.error(f"**{what}** {next_step}", icon=":material/build:")


@contextmanager
def calm(what: str, next_step: str = _("Try again; what you made so far is kept.")) -> Iterator[None]:
    """Around anything that may fail. `what` says what did not work, e.g. 'The photographs could not be read.'"""
    try:
        yield
    except InputError as error:
        say(error)
    except Exception:
        broke(what, next_step)
