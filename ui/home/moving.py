"""A moving picture for each domain: it plays once, within five seconds, and again while it is pointed at. Whoever asks
the system for less motion gets it standing still, at its end."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import streamlit as st

from ui.widgets.plots import PRETRAINED, SCRATCH, TRAINED

_BARS = (14, 30, 46, 24, 52, 38, 20, 44, 28, 12)
_WORDS = ((10, 54), (70, 34), (110, 62))
_PICTURES = {
    "vision": (
        f'<rect x="34" y="10" width="96" height="80" rx="7" fill="{PRETRAINED}" fill-opacity=".14"/>'
        f'<circle cx="62" cy="38" r="10" fill="{PRETRAINED}"/>'
        f'<path d="M38 84 L72 52 L92 70 L104 58 L126 84 Z" fill="{PRETRAINED}" fill-opacity=".75"/>'
        f'<rect class="scan" x="34" y="8" width="4" height="84" rx="2" fill="{TRAINED}"/>'
        f'<rect class="late" x="146" y="36" width="44" height="26" rx="13" fill="{TRAINED}"/>'
        f'<path class="late" d="M158 49 l6 6 l13 -13" stroke="#fff" stroke-width="3.5" fill="none"/>'
    ),
    "text": (
        "".join(
            f'<rect class="word w{i}" x="{x + 12}" y="{y}" width="{w}" height="12" rx="6" fill="{PRETRAINED}"/>'
            for i, (x, y, w) in enumerate(((x, y, w) for y in (20, 44) for x, w in _WORDS), 0)
        )
        + f'<rect class="late" x="22" y="68" width="74" height="20" rx="10" fill="{TRAINED}"/>'
        + '<path class="late" d="M48 78 l7 7 l14 -14" stroke="#fff" stroke-width="3" fill="none"/>'
    ),
    "speech": "".join(
        f'<rect class="sound s{i % 5}" x="{18 + 19 * i}" y="{50 - h}" width="10" height="{2 * h}" rx="5" '
        f'fill="{PRETRAINED if i < 6 else TRAINED}" style="transform-origin:{23 + 19 * i}px 50px"/>'
        for i, h in enumerate(h * 0.75 for h in _BARS)
    ),
    "forecasting": (
        f'<polyline points="12,70 30,52 48,62 66,38 84,54 102,34 120,46" fill="none" stroke="{PRETRAINED}" '
        'stroke-width="3.5" stroke-linejoin="round"/>'
        f'<path class="late" d="M120 46 L142 18 L168 26 L196 6 V48 L168 58 L142 50 Z" fill="{TRAINED}" '
        'fill-opacity=".2"/>'
        f'<polyline class="drawn" pathLength="1" points="120,46 142,32 168,40 196,24" fill="none" stroke="{TRAINED}" '
        'stroke-width="3.5" stroke-linejoin="round"/>'
    ),
    "control": (
        f'<path d="M16 84 H194" stroke="{SCRATCH}" stroke-width="3"/>'
        f'<g class="cart"><rect x="82" y="66" width="46" height="18" rx="5" fill="{PRETRAINED}"/>'
        f'<g class="pole"><path d="M105 68 V16" stroke="{TRAINED}" stroke-width="6" stroke-linecap="round"/>'
        f'<circle cx="105" cy="14" r="8" fill="{TRAINED}"/></g></g>'
    ),
}
_CSS = """
svg { display: block; width: 100%; max-width: 260px; height: auto; }
.scan { transform: translateX(92px); animation: scan 2.2s ease-in-out 2 alternate; }
.late { animation: late 4.4s ease-in 1; }
.word { animation: word 0.7s ease-in-out 3 alternate; }
.w1 { animation-delay: 0.2s; } .w2 { animation-delay: 0.4s; } .w3 { animation-delay: 0.6s; }
.w4 { animation-delay: 0.8s; } .w5 { animation-delay: 1s; }
.sound { animation: sound 0.6s ease-in-out 6 alternate; }
.s1 { animation-delay: 0.12s; } .s2 { animation-delay: 0.24s; } .s3 { animation-delay: 0.36s; }
.s4 { animation-delay: 0.48s; }
.drawn { stroke-dasharray: 1; stroke-dashoffset: 0; animation: drawn 3.6s ease-out 1; }
.pole { transform-origin: 105px 68px; animation: pole 4.4s ease-out 1; }
.cart { animation: cart 4.4s ease-out 1; }
figure { margin: 0; }
figure:hover :is(.scan, .late, .word, .sound, .drawn, .pole, .cart) { animation-iteration-count: infinite; }
@keyframes scan { from { transform: translateX(0); } to { transform: translateX(92px); } }
@keyframes late { from, 55% { opacity: 0; } 75%, to { opacity: 1; } }
@keyframes word { from { opacity: 1; } to { opacity: 0.3; } }
@keyframes sound { from { transform: scaleY(1); } to { transform: scaleY(0.35); } }
@keyframes drawn { from, 35% { stroke-dashoffset: 1; } to { stroke-dashoffset: 0; } }
@keyframes pole { 0% { transform: rotate(34deg); } 30% { transform: rotate(-22deg); } 55% { transform: rotate(12deg); }
  75% { transform: rotate(-5deg); } 100% { transform: rotate(0); } }
@keyframes cart { 0% { transform: translateX(-34px); } 30% { transform: translateX(30px); }
  55% { transform: translateX(-14px); } 75% { transform: translateX(6px); } 100% { transform: translateX(0); } }
@media (prefers-reduced-motion: reduce) { * { animation: none !important; } }
"""
_JS = """
export default function (component) {
  const holder = component.parentElement.querySelector("figure");
  if (holder.shown !== component.data.svg) { holder.innerHTML = holder.shown = component.data.svg; }
}
"""


@functools.cache
def _component() -> Callable[..., Any]:
    return st.components.v2.component("headstart.moving", html="<figure></figure>", css=_CSS, js=_JS)


def show(domain: str) -> None:
    """The moving picture of a domain, which says nothing that does not stand beside it; nothing for one without."""
    if domain in _PICTURES:
        svg = f'<svg viewBox="0 0 210 100" aria-hidden="true">{_PICTURES[domain]}</svg>'
        _component()(key=f"moving_{domain}", data={"svg": svg})
