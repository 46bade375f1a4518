"""What a search compares trials on, of every task: the test is put away, and what chooses is apart from what learns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engines.contract import Study
from engines.control.policy.fit import PolicyStudy
from engines.forecasting.forecast.fit import ForecastStudy
from engines.runs import RunFolder
from tests.contract.conftest import Subject


def parts(study: Any) -> tuple[set[Any], set[Any]]:
    """What is learnt from, or decides when to stop, and what is tested on."""
    if isinstance(study, PolicyStudy):
        return set(), {study.spec.judged_by(repeat) for repeat in study.spec.repeats}
    if isinstance(study, ForecastStudy):
        learnt = {
            (series, at)
            for series in study.prepared.usable
            if (split := study.prepared.splits[series]) is not None
            for at in range(split.test)
        }
        pairs = zip(study.tested.series.tolist(), study.tested.origins.tolist(), strict=True)
        steps = range(study.prepared.horizon)
        return learnt, {(series, origin + step) for series, origin in pairs for step in steps}
    prepared = study.prepared
    opened = getattr(prepared, "opened", None)

    def at(part: str) -> set[Any]:
        return set(map(int, opened.at(part) if opened is not None else prepared.parts[part]))

    return at("train") | at("validation"), at("test")


def test_what_chooses_is_neither_the_test_nor_what_learns(subject: Subject, tmp_path: Path) -> None:
    recipe = subject.recipe(subject.first)
    study: Study = subject.task.open(recipe, RunFolder.create(recipe, tmp_path / "run"))
    _, tested = parts(study)
    study.hold_back_test()
    study.compute()
    learnt, chooses = parts(study)
    assert tested
    assert chooses
    assert not chooses & tested
    assert not learnt & (tested | chooses)
    assert learnt or isinstance(study, PolicyStudy)
    assert len(study.items().weights)
