"""What an answer of `rank` says, and when it says nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engines.evidence import ranking
from engines.evidence.ranking import Candidate
from engines.evidence.scores import Accuracies

N = 60
LABELS = np.arange(N) % 2


def candidate(apart: float, depth: int, seed: int = 0) -> Candidate:
    rng = np.random.default_rng(seed)
    seen = rng.normal(size=(N, 8)) + apart * np.eye(2, 8)[LABELS]
    return Candidate("net", depth, 3, seen.astype(np.float32))


def answer(*candidates: Candidate) -> dict[str, Any]:
    chance = [candidate(0.0, depth, seed=9).features for depth in (1, 2, 3)]
    found = ranking.by_features(candidates, lambda _: chance, LABELS, np.arange(N), seed=0)
    return found | {"n": N, "unit": "pictures", "mismatch": None, "task": "vision.classification"}


def test_the_depth_that_separates_comes_first_and_its_gain_is_told() -> None:
    found = answer(candidate(0.0, 1, seed=1), candidate(6.0, 2, seed=2), candidate(0.5, 3, seed=3))
    rows = found["models"]
    assert rows[0]["depth"] == 2
    assert rows[0]["score"] == 1
    assert {row["depth"] for row in rows if row["expected"]} == {2, 3}  # the best, and the whole network
    assert found["expected"]["value"] > 0.95
    assert found["gain"]["value"] > 0.3
    said = " ".join(ranking.sentences(found))
    assert "net at block 2 comes first, and 60 pictures suffice to tell it from all others." in said
    assert "points more than the same network gives with random weights." in said
    assert ranking.UNPLACED in said, "why nothing is said of the mismatch"


def test_what_cannot_be_told_apart_is_said() -> None:
    same = candidate(1.0, 3).features
    found = answer(*(Candidate("net", depth, 3, same) for depth in (1, 2, 3)))
    assert ranking.sentences(found)[0] == "On 60 pictures these 3 can't be told apart."
    assert not any(row["told_apart"] for row in found["models"])


def test_a_gain_that_may_be_nothing_is_called_so() -> None:
    found = answer(candidate(0.0, 3, seed=4))
    assert "which may be nothing" in " ".join(ranking.sentences(found))


def test_without_features_models_are_ordered_by_their_metric_as_they_came() -> None:
    right = {"good": np.ones(40), "poor": np.r_[np.ones(10), np.zeros(30)]}
    labels = np.arange(40) % 2
    scores = {name: Accuracies(labels, [values]) for name, values in right.items()}
    found = ranking.by_scores(scores, higher_is_better=True)
    assert [(row["name"], row["rank"], row["told_apart"]) for row in found["models"]] == [
        ("good", 1, False),
        ("poor", 2, True),
    ]
    assert found["expected"] is None
    worst_first = ranking.by_scores(scores, higher_is_better=False)
    assert [row["name"] for row in worst_first["models"]] == ["poor", "good"]


def test_how_good_the_order_is_stands_beside_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(ranking, "TRACK_RECORD", tmp_path / "record.json")
    record = {"a.b": {"sets": 8, "spearman": 0.5, "regret": 4.2, "worst": 9.7}}
    ranking.TRACK_RECORD.write_text(json.dumps(record), encoding="utf-8")
    said = "On 8 sets of our own, the first of such an order was 4.2 points below the best on average and 9.7 at worst "
    said += "(Spearman 0.50)."
    assert ranking.track_record("a.b") == said
    assert ranking.track_record("a.c") == "How good such an order is was not measured for this task."


def test_who_has_left_is_not_worked_for(tmp_path: Path) -> None:
    class Gone(Exception):
        pass

    def progress(_done: int, _total: int) -> None:
        raise Gone

    aside = ranking.Aside(tmp_path, progress)
    aside.emit("progress", phase="checking", done=1, total=2)
    with pytest.raises(Gone):
        aside.check_cancelled()
    with pytest.raises(Gone):
        aside.emit("progress", phase="ranking", done=1, total=2)


def test_few_are_drawn_once_and_in_order() -> None:
    assert ranking.some(3, 5, 0) == [0, 1, 2]
    assert ranking.some(100, 5, 0) == ranking.some(100, 5, 0) == sorted(set(ranking.some(100, 5, 0)))
