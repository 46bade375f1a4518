"""The table of docs/evidence.md: what was compared, whatever came of it, and what was never said."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from benchmarks import evidence
from engines import registry
from engines.contract import Estimate, Verdict


def line(word: Any, side: Any, n: int = 200, seeds: int = 5, low: float = -0.02, high: float = 0.1) -> Any:
    scope: Any = "training" if seeds > 1 else "networks"
    info = registry.task("vision.classification").info
    found = Verdict(word, Estimate(0.04, low, high, n, seeds), "scratch", side, scope)
    return evidence.Line("", "digits", info.domain, info.name, info.metric, "features", found)


def test_a_row_says_what_was_measured_and_on_what() -> None:
    assert evidence.row(line("undecided", "unclear")) == (
        "vision",
        "digits",
        "training from scratch",
        "+4.0 points balanced accuracy, higher is better",
        "-2.0 to +10.0",
        "undecided",
        "200",
        "5",
        "9 points",  # half the interval, .06, times 1 + .84 / 1.96
    )
    assert evidence.row(line(None, "better", seeds=1))[5] == "better than"


def test_a_word_that_was_never_said_is_named_with_the_test_it_takes() -> None:
    said = evidence.never([line("pays", "better"), line("undecided", "unclear")])
    assert "none came to **hurts**, **no difference**." in said
    assert "- over 5 seeds: with about" in said
    assert "was undecided with 200 test examples; were seeds all alike, about 1,600 would show 3 points" in said
    every = [("pays", "better"), ("hurts", "worse"), ("no_difference", "close"), ("undecided", "unclear")]
    assert evidence.never([line(*one) for one in every]) == "Each of the four words was said at least once."


def test_one_seed_is_never_among_the_ways_of_training() -> None:
    text = evidence.told([line("pays", "better"), line(None, "better", seeds=1), line(None, "unclear", seeds=1)])
    ways, networks, _ = text.split("### ")[1:]
    assert "Comparisons over several seeds: 1." in ways
    assert ways.count("| vision |") == 1
    assert networks.count("| vision |") == 2


def test_kept_comparisons_are_read_and_so_are_the_recorded_runs(tmp_path: Path) -> None:
    found = Verdict("pays", Estimate(0.2, 0.1, 0.3, 60, 5), "scratch", "better", "training")
    kept = {"sample": "digits", "task": "vision.classification", "strategy": "features", **asdict(found)}
    (tmp_path / "digits.json").write_text(json.dumps(kept), encoding="utf-8")
    (read,) = evidence.compared(tmp_path)
    assert (read.title, read.verdict) == ("digits", found)
    recorded = list(evidence.recorded())
    assert {one.domain for one in recorded} == {"vision", "text", "speech", "forecasting", "control"}
    assert not [one for one in recorded if one.verdict.difference.seeds == 1 and one.of_training]


@pytest.mark.parametrize("comparison", evidence.RUNS, ids=lambda found: found.sample)
def test_each_comparison_names_a_sample_that_there_is(comparison: evidence.Comparison) -> None:
    assert comparison.sample in [sample.name for sample in registry.task(comparison.task).samples()]
