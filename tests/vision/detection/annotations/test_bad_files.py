"""Files of annotations that are broken, disagree with one another, or were made to break a reader."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engines.contract import InputError
from engines.vision.detection.annotations.reading import read
from engines.vision.detection.annotations.settings import AnnotationSettings
from tests.vision.detection.annotations import made

GOOD = [[10, 20, 60, 50]]
LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE annotation [<!ENTITY a "haha">'
    + "".join(f'<!ENTITY {chr(b)} "{f"&{chr(b - 1)};" * 10}">' for b in range(ord("b"), ord("k")))
    + "]><annotation><object><name>&j;</name></object></annotation>"
)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("b.xml", LAUGHS, "b.xml: declares a document type or entities, which are not read"),
        ("b.xml", LAUGHS.encode("utf-16"), "b.xml: declares a document type or entities, which are not read"),
        ("b.xml", "<a>" * 5_000, "b.xml: is nested too deep to be a file of annotations"),
        ("b.xml", "<annotation>", "b.xml: is damaged, or no XML"),
        ("b.xml", "<annotation><object/></annotation>", "b.xml, object 1: has no bndbox with xmin, ymin"),
        ("c.xml", "<annotation/>", "c.xml: its picture is not among the files"),
        ("b.json", '{"images": [', "b.json: is damaged, or no JSON"),
        ("b.json", "[" * 100_000, "b.json: is nested too deep to be a file of annotations"),
        ("b.json", '{"images": [], "annotations": 3}', "b.json: has no list called annotations"),
        ("b.json", b"\xff\xfe\x00", "b.json: is damaged, or no JSON"),
        ("labels/c.txt", "0 .5 .5 .2 .2", "labels/c.txt: its picture is not among the files"),
        ("b.txt", "-1 .5 .5 .2 .2", "b.txt, line 1: has class -1, which is no number of a class"),
        ("b.txt", "1.5 .5 .5 .2 .2", "b.txt, line 1: has class 1.5, which is no number of a class"),
        ("b.txt", "2 .5 .5 .2 .2", "b.txt, line 1: has class 2, and the class file names 2, from 0 on"),
        ("b.txt", "1e400 .5 .5 .2 .2", "b.txt, line 1: has class inf, "),
        ("b.txt", "0 .5 .5 .2", "b.txt, line 1: is no line of a class number and four numbers"),
        ("b.txt", "\n\ncat .5 .5 .2 .2", "b.txt, line 3: is no line of a class number and four numbers"),
        ("b.txt", "0 .5 .5 .2 .2 .9", "One line has a sixth number, as a model's answers have: it was passed over."),
        ("more.yaml", "names: [", "more.yaml: is damaged, or no YAML"),
        ("more.yaml", "names: !!python/object/apply:os.system [ls]", "more.yaml: is damaged, or no YAML"),
        ("more.yaml", "{names: [a, b, c], nc: 4}", "more.yaml says that there are 4 classes and names 3"),
        ("classes.txt", "cat\nhorse\n", "classes.txt names other classes than data.yaml, which was taken."),
    ],
)
def test_one_bad_file_is_left_out_and_named(tmp_path: Path, name: str, content: str | bytes, sentence: str) -> None:
    """Beside one good file, which is read; of whatever kind the bad one is."""
    for picture in ("a", "b"):
        made.picture(tmp_path / f"{picture}.png")
    kind = Path(name).suffix
    if kind == ".xml":
        made.voc(tmp_path, "a", [(11, 21, 70, 70)])
    elif kind == ".json":
        made.coco(tmp_path, {"a.png": GOOD})
    else:
        made.yolo(tmp_path, "a", ["0 .4 .5625 .6 .625"])
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    found = read(tmp_path)
    assert sentence in made.said(found)
    assert made.boxes(found) == [[10, 20, 70, 70]]


def test_a_million_boxes(tmp_path: Path) -> None:
    """On one picture the rest is left out; in a file of labels that large nothing is read. Memory stays bearable."""
    made.picture(tmp_path / "a.png")
    made.picture(tmp_path / "b.png")
    made.yolo(tmp_path, "a", ["0 .4 .5625 .6 .625"])
    (tmp_path / "b.txt").write_bytes(b"0 .4 .5 .6 .6\n" * 1_000_000)
    tracemalloc.start()
    found = read(tmp_path)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "b.txt: is larger than the 4 MB that are read" in made.said(found)
    assert most < 20 << 20
    entry = '{"id":1,"image_id":1,"category_id":7,"bbox":[10,20,60,50]},'
    made.coco(tmp_path, {"a.png": []})
    start, end = (tmp_path / "annotations.json").read_text().split('"annotations": []')
    (tmp_path / "annotations.json").write_text(f'{start}"annotations": [{entry * 100_000}{entry[:-1]}]{end}')
    many = read(tmp_path)
    assert made.boxes(many) == [[10, 20, 70, 70]]
    assert "has more than 5,000 boxes on a picture: 95,001 were left out" in made.said(many)
    assert "4,999 boxes, of which each is there twice: annotation 1" in made.said(many)


def test_ids_that_are_there_twice_or_belong_to_nothing(tmp_path: Path) -> None:
    for name in "ab":
        made.picture(tmp_path / f"{name}.png")
    images: list[dict[str, Any]] = [
        {"id": 1, "file_name": "a.png"},
        {"id": 1, "file_name": "b.png"},
        {"id": "9", "file_name": "a.png"},
        {"file_name": "b.png"},
    ]
    annotations: list[Any] = [
        {"id": 1, "image_id": 1.0, "category_id": "7", "bbox": GOOD[0]},
        {"id": 1, "image_id": 1, "category_id": 40, "bbox": [1, 1, 20, 20]},
        {"id": 2, "image_id": 5, "category_id": 7, "bbox": GOOD[0]},
        {"id": 3, "image_id": 1, "category_id": 8, "bbox": GOOD[0]},
        {"id": 4, "image_id": 1, "category_id": 7, "bbox": [0, 0, 90, 70], "iscrowd": 1},
        "no object",
    ]
    categories = [
        {"id": 7, "name": "cat"},
        {"id": 40, "name": "Cat"},
        {"id": 40, "name": "dog"},
        {"id": 90, "name": "x"},
    ]
    made.coco(tmp_path, {"a.png": []}, images=images, annotations=annotations, categories=categories)
    found = read(tmp_path)
    said = made.said(found)
    assert [one.name for one in found.pictures] == ["a.png"]
    assert found.classes == ("cat", "Cat")
    assert found.pictures[0].labels.tolist() == [0, 1]
    for sentence in (
        "annotations.json: b.png: its id is that of an image before it",
        "a.png: has its boxes from annotations.json already, not from annotations.json",
        "annotations.json: an entry of its images has no id or no file_name",
        "annotations.json, annotation 2: belongs to an image that is not listed",
        "annotations.json, annotation 3: its category 8 is not listed",
        "annotations.json, category 'dog': the category id 40 is also that of 'Cat'",
        "One box is marked as a crowd (iscrowd) and left out: it is around many objects at once.",
        "annotations.json: an entry of its annotations is no object",
        "'Cat' and 'cat' differ only in capital letters and are kept apart.",
        "One class has no box and is left out: x.",
        "b.png: has no label",
    ):
        assert sentence in said


def test_no_class_file(tmp_path: Path) -> None:
    made.picture(tmp_path / "a.png")
    made.yolo(tmp_path, "a", ["3 .4 .5 .6 .6", "12 .4 .5 .5 .5"], None)
    found = read(tmp_path)
    assert found.classes == ("class 12", "class 3")
    assert "There is no data.yaml and no classes.txt" in made.said(found)


@pytest.mark.parametrize("line", ["0,0.4,0.5625,0.6,0.625", "0;0.4;0.5625;0.6;0.625", "0\t0,4\t0,5625\t0,6\t0,625"])
def test_other_separators_and_decimal_commas(tmp_path: Path, line: str) -> None:
    made.picture(tmp_path / "a.png")
    made.yolo(tmp_path, "a", [line])
    assert made.boxes(read(tmp_path)) == [[10, 20, 70, 70]]


def test_many_missing_pictures_are_named_once(tmp_path: Path) -> None:
    made.picture(tmp_path / "a.png")
    made.coco(tmp_path, {"a.png": GOOD, **{f"{n}.png": GOOD for n in range(200)}})
    found = read(tmp_path)
    assert len(found.skipped) == 51
    assert found.skipped[-1].where == "150 more"


# --- whatever parses --------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["id", "image_id", "category_id", "bbox", "segmentation", "file_name", "name", "iscrowd", "x"]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)
OFTEN = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@OFTEN
@given(JSON, JSON, JSON)
def test_any_json_is_read_or_refused(tmp_path: Path, images: Any, annotations: Any, categories: Any) -> None:
    made.picture(tmp_path / "a.png", 20, 20)
    known = {"id": 1, "file_name": "a.png"}
    content = {
        "images": [known, *images] if isinstance(images, list) else images,
        "annotations": [{"image_id": 1, **annotations}] if isinstance(annotations, dict) else annotations,
        "categories": categories,
    }
    (tmp_path / "a.json").write_text(json.dumps(content))
    _survives(tmp_path)


@OFTEN
@given(st.text(alphabet="01 .,;-\n\tein"), st.text(alphabet="[]{}:, -abnmes\n0*&!"))
def test_any_text_is_read_or_refused_in_a_sentence(tmp_path: Path, labels: str, described: str) -> None:
    made.picture(tmp_path / "a.png", 20, 20)
    (tmp_path / "a.txt").write_text(labels)
    (tmp_path / "data.yaml").write_text(f"names: {described}")
    _survives(tmp_path)


@OFTEN
@given(st.binary(max_size=60), st.integers(0, 10_000))
def test_any_xml_is_read_or_refused_in_a_sentence(tmp_path: Path, noise: bytes, at: int) -> None:
    made.picture(tmp_path / "a.png", 20, 20)
    made.voc(tmp_path, "a", [(1, 1, 9, 9)])
    whole = (tmp_path / "a.xml").read_bytes()
    at %= len(whole)
    (tmp_path / "a.xml").write_bytes(whole[:at] + noise + whole[at + len(noise) :])
    _survives(tmp_path)


def _survives(folder: Path) -> None:
    try:
        found = read(folder, AnnotationSettings())
    except InputError:
        return
    assert all((one.boxes[:, 2:] > one.boxes[:, :2]).all() for one in found.pictures)
