"""Whether a run with somebody's choices would be refused: asked before it is queued, once for each, and kept beside the
upload."""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engines.contract import InputError, Problem, Progress
from ui.page import uploads
from ui.page.draft import Draft


def require(draft: Draft, progress: Progress | None = None) -> None:
    """Raises InputError with what `fit` would refuse of the draft; ServerFailed where nobody can say it."""
    refused = known(draft)
    if refused is None:
        refused = _ask(draft, progress)
    if refused:
        raise InputError(*refused)


def known(draft: Draft) -> list[Problem] | None:
    """What was refused when it was asked before, nothing where it was fine; None where nobody has asked, or the answer
    may be another one by now. Raises InputError where a setting is out of range."""
    kept = _kept(draft)
    if kept is None or not kept.is_file():
        return None
    return [Problem(**problem) for problem in json.loads(kept.read_text(encoding="utf-8"))]


def _ask(draft: Draft, progress: Progress | None) -> list[Problem]:
    from engines.jobs.serving import client

    refused: list[Problem] = []
    try:
        client.ask({"verb": "rehearse", **_asked(draft)}, progress)
    except InputError as error:
        brought = uploads.origin(draft.data) if draft.data else None
        refused = [uploads.by_its_own_name(problem, brought) if brought else problem for problem in error.problems]
    lasts = not any(problem.where.startswith("model ") for problem in refused)  # weights may come tomorrow
    if lasts and (kept := _kept(draft)) is not None:
        partial = kept.with_suffix(f".{uuid.uuid4().hex}")
        partial.write_text(json.dumps([asdict(problem) for problem in refused], ensure_ascii=False), encoding="utf-8")
        partial.replace(kept)
    return refused


def _asked(draft: Draft) -> dict[str, Any]:
    recipe = draft.recipe()
    return {name: getattr(recipe, name) for name in ("task", "data", "test", "model", "strategy", "seed", "settings")}


def _kept(draft: Draft) -> Path | None:
    """Where the answer lies; nowhere for data that are no upload."""
    if draft.data is None or not uploads.exists(draft.data):
        return None
    name = hashlib.sha256(json.dumps(_asked(draft), sort_keys=True, default=str).encode()).hexdigest()[:12]
    return uploads.folder(draft.data) / f"rehearsal-{name}.json"
