"""What changed inside: of every classifier, whatever it did; and refused where it could only show memory."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engines import api, lifecycle, registry
from engines.classification import layers, sweep
from engines.contract import Cancelled, InputError, Strategy
from engines.runs import RunFolder
from tests.contract.conftest import Subject
from tests.contract.tiny import TINY

CLASSIFIERS = ("vision.classification", "text.sentiment", "speech.speaker")
MORE = {"validation_fraction": 0.5, "folds": 0}


@pytest.fixture(scope="module", params=CLASSIFIERS)
def classifier(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Subject:
    folder, tiny = tmp_path_factory.mktemp("data"), TINY[request.param]
    return Subject(
        registry.task(request.param), tiny, tiny.write_data(folder / "data"), *tiny.write_new(folder / "new")
    )


@pytest.fixture(scope="module")
def run(classifier: Subject, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """All of it learnt, and enough was held out."""
    return classifier.run(tmp_path_factory.mktemp("run") / "full", classifier.recipe(Strategy.FULL, **MORE))


def test_every_stage_is_compared_with_what_it_was(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[int, int]] = []
    before = (run.path / "events.jsonl").read_bytes()
    found = api.layers(run.path, lambda done, total: told.append((done, total)))
    assert found["changed"]
    assert [stage["name"] for stage in found["stages"]] == [
        s.name for s in api.task_of(run.path).describe(run.recipe.model).stages
    ]
    for stage in found["stages"]:
        assert stage["moved"] > 0
        assert stage["similarity"] is None or stage["similarity"] <= 1 + 1e-6
        for when in ("before", "after"):
            assert 0 <= stage[when]["low"] <= stage[when]["value"] <= stage[when]["high"] <= 1
    assert found["difference"]["value"] == pytest.approx(
        found["stages"][-1]["after"]["value"] - found["stages"][-1]["before"]["value"]
    )
    assert told[-1] == (found["n"] + found["n_learn"],) * 2
    assert (run.path / "events.jsonl").read_bytes() == before, "nothing happens in a finished run"
    assert json.loads((run.path / "layers.json").read_text(encoding="utf-8")) == found
    monkeypatch.setattr(layers, "_measured", None)  # it is not measured twice
    assert api.layers(run.path) == found
    run.clear_outcome()
    assert run.layers is None


def test_the_held_out_examples_taught_nobody(classifier: Subject, run: RunFolder) -> None:
    recipe = classifier.recipe(Strategy.FULL, **MORE)
    study = classifier.task.open(recipe, layers.Reopened(run, "layers"))
    assert isinstance(study, layers.ClassificationStudy)
    looked = layers.held_out(study, run.path)
    parts = study.prepared.parts
    assert len(looked.read) == len(parts["validation"])
    assert not set(looked.learn) & set(looked.read)
    assert (looked.labels[looked.read] == study.prepared.labels("validation")).all()


def test_in_folds_what_the_kept_network_held_out_is_read(
    classifier: Subject, run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layers, "FEWEST", 1)
    recipe = classifier.recipe(Strategy.FULL, folds=2, validation_fraction=0.4)
    study = classifier.task.open(recipe, layers.Reopened(run, "layers"))
    assert isinstance(study, layers.ClassificationStudy)
    looked = layers.held_out(study, run.path)
    whole = study.whole
    assert whole is not None
    assert whole.checked is not None
    labels = study.everything.part("test").labels.numpy()
    assert (looked.labels[looked.read] == labels[whole.checked.numpy()]).all()
    assert (looked.labels[looked.learn] == labels[whole.chosen.numpy()]).all()
    assert not set(whole.checked.tolist()) & set(whole.chosen.tolist())


def test_what_only_a_head_learnt_changed_nothing(classifier: Subject, tmp_path: Path) -> None:
    run = classifier.run(tmp_path / "features", classifier.recipe(Strategy.FEATURES))
    assert api.layers(run.path) == {"changed": False, "stages": []}


def test_memory_is_refused(classifier: Subject, run: RunFolder) -> None:
    """Without examples that were held out, only those that were learnt from are left, and their probes say nothing."""
    recipe = replace(run.recipe, settings=dict(run.recipe.settings) | {"validation_fraction": 0.0})
    study = classifier.task.open(recipe, layers.Reopened(run, "layers"))
    assert isinstance(study, layers.ClassificationStudy)
    with pytest.raises(InputError, match=r"0 examples were held out .* learnt by heart"):
        layers.held_out(study, run.path)


def test_a_sweep_over_the_blocks_goes_on_where_it_stopped(classifier: Subject, tmp_path: Path) -> None:
    recipe = classifier.recipe(Strategy.FULL, **MORE)
    found = api.sweep(recipe, tmp_path / "sweep", seeds=3, blocks=[1])
    assert [(point["blocks"], point["seeds"]) for point in found["points"]] == [(0, 3), (1, 3)]
    assert all(0 <= point["mean"] <= 1 for point in found["points"])
    run = RunFolder(tmp_path / "sweep")
    assert run.done
    assert run.sweep == found
    kept = sorted((run.path / "trials").glob("*.json"))
    assert len(kept) == 6, "so that more seeds may follow"
    assert json.loads(kept[0].read_text(encoding="utf-8")).keys() == {"value", "seconds"}

    study = lifecycle.opened(classifier.task, recipe, RunFolder.create(recipe, tmp_path / "again"))
    learn, left = sweep.transfer.learn, iter(range(3))

    def for_a_while(*given: Any) -> Any:
        if next(left, None) is None:
            raise Cancelled
        return learn(*given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweep.transfer, "learn", for_a_while)
        with pytest.raises(Cancelled):
            sweep.sweep(study, study.run, 3, [1])
    (first, *_) = three = sorted((tmp_path / "again" / "trials").glob("*.json"))
    assert len(three) == 3
    np.save(first.with_suffix(".npy"), np.array(json.loads(first.read_text(encoding="utf-8"))["value"]))
    first.unlink()  # a sweep of before 0.4 has left it so
    assert sweep.sweep(study, study.run, 3, [1])["points"] == found["points"]


def test_a_sweep_refuses_what_makes_no_curve(classifier: Subject, run: RunFolder) -> None:
    study = classifier.task.open(classifier.recipe(Strategy.FULL, **MORE), layers.Reopened(run, "layers"))
    with pytest.raises(InputError) as refused:
        sweep.sweep(study, run, 2, [99])
    assert [problem.where for problem in refused.value.problems] == ["blocks", "seeds"]


def test_other_data_and_other_tasks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="this is no run folder"):
        api.layers(tmp_path)
    with pytest.raises(InputError, match="of classifiers"):
        registry.task("forecasting.forecast").layers(tmp_path)
    with pytest.raises(InputError, match="there is no trained model in it"):
        registry.task("vision.classification").layers(tmp_path)
