"""Two runs on the same test examples, and on others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engines import paths
from engines.runs import RunFolder
from tests.pages import finished_run
from ui.page import recorded
from ui.runs import paired


def finished(path: Path, rows: list[dict[str, Any]], **result: Any) -> recorded.Finished:
    """A finished run with these test examples."""
    run = finished_run.write(path)
    pq.write_table(pa.Table.from_pylist(rows), run.path / "predictions.parquet")
    known = run.result
    assert known is not None
    run.write("result.json", replace(known, **result).to_json())
    found = recorded.finished(run)
    assert found is not None
    return found


def clips(errors: list[int]) -> list[dict[str, Any]]:
    return [{"file": str(i), "label": "a b c d", "errors_after": n, "words": 4} for i, n in enumerate(errors)]


def test_word_errors_are_paired_clip_by_clip(tmp_path: Path) -> None:
    ours, theirs = finished(tmp_path / "a", clips([2] * 20)), finished(tmp_path / "b", clips([1] * 20))
    found = paired.verdict(ours, theirs, "B")
    assert found is not None
    assert found.against == "B"
    assert (found.difference.value, found.difference.low, found.difference.high) == pytest.approx((0.25, 0.25, 0.25))
    other = finished(tmp_path / "c", clips([1] * 19))
    assert paired.verdict(ours, other, "C") is None


def test_what_is_kept_without_scores_is_compared_by_both_intervals(tmp_path: Path) -> None:
    rows = [{"file": str(i), "label": "x"} for i in range(5)]
    ours = finished(tmp_path / "a", rows, value=0.9, low=0.86, high=0.93)
    theirs = finished(tmp_path / "b", rows, value=0.5, low=0.46, high=0.53)
    found = paired.verdict(ours, theirs, "B")
    assert found is not None
    assert found.side == "better"
    assert (found.difference.low, found.difference.high) == (pytest.approx(0.35), pytest.approx(0.45))


@pytest.mark.parametrize(
    "run_id", ["recorded_films_seed_00", "recorded_scottish_s_00", "recorded_passengers_00", "recorded_pendulum_late"]
)
def test_a_run_does_not_differ_from_itself(run_id: str) -> None:
    run = recorded.finished(RunFolder(paths.showcase() / run_id))
    assert run is not None
    found = paired.verdict(run, run, "itself")
    assert found is not None
    assert (found.side in {"close", "unclear"}, found.difference.value) == (True, 0.0)


def forecasts(errors: dict[tuple[str, str], float]) -> list[dict[str, Any]]:
    """Two steps from each origin of a series, off by that many of its scale."""
    return [
        {
            "file": f"{series} {origin} +{step}",
            "predicted": 10 + 2 * off,
            "unique_id": series,
            "origin": origin,
            "step": step,
            "y": 10.0,
            "scale": 2.0,
        }
        for (series, origin), off in errors.items()
        for step in (1, 2)
    ]


def test_forecasts_are_paired_series_by_series_and_origin_by_origin(tmp_path: Path) -> None:
    """One series gains 0.4 at each origin and the other loses 0.4: by points in time nothing varies, by series all."""
    origins = [f"2020-0{month}-01" for month in range(1, 9)]
    theirs = {(series, origin): 1.0 for series in ("north", "south") for origin in origins}
    ours = {case: off + (0.4 if case[0] == "north" else -0.4) for case, off in theirs.items()}
    b = finished(tmp_path / "b", forecasts(theirs))
    found = paired.verdict(finished(tmp_path / "a", forecasts(ours)), b, "B")
    assert found is not None
    assert (found.side, found.difference.n) == ("unclear", 32)
    assert found.difference.value == pytest.approx(0.0)
    assert found.difference.low <= -0.4
    assert found.difference.high >= 0.4
    better = {case: off - 0.1 for case, off in theirs.items()}
    found = paired.verdict(finished(tmp_path / "c", forecasts(better)), b, "B")
    assert found is not None
    assert (found.difference.value, found.difference.low, found.difference.high) == pytest.approx((-0.1, -0.1, -0.1))


def test_a_single_forecast_is_compared_by_both_intervals(tmp_path: Path) -> None:
    runs = [
        finished(tmp_path / name, forecasts({("north", "2020-01-01"): off}), value=value, low=value, high=value)
        for name, off, value in (("a", 0.5, 0.5), ("b", 1.0, 1.0))
    ]
    found = paired.verdict(*runs, "B")
    assert found is not None
    assert found.difference.n == runs[0].result.n_test


def episodes(returns: list[list[float]]) -> list[dict[str, Any]]:
    """The episodes of each seed."""
    return [
        {
            "file": f"seed {seed}, episode {episode}",
            "label": "",
            "predicted": value,
            "before": -500.0,
            "length": 200,
            "seed": seed,
        }
        for seed, own in enumerate(returns)
        for episode, value in enumerate(own)
    ]


def test_episodes_are_paired_in_the_same_worlds_over_seeds(tmp_path: Path) -> None:
    """Differences of 1, 2 and 3 by seed: a mean of 2, and t(2) = 4.3027 times 1 / √3 around it."""
    robot: dict[str, Any] = {"details": {"target": {"env": "Pendulum-v1", "physics": {"m": 1.4}}}}
    theirs = finished(tmp_path / "b", episodes([[-100.0, -300.0], [-200.0, -220.0], [-150.0, -90.0]]), **robot)
    ours = finished(tmp_path / "a", episodes([[-99.0, -299.0], [-197.0, -219.0], [-148.0, -86.0]]), **robot)
    found = paired.verdict(ours, theirs, "B")
    assert found is not None
    assert (found.difference.value, found.difference.n, found.difference.seeds) == (pytest.approx(2.0), 6, 3)
    assert (found.difference.low, found.difference.high) == pytest.approx((2 - 2.48414, 2 + 2.48414), abs=1e-4)
    one = [finished(tmp_path / name, episodes([[value] * 9]), **robot) for name, value in (("c", -10.0), ("d", -12.0))]
    found = paired.verdict(*one, "D")
    assert found is not None
    assert (found.difference.value, found.difference.low, found.difference.high) == pytest.approx((2.0, 2.0, 2.0))
    other = finished(tmp_path / "e", episodes([[-12.0] * 9]), details={"target": {"env": "Pendulum-v1"}})
    assert paired.verdict(one[0], other, "another robot") is None
