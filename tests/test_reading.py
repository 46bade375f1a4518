"""Data written down in other ways are read as they were meant: a sample of benchmarks/reading.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.reading import judge
from benchmarks.reading_variations import Variation, variations

EVERY = 5
"""Of the variations of a task, each so many-th is tried here; the benchmark tries all of them."""


def chosen(task: str) -> list[Variation]:
    """The plain one of each truth, and a sample of the others."""
    own = [variation for variation in variations() if variation.task == task]
    plain = {truth: next(v for v in own if v.truth == truth) for truth in {v.truth for v in own}}
    return [*plain.values(), *(v for v in own[::EVERY] if v not in plain.values())]


@pytest.mark.parametrize(
    "task", ["vision.classification", "text.sentiment", "speech.transcription", "forecasting.forecast"]
)
def test_what_is_not_ambiguous_is_read_right_and_nothing_is_misread(task: str, tmp_path: Path) -> None:
    found = judge(chosen(task), tmp_path)
    assert len(found) > 8
    assert [(one.variation.what, one.said) for one in found if one.outcome == "misread"] == []
    assert [
        (one.variation.what, one.said) for one in found if one.outcome != "right" and not one.variation.ambiguous
    ] == []
