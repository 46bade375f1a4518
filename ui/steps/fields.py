"""A setting of a task as something to choose or to type in, from its own description."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import streamlit as st

from engines.contract import ModelCard, Settings
from engines.messages import _


def draw(
    settings: type[Settings],
    field: dataclasses.Field[Any],
    *,
    key: str,
    value: Any,
    strategy: str,
    on_change: Callable[[], None] | None = None,
) -> Any:
    """Shows `value` of that setting; what is chosen or typed now, text where it is typed, '' for nothing. With
    `strategy` it says what the setting is where nobody chooses."""
    usual = settings.by_default(field.name, strategy)
    meta, label = field.metadata, settings.title(field.name)
    help = (
        meta["help"] if value == field.default else _("{help}. By default: {said}", help=meta["help"], said=said(usual))
    )
    st.session_state[key] = value
    if meta.get("choices"):
        return st.selectbox(label, meta["choices"], key=key, help=help, on_change=on_change)
    if isinstance(field.default, bool):
        return st.toggle(label, key=key, help=help, on_change=on_change)
    st.session_state[key] = "" if value is None else said(value)
    return st.text_input(label, key=key, help=help, on_change=on_change, placeholder=said(usual))


def said(value: str | float | None) -> str:
    """A setting's value, as a person would type it."""
    if value is None:
        return _("not set")
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)


def can_compare(settings: type[Settings]) -> bool:
    """Whether a run can train the same network from scratch beside it."""
    known = settings.__dataclass_fields__.get("baseline")
    return known is not None and "scratch" in (known.metadata["choices"] or ())


def ends_early(settings: type[Settings], model: ModelCard) -> bool:
    """Whether the head may read what the first so many blocks see, and there is a choice."""
    return "depth" in settings.__dataclass_fields__ and "depth" not in settings.hidden and len(model.stages) > 1
