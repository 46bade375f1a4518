"""A baseline that had not stopped improving can be trained on from the page of its run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engines import paths, runs
from engines.contract import Job, State
from engines.runs import BASELINE, RunFolder
from tests.pages import finished_run
from tests.pages.opening import opened, press, text
from tests.pages.test_comparison_page import Queue, queued

VISION = "pages/vision.py"
LABEL = "Train the baseline longer"


class Giving(Queue):
    """As the queue does, gives the run its new job."""

    def submit(self, job: Job | None, resume: str | None = None) -> str:
        assert job is not None
        assert resume is not None
        RunFolder.find(resume).give(job)
        return super().submit(job, resume)


def finished(data: Path, *, best: int, kept: bool = True) -> RunFolder:
    run = finished_run.write(paths.runs() / runs.new_id())
    result = json.loads((run.path / "result.json").read_text(encoding="utf-8"))
    result["baseline_details"]["scratch"] |= {"epochs": 20, "best_epoch": best, "seconds": 90.0}
    run.write("result.json", json.dumps(result))
    run.write("recipe.json", finished_run.recipe(data=str(data)).to_json())
    if kept:
        (run.path / BASELINE).mkdir(parents=True)
    return run


def test_it_is_offered_with_its_time_and_queues_a_job_of_the_same_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = finished(tmp_path, best=19)
    queue = Giving(run, State.DONE)
    monkeypatch.setitem(queued.__globals__["backends"]._open, ("local", paths.home()), queue)
    at = opened(VISION, run=run.id)
    assert "As many passes again (40 passes in all), about 1 min 30 s." in text(at)
    press(at, LABEL)
    (job,) = queue.submitted
    assert (job.verb, job.recipe.settings["baseline_epochs"]) == ("longer", 40)
    assert run.id in at.query_params["run"], "it stays on this page"
    assert LABEL not in text(at), "it goes on"
    assert "The result is here; the comparison goes on." in " ".join(bar.proto.text for bar in at.get("progress"))


@pytest.mark.parametrize("how", [{"best": 12}, {"best": 19, "kept": False}])
def test_where_it_had_stopped_improving_or_is_not_kept_it_is_not_offered(how: dict[str, Any], tmp_path: Path) -> None:
    assert LABEL not in text(opened(VISION, run=finished(tmp_path, **how).id))
