"""The headers of every answer of a public host."""

from __future__ import annotations

import base64
import functools
import hashlib
import os
import re
from pathlib import Path

import streamlit

from engines.messages import _

INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def frame_ancestors() -> str:
    """HEADSTART_FRAME_ANCESTORS: which sites may show the app in a frame. Default 'none'; 'self', or addresses."""
    asked = os.environ.get("HEADSTART_FRAME_ANCESTORS", "").strip() or "none"
    words = [f"'{word}'" if word in {"none", "self"} else word for word in asked.replace("'", "").split()]
    return " ".join(word for word in words if not re.search(r"[;,\r\n]", word))


@functools.cache
def every() -> list[tuple[bytes, bytes]]:
    """Name and value. The policy allows what Streamlit's own page needs and nothing else: no eval, no other host."""
    policy = {
        "default-src": "'self'",
        "script-src": _("'self' blob: {inline_scripts}", inline_scripts=_inline_scripts()).strip(),
        "style-src": _("'self' 'unsafe-inline'"),
        "img-src": _("'self' data: blob:"),
        "font-src": _("'self' data:"),
        "media-src": _("'self' blob: data:"),
        "connect-src": _("'self' ws: wss:"),
        "worker-src": _("'self' blob:"),
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-ancestors": frame_ancestors(),
    }
    said = {
        "content-security-policy": "; ".join(f"{name} {allowed}" for name, allowed in policy.items()),
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",  # an address with ?run= is a key
        "permissions-policy": "camera=(self), microphone=(self), geolocation=(), payment=(), usb=()",
        "cross-origin-opener-policy": "same-origin",
    }
    return [(name.encode(), value.encode()) for name, value in said.items()]


def _inline_scripts() -> str:
    """The digests of the scripts that stand in Streamlit's own page."""
    page = (Path(streamlit.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")
    digests = (hashlib.sha256(script.encode()).digest() for script in INLINE.findall(page))
    return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
