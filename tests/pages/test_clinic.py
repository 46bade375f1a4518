"""What a result's page says of a run on scans: that it is no medical device, and what a clinic asks."""

from __future__ import annotations

import json

import numpy as np

from engines import paths, runs
from engines.classification import diagnostics
from engines.vision.classification.clinic import NOTICE
from tests.pages import finished_run
from tests.pages.opening import opened, text


def test_the_page_says_what_a_clinic_asks_and_that_it_is_no_medical_device() -> None:
    ill, says = np.array([True] * 12 + [False] * 12), np.r_[np.linspace(0.3, 0.9, 12), np.linspace(0.1, 0.5, 12)]
    run = finished_run.write(paths.runs() / runs.new_id())
    result = json.loads((run.path / "result.json").read_text(encoding="utf-8"))
    report = diagnostics.report(ill, says, np.arange(24), sensitivity=0.9)
    result["details"] |= {"notice": str(NOTICE), "clinic": {"positive": "lesion", **report}}
    run.write("result.json", json.dumps(result))
    page = opened("pages/vision.py", run=run.id)
    assert not page.exception
    said = text(page)
    for phrase in ("Not a medical device", "12 of 24 tested pictures, of 24 patients", "Decision curve"):
        assert phrase in said
    assert {"Area under ROC", "Sensitivity", "Specificity"} <= {metric.label for metric in page.metric}


def test_an_ordinary_run_says_nothing_of_clinics() -> None:
    page = text(opened("pages/vision.py", run=finished_run.write(paths.runs() / runs.new_id()).id))
    assert "medical" not in page
    assert "For a clinic" not in page
