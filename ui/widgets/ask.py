"""Ask the model of a finished run about something that somebody typed."""

from __future__ import annotations

import json
import shutil
from typing import Any

from engines import paths, runs
from engines.jobs.serving import client
from ui.page import recorded


def about_text(found: recorded.Finished, text: str, verb: str = "predict") -> dict[str, Any]:
    """The warm server's answer about one text of somebody's; the text is not kept."""
    folder = paths.uploads() / f"try-{runs.new_id()}"
    folder.mkdir()
    try:
        (folder / "text.json").write_text(json.dumps([{"text": text}]), encoding="utf-8")
        asked = {"verb": verb, "run": found.run.address, "data": str(folder / "text.json")}
        return client.ask(asked | ({"out": str(folder / "out")} if verb == "explain" else {}))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
