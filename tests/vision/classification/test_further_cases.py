"""Pictures as annotation tools and trackers have them: Label Studio, Roboflow, COCO, YOLO, Hugging Face, Kaggle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from engines.contract import Recipe, Strategy
from engines.runs import RunFolder
from engines.vision.classification import prepare
from engines.vision.classification.settings import VisionSettings
from tests.vision.classification.test_cases import TASK, checked, guessed, left_out, pictures, refused
from tests.vision.classification.test_dataset import folder, table

PETS = ("cat", "dog", "bird")
TWELVE = {"bird": 4, "cat": 4, "dog": 4}


def label(n: int) -> str:
    return PETS[n % 3]


def several(n: int) -> list[str]:
    """Two labels for every fourth of twelve."""
    return [label(n), label(n + 1)] if n % 4 == 0 else [label(n)]


def coco(names: list[str], labels: list[list[str]]) -> str:
    return json.dumps(
        {
            "images": [{"id": n, "file_name": name} for n, name in enumerate(names)],
            "categories": [{"id": at, "name": name} for at, name in enumerate(PETS)],
            "annotations": [
                {"id": 10 * n + at, "image_id": n, "category_id": PETS.index(name)}
                for n, own in enumerate(labels)
                for at, name in enumerate(own)
            ],
        }
    )


SEVERAL: dict[str, tuple[str, str]] = {
    "JSON lists": (
        "metadata.jsonl",
        "".join(json.dumps({"file_name": f"{n}.png", "label": several(n)}) + "\n" for n in range(12)),
    ),
    "columns of 0 and 1": (
        "_classes.csv",
        table(
            [f"{n}.png," + ",".join(str(int(name in several(n))) for name in PETS) for n in range(12)],
            "filename, cat, dog, bird",
        ),
    ),
    "a row a label": ("labels.csv", table([f"{n}.png,{name}" for n in range(12) for name in several(n)])),
    "COCO": ("_annotations.coco.json", coco([f"{n}.png" for n in range(12)], [several(n) for n in range(12)])),
}


@pytest.mark.parametrize("how", SEVERAL)
def test_several_labels_a_picture_are_left_out_and_counted_or_combined(how: str, tmp_path: Path) -> None:
    name, content = SEVERAL[how]
    data = folder(tmp_path / "data", pictures(*(f"{n}.png" for n in range(12))) | {name: content})
    report = checked(data)
    assert report.classes == {"bird": 3, "cat": 3, "dog": 3}
    assert left_out(report)["0.png"] == "names several classes (cat, dog)"
    (note,) = (note for note in report.notes if "several labels each" in note)
    assert note.startswith("3 of 12 images have several labels each (such as cat and dog; ")
    guess = guessed(report, "several_labels")
    assert (guess.value, guess.alternatives) == ("left-out", ["combined"])
    together = checked(data, several_labels="combined")
    assert together.n_examples == 12
    assert together.classes["cat + dog"] == 1


def test_columns_of_marks_where_some_rows_have_none(tmp_path: Path) -> None:
    rows = [f"{n}.png," + ",".join(str(int(name == label(n) and n > 2)) for name in PETS) for n in range(12)]
    data = folder(
        tmp_path / "data", pictures(*(f"{n}.png" for n in range(12))) | {"a.csv": table(rows, "image,cat,dog,bird")}
    )
    report = checked(data)
    assert report.classes == {"bird": 3, "cat": 3, "dog": 3}
    assert any("9 have a 1 in one of the 3 columns 'cat', 'dog', 'bird', 3 in none" in note for note in report.notes)


def test_a_picture_in_two_class_folders_is_said_and_can_be_left_out(tmp_path: Path) -> None:
    data = folder(tmp_path / "data", pictures(*(f"{name}/{n}.png" for name in PETS for n in range(4))))
    (data / "dog" / "same.png").write_bytes((data / "cat" / "0.png").read_bytes())
    assert any(
        "cat/0.png ('cat') = dog/same.png ('dog'). Each counts in all of its classes (1 image)" in note
        for note in checked(data).notes
    )
    report = checked(data, several_labels="left-out")
    assert report.classes == {"bird": 4, "cat": 3, "dog": 4}
    assert left_out(report) == {
        "cat/0.png": "names several classes (cat, dog)",
        "dog/same.png": "names several classes (cat, dog)",
    }


def test_a_further_column_of_labels_is_said(tmp_path: Path) -> None:
    rows = [f"{n}.png,{label(n)},{label(n + 1) if n % 4 == 0 else ''}" for n in range(12)]
    data = folder(
        tmp_path / "data", pictures(*(f"{n}.png" for n in range(12))) | {"a.csv": table(rows, "file,label_1,label_2")}
    )
    report = checked(data, label_column="label_1")
    assert any(note.startswith("The column 'label_2' names a further class in 3 of 12 rows") for note in report.notes)


def named_by_label_studio(n: int) -> str:
    return f"/data/upload/3/{n:08x}-{n}.png"


@pytest.mark.parametrize(
    "named",
    [
        named_by_label_studio,
        "/data/local-files/?d=home/me/set/{}.png".format,
        "..\\..\\media\\upload\\4\\{}.png".format,
    ],
)
def test_paths_as_label_studio_writes_them(named: Any, tmp_path: Path) -> None:
    """HumanSignal/label-studio issues 878, 5438, 7001 and 7294."""
    rows = [f"{n},{named(n)},{label(n)}" for n in range(12)]
    data = folder(
        tmp_path / "data",
        pictures(*(f"{n}.png" for n in range(12))) | {"project-1.csv": table(rows, "id,image,choice")},
    )
    assert checked(data).classes == TWELVE


def test_coco_as_label_studio_exports_it(tmp_path: Path) -> None:
    names = [f"..\\..\\label-studio\\media\\upload\\4\\{n}.png" for n in range(12)]
    content = coco(names, [[label(n)] for n in range(12)])
    data = folder(tmp_path / "data", pictures(*(f"images/{n}.png" for n in range(12))) | {"result.json": content})
    assert checked(data).classes == TWELVE


def test_versions_of_one_picture_stay_on_one_side(tmp_path: Path) -> None:
    """Roboflow writes several versions of each picture, which are alike but no copies."""
    names = [f"train/{label(n)}/p{n}_jpg.rf.{version:032x}.png" for n in range(18) for version in range(3)]
    data = folder(tmp_path / "data", pictures(*names))
    note = "54 images are versions of 18 by their names (….rf.…, as Roboflow writes them): those of one picture stay "
    assert any(one.startswith(note) for one in checked(data).notes)
    recipe = Recipe("vision.classification", str(data), "test_resnet", Strategy.FEATURES)
    run = RunFolder.create(recipe, tmp_path / "run")
    prepared = prepare.prepare(recipe, TASK.describe("test_resnet"), VisionSettings(image_size=32), run)
    sides = {part: {prepared.groups[at] for at in rows} for part, rows in prepared.parts.items()}
    assert not sides["train"] & sides["test"]
    assert not sides["validation"] & (sides["train"] | sides["test"])


def test_versions_in_several_parts_of_the_datas_own_are_said(tmp_path: Path) -> None:
    names = [f"{part}/{label(n)}/p{n}_jpg.rf.{ord(part[1]):032x}.png" for n in range(12) for part in ("train", "test")]
    report = checked(folder(tmp_path / "data", pictures(*names)))
    assert any("12 of these have versions in more than one part" in note for note in report.notes)


@pytest.mark.parametrize("ending", [".txt", ".xml"])
def test_boxes_are_refused_by_name(ending: str, tmp_path: Path) -> None:
    files = pictures(*(f"images/{n}.png" for n in range(12))) | {
        f"labels/{n}{ending}": "0 .5 .5 .1 .1" for n in range(12)
    }
    told = refused(folder(tmp_path / "data", files))
    assert (
        f"12 of its images have a {ending} beside them, as {'YOLO' if ending == '.txt' else 'Pascal VOC'} marks" in told
    )


def test_files_of_other_formats_are_counted_with_what_to_do(tmp_path: Path) -> None:
    files = pictures(*(f"{name}/{n}.png" for name in PETS for n in range(4)))
    files |= {f"cat/phone{n}.heic": "\0\0\0\x18ftypheic" + "x" * 99 for n in range(2)}
    files |= {
        "dog/page.jpg": "<!DOCTYPE html><html>403",
        "bird/big.jpg": "version https://git-lfs.github.com/spec/v1\n",
    }
    data = folder(tmp_path / "data", {})
    for name, content in files.items():
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        if content:
            (data / name).write_text(content)
        else:
            Image.effect_noise((24, 24), 60).convert("RGB").save(data / name)
    report = checked(data)
    assert report.classes == TWELVE
    assert [note.partition(",")[0] for note in report.notes if "not read here" in note] == [
        "2 files are HEIC photos",
        "One file is a Git LFS pointer",
        "One file is a web page",
    ]
    assert left_out(report)["cat/phone0.heic"].startswith("is a HEIC photo, which is not read here: save it as JPEG")


def test_numbers_in_a_table_find_files_with_zeros_before_them(tmp_path: Path) -> None:
    """pandas reads 00007 as 7 and writes it so."""
    rows = [f"{n},{label(n)}" for n in range(12)]
    data = folder(
        tmp_path / "data", pictures(*(f"{n:05d}.png" for n in range(12))) | {"train.csv": table(rows, "id,label")}
    )
    assert checked(data).classes == TWELVE


@pytest.mark.parametrize("heading", ["image,label,blurred,dark", "image,spoilt,blurred"])
def test_marks_beside_a_class_are_no_classes(heading: str, tmp_path: Path) -> None:
    """label is 1 and nothing else in most rows, or the only one of two that is."""
    width = heading.count(",")
    rows = [
        f"{n}.png," + ",".join(str(int(at == 0 and n % 4 > 0 or at == 1 and n == 0)) for at in range(width))
        for n in range(12)
    ]
    data = folder(tmp_path / "data", pictures(*(f"{n}.png" for n in range(12))) | {"a.csv": table(rows, heading)})
    if "label" in heading:
        assert checked(data).classes == {"0": 3, "1": 9}
    else:
        assert "each may be their classes" in refused(data)
