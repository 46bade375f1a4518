"""A tour of three steps. It is dismissed in the browser, which keeps that in its localStorage, and can be had back."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import streamlit as st

from engines.messages import _, told

STEPS = (
    _(
        "Press one of the examples below. Two networks answer: one that had learnt something else before, and the same "
        "network from scratch. The bars hold for the whole test."
    ),
    _(
        "Press “Train it on this sample”. The same is done on this machine while you watch, mostly within minutes. You "
        "may close the page: it goes on, and your link leads back."
    ),
    _(
        "Press “Use my own data”. Two dozen pictures in two folders are enough to begin with. At the end you take the "
        "model home as a file."
    ),
)
_JS = """
const KEY = "headstart.tour";
const kept = () => { try { return localStorage.getItem(KEY); } catch { return null; } };
const keep = (word) => { try { localStorage.setItem(KEY, word); } catch { /* private window: nothing is kept */ } };
export default function (component) {
  const { data, parentElement } = component;
  const find = (name) => parentElement.querySelector(name);
  const box = find("section"), again = find("button.again");
  const step = (number) => {
    box.step = number;
    find("b").textContent = data.where[number];
    find("p").textContent = data.steps[number];
    find("button.back").disabled = number === 0;
    find("button.next").textContent = number === data.steps.length - 1 ? data.done : data.next;
  };
  const open = (shown) => { box.hidden = !shown; again.hidden = shown; };
  const end = () => { keep("dismissed"); open(false); again.focus(); };
  box.setAttribute("aria-label", data.title);
  find("button.back").textContent = data.back;
  find("button.close").setAttribute("aria-label", data.close);
  again.textContent = data.again;
  find("button.back").onclick = () => step(box.step - 1);
  find("button.next").onclick = () => box.step === data.steps.length - 1 ? end() : step(box.step + 1);
  find("button.close").onclick = end;
  again.onclick = () => { keep("open"); step(0); open(true); find("button.next").focus(); };
  if (box.step === undefined) { step(0); open(kept() !== "dismissed"); }
}
"""
_HTML = """
<section hidden><div class="said" aria-live="polite"><b></b><p></p></div>
<div class="row"><button type="button" class="back"></button><button type="button" class="next"></button>
<button type="button" class="close">✕</button></div></section>
<button type="button" class="again" hidden></button>
"""
_CSS = """
section { display: flex; flex-wrap: wrap; gap: 0.5rem 1rem; align-items: center; padding: 0.75rem 1rem;
  background: var(--st-secondary-background-color); border-radius: 0.6rem; color: var(--st-text-color); }
section[hidden], button[hidden] { display: none; }
.said { flex: 1 1 300px; }
p { margin: 0.15rem 0 0; line-height: 1.45; }
.row { display: flex; gap: 0.5rem; }
button { font: inherit; font-size: 0.9rem; color: var(--st-text-color); background: var(--st-background-color);
  border: 1px solid var(--st-border-color); border-radius: 0.6rem; padding: 0.35rem 0.8rem; cursor: pointer; }
button:disabled { color: var(--st-gray-text-color); cursor: default; }
button:hover:not(:disabled) { border-color: var(--st-text-color); }
button:focus-visible { outline: 2px solid var(--st-text-color); outline-offset: 2px; }
button.again { border: none; background: none; padding: 0.2rem 0; text-decoration: underline; }
"""


@functools.cache
def _component() -> Callable[..., Any]:
    return st.components.v2.component("headstart.tour", html=_HTML, css=_CSS, js=_JS)


def show() -> None:
    """The tour, or, where it was dismissed, a button that brings it back."""
    steps = told(STEPS)
    _component()(
        key="tour",
        data={
            "steps": [str(step) for step in steps],
            "where": [_("{number} of {steps}", number=n, steps=len(steps)) for n in range(1, len(steps) + 1)],
            "title": _("A tour of three steps"),
            "back": _("Back"),
            "next": _("Next"),
            "done": _("Done"),
            "close": _("Dismiss the tour"),
            "again": _("Show the tour"),
        },
    )
