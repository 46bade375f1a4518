"""Drawings: SVG that takes the page's colours, and blocks that can be clicked."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import streamlit as st

from engines.contract import Block, Network, Strategy
from engines.messages import _, told
from ui.widgets.plots import PRETRAINED, SCRATCH, TRAINED

_JS = """
export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const holder = parentElement.querySelector("figure");
  holder.innerHTML = data.svg;
  const press = (block) => setTriggerValue("block", Number(block.dataset.block));
  holder.querySelectorAll("[data-block]").forEach((block) => {
    block.onclick = () => press(block);
    block.onkeydown = (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      press(block);
    };
  });
}
"""
_CSS = """
figure { margin: 0; display: flex; flex-wrap: wrap; align-items: center; gap: 0 0.5rem; }
svg { flex: 1 1 100%; width: 100%; height: auto; display: block; font-family: var(--st-font), sans-serif; }
text { fill: var(--st-text-color); }
text.quiet { fill: var(--st-gray-text-color); }
text.on { fill: #fff; font-weight: 600; }
.truth { fill: var(--st-text-color); }
.whisker { stroke: var(--st-text-color); }
svg.narrow { display: none; }
svg.part { flex: 1 1 230px; }
svg.arrow { flex: 0 0 64px; }
@media (max-width: 640px) {
  svg.wide { display: none; }
  svg.narrow { display: block; }
  svg.part, svg.arrow { flex: 1 1 100%; }
  svg.arrow { height: 34px; }
}
[data-block] { cursor: pointer; outline: none; }
[data-block]:hover rect, [data-block]:focus-visible rect { stroke: var(--st-text-color); stroke-width: 2; }
"""


@functools.cache
def _component() -> Callable[..., Any]:
    return st.components.v2.component("headstart.drawing", html="<figure></figure>", css=_CSS, js=_JS)


def draw(svg: str, key: str) -> int | None:
    """Show SVG that this module made. Returns the number of the block that was just clicked, if any."""
    found = _component()(key=key, data={"svg": svg}, on_block_change=lambda: None)
    return getattr(found, "block", None)


def network(view: Network, *, clickable: bool = False) -> str:
    """A network as SVG, a block a stage: blue stays as it came, orange learns, grey learns from random numbers.

    A block beside which adapters learn stays blue, with a thin learning strip in it; one that is left out is an empty
    frame. With `clickable`, a block tells its number when it is clicked. Drawn twice, for a wide page and for a phone.
    """
    states = [block.state for block in view.blocks]
    counted = [(states.count("frozen"), _("frozen")), (states.count("adapter"), _("with adapters"))]
    counted += [(states.count("learns"), _("learning")), (states.count("left out"), _("left out"))]
    label = _(
        "The network, {states} blocks: {n}.",
        states=len(states),
        n=", ".join((f"{n} {what}" for n, what in counted if n)),
    )
    return _row(view, clickable, label, "wide", 900, 15) + _row(view, clickable, label, "narrow", 400, 12)


STATES = {"frozen": _("frozen"), "adapter": _("adapter"), "learns": _("learns"), "left out": _("left out")}
"""As a block says it of itself."""


def _filled(block: Block, strategy: Strategy) -> str:
    if block.state == "left out":
        return f'fill="none" stroke="{SCRATCH}" stroke-dasharray="4 3"'
    learning = SCRATCH if strategy is Strategy.SCRATCH else TRAINED
    return f'fill="{learning if block.state == "learns" else PRETRAINED}"'


def _row(view: Network, clickable: bool, label: str, kind: str, width: int, font: int) -> str:
    """All blocks side by side, a little taller towards the head."""
    blocks = view.blocks
    gap = 10 if width > 500 else 4
    w = (width - gap * (len(blocks) - 1)) / len(blocks)
    parts = []
    for number, block in enumerate(blocks):
        h = 46 + 34 * (number + 1) / len(blocks)
        x, y, middle = number * (w + gap), 84 - h, number * (w + gap) + w / 2
        fits = max(int(w / (font * 0.56)), 1)
        short = _shortened(block.name, fits)
        word = told(STATES)[block.state]
        state = word if len(word) <= w / (font * 0.45) else ""
        parameters = _("{n:,} parameters", n=block.parameters)
        click = f' data-block="{number}" tabindex="0" role="button"' if clickable else ""
        strip = (
            f'<rect x="{x + w - 9:.1f}" y="{y + 6:.1f}" width="5" height="{h - 12:.1f}" rx="2.5" fill="{TRAINED}"/>'
            if block.state == "adapter"
            else ""
        )
        parts.append(
            f'<g{click} aria-label="{escape(block.name)}: {word}">'
            f"<title>{escape(block.name)}: {parameters}, {word}</title>"
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" rx="{gap * 0.8:.0f}" '
            f"{_filled(block, view.strategy)}/>{strip}"
            f'<text class="{"quiet" if block.state == "left out" else "on"}" x="{middle:.1f}" '
            f'y="{84 - h / 2 + 5:.1f}" text-anchor="middle" '
            f'font-size="{font}">{escape(short)}</text>'
            f'<text class="quiet" x="{middle:.1f}" y="103" text-anchor="middle" font-size="{font - 2}">'
            f"{state}</text></g>"
        )
    role = "group" if clickable else "img"  # an image has no controls in it
    return f'<svg class="{kind}" viewBox="0 0 {width} 110" role="{role}" aria-label="{label}">{"".join(parts)}</svg>'


def _shortened(name: str, fits: int) -> str:
    """A block's name in so many letters: whole, or its number, or its beginning."""
    number = name.rpartition(" ")[2]
    if len(name) <= fits:
        return name
    if number.isdecimal():
        return number if len(number) <= fits else ""
    return name[: fits - 1] + "…" if fits > 2 else ""


def idea() -> str:
    """What transfer learning is, in one picture: three networks in a row, one below the other on a phone."""
    blue, orange = PRETRAINED, TRAINED
    return (
        _tower([blue] * 5, _("A big task"), _("a million examples, days of computing"))
        + _arrow("keep")
        + _tower([blue, blue, blue, blue, orange], _("Your task"), _("a few hundred examples, minutes"))
        + _arrow("against")
        + _tower([SCRATCH] * 5, _("From scratch"), _("your examples alone"))
    )


def _tower(colours: Sequence[str], label: str, note: str) -> str:
    blocks = "".join(
        f'<rect x="{17 + 46 * i}" y="{66 - 5 * i}" width="38" height="{46 + 10 * i}" rx="7" fill="{colour}"/>'
        for i, colour in enumerate(colours)
    )
    return (
        f'<svg class="part" viewBox="0 0 260 160" role="img" aria-label="{label}: {note}">{blocks}'
        f'<text x="128" y="24" text-anchor="middle" font-size="17" font-weight="600">{label}</text>'
        f'<text class="quiet" x="128" y="154" text-anchor="middle" font-size="13.5">{note}</text></svg>'
    )


def _arrow(word: str) -> str:
    return (
        f'<svg class="arrow" viewBox="0 0 64 40" role="img" aria-label="{word}">'
        f'<text class="quiet" x="32" y="14" text-anchor="middle" font-size="14">{word}</text>'
        f'<path d="M4 26 H58 m-9 -6 l9 6 l-9 6" stroke="{SCRATCH}" stroke-width="2.5" fill="none"/></svg>'
    )
