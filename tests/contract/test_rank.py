"""Every task says which model fits, before anything is trained, or says in a sentence why it cannot."""

from __future__ import annotations

import json

import pytest

from engines import api
from engines.classification.classification_task import ClassificationTask
from engines.contract import InputError
from tests.contract.conftest import TEMPLATE, Subject

OF_A_MODEL = {"name", "depth", "score", "rank", "low", "high", "told_apart", "title"}
OF_ALL = {"models", "expected", "gain", "mismatch", "n", "unit", "sha256", "left_out", "seed", "seconds", "said"}


def test_what_rank_answers(subject: Subject) -> None:
    task = subject.task
    told: list[tuple[int, int]] = []
    if task.info.name in TEMPLATE:
        with pytest.raises(InputError, match=task.info.name):
            api.rank(task.info.name, subject.data)
        return
    models = [subject.tiny.model]
    settings = subject.settings.changed()
    found = api.rank(
        task.info.name, subject.data, models=models, settings=settings, progress=lambda *at: told.append(at)
    )
    assert json.loads(json.dumps(found, allow_nan=False))["models"] == found["models"]
    assert found.keys() >= OF_ALL
    assert found["said"]
    assert [row["rank"] for row in found["models"]] == list(range(1, len(found["models"]) + 1))
    assert all(row.keys() >= OF_A_MODEL for row in found["models"])
    assert all(row["low"] <= row["score"] <= row["high"] for row in found["models"])
    assert not found["models"][0]["told_apart"]
    assert told[-1][0] == told[-1][1]
    if isinstance(task, ClassificationTask):
        stages = len(task.describe(models[0]).stages)
        assert sorted(row["depth"] for row in found["models"]) == list(range(1, stages + 1))
        assert 0 <= found["expected"]["value"] <= 1
        assert found["gain"]["error"] > 0
        again = api.rank(task.info.name, subject.data, models=models, settings=settings)
        assert again["models"] == found["models"]


def test_a_model_that_is_not_here(subject: Subject) -> None:
    with pytest.raises(InputError):
        api.rank(subject.task.info.name, subject.data, models=["no-such-model"])
