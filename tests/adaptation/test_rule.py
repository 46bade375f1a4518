"""Which method, by the number of targets alone; and what is guessed without labels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from engines.adaptation import rule
from engines.adaptation.estimate import accuracy, threshold
from engines.contract import InputError

BY = ("self-training",)


@pytest.mark.parametrize(("n", "method"), [(0, "none"), (29, "none"), (30, "self-training"), (2000, "self-training")])
def test_by_rule_the_first_that_has_enough(n: int, method: str) -> None:
    found = rule.choose("rule", n, BY, "texts")
    assert found.method == method
    assert (f"Only {n} texts" in found.why) == (method == "none")


def test_by_rule_none_where_nothing_gained() -> None:
    assert rule.choose("rule", 500, (), "photographs").method == "none"
    assert "no method gained for sure" in rule.choose("rule", 500, (), "photographs").why


def test_what_is_asked_for_is_done_or_refused() -> None:
    assert rule.choose("coral", 30, BY, "texts").method == "coral"
    assert rule.choose("none", 5, BY, "texts").method == "none"
    with pytest.raises(InputError, match="29 texts, too few for T3A; accepted: 30 texts or more, or adapt=none"):
        rule.choose("t3a", 29, BY, "texts")


def test_what_was_measured_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gain = {"mean": -0.04, "low": -0.1, "high": 0.02, "worst": -0.2}
    known = {"vision.classification": {"shifts": 7, "seeds": 1, "methods": {"tent": gain}}}
    (tmp_path / "measured.json").write_text(json.dumps(known))
    monkeypatch.setattr(rule, "MEASURED", tmp_path / "measured.json")
    rule.measured.cache_clear()
    said = "TENT in 7 measured shifts: -4.0 points on average (95 % interval -10.0 to +2.0), -20.0 at worst."
    assert rule.record("vision.classification", "tent") == said
    assert rule.record("vision.classification", "t3a") == ""
    assert rule.record("text.sentiment", "t3a") == ""
    rule.measured.cache_clear()


def test_as_many_are_sure_as_are_right() -> None:
    confidence = np.array([0.9, 0.5, 0.8, 0.6])
    at = threshold(confidence, np.array([True, False, True, True]))
    assert at == pytest.approx(0.55)
    assert accuracy(confidence, at) == 0.75
    assert accuracy(np.array([0.4, 0.54, 0.99]), at) == pytest.approx(1 / 3)
    assert threshold(confidence, np.ones(4, bool)) == float("-inf")
    assert threshold(confidence, np.zeros(4, bool)) == float("inf")
