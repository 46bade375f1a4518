"""A few kills of a real host: `benchmarks/chaos.py` does a hundred."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.chaos import journey


@pytest.mark.timeout(600)
def test_no_run_is_lost_whatever_is_killed(tmp_path: Path) -> None:
    rng = Random(1)
    with journey.opened(tmp_path) as place:
        points = [journey.killed(place, victim, rng) for victim in ("worker", "queue")]
        waiting = journey.waiting(tmp_path)
        left = place.close()
    assert [(point.victim, point.wrong) for point in points] == [(point.victim, []) for point in points]
    assert (waiting, left) == (0, [])
    ids = [folder.name for folder in (tmp_path / "runs").iterdir()]
    written = {log.name: log.read_text(errors="replace") for log in tmp_path.glob("*.log")}
    assert {"host.log", "spare.log"} <= written.keys()
    assert len(ids) == len(points)
    assert [(name, run_id) for name, text in written.items() for run_id in ids if run_id in text] == []
