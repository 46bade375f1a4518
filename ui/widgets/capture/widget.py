"""The camera and the microphone as one widget: hold a class's button, and what is shown becomes its examples."""

from __future__ import annotations

import base64
import binascii
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import streamlit as st

from engines.messages import _, told

BURST = 20
"""Pictures, or clips of 1.6 s, that are taken at most while a button is held."""
MOST_BYTES = 4 << 20
"""Of one picture or clip out of the browser."""
HERE = Path(__file__).parent
HTML = """
<div class="capture">
  <div class="view">
    <div class="frame"><video muted playsinline></video><div class="loudness"><i></i></div></div>
    <div class="buttons">
      <button type="button" class="start"></button><button type="button" class="turn" hidden></button>
    </div>
    <p class="said" role="status" aria-live="polite"></p>
  </div>
  <ul></ul>
</div>
"""


@dataclass(frozen=True)
class Target:
    """What a burst may be for."""

    id: str
    name: str
    count: str
    """How much there is of it, in words."""


@dataclass(frozen=True)
class Kept:
    """A burst that is over."""

    target: str
    """`Target.id`."""
    contents: list[bytes]
    """JPEG files, or WAV files of 16 kHz."""
    suffix: str


def capture(
    kind: Literal["pictures", "sounds"],
    targets: Sequence[Target],
    *,
    key: str,
    on_kept: Callable[[Kept], None],
    answer: Callable[[bytes], Mapping[str, Any]] | None = None,
) -> None:
    """Draws it. `on_kept` is called when a burst is over, before the page is drawn anew.

    With `answer`, what the camera shows now, or the last 1.6 s that were heard, is asked again and again: it gives
    `probabilities` (name of a target -> share) or `unclear`, a sentence, and is shown as bars. These frames stay in
    memory. Call it in a fragment: each frame redraws that.
    """
    memory = f"{key}_answer"

    def arrived() -> None:
        sent = _sent(key)
        if sent is None or sent["id"] == st.session_state.get(memory, {}).get("id"):
            return  # what was sent once more
        found: dict[str, Any] = {}
        if sent["what"] == "kept":
            contents = [content for item in sent.get("items", ()) if (content := _decoded(item))]
            on_kept(Kept(str(sent.get("target")), contents[:BURST], ".jpg" if kind == "pictures" else ".wav"))
        elif answer and (content := _decoded(sent.get("content"))):
            found = dict(answer(content))
        st.session_state[memory] = {**found, "id": sent["id"]}

    _component()(
        key=key,
        data={
            "kind": kind,
            "targets": [vars(target) for target in targets],
            "burst": BURST,
            "ask": answer is not None,
            "answer": st.session_state.get(memory),
            "words": told(PICTURES) if kind == "pictures" else told(SOUNDS),
        },
        on_sent_change=arrived,
    )


PICTURES = {
    "on": _("Turn the camera on"),
    "off": _("Turn the camera off"),
    "turn": _("Other camera"),
    "take": _("Hold to take pictures"),
    "stop": _("Stop"),
    "waiting": _("Your browser asks whether the camera may be used."),
    "refused": _("The browser does not let this page use the camera: allow it beside the address, or upload pictures."),
    "missing": _("No camera was found, or another program uses it. You can upload pictures instead."),
    "insecure": _(
        "Browsers give a page the camera only over https, or on this machine itself: upload pictures instead."
    ),
    "dark": _("The camera shows black: is the lens covered, or the light off? Black pictures are not kept."),
    "nothing": _("Nothing was taken: hold the button a little longer."),
    "keeping": _("Keeping them …"),
}
SOUNDS = {
    "on": _("Turn the microphone on"),
    "off": _("Turn the microphone off"),
    "turn": "",
    "take": _("Hold to record"),
    "stop": _("Stop"),
    "waiting": _("Your browser asks whether the microphone may be used."),
    "refused": _(
        "The browser does not let this page listen: allow the microphone beside the address, or upload sounds."
    ),
    "missing": _("No microphone was found, or another program uses it. You can upload sound files instead."),
    "insecure": _("Browsers let a page listen only over https, or on this machine itself: upload sound files instead."),
    "dark": "",
    "nothing": _("Nothing was heard: speak up, for half a second at least."),
    "keeping": _("Keeping it …"),
}


@functools.cache
def _component() -> Callable[..., Any]:
    css, js = ((HERE / name).read_text(encoding="utf-8") for name in ("capture.css", "capture.js"))
    return st.components.v2.component("headstart.capture", html=HTML, css=css, js=js)


def _sent(key: str) -> dict[str, Any] | None:
    """What the browser has just sent, under its `id`; None where it is no such thing, as it comes from outside."""
    value = getattr(st.session_state.get(key), "sent", None)
    return value if isinstance(value, dict) and {"id", "what"} <= value.keys() else None


def _decoded(text: object) -> bytes:
    """The bytes of base64; none where it is no such text, or too much."""
    if not isinstance(text, str) or len(text) > 2 * MOST_BYTES:
        return b""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
