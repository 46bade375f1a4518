"""Look at data of a new domain before anything trains."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from engines.adaptation import rule
from engines.adaptation.target import opened
from engines.contract import Progress, Task


def report(
    task: Task, data: Path, target: Path, settings: Any, *, seed: int, progress: Progress | None
) -> dict[str, Any]:
    """See `contract.Task.check_target`."""
    verb, unit = task.verb("target"), task.info.unit
    source = verb.source_of(data, settings, seed=seed)
    found = opened(verb.open_target(target, source, settings, seed=seed, progress=progress), source, unit)
    choice = rule.choose(settings.adapt, len(found), task.info.adapts_by or (), unit)
    return {
        "n": len(found),
        "found": found.brought.found,
        "labelled": int((found.labels >= 0).sum()),
        "judged": len(found.judged),
        "method": choice.method,
        "title": choice.title,
        "why": choice.why,
        "notes": found.notes,
        "skipped": [asdict(entry) for entry in found.brought.skipped],
    }
