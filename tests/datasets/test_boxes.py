"""Pictures with boxes as a data set made in the app: events, undo, and what is exported reads back."""

from __future__ import annotations

import io
import math
import zipfile

import numpy as np
import pytest
from PIL import Image

from engines.contract import InputError
from engines.datasets.folder import DatasetFolder
from engines.datasets.state import Box
from engines.vision.detection.annotations import drawn
from engines.vision.detection.annotations.reading import read


def jpeg(number: int, width: int = 100, height: int = 80, orientation: int = 1) -> bytes:
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = orientation
    pixels = np.random.default_rng(number).integers(0, 255, (height, width, 3), np.uint8)
    Image.fromarray(pixels).save(file, "JPEG", exif=exif)
    return file.getvalue()


def dataset(n: int = 1) -> tuple[DatasetFolder, list[str]]:
    made = DatasetFolder.create("boxes", "Cups")
    return made, [made.add(jpeg(number), f"{number}.jpg") for number in range(n)]


def test_what_is_drawn_stands_and_can_be_undone() -> None:
    made, [item] = dataset()
    empty = made.sha256
    made.draw(item, (100, 80), Box("a", "cup", 10, 20, 60, 50))
    made.draw(item, (100, 80), Box("b", "plate", 70, 5, 20, -3))  # drawn from the right, and over the edge
    [there] = made.state().items
    assert [(box.id, box.label, box.x0, box.y0, box.x1, box.y1) for box in there.boxes] == [
        ("a", "cup", 10, 20, 60, 50),
        ("b", "plate", 20, 0, 70, 5),
    ]
    assert made.state().counts == {"cup": 1, "plate": 1}
    made.draw(item, (100, 80), Box("a", "plate", 0, 0, 9, 9))
    made.rename_class("plate", "dish")
    assert [(box.id, box.label, box.x1) for box in made.state().items[0].boxes] == [("a", "dish", 9), ("b", "dish", 70)]
    made.erase(item, ["b"])
    made.remove_class("dish")
    assert made.state().items[0].boxes == ()
    for _unused in range(6):
        made.undo()
    assert made.state().items[0].boxes == ()
    assert made.sha256 == empty
    made.look(item, (100, 80))
    assert made.state().labelled
    assert made.sha256 != empty
    made.look(item, (100, 80), done=False)
    assert made.sha256 == empty


@pytest.mark.parametrize("sides", [(5, 5, 5.5, 30), (200, 5, 300, 30), (math.nan, 0, 9, 9), (0, 0, math.inf, 9)])
def test_a_box_that_is_none_is_refused(sides: tuple[float, float, float, float]) -> None:
    made, [item] = dataset()
    with pytest.raises(InputError, match="smaller than a pixel, or not on its picture"):
        made.draw(item, (100, 80), Box("a", "cup", *sides))
    with pytest.raises(InputError, match="no name"):
        made.draw(item, (100, 80), Box("a", " ", 1, 1, 9, 9))
    assert made.state().items[0].boxes == ()


@pytest.mark.parametrize("form", ["coco", "voc", "yolo"])
def test_what_is_exported_is_read_back(form: str) -> None:
    """Pictures without objects too, once somebody said so; not those nobody looked at. One is stored turned."""
    made, ids = dataset(3)
    turned = made.add(jpeg(9, orientation=6), "turned é.jpg")
    made.draw(ids[0], (100, 80), Box("a", "cup", 10, 20, 60, 50))
    made.draw(turned, (80, 100), Box("b", "odd, name", 5, 60, 75, 99))
    made.look(ids[1], (100, 80))
    out = drawn.kept_export(made, form)
    assert drawn.kept_export(made, form) == out
    with zipfile.ZipFile(out) as archive:
        assert sum(name.endswith(".jpg") for name in archive.namelist()) == 3
    found = read(out)
    assert (found.form, found.classes, found.skipped) == (form, ("cup", "odd, name"), [])
    by_name = {picture.name.split("/")[-1][:6]: picture for picture in found.pictures}
    assert np.allclose(by_name["0-" + ids[0][:4]].boxes, [[10, 20, 60, 50]])
    assert by_name["1-" + ids[1][:4]].boxes.shape == (0, 4)
    assert np.allclose(by_name["turned"].boxes, [[5, 60, 75, 99]])


def test_the_picture_to_draw_on_is_upright_and_small() -> None:
    made = DatasetFolder.create("boxes", "Cups")
    item = made.add(jpeg(0, 2000, 1000, orientation=6), "a.jpg")
    found = drawn.view(made, item)
    assert (found["width"], found["height"]) == (1000, 2000)
    with Image.open(found["path"]) as image:
        assert image.size == (640, 1280)
    with pytest.raises(InputError, match=r"no picture\.txt: is no image we can read"):
        drawn.view(made, made.add(b"words", "no picture.txt"))
    with pytest.raises(InputError, match="not in the data set any more"):
        drawn.view(made, "gone")


def test_too_few_pictures_with_boxes_are_a_sentence() -> None:
    made, ids = dataset(4)
    for item in ids[:3]:
        made.draw(item, (100, 80), Box("a", "cup", 10, 20, 60, 50))
    with pytest.raises(InputError, match="3 of its pictures have boxes; draw boxes on 4 or more"):
        drawn.require_trainable(made.state())
    made.draw(ids[3], (100, 80), Box("a", "cup", 10, 20, 60, 50))
    drawn.require_trainable(made.state())
