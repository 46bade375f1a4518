"""Many runs at once in one queue. How many it bears is measured by `benchmarks/many_runs.py`."""

from __future__ import annotations

import pytest

from benchmarks import many_runs


def test_of_60_runs_none_is_lost_and_none_is_done_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_MAX_QUEUED", "1000")
    monkeypatch.setenv("HEADSTART_MAX_RUNNING", "8")
    found = many_runs.measured(runs=60, apps=2)
    assert (found.lost, found.doubled, len(found.submits)) == (0, 0, 60)
