"""Pictures in a grid that fits a phone, and a bordered placeholder where a picture is missing."""

from __future__ import annotations

import base64
import functools
import mimetypes
from collections.abc import Sequence
from html import escape
from pathlib import Path

import streamlit as st

_GRID = "display:grid;grid-template-columns:repeat(auto-fill,minmax({width}px,1fr));gap:.6rem"
_EDGE = "border:1px solid rgba(128,128,128,.35);border-radius:.5rem;overflow:hidden"
_PICTURE = "width:100%;aspect-ratio:1;object-fit:contain;display:block;background:rgba(128,128,128,.08)"
_CAPTION = "padding:.3rem .5rem;font-size:.8rem;line-height:1.3"
_MISSING = (
    "aspect-ratio:1;display:flex;align-items:center;justify-content:center;padding:.5rem;font-size:.75rem;"
    "overflow-wrap:anywhere;text-align:center;opacity:.75;border-bottom:1px dashed rgba(128,128,128,.5)"
)


def show(pictures: Sequence[tuple[Path | None, str, str]], width: int = 110) -> None:
    """A grid of (picture file or None, name, caption)."""
    cells = "".join(_cell(path, name, caption) for path, name, caption in pictures)
    st.html(f'<div style="{_GRID.format(width=width)}">{cells}</div>')


def _cell(path: Path | None, name: str, caption: str) -> str:
    source = data_uri(path) if path and path.is_file() else None
    picture = (
        f'<img style="{_PICTURE}" src="{source}" alt="{escape(name)}" title="{escape(name)}">'
        if source
        else f'<div style="{_MISSING}">{escape(name)}</div>'
    )
    text = f'<div style="{_CAPTION}">{escape(caption)}</div>' if caption else ""
    return f'<div style="{_EDGE}">{picture}{text}</div>'


@functools.lru_cache(maxsize=512)
def data_uri(path: Path) -> str | None:
    """The file as it can stand in a page, or None when it is no picture. Thumbnails never change once written."""
    kind = mimetypes.guess_type(path.name)[0]
    if kind not in {"image/jpeg", "image/png", "image/webp"}:
        return None
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
