"""What a result's page says of its curves, and what it offers to train next."""

from __future__ import annotations

import json

import pytest

from engines import paths, runs
from tests.pages import finished_run
from tests.pages.opening import opened, text


@pytest.mark.parametrize(
    ("reading", "badge"),
    [("by heart", "Learns by heart"), ("still improving", "Still improving"), ("fine", "Not overfitted"), (None, "")],
)
def test_the_curves_are_read(reading: str | None, badge: str) -> None:
    run = finished_run.write(paths.runs() / runs.new_id())
    result = json.loads((run.path / "result.json").read_text(encoding="utf-8"))
    if reading:
        said = {"reading": reading, "text": "The curves say so.", "gap": 0.1, "measure": "loss", "value": 1.0}
        result["details"]["overfitting"] = said
    run.write("result.json", json.dumps(result))
    page = text(opened("pages/vision.py", run=run.id))
    assert ("The curves say so." in page) == (reading is not None)
    assert badge in page
