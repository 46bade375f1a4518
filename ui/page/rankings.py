"""Which model fits somebody's data: asked once, kept beside the upload, and left with each run as its forecast."""

from __future__ import annotations

import hashlib
import json
import uuid
from pathlib import Path
from typing import Any

from engines import messages
from engines.contract import Progress
from engines.evidence import graded
from engines.runs import RunFolder
from ui.page import uploads
from ui.page.draft import Draft


def ask(draft: Draft, progress: Progress | None = None) -> dict[str, Any]:
    """The answer of `rank` about the draft's data. Raises InputError and ServerFailed."""
    from engines.jobs.serving import client

    assert draft.path is not None
    question = {"verb": "rank", "task": draft.task, "data": draft.path, "seed": 0, "settings": draft.reading}
    answer = client.ask(question, progress)
    target = _kept(draft)
    partial = target.with_suffix(f".{uuid.uuid4().hex}")
    partial.write_text(json.dumps(messages.kept(answer), ensure_ascii=False), encoding="utf-8")
    partial.replace(target)
    return answer


def known(draft: Draft) -> dict[str, Any] | None:
    """What was answered before; None where nobody has asked."""
    if draft.data is None or not uploads.exists(draft.data) or not _kept(draft).is_file():
        return None
    return messages.read(json.loads(_kept(draft).read_text(encoding="utf-8")))


def leave_forecast(draft: Draft, run: RunFolder) -> None:
    """Writes down beside a run that has just been started what was foretold of it, if anything was."""
    answer = known(draft)
    forecast = answer and graded.of_draft(answer, draft.model, int(draft.settings.get("depth", 0)))
    if forecast:
        graded.keep(run, forecast)


def _kept(draft: Draft) -> Path:
    assert draft.data is not None
    chosen = json.dumps([draft.task, sorted(draft.reading.items())], default=str)
    name = hashlib.sha256(chosen.encode()).hexdigest()[:12]
    return uploads.folder(draft.data) / f"ranking-{name}.json"
