"""What is frozen runs once, and nothing comes out otherwise for it; what nobody looks at finds next to nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engines import registry
from engines.contract import Recipe, Strategy
from engines.runs import RunFolder
from engines.training import strategies
from engines.training.examples import paired
from engines.training.staged import Staged
from engines.vision.detection import predictions, prepare, train
from engines.vision.detection.evaluation import baselines, metrics
from engines.vision.detection.evaluation.metrics import Found
from engines.vision.detection.fit import DetectionStudy
from engines.vision.detection.networks import pyramid
from engines.vision.images import zoom
from engines.vision.models import backbones
from tests import tiny_boxes


@pytest.fixture
def study(tmp_path: Path) -> DetectionStudy:
    data = tiny_boxes.write_data(tmp_path / "data")
    settings = {"image_size": 64, "epochs": 1}
    recipe = Recipe("vision.detection", str(data), "test_resnet", Strategy.PARTIAL, settings=settings)
    found = registry.task("vision.detection").open(recipe, RunFolder.create(recipe, tmp_path / "run"))
    assert isinstance(found, DetectionStudy)
    return found


def random_network() -> Staged:
    return pyramid.build(backbones.describe("test_resnet"), 2, pretrained=False, seed=0)


@pytest.mark.parametrize("strategy", [Strategy.FEATURES, Strategy.PARTIAL])
def test_kept_maps_give_what_the_whole_network_gives(study: DetectionStudy, strategy: Strategy) -> None:
    network = random_network()
    strategies.apply(network, strategy, study.settings)
    network.eval()
    spec = study.train_spec(study.settings, 0, study.run, np.arange(12), np.arange(0))
    behind = train.behind(spec, network, spec.training, varied=True)
    assert behind is not spec.training
    at = torch.arange(12)
    kept, plain = (paired(each, at, torch.Generator().manual_seed(3)) for each in (behind, spec.training))
    with torch.no_grad():
        assert torch.allclose(network(kept.inputs, network.boundary), network(plain.inputs), atol=1e-4)
    assert torch.equal(kept.targets.boxes, plain.targets.boxes)
    assert not torch.equal(kept.targets.boxes, spec.training.boxes.boxes), "some are mirrored"
    few = torch.tensor([7, 2])
    with torch.no_grad():
        some = network(behind.subset(few).plain(torch.arange(2)), network.boundary)
        assert torch.allclose(some, network(spec.training.plain(few)), atol=1e-4)


def test_boxes_go_along_when_pictures_are_shown_in_another_size() -> None:
    """A bright box on dark ground is where its box says, however it is shown."""
    picture = torch.zeros(1, 3, 64, 64)
    picture[:, :, 16:32, 24:48] = 1.0
    boxes, labels = torch.tensor([[[24.0, 16, 48, 32], [60, 60, 64, 64]]]), torch.tensor([[1, 0]])
    factors = []
    for seed in range(20):
        how = zoom.drawn(1, 64, 0.5, torch.Generator().manual_seed(seed))
        factors.append(float(how[0, 0]))
        own, left = zoom.along(boxes, labels, how, 64)
        bright = zoom.zoomed(picture, how)[0, 0] > 0.5
        if left[0, 0] != 1:
            assert bright.sum() < 0.4 * 24 * 16 * factors[-1] ** 2, "hardly any of it is seen"
            continue
        rows, columns = bright.any(1).nonzero(), bright.any(0).nonzero()
        seen = torch.stack([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]).flatten()
        assert (own[0, 0] - seen).abs().max() <= 1.5, (how, own, seen)
    assert min(factors) < 0.7
    assert max(factors) > 1.3


def test_what_is_cut_off_is_no_box_any_more() -> None:
    boxes, labels = torch.tensor([[[0.0, 0, 8, 8], [30, 30, 40, 40], [29, 29, 37, 37]]]), torch.tensor([[2, 1, 0]])
    own, left = zoom.along(boxes, labels, torch.tensor([[2.0, -64, -64]]), 64)
    assert left.tolist() == [[1, 0, -1]]
    assert own.tolist() == [[[0, 0, 16, 16], [0, 0, 10, 10], [0, 0, 0, 0]]]


def test_sizes_vary_also_behind_what_is_frozen(study: DetectionStudy) -> None:
    """What is kept is what the network sees of the picture in that size, and half of a batch is seen so."""
    network = random_network()
    strategies.apply(network, Strategy.PARTIAL, study.settings)
    network.eval()
    spec = study.train_spec(study.settings, 0, study.run, np.arange(12), np.arange(0))
    spec.training.scale_jitter = 0.5
    at = torch.arange(12)
    behind = train.behind(spec, network, spec.training, varied=True)
    assert isinstance(behind, prepare.Behind)
    assert len(behind.resized) == 4
    for number, (seen, boxes) in enumerate(behind.resized):
        view = prepare.Resized(spec.training, number)
        with torch.no_grad():
            kept, plain = network(seen.plain(at), network.boundary), network(view.plain(at))
        assert torch.allclose(kept, plain, atol=1e-4)
        assert torch.equal(boxes.boxes, view.boxes.boxes)
        assert torch.equal(view.subset(at[5:7]).plain(at[:2]), view.plain(at[5:7]))
    same = []
    for epoch in range(20):
        found = paired(behind, at, torch.Generator().manual_seed(epoch)).targets.boxes
        mirrored = behind.boxes.mirrored(torch.ones(12, dtype=torch.bool), spec.training.size).boxes
        as_it_is = (found == behind.boxes.boxes).flatten(1).all(1) | (found == mirrored).flatten(1).all(1)
        same += as_it_is.tolist()
    assert 0.3 < np.mean(same) < 0.7
    few = behind.subset(at[:3])
    assert len(few.resized[0][0]) == 3
    whole = paired(spec.training, at, torch.Generator().manual_seed(0))
    assert whole.inputs.shape == (12, 3, 64, 64)
    assert not torch.equal(whole.targets.boxes, spec.training.boxes.boxes)


def test_without_flip_nothing_is_mirrored(study: DetectionStudy) -> None:
    pictures = study.prepared.part("train")
    pictures.flip = False
    found = paired(pictures, torch.arange(8), torch.Generator().manual_seed(3))
    assert torch.equal(found.targets.boxes, pictures.boxes.boxes[:8])
    assert torch.equal(found.inputs, pictures.plain(torch.arange(8)))


def test_a_number_that_is_none_is_told_and_not_counted(study: DetectionStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    study.compute()
    monkeypatch.setattr(study, "build", lambda **_given: random_network())
    real = train.predict

    def broken(*given: object, **more: object) -> torch.Tensor:
        said = real(*given, **more)  # type: ignore[arg-type]
        said[:, 0, 0] = torch.nan
        return said

    monkeypatch.setattr(train, "predict", broken)
    trial = study.trial(Strategy.PARTIAL)
    assert all(np.isfinite(each.boxes).all() for each in trial.found)
    assert any("were no numbers" in note for note in study.notes)


def test_the_usual_boxes_are_learnt_and_the_same_everywhere(study: DetectionStudy) -> None:
    pictures = study.prepared.opened.pictures
    found = baselines.usual_boxes(pictures, [(64, 64), (128, 64)], 2)
    assert found[0].labels.tolist() == found[1].labels.tolist()
    np.testing.assert_allclose(found[1].boxes, found[0].boxes * [2, 1, 2, 1])
    own = metrics.matched(baselines.usual_boxes(pictures, study.sizes("test"), 2), study.truth, 2)
    assert own.mean(overlaps=slice(0, 1)) < 0.5


def test_a_thing_is_found_once() -> None:
    boxes = np.array([[0.0, 0, 10, 10], [0, 0, 10, 9], [30, 30, 40, 40]])
    found = Found(boxes, np.array([0, 0, 1]), np.array([0.9, 0.8, 0.7]))
    there = np.array([[0.0, 0, 10, 10], [30, 30, 40, 41]])
    assert predictions.matched(found, there, np.array([0, 0])).tolist() == [True, False, False]
    assert predictions.in_words(["cat", "dog", "cat"]) == "2 cat, dog"
    assert predictions.in_words([]) == "nothing"


def test_what_it_finds_is_measured_after_each_pass(study: DetectionStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a test: by the same definition, on the same pictures."""
    monkeypatch.setattr(study, "build", lambda **_given: random_network())
    study.settings = replace(study.settings, epochs=8, learning_rate=1e-2, patience=8)
    trial = study.trial(Strategy.PARTIAL)
    checks = train.behind(trial.spec, trial.network, study.prepared.part("validation"))
    value = train.precision(trial.spec, trial.network, checks)
    found = train.find(trial.spec, trial.network, study.prepared.part("validation"), study.sizes("validation"))
    matches = metrics.matched(found, study.prepared.truth("validation"), 2)
    assert value == pytest.approx(matches.mean(overlaps=slice(0, 1)), abs=1e-9)
    assert value > 0
    measured = [row["validation_metric"] for row in trial.progress.history]
    assert len(measured) == 8
    assert measured[trial.progress.best_epoch - 1] == pytest.approx(value, abs=1e-3)
