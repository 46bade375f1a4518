"""Boxes that are none, or that mean something else: each found, said, and nothing lost."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image, ImageOps

from engines.vision.detection.annotations import conventions, frames
from engines.vision.detection.annotations.judging import judge
from engines.vision.detection.annotations.outlines import box_of
from engines.vision.detection.annotations.reading import read
from engines.vision.detection.annotations.settings import CONVENTIONS, AnnotationSettings
from engines.vision.images.reading import size
from tests.vision.detection.annotations import made

WHOLE = [[10, 20, 60, 50]]


@pytest.mark.parametrize(
    ("box", "sentence"),
    [
        ([math.nan, 1, 5, 5], "one box has a number that is none: annotation 11"),
        ([1, 1, math.inf, 5], "one box has a number that is none: annotation 11"),
        ([1, 1, 10**400, 5], "one box has a number that is none: annotation 11"),
        (["a", 1, 5, 5], "one box has a number that is none: annotation 11"),
        ([50, 50, -10, 5], "one box ends before it begins: annotation 11"),
        ([50, 50, 0, 5], "one box has no area: annotation 11"),
        ([50, 50, 0.5, 5], "one box is smaller than a pixel: annotation 11"),
        ([95, 50, 40, 20], "one box lies mostly outside its picture: annotation 11"),
        ([-500, -500, 10, 10], "one box lies mostly outside its picture: annotation 11"),
        ([-1e300, 0, 1e308, 5], "one box lies mostly outside its picture: annotation 11"),
        ([10, 20, 60, 50], "one box is there twice: annotation 11"),
        ([1, 2, 3], "annotation 11: its bbox is not four numbers"),
    ],
)
def test_a_bad_box_is_left_out_and_named(tmp_path: Path, box: list[Any], sentence: str) -> None:
    made.picture(tmp_path / "a.png")
    made.coco(tmp_path, {"a.png": [*WHOLE, box]})
    found = read(tmp_path, AnnotationSettings(boxes="xywh"))
    assert made.boxes(found) == [[10, 20, 70, 70]]
    assert sentence in made.said(found)


def test_a_box_over_the_edge_is_cut_and_counted(tmp_path: Path) -> None:
    made.picture(tmp_path / "a.png")
    made.coco(tmp_path, {"a.png": [*WHOLE, [60, 40, 50, 30], [0, 0, 100.4, 80.4]]})
    found = read(tmp_path)
    assert made.boxes(found) == [[10, 20, 70, 70], [60, 40, 100, 70], [0, 0, 100, 80]]
    assert found.notes == ["One box goes over the edge of its picture: it was cut to it."]


@given(
    arrays.arrays(np.float64, st.tuples(st.integers(0, 8), st.just(4)), elements=st.floats(width=64)),
    st.tuples(st.integers(1, 300), st.integers(1, 300)),
    st.sampled_from(list(CONVENTIONS)),
)
def test_whatever_is_written_what_stands_is_a_box(numbers: np.ndarray, side: tuple[int, int], convention: str) -> None:
    """Any floats, in any convention: finite, on the picture, at least a pixel; nothing else is promised."""
    boxes = conventions.pixels(numbers, convention, np.array(side, float))
    found = judge(boxes, ["cat"] * len(boxes), side, "a.json", [str(n) for n in range(len(boxes))])
    assert np.isfinite(found.boxes).all()
    assert (found.boxes[:, :2] >= 0).all()
    assert (found.boxes[:, 2:] <= np.array(side)).all()
    assert (found.boxes[:, 2:] - found.boxes[:, :2] >= 1).all()
    assert len(found.boxes) == len(found.kept)
    assert 0 <= conventions.fit(numbers, convention, np.full((len(numbers), 2), side)) <= 1


# --- other conventions ------------------------------------------------------------------------------


def _drawn(n: int = 40) -> np.ndarray:
    """float64 (N, 4): boxes all over pictures of 100 × 80, in whole pixels, none at the very edge."""
    rng = np.random.default_rng(1)
    sides = rng.integers(8, 40, (n, 2))
    first = 1 + rng.integers(0, np.array([99, 79]) - sides)
    return np.hstack([first, first + sides]).astype(float)


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("form", ["coco", "yolo", "voc"])
def test_boxes_in_another_convention_are_recognised_by_how_they_fit(tmp_path: Path, form: str, convention: str) -> None:
    drawn = _drawn()
    numbers = conventions.written(drawn, convention, (100, 80)).tolist()
    made.picture(tmp_path / "a.png")
    if form == "coco":
        made.coco(tmp_path, {"a.png": numbers})
    elif form == "voc":
        made.voc(tmp_path, "a", numbers)
    else:
        made.yolo(tmp_path, "a", [" ".join(["0", *map(str, box)]) for box in numbers])
    found = read(tmp_path)
    guess = next(guess for guess in found.read_as if guess.setting == "boxes")
    if form == "voc" and convention in {"xyxy", "xyxy-from-1"}:  # half a pixel apart: nothing tells but a box at 0
        assert guess.value == "xyxy-from-1"
        return
    same = {"xyxy", "xyxy-from-1"}
    assert guess.value == convention or {guess.value, convention} == same
    assert np.abs(found.pictures[0].boxes - drawn).max() <= (1 if {guess.value, convention} == same else 1e-6)
    told = read(tmp_path, AnnotationSettings(boxes=convention))
    assert np.allclose(told.pictures[0].boxes, drawn)
    if guess.value not in {"xywh", "cxcywh-shares"}:
        assert "By their format they would be" in guess.why


def test_voc_that_begins_at_0_is_counted_from_0(tmp_path: Path) -> None:
    made.picture(tmp_path / "a.png")
    made.voc(tmp_path, "a", [(0, 0, 30, 40), (5, 5, 100, 80)])
    assert made.boxes(read(tmp_path)) == [[0, 0, 30, 40], [5, 5, 100, 80]]
    made.voc(tmp_path, "a", [(1, 1, 30, 40)])
    assert made.boxes(read(tmp_path)) == [[0, 0, 30, 40]]


# --- turned pictures, other sizes -------------------------------------------------------------------


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_box_is_turned_with_its_picture(tmp_path: Path, orientation: int) -> None:
    """Against Pillow: what is white where it is stored is white in the box once it is shown."""
    stored = np.zeros((80, 100), np.uint8)
    stored[10:30, 20:70] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(stored).save(tmp_path / "a.png", exif=exif)
    own = size(tmp_path / "a.png")
    frame = frames.Frame(100, 80, orientation)
    (x0, y0, x1, y1) = frames.upright(np.array([[20.0, 10, 70, 30]]), frame, own)[0].astype(int)
    with Image.open(tmp_path / "a.png") as image:
        shown = np.asarray(ImageOps.exif_transpose(image))
    assert shown.shape == (own.height, own.width)
    assert shown[y0:y1, x0:x1].min() == 255
    assert shown.sum() == 255 * (y1 - y0) * (x1 - x0)


def test_turned_pictures_with_boxes_for_either_orientation(tmp_path: Path) -> None:
    """Width and height in the file say which; else the boxes fit one way only; else it is asked."""
    made.picture(tmp_path / "a.jpg", 100, 80, orientation=6)  # shown as 80 × 100
    made.coco(tmp_path, {"a.jpg": [[50, 10, 45, 20]]})
    by_fit = read(tmp_path)
    assert made.boxes(by_fit) == [[50, 50, 70, 95]]
    assert "pictures: stored (otherwise --set orientation=…: shown)" in made.said(by_fit)
    assert "One picture is turned when it is shown. Their boxes fit them as they are stored." in made.said(by_fit)
    made.coco(tmp_path, {"a.jpg": [[10, 20, 30, 30]]})
    assert made.boxes(read(tmp_path)) == [[10, 20, 40, 50]]
    assert made.boxes(read(tmp_path, AnnotationSettings(orientation="stored"))) == [[30, 10, 60, 40]]
    for stated, boxes in (((100, 80), [[30, 10, 60, 40]]), ((80, 100), [[10, 20, 40, 50]])):
        image = {"id": 1, "file_name": "a.jpg", "width": stated[0], "height": stated[1]}
        made.coco(tmp_path, {"a.jpg": [[10, 20, 30, 30]]}, images=[image])
        assert made.boxes(read(tmp_path)) == boxes
    (tmp_path / "annotations.json").unlink()
    made.yolo(tmp_path, "a", ["0 0.25 0.35 0.3 0.3"])
    shares = read(tmp_path)
    assert np.allclose(shares.pictures[0].boxes, [[8, 20, 32, 50]])
    assert "Their boxes are taken to be drawn on them as they are shown." in made.said(shares)


def test_pictures_of_another_size_than_the_file_says(tmp_path: Path) -> None:
    made.picture(tmp_path / "a.png")
    image: dict[str, Any] = {"id": 1, "file_name": "a.png", "width": 200, "height": 160}
    made.coco(tmp_path, {"a.png": [[20, 40, 120, 100]]}, images=[image])
    scaled = read(tmp_path)
    assert made.boxes(scaled) == [[10, 20, 70, 70]]
    assert "its boxes were scaled" in made.said(scaled)
    made.coco(tmp_path, {"a.png": WHOLE}, images=[{**image, "height": 500}])
    other = read(tmp_path)
    assert made.boxes(other) == [[10, 20, 70, 70]]
    assert "another shape than its annotations say" in made.said(other)
    made.voc(tmp_path, "a", [(11, 21, 70, 70)], size=(0, 0))
    (tmp_path / "annotations.json").unlink()
    assert made.boxes(read(tmp_path)) == [[10, 20, 70, 70]]


# --- outlines ---------------------------------------------------------------------------------------


def test_outlines_become_boxes(tmp_path: Path) -> None:
    made.picture(tmp_path / "a.png")
    mask = np.zeros((80, 100), int)
    mask[20:50, 10:60] = 1
    runs, last = [0], 0
    for value in mask.T.ravel().tolist():
        if value != last:
            runs.append(0)
            last = value
        runs[-1] += 1
    rings = {"segmentation": [[10, 20, 60, 20, 60, 50], [30, 10, 40, 10, 40, 30]]}
    annotations = [
        {"id": 1, "image_id": 1, "category_id": 7, **rings},
        {"id": 2, "image_id": 1, "category_id": 7, "segmentation": {"size": [80, 100], "counts": runs}},
    ]
    made.coco(tmp_path, {"a.png": []}, annotations=annotations)
    found = read(tmp_path)
    assert made.boxes(found) == [[10, 10, 60, 50], [10, 20, 60, 50]]
    assert "2 objects have an outline and no box: the box around each outline was taken." in found.notes
    (tmp_path / "annotations.json").unlink()
    made.yolo(tmp_path, "a", ["0 .1 .25 .6 .25 .6 .625", "1 .1 .2 .3 .2 .3 .5 .1 .5"])
    outlined = read(tmp_path)
    assert made.boxes(outlined) == [[10, 20, 60, 50], [10, 16, 30, 40]]
    assert "2 lines are outlines: the box around each was taken." in outlined.notes


def test_masks_as_the_coco_api_packs_them() -> None:
    """The text of a mask of 4 × 3 pixels, worked out by hand from maskApi.c: runs of 4, 2 and 6."""
    assert box_of({"size": [4, 3], "counts": "426"}) == (1, 0, 2, 2)
    assert box_of({"size": [4, 3], "counts": [3, 3, 6]}) == (0, 0, 2, 4)  # over the edge of a column
    assert box_of({"size": [4, 3], "counts": [12]}) is None
    assert box_of({"size": [4, 3], "counts": "99"}) is None


ANYTHING = st.recursive(st.none() | st.floats() | st.integers() | st.text(), st.lists)


@given(ANYTHING | st.dictionaries(st.text(), st.integers()))
def test_any_outline_is_a_box_or_none(segmentation: object) -> None:
    assert box_of(segmentation) is None or len(box_of(segmentation) or ()) == 4
    assert box_of({"size": [5, 5], "counts": segmentation}) is None
