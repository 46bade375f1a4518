"""Which network fits boxes: by what detectors find as they came, by what maps of others say of each; or a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from engines import api, registry
from engines.contract import InputError, Recipe, Strategy
from engines.runs import RunFolder
from engines.vision.detection import rank
from engines.vision.detection.fit import DetectionStudy
from engines.vision.detection.networks.decode import overlaps
from tests import tiny_boxes, tiny_detectors
from tests.contract import tiny

OTHER = "tiny-other"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Pictures with boxes, and three small networks that are here: one for pictures, two detectors."""
    models = tmp_path_factory.mktemp("models")
    tiny._write_test_resnet(models)
    tiny_detectors.write_detr(models, tiny_detectors.DETR_OF_TWO, {0: "Amber", 1: "blue"})
    tiny_detectors.write_detr(models, OTHER, {0: "cat", 1: "dog"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_MODELS", str(models))
        yield tiny_boxes.write_data(tmp_path_factory.mktemp("data") / "boxes")


def asked(data: Path, *models: str):  # type: ignore[no-untyped-def]
    return api.rank("vision.detection", data, models=list(models), settings={"image_size": 64})


def test_detectors_are_ordered_by_what_they_find_and_nothing_else_is_with_them(data: Path) -> None:
    found = asked(data, "test_resnet", tiny_detectors.DETR_OF_TWO, OTHER)
    assert [row["name"] for row in found["models"]] == [tiny_detectors.DETR_OF_TWO]
    assert (found["by"], found["unit"]) == ("metric", "pictures")
    assert sorted(found["left_out"]) == sorted(["test_resnet", OTHER])
    assert 0 <= found["models"][0]["low"] <= found["models"][0]["score"]


def test_networks_for_pictures_are_ordered_by_their_maps_and_no_map_is_foretold(data: Path) -> None:
    found = asked(data, "test_resnet", OTHER)
    assert [row["name"] for row in found["models"]] == ["test_resnet"]
    assert (found["by"], found["unit"], found["left_out"]) == ("features", "boxes", [OTHER])
    assert found["expected"] is found["gain"] is found["models"][0]["expected"] is found["models"][0]["depth"] is None
    assert not any("balanced accuracy" in said for said in found["said"])


def test_where_nothing_can_be_compared_a_sentence(data: Path) -> None:
    with pytest.raises(InputError, match="none of these detectors came with any of these classes"):
        asked(data, OTHER)


def test_places_are_those_of_things_and_as_many_where_nothing_is(data: Path, tmp_path: Path) -> None:
    recipe = Recipe("vision.detection", str(data), "test_resnet", Strategy.FEATURES, settings={"image_size": 64})
    study = registry.task("vision.detection").open(recipe, RunFolder.create(recipe, tmp_path / "run"))
    assert isinstance(study, DetectionStudy)
    pictures = study.prepared.part("train")
    boxes, labels, groups = rank.places_of(pictures, "data", 0)
    assert sum(map(len, boxes)) == len(labels) == len(groups)
    assert set(labels.tolist()) == {rank.NOTHING, 0, 1}
    for number, own in enumerate(pictures.boxes.apart()):
        mine = labels[groups == number]
        things, nothing = (boxes[number].numpy()[chosen] for chosen in (mine >= 0, mine < 0))
        np.testing.assert_allclose(things, own["boxes"].numpy(), atol=1e-5)
        assert len(nothing) == 0 or overlaps(nothing, own["boxes"].numpy()).max() < rank.APART
    seen = rank.within(study.build(pretrained=True, seed=0).eval(), pictures, boxes)
    assert len(seen) == len(labels)
    again = rank.within(study.build(pretrained=True, seed=0).eval(), pictures, boxes)
    assert torch.equal(torch.from_numpy(seen), torch.from_numpy(again))
