"""A row of things to press: pictures, sentences, sounds or small curves, each a button of its own."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import streamlit as st


@dataclass(frozen=True)
class Choice:
    """One of them. It shows its picture, else its drawing, else its text."""

    name: str
    """What a screen reader calls it; it never gives the answer away."""
    picture: str = ""
    """A data URI."""
    drawing: str = ""
    """SVG of ours."""
    text: str = ""


_JS = """
export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const holder = parentElement.querySelector("section");
  const stamp = JSON.stringify(data.choices);
  const mark = (chosen) => [...holder.children].forEach((button, number) =>
    button.setAttribute("aria-pressed", String(number === chosen)));
  if (holder.stamp !== stamp) {
    holder.stamp = stamp;
    holder.replaceChildren(...data.choices.map((choice, number) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = choice.picture ? "picture" : choice.drawing ? "drawing" : "text";
      if (choice.picture) {
        const image = document.createElement("img");
        image.src = choice.picture;
        image.alt = choice.name;
        button.append(image);
      } else if (choice.drawing) {
        button.innerHTML = choice.drawing;
        button.setAttribute("aria-label", choice.name);
      } else {
        button.textContent = choice.text;
      }
      return button;
    }));
  }
  [...holder.children].forEach((button, number) => {
    button.onclick = () => { mark(number); setTriggerValue("choice", number); };
  });
  mark(data.chosen);
}
"""
_CSS = """
section { display: flex; flex-wrap: wrap; gap: 0.6rem; }
button {
  font: inherit; color: var(--st-text-color); background: var(--st-background-color); cursor: pointer; padding: 0.5rem;
  border: 1px solid var(--st-border-color); border-radius: 0.6rem; text-align: left; line-height: 1.35;
}
button.picture { flex: 1 1 84px; max-width: 128px; padding: 0.25rem; }
button.drawing { flex: 1 1 130px; max-width: 210px; padding: 0.25rem; }
button.text { flex: 1 1 300px; padding: 0.5rem 0.75rem; }
img, svg { display: block; width: 100%; height: auto; }
img { aspect-ratio: 1; object-fit: contain; background: #fff; border-radius: 0.4rem; }
button:hover { border-color: var(--st-text-color); }
button:focus-visible { outline: 2px solid var(--st-text-color); outline-offset: 2px; }
button[aria-pressed="true"] { border-color: var(--st-primary-color); box-shadow: 0 0 0 1px var(--st-primary-color); }
@media (max-width: 640px) {
  button.picture { flex-basis: 64px; }
  button.text { flex-basis: 100%; font-size: 0.9rem; }
}
"""


@functools.cache
def _component() -> Callable[..., Any]:
    return st.components.v2.component("headstart.choices", html="<section></section>", css=_CSS, js=_JS)


def show(choices: Sequence[Choice], key: str, chosen: int | None) -> int | None:
    """Draw them; the number of the one that is chosen now, None before any was pressed."""
    data = {"choices": [asdict(choice) for choice in choices], "chosen": -1 if chosen is None else chosen}
    found = _component()(key=key, data=data, on_choice_change=lambda: None)
    pressed = getattr(found, "choice", None)
    return chosen if pressed is None else int(pressed)
