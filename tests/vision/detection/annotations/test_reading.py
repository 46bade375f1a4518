"""COCO, VOC and YOLO as people bring them: where the boxes are, of which part, and what is said."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from engines.contract import InputError
from engines.vision.detection.annotations import writing
from engines.vision.detection.annotations.reading import read
from engines.vision.detection.annotations.settings import AnnotationSettings
from tests.vision.detection.annotations import made


def test_the_three_formats_say_the_same(tmp_path: Path) -> None:
    """What one program wrote is what another reads: round trips, exact, and in VOC to the pixel."""
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 40, (5, 2))
    drawn = np.hstack([corner, corner + rng.uniform(5, 30, (5, 2))])
    pictures = [
        writing.Labelled("a b;c.png", 100, 80, drawn, np.array([0, 1, 1, 0, 2])),
        writing.Labelled("é.png", 100, 80, np.array([[0.0, 0, 100, 80]]), np.array([1])),
        writing.Labelled("nothing.png", 100, 80, np.zeros((0, 4)), np.zeros(0, int)),
    ]
    classes = ["tabby cat", "<dog> & co", "chat noir"]
    for form, exact in (("coco", 1e-9), ("yolo", 1e-9), ("voc", 0.5)):
        folder = tmp_path / form
        for one in pictures:
            made.picture(folder / one.name)
        for name, content in writing.files(form, pictures, classes).items():
            (folder / name).write_bytes(content)
        found = read(folder)
        assert (found.form, found.skipped, found.notes) == (form, [], [])
        by_name = {one.name: one for one in found.pictures}
        for one in pictures:
            again = by_name[one.name]
            assert np.allclose(again.boxes, one.boxes, rtol=0, atol=exact)
            assert [found.classes[n] for n in again.labels] == [classes[n] for n in one.labels]
        whole = [writing.Labelled(o.name, o.width, o.height, o.boxes, o.labels) for o in found.pictures]
        for name, content in writing.files(form, whole, found.classes).items():
            (folder / name).write_bytes(content)
        for first, second in zip(found.pictures, read(folder).pictures, strict=True):
            atol = 0 if form == "voc" else 1e-9
            assert np.allclose(first.boxes, second.boxes, rtol=0, atol=atol), form


def test_a_zip_with_parts_as_roboflow_writes_it(tmp_path: Path) -> None:
    for part, names in (("train", "abc"), ("valid", "d"), ("test", "e")):
        for name in names:
            made.picture(tmp_path / "set" / part / "images" / f"{name}.png")
            made.yolo(tmp_path / "set", f"{part}/labels/{name}", ["1 0.5 0.5 0.2 0.2"], None)
    stated = {"train": "../train/images", "val": "../valid/images", "test": "../test/images"}
    (tmp_path / "set" / "data.yaml").write_text(json.dumps({**stated, "nc": 2, "names": ["cat", "dog"]}))
    (tmp_path / "set" / "README.dataset.txt").write_text("Anything")
    archive = tmp_path / "set.zip"
    with zipfile.ZipFile(archive, "w") as out:
        for file in sorted((tmp_path / "set").rglob("*.*")):
            out.write(file, file.relative_to(tmp_path))
    found = read(archive)
    assert [one.part for one in found.pictures] == ["test", "train", "train", "train", "val"]
    assert found.classes == ("dog",)
    assert "One class has no box and is left out: cat." in found.notes
    assert made.boxes(found) == [[40, 32, 60, 48]]
    assert "parts: train: 3, val: 1, test: 1" in made.said(found)
    assert {one.part for one in read(archive, AnnotationSettings(parts="none")).pictures} == {""}


def test_parts_of_coco_files_and_of_voc_lists(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        made.picture(tmp_path / "images" / f"{name}.png")
    (tmp_path / "annotations").mkdir()
    made.coco(tmp_path / "annotations", {"a.png": [[1, 2, 30, 40]], "b.png": []}, "instances_train2017.json")
    made.coco(tmp_path / "annotations", {"c.png": [[1, 2, 30, 40]]}, "instances_val2017.json")
    found = read(tmp_path)
    assert [(one.name, one.part, len(one.boxes)) for one in found.pictures] == [
        ("images/a.png", "train", 1),
        ("images/b.png", "train", 0),
        ("images/c.png", "val", 1),
    ]
    for file in (tmp_path / "annotations").iterdir():
        file.unlink()
    for name in ("a", "b", "c"):
        made.voc(tmp_path / "annotations", name, [(1, 1, 30, 40)])
    lists = tmp_path / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("a\nb\n")
    (lists / "test.txt").write_text("c\n")
    (lists / "trainval.txt").write_text("a\nb\nc\n")
    assert [one.part for one in read(tmp_path).pictures] == ["train", "train", "test"]


def test_pictures_without_a_label(tmp_path: Path) -> None:
    """In YOLO a few of them are pictures without objects; where most lack one, their labels were forgotten."""
    for name in "abcd":
        made.picture(tmp_path / f"{name}.png")
    for name in "abc":
        made.yolo(tmp_path, name, ["0 .5 .5 .2 .2"])
    few = read(tmp_path)
    assert len(few.pictures) == 4
    assert "One picture has no label: it counts as one without objects." in made.said(few)
    assert len(read(tmp_path, AnnotationSettings(unlabelled="skip")).pictures) == 3
    (tmp_path / "b.txt").unlink()
    (tmp_path / "c.txt").unlink()
    many = read(tmp_path)
    assert len(many.pictures) == 1
    assert "3 pictures have no label: they were left out." in made.said(many)


@pytest.mark.parametrize(
    ("write", "sentence"),
    [
        (lambda _folder: None, "1 picture, and nothing that says where things are on them"),
        (lambda folder: made.coco(folder, {"a.png": [[0, 0, 0, 0]]}), "no box in it can be used (such as"),
        (lambda folder: made.coco(folder, {"b.png": [[1, 1, 9, 9]]}), "its picture is not among the files"),
    ],
)
def test_nothing_to_learn_from_is_refused(tmp_path: Path, write: object, sentence: str) -> None:
    made.picture(tmp_path / "a.png")
    write(tmp_path)  # type: ignore[operator]
    with pytest.raises(InputError) as error:
        read(tmp_path)
    assert sentence in str(error.value)
    assert "COCO JSON, Pascal VOC XML or YOLO txt" in str(error.value)


def test_a_broken_picture_is_left_out_and_named(tmp_path: Path) -> None:
    made.picture(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"\x89PNG broken")
    made.coco(tmp_path, {"a.png": [[1, 2, 30, 40]], "b.png": [[1, 2, 30, 40]]})
    found = read(tmp_path)
    assert [one.name for one in found.pictures] == ["a.png"]
    assert "b.png: is damaged" in made.said(found)
    assert len(found.pictures[0].sha256) == 64


def test_two_formats_in_one_folder(tmp_path: Path) -> None:
    """Only one is read, that of the most boxes; which, is said, and can be chosen."""
    made.picture(tmp_path / "a.png")
    made.voc(tmp_path, "a", [(1, 1, 30, 40)])
    made.coco(tmp_path, {"a.png": [[0, 0, 30, 40], [20, 20, 30, 40]]})
    found = read(tmp_path)
    assert found.form == "coco"
    assert "There are several kinds: 2 boxes in COCO JSON, 1 box in Pascal VOC. Only one is read." in made.said(found)
    assert read(tmp_path, AnnotationSettings(form="voc")).form == "voc"
    with pytest.raises(InputError, match="there are no YOLO annotations"):
        read(tmp_path, AnnotationSettings(form="yolo"))
