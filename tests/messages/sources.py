"""The code whose sentences are messages."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE = (
    *("*_template*.py", "script_parts.py", "usage_parts.py", "sound_parts.py"),  # become exported scripts
    *("voice_activity.py", "speech/audio/files.py", "models/whisper.py", "models/ge2e.py", "images/reading.py"),
    "models/sktime_forecaster.py",
)
"""What an export carries off: it imports nothing of ours, so it stays English."""


def sources() -> list[Path]:
    found = [file for folder in ("engines", "ui", "pages", "templates/task") for file in (ROOT / folder).rglob("*.py")]
    return sorted(file for file in found if not any(file.match(pattern) for pattern in CODE))


@functools.cache
def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def calls(tree: ast.AST, *names: str) -> Iterator[ast.Call]:
    """Calls of plain functions of these names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            yield node
