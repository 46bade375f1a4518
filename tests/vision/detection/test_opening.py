"""What is checked before a detector learns: parts, leaks, boxes that are none, other classes in a separate test."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engines import registry
from engines.contract import InputError
from engines.vision.detection import composites
from engines.vision.detection.annotations.reading import read
from engines.vision.detection.networks.decode import on_picture, on_square
from engines.vision.detection.opening import open_data, require_real
from engines.vision.detection.prepare import input_format
from engines.vision.detection.settings import DetectionSettings
from tests import tiny_boxes

SETTINGS = DetectionSettings()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tiny_boxes.write_data(tmp_path / "data")


@pytest.mark.parametrize(
    "box",
    [[np.inf, 0, 10, 10], [0, 0, np.nan, 10], [10, 0, 10, 10], [20, 0, 10, 10], [0, 0, 10, 1000], [-5, 0, 10, 10]],
)
def test_a_box_that_is_none_never_reaches_torch(data: Path, box: list[float]) -> None:
    picture = read(data).pictures[0]
    require_real(picture)
    bad = replace(picture, boxes=np.array([box], dtype=float), labels=np.array([0]))
    with pytest.raises(InputError, match="has no area, lies outside the picture, or is no number"):
        require_real(bad)


def test_a_class_below_zero_never_reaches_torch(data: Path) -> None:
    picture = read(data).pictures[0]
    with pytest.raises(InputError):
        require_real(replace(picture, boxes=np.array([[0.0, 0, 9, 9]]), labels=np.array([-1])))


def test_every_part_has_some_of_every_class(data: Path) -> None:
    opened = open_data(data, None, SETTINGS, seed=0)
    for part in ("train", "validation", "test"):
        assert all(opened.counted(part).values()), part
    assert any("no objects" in note for note in opened.notes)
    assert open_data(data, None, SETTINGS, seed=1).parts.tolist() != opened.parts.tolist()
    assert open_data(data, None, SETTINGS, seed=1).sha256 == opened.sha256


def test_the_same_picture_is_never_learnt_from_and_tested_on(tmp_path: Path) -> None:
    scenes = tiny_boxes.scenes(5, 12)
    composites.write_coco(tmp_path / "data" / "train", scenes)
    composites.write_coco(tmp_path / "data" / "test", scenes[:3])
    opened = open_data(tmp_path / "data", None, SETTINGS, seed=0)
    assert sum(entry.reason.startswith("is also a test picture") for entry in opened.skipped) == 3
    learnt = {p.sha256 for p, part in zip(opened.pictures, opened.parts, strict=True) if part != "test"}
    assert not learnt & {p.sha256 for p, part in zip(opened.pictures, opened.parts, strict=True) if part == "test"}


def test_a_separate_test_with_another_class_is_refused(data: Path, tmp_path: Path) -> None:
    other = tiny_boxes.write_data(tmp_path / "other")
    table = other / "_annotations.coco.json"
    content = json.loads(table.read_text(encoding="utf-8"))
    content["categories"][0]["name"] = "mauve"
    table.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InputError, match="the class 'mauve' is not among those to learn"):
        open_data(data, other, SETTINGS, seed=0)


def test_without_a_box_to_test_on_nothing_is_measured(tmp_path: Path) -> None:
    composites.write_coco(tmp_path / "data" / "train", tiny_boxes.scenes(5, 12))
    empty = [replace(scene, boxes=[]) for scene in tiny_boxes.scenes(6, 4)]
    composites.write_coco(tmp_path / "data" / "test", empty)
    shutil.copyfile(tmp_path / "data/train/_annotations.coco.json", tmp_path / "kept.json")
    with pytest.raises(InputError, match="no picture with a box is left to test on"):
        open_data(tmp_path / "data", None, SETTINGS, seed=0)


def test_boxes_go_to_the_square_and_back() -> None:
    for width, height in ((640, 480), (333, 1000), (64, 64), (7, 300)):
        boxes = np.array([[0.0, 0, width, height], [width / 4, height / 3, width / 2, height / 2]])
        back = on_picture(on_square(boxes, width, height, 320), width, height, 320)
        np.testing.assert_allclose(back, boxes, atol=1e-9)


def test_a_side_that_has_no_places_is_refused() -> None:
    card = registry.task("vision.detection").models()[0]
    with pytest.raises(InputError, match="found 100; accepted: a multiple of 32, such as 96"):
        input_format(card, DetectionSettings(image_size=100))


def test_pages_are_the_same_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(composites, "PAGES_TRAIN", 8)
    monkeypatch.setattr(composites, "PAGES_TEST", 4)
    one, other = (composites.make("pages", tmp_path / name) for name in ("one", "other"))
    for file in sorted(one.rglob("*.*")):
        assert file.read_bytes() == (other / file.relative_to(one)).read_bytes()
    opened = open_data(one, None, SETTINGS, seed=0)
    assert (len(opened.at("train")) + len(opened.at("validation")), len(opened.at("test"))) == (8, 4)


def test_a_sample_that_needs_something_says_what(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_TUXPAINT", str(tmp_path))
    assert not composites.available("scenes")
    with pytest.raises(InputError, match="tuxpaint-data"):
        composites.make("scenes", tmp_path / "out")
    assert not list((tmp_path / "out").glob("*"))
