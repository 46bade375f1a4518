"""A trained model as an app: its service, with a page on which people try it by file, camera and microphone."""

from __future__ import annotations

from pathlib import Path

from engines.contract import Task
from engines.exports import export_service


def export(task: Task, run: Path, out: Path) -> Path:
    """See `export_service.export`; page.html and what it needs go along, and nothing of it comes from elsewhere."""
    return export_service.made(task, run, out, app=True)
