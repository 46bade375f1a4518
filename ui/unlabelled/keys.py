"""Keys that a page listens to while nothing is being typed."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

_JS = """
const typing = (target) => target.closest &&
  target.closest('input:not([type="radio"]):not([type="checkbox"]), textarea, select, [contenteditable="true"]');
export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  if (parentElement.listening) document.removeEventListener("keydown", parentElement.listening);
  let pressed = false;
  const listen = (event) => {
    const key = event.key.toLowerCase();
    if (!data.keys.includes(key) || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    event.preventDefault();
    if (pressed || event.repeat) return;
    pressed = true;  // one answer for each example that is shown
    setTriggerValue("pressed", { key, of: data.of });
  };
  parentElement.listening = listen;
  document.addEventListener("keydown", listen);
  return () => document.removeEventListener("keydown", listen);
}
"""


@functools.cache
def _component() -> Callable[..., Any]:
    return st.components.v2.component("headstart.keys", html="<i></i>", js=_JS)


def listen(keys: Sequence[str], of: str, key: str) -> str | None:
    """The key that was just pressed, one of `keys`, in small letters; None where none was.

    `of` names what is shown: a key that was pressed on what was shown before counts for nothing.
    """
    found = _component()(key=key, data={"keys": list(keys), "of": of}, on_pressed_change=lambda: None, height=1)
    pressed = getattr(found, "pressed", None)
    return str(pressed["key"]) if pressed and pressed["of"] == of else None
