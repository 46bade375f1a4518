"""What people reported to other tools: each set of pictures is read as they meant it, or refused in one sentence."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engines.contract import DataReport, InputError, ReadAs, Recipe, Strategy
from engines.runs import RunFolder
from engines.vision.classification.prepare import prepare
from engines.vision.classification.settings import VisionSettings
from engines.vision.classification.task import Classification
from engines.vision.models import catalogue
from tests.vision.classification.test_dataset import folder, pixels, table

CASES = Path(__file__).parents[2] / "cases"
TASK = Classification()


def case(name: str) -> Path:
    return CASES / f"vision-{name}.zip"


def checked(data: Path, test: Path | None = None, **settings: object) -> DataReport:
    return TASK.check(data, test=test, settings=VisionSettings.parse(settings))


def refused(data: Path, test: Path | None = None, **settings: object) -> str:
    with pytest.raises(InputError) as caught:
        checked(data, test, **settings)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def guessed(report: DataReport, setting: str) -> ReadAs:
    return next(guess for guess in report.read_as if guess.setting == setting)


def left_out(report: DataReport) -> dict[str, str]:
    return {entry.where: entry.reason for entry in report.skipped}


def pictures(*names: str) -> dict[str, bytes | str]:
    return dict.fromkeys(names, "")


# --- folders that are parts -----------------------------------------------------------------------


def test_a_third_folder_beside_training_and_test_is_left_out_and_named() -> None:
    report = checked(case("third-folder-beside-train-and-test"))
    assert report.classes == {"Apple": 7, "Pear": 7}
    assert report.splits["test"] == 4
    assert left_out(report) == {
        "test-multiple_fruits/": "is no part of the data, beside Test and Training: its 3 images"
    }
    parts = guessed(report, "parts")
    assert (parts.value, parts.alternatives) == ("Test: test; Training: train", ["classes"])
    as_classes = checked(case("third-folder-beside-train-and-test"), parts="classes")
    assert as_classes.classes == {"Test": 4, "Training": 10, "test-multiple_fruits": 3}
    assert guessed(as_classes, "parts").alternatives == ["parts"]


def test_a_folder_around_the_classes_of_each_part_is_left_off() -> None:
    report = checked(case("training_set-and-test_set"))
    assert report.classes == {"cats": 7, "dogs": 7}
    assert report.splits == {"train": 8, "validation": 2, "test": 4}
    assert report.skipped == []


def test_a_test_of_one_class_in_folders_is_not_unwrapped(tmp_path: Path) -> None:
    files = pictures(*(f"train/{label}/{n}.png" for label in ("cats", "dogs") for n in range(5)))
    files |= pictures(*(f"test/cats/{year}/{n}.png" for year in (2024, 2025) for n in range(2)))
    report = checked(folder(tmp_path / "data", files))
    assert report.classes == {"cats": 9, "dogs": 5}
    assert report.splits["test"] == 4


def test_validation_and_test_alone_are_nothing_to_train_on() -> None:
    assert refused(case("val-and-test-only")) == (
        "vision-val-and-test-only.zip: there is nothing to train on: test and val hold the same classes, and are parts "
        "by their names; accepted: a folder called train beside them, or parts=classes."
    )
    assert checked(case("val-and-test-only"), parts="classes").classes == {"test": 8, "val": 8}


@pytest.mark.parametrize("tops", [("bus", "car", "train"), ("negative_test", "positive_test")])
def test_classes_that_are_called_like_a_part_stay_classes(tmp_path: Path, tops: tuple[str, ...]) -> None:
    data = folder(tmp_path / "data", pictures(*(f"{top}/{n}.png" for top in tops for n in range(5))))
    report = checked(data)
    assert report.classes == dict.fromkeys(tops, 5)
    parts = guessed(report, "parts")
    assert (parts.value, parts.alternatives) == ("", ["parts"])
    assert "no folder is called train" in refused(data, parts="parts") or "train" in tops


def test_what_is_called_train_is_a_part_where_a_person_says_so(tmp_path: Path) -> None:
    files = pictures(*(f"train/{label}/{n}.png" for label in ("ice", "steam") for n in range(5)))
    files |= pictures(*(f"bus/{label}/{n}.png" for label in ("long", "short") for n in range(5)))
    data = folder(tmp_path / "data", files)
    assert checked(data).classes == {"bus": 10, "train": 10}
    report = checked(data, parts="parts")
    assert report.classes == {"ice": 5, "steam": 5}
    assert left_out(report) == {"bus/": "is no part of the data, beside train: its 10 images"}


def test_loose_pictures_in_train_and_test_are_no_classes(tmp_path: Path) -> None:
    """dogs-vs-cats as Kaggle has it: train/cat.0.jpg, test1/1.jpg."""
    files = [*(f"train/{label}.{n}.png" for label in ("cat", "dog") for n in range(6)), "test1/1.png", "test1/2.png"]
    data = folder(tmp_path / "data", pictures(*files))
    assert refused(data) == (
        "data: test1 and train hold pictures, but neither class folders nor a table; accepted: class folders or a "
        "table in them, or parts=classes."
    )
    assert checked(data, parts="classes").classes == {"test1": 2, "train": 12}


def test_an_unlabelled_test_folder_is_left_out(tmp_path: Path) -> None:
    """The Intel scenes: seg_train/seg_train/<class>, seg_test/…, and seg_pred/seg_pred without classes."""
    files = [f"seg_train/seg_train/{label}/{n}.png" for label in ("sea", "street") for n in range(5)]
    files += [f"seg_test/seg_test/{label}/t{n}.png" for label in ("sea", "street") for n in range(2)]
    files += [f"seg_pred/seg_pred/{n}.png" for n in range(3)]
    report = checked(folder(tmp_path / "data", pictures(*files)))
    assert report.classes == {"sea": 7, "street": 7}
    assert report.splits["test"] == 4
    assert left_out(report) == {"seg_pred/": "is no part of the data, beside seg_test and seg_train: its 3 images"}


def test_parts_within_each_class(tmp_path: Path) -> None:
    files = [f"{label}/{part}/{n}.png" for label in ("cats", "dogs") for part in ("train", "test") for n in range(4)]
    report = checked(folder(tmp_path / "data", pictures(*files)))
    assert report.classes == {"cats": 8, "dogs": 8}
    assert report.splits["test"] == 8
    assert guessed(report, "parts").value == "*/test: test; */train: train"


def test_parts_within_collections_of_the_same_classes(tmp_path: Path) -> None:
    tops = [f"{year}/{part}" for year in (2024, 2025) for part in ("train", "val")]
    files = [f"{top}/{label}/{n}.png" for top in tops for label in ("cats", "dogs") for n in range(3)]
    report = checked(folder(tmp_path / "data", pictures(*files)))
    assert report.classes == {"cats": 12, "dogs": 12}
    assert report.splits["validation"] == 12


# --- tables ---------------------------------------------------------------------------------------


def test_a_table_of_unknown_heading_is_read_by_its_values() -> None:
    data = case("table-of-unknown-heading-and-two-folders")
    report = checked(data)
    assert report.classes == {"0": 5, "2": 5}
    assert guessed(report, "file_column").value == "id_code"
    assert guessed(report, "label_column").value == "diagnosis"
    assert left_out(report) == {"test.csv": "has no column of classes"}
    assert "4 images are left out, for train.csv does not name them." in report.notes
    assert refused(data, label_column="grade") == (
        "train.csv: it has no column 'grade'; its columns are 'id_code', 'diagnosis'."
    )


def test_columns_can_be_said(tmp_path: Path) -> None:
    rows = [f"{n},{n}.png,{'cats' if n < 4 else 'dogs'},{'old' if n % 2 else 'young'}" for n in range(8)]
    data = folder(
        tmp_path / "data",
        pictures(*(f"{n}.png" for n in range(8))) | {"labels.csv": table(rows, "id,picture,kind of,age class")},
    )
    report = checked(data)
    assert report.classes == {"old": 4, "young": 4}
    assert guessed(report, "label_column") == ReadAs(
        "classes", "age class", ["kind of"], "label_column", "by its heading"
    )
    assert checked(data, label_column="Kind of", file_column="picture").classes == {"cats": 4, "dogs": 4}


def test_columns_that_may_each_be_the_classes_are_asked_about(tmp_path: Path) -> None:
    rows = [f"{n}.png,{n % 2},{'tall' if n < 6 else 'small'}" for n in range(12)]
    data = folder(
        tmp_path / "data", pictures(*(f"{n}.png" for n in range(12))) | {"a.csv": table(rows, "who,left,size")}
    )
    with pytest.raises(InputError) as caught:
        checked(data)
    [problem] = caught.value.problems
    assert (problem.where, problem.choices) == ("setting label_column", ("left", "size"))
    assert checked(data, label_column="left").classes == {"0": 6, "1": 6}
    assert checked(data, accept_guesses=True).classes == {"small": 6, "tall": 6}


def test_a_table_of_something_else_does_not_outvote_the_folders_in_silence(tmp_path: Path) -> None:
    """metadata.csv with widths beside class folders: asked, not taken for the classes nor put aside."""
    names = [f"{label}/{n}.png" for label in ("cats", "dogs") for n in range(5)]
    rows = [f"{name},{64 + 32 * (n % 2)}" for n, name in enumerate(names)]
    data = folder(tmp_path / "data", pictures(*names) | {"metadata.csv": table(rows, "file_name,width")})
    assert refused(data) == (
        "setting label_column: metadata.csv names the pictures in 'file_name', and 'width' may be their classes, and "
        "so may their folders; say which holds the classes."
    )
    report = checked(data, label_column="folders")
    assert report.classes == {"cats": 5, "dogs": 5}
    assert left_out(report) == {"metadata.csv": "is not read, for the folders name the classes"}


def test_words_for_a_missing_label_are_left_out_and_counted() -> None:
    report = checked(case("label-nan-in-a-table"))
    assert report.classes == {"cat": 6, "dog": 3}
    assert "labels.csv: 3 rows have no label ('nan' in 3) and are left out." in report.notes
    assert left_out(report)["labels.csv, line 5"] == "has no label for 'p3.jpg': 'nan' is taken for none"


def test_a_table_for_each_part(tmp_path: Path) -> None:
    names = {"train": range(10), "val": range(10, 14), "test": range(14, 20)}
    files: dict[str, bytes | str] = pictures(*(f"images/{n}.png" for n in range(21)))
    for part, own in names.items():
        files[f"{part}.csv"] = table([f"{n}.png,{'cats' if n % 2 else 'dogs'}" for n in own], "image,label")
    report = checked(folder(tmp_path / "data", files))
    assert report.splits == {"train": 10, "validation": 4, "test": 6}
    assert "train.csv: train" in next(guess.value for guess in report.read_as if guess.what == "parts")
    assert "1 images are left out, for no table names them." in report.notes
    (tmp_path / "data/train.csv").unlink()
    assert "there is none to train on" in refused(tmp_path / "data")


@pytest.mark.parametrize("around", ["", "images/"])
def test_lists_of_what_each_part_holds_beside_class_folders(tmp_path: Path, around: str) -> None:
    """Food-101: images/<class>/<number>.jpg, meta/train.txt, meta/test.txt."""
    meta = "meta/" if around else ""
    files = pictures(*(f"{around}{label}/{n}.png" for label in ("cake", "soup") for n in range(7)))
    files[f"{meta}train.txt"] = "\n".join(f"{label}/{n}" for label in ("cake", "soup") for n in range(4))
    files[f"{meta}test.txt"] = "\n".join(f"{label}/{n}" for label in ("cake", "soup") for n in (4, 5))
    files[f"{meta}labels.txt"] = "Cake\nSoup\n"
    report = checked(folder(tmp_path / "data", files))
    assert report.classes == {"cake": 6, "soup": 6}
    assert report.splits["test"] == 4
    assert f"2 images are left out, for {meta}test.txt and {meta}train.txt do not list them." in report.notes
    assert guessed(report, "parts").why == "They list what each part holds."
    assert checked(tmp_path / "data", parts="classes").classes == {"cake": 7, "soup": 7}


def test_two_columns_of_classes_that_say_different_things_are_asked_about(tmp_path: Path) -> None:
    rows = [f"{n}.png,{n % 2},{n % 3},{'abc'[n % 3]}" for n in range(12)]
    data = folder(
        tmp_path / "data",
        pictures(*(f"{n}.png" for n in range(12))) | {"a.csv": table(rows, "file,label_ada,label_id,label_name")},
    )
    assert "say which holds the classes" in refused(data)
    (data / "a.csv").write_text(
        table([row.replace(",", ",x,", 1) for row in rows], "file,note,left,class_id,class_name")
    )
    assert checked(data).classes == {"a": 4, "b": 4, "c": 4}


def test_row_numbers_are_not_taken_for_names_of_pictures(tmp_path: Path) -> None:
    """As pandas writes them: the pictures 0.png … are others than the rows 0 … ."""
    rows = [f"{n},{11 - n}.png,{'cats' if n < 4 else 'dogs'}" for n in range(12)]
    files = pictures(*(f"{n}.png" for n in range(12)))
    for heading in (",picture,kind", "id,picture,kind", ",image,y"):
        data = folder(tmp_path / heading.replace(",", "_"), files | {"labels.csv": table(rows, heading)})
        report = checked(data)
        assert report.classes == {"cats": 4, "dogs": 8}
        assert guessed(report, "file_column").value == heading.split(",")[1]


def test_a_column_of_classes_is_not_taken_for_names_of_pictures(tmp_path: Path) -> None:
    rows = [f"{n}.jpg,{n % 2}" for n in range(12)]
    files = pictures(*(f"{n}.png" for n in range(12))) | {"labels.csv": table(rows, "file,label")}
    assert "names '0.jpg', which is not there" in refused(folder(tmp_path / "data", files))


def test_of_several_tables_one_can_be_chosen(tmp_path: Path) -> None:
    names = [f"{n}.png" for n in range(10)]
    files = pictures(*names) | {"labels.csv": table([f"{name},{n % 2}" for n, name in enumerate(names)])}
    files["older.csv"] = table([f"{name},{'cats' if n < 5 else 'dogs'}" for n, name in enumerate(names)])
    data = folder(tmp_path / "data", files)
    report = checked(data)
    assert report.classes == {"0": 5, "1": 5}
    assert (guessed(report, "table").value, guessed(report, "table").alternatives) == ("labels.csv", ["older.csv"])
    assert left_out(report) == {"older.csv": "is not read, for labels.csv is"}
    report = checked(data, table="older.csv")
    assert report.classes == {"cats": 5, "dogs": 5}
    assert guessed(report, "table").alternatives == ["labels.csv"]
    assert refused(data, table="new.csv") == (
        "setting table: there is no table 'new.csv' in it; accepted: 'labels.csv', 'older.csv'."
    )


def test_one_table_over_loose_pictures_in_the_folders_of_parts(tmp_path: Path) -> None:
    names = [f"{part}/{n}.png" for part in ("train", "test") for n in range(8)]
    rows = [f"{name},{'cats' if n % 2 else 'dogs'}" for n, name in enumerate(names)]
    data = folder(tmp_path / "data", pictures(*names) | {"labels.csv": table(rows)})
    assert checked(data).splits["test"] == 8
    assert guessed(checked(data), "parts").value == "test: test; train: train"
    assert checked(data, parts="classes").splits["test"] < 8


def test_kaggle_with_labels_for_train_and_a_form_for_answers(tmp_path: Path) -> None:
    files = pictures(*(f"train/{n}.png" for n in range(8)), *(f"test/{n}.png" for n in range(8, 12)))
    files["train_labels.csv"] = table([f"{n},{n % 2}" for n in range(8)], "id,label")
    files["sample_submission.csv"] = table([f"{n},0" for n in range(8, 12)], "id,label")
    report = checked(folder(tmp_path / "data", files))
    assert report.classes == {"0": 4, "1": 4}
    assert left_out(report) == {"sample_submission.csv": "is not read, for train_labels.csv is"}
    assert guessed(report, "table").alternatives == ["sample_submission.csv"]
    assert "4 images are left out, for train_labels.csv does not name them." in report.notes


def test_a_heading_in_the_second_line(tmp_path: Path) -> None:
    rows = [f"{n}.png;{'cats' if n < 4 else 'dogs'}" for n in range(8)]
    text = "Labelled by Ada in May\n" + table(rows, "picture;what it is")
    report = checked(folder(tmp_path / "data", pictures(*(f"{n}.png" for n in range(8))) | {"labels.csv": text}))
    assert report.classes == {"cats": 4, "dogs": 4}
    assert "labels.csv: the heading is in line 2; what stands above it is left out." in report.notes


@pytest.mark.parametrize("before", ["/home/ada/set/images/", "C:\\Users\\ada\\set\\images\\", "images/", ""])
def test_paths_of_another_machine(tmp_path: Path, before: str) -> None:
    files = pictures(*(f"images/{n}.png" for n in range(8)))
    files["labels.csv"] = table([f"{before}{n}.png,{'cats' if n < 4 else 'dogs'}" for n in range(8)])
    assert checked(folder(tmp_path / "data", files)).classes == {"cats": 4, "dogs": 4}


@pytest.mark.parametrize(("name", "row"), [("labels.txt", "{0}.png {1}"), ("annotations/list_labels.txt", "{0},{1}")])
def test_a_text_file_of_labels(tmp_path: Path, name: str, row: str) -> None:
    files = pictures(*(f"images/{n}.png" for n in range(8))) | {"readme.txt": "Nothing of use."}
    files[name] = "\n".join(row.format(n, n % 2) for n in range(8))
    assert checked(folder(tmp_path / "data", files)).classes == {"0": 4, "1": 4}


def test_metadata_of_hugging_faces_imagefolder(tmp_path: Path) -> None:
    files: dict[str, bytes | str] = {}
    for part, own in (("train", range(8)), ("test", range(8, 12))):
        files |= pictures(*(f"{part}/{n}.png" for n in own))
        rows = [{"file_name": f"{n}.png", "label": "cats" if n % 2 else "dogs"} for n in own]
        files[f"{part}/metadata.jsonl"] = "\n".join(map(json.dumps, rows))
    report = checked(folder(tmp_path / "data", files))
    assert report.classes == {"cats": 6, "dogs": 6}
    assert report.splits["test"] == 4


def test_a_column_for_each_class(tmp_path: Path) -> None:
    """As ISIC and Plant Pathology have them: a 1 in the column of the class."""
    rows = [f"{n},{n % 3 == 0:d},{n % 3 == 1:d},{n % 3 == 2:d}" for n in range(12)]
    files = pictures(*(f"{n}.png" for n in range(12))) | {"train.csv": table(rows, "image_id,healthy,rust,scab")}
    report = checked(folder(tmp_path / "data", files))
    assert report.classes == {"healthy": 4, "rust": 4, "scab": 4}
    assert (
        "train.csv: each row has a 1 in one of the columns 'healthy', 'rust', 'scab'; the column's name is the class."
        in report.notes
    )


def test_a_column_of_parts_under_any_heading(tmp_path: Path) -> None:
    """FER2013's 'Usage': Training, PublicTest, PrivateTest."""
    usage = ["Training"] * 8 + ["PublicTest"] * 2 + ["PrivateTest"] * 2
    rows = [f"{n}.png,{n % 2},{use}" for n, use in enumerate(usage)]
    files = pictures(*(f"{n}.png" for n in range(12))) | {"faces.csv": table(rows, "file,emotion,Usage")}
    report = checked(folder(tmp_path / "data", files))
    assert report.classes == {"0": 6, "1": 6}
    assert report.splits["test"] == 4


def test_fastais_column_of_yes_and_no(tmp_path: Path) -> None:
    rows = [f"{n}.png,{'cats' if n % 2 else 'dogs'},{n > 7}" for n in range(12)]
    files = pictures(*(f"{n}.png" for n in range(12))) | {"labels.csv": table(rows, "fname,label,is_valid")}
    assert checked(folder(tmp_path / "data", files)).splits["validation"] == 4


def test_whole_numbers_are_one_class_however_they_are_written(tmp_path: Path) -> None:
    train = table([f"{n}.png,{n % 2}" for n in range(10)], "image,label")
    test = table([f"{n}.png,{n % 2}.0" for n in range(10, 14)], "image,label")
    data = folder(tmp_path / "data", pictures(*(f"{n}.png" for n in range(10))) | {"labels.csv": train})
    extra = folder(tmp_path / "extra", pictures(*(f"{n}.png" for n in range(10, 14))) | {"labels.csv": test})
    report = checked(data, extra)
    assert report.classes == {"0": 7, "1": 7}
    folder(data, pictures(*(f"{n}.png" for n in range(10, 14))) | {"train.csv": train, "test.csv": test})
    (data / "labels.csv").unlink()
    report = checked(data)
    assert (report.classes, report.splits["test"]) == ({"0": 7, "1": 7}, 4)
    assert any(note.startswith("Whole numbers are one class however they are written") for note in report.notes)


def test_several_labels_a_picture_get_a_note(tmp_path: Path) -> None:
    labels = ["cat", "dog", "cat|dog", "cat|bird", "bird", "cat", "dog", "cat|dog", "cat|bird", "bird"]
    rows = [f"{n}.png,{label}" for n, label in enumerate(labels)]
    report = checked(
        folder(tmp_path / "data", pictures(*(f"{n}.png" for n in range(10))) | {"labels.csv": table(rows)})
    )
    assert (
        "4 of 10 images have a class such as 'cat|dog': this looks like several labels at once. Each combination is "
        "learnt as a class of its own; several_labels=left-out leaves them out." in report.notes
    )


def test_whole_numbers_are_listed_by_size(tmp_path: Path) -> None:
    data = folder(tmp_path / "data", pictures(*(f"{label}/{n}.png" for label in (1, 2, 10) for n in range(4))))
    assert list(checked(data).classes) == ["1", "2", "10"]


def test_folders_in_class_folders_may_be_the_classes(tmp_path: Path) -> None:
    breeds = ("cat/siamese", "cat/persian", "dog/pug", "dog/boxer")
    data = folder(tmp_path / "data", pictures(*(f"{breed}/{n}.png" for breed in breeds for n in range(4))))
    report = checked(data)
    assert report.classes == {"cat": 8, "dog": 8}
    assert guessed(report, "class_folder").alternatives == ["nearest"]
    assert checked(data, class_folder="nearest").classes == dict.fromkeys(("boxer", "persian", "pug", "siamese"), 4)


# --- pictures -------------------------------------------------------------------------------------


def test_eight_bits_in_sixteen_are_stretched_and_said() -> None:
    report = checked(case("eight-bits-in-sixteen"))
    assert guessed(report, "white").value == "255"
    assert "10 16-bit pictures have values up to 245: 255 is white here, and in new ones." in report.notes
    as_before = checked(case("eight-bits-in-sixteen"), white=65535)
    assert (guessed(as_before, "white").value, guessed(as_before, "white").alternatives) == ("65535", ["255"])


def test_test_data_brighter_than_what_is_learnt_from_are_said_to_be(tmp_path: Path) -> None:
    test = folder(tmp_path / "extra", {})
    for label in ("checks", "stripes"):
        (test / label).mkdir(parents=True)
        Image.fromarray(np.random.default_rng(0).integers(0, 4000, (9, 9)).astype(np.uint16)).save(
            test / label / "0.png"
        )
    report = checked(case("eight-bits-in-sixteen"), test)
    assert any(note.startswith("extra has grey up to 3") for note in report.notes)


def test_whole_sixteen_bits_need_no_word(tmp_path: Path) -> None:
    data = folder(tmp_path / "data", {})
    for n in range(8):
        grey = np.random.default_rng(n).integers(0, 65536, (9, 9)).astype(np.uint16)
        (data / "ab"[n % 2]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(grey).save(data / "ab"[n % 2] / f"{n}.png")
    assert checked(data).read_as == []


def test_pages_and_frames_beyond_the_first_are_said(tmp_path: Path) -> None:
    data = folder(tmp_path / "data", pictures(*(f"{label}/{n}.png" for label in "ab" for n in range(4))))
    pages = [Image.new("RGB", (9, 9), colour) for colour in ("red", "green", "blue")]
    pages[0].save(data / "a/scan.tif", save_all=True, append_images=pages[1:])
    pages[0].save(data / "b/wink.gif", save_all=True, append_images=pages[1:2])
    assert (
        "2 files hold several pictures (a/scan.tif: 3): the first is read, the others are left out."
        in checked(data).notes
    )


def test_one_bad_file_is_skipped_and_named(tmp_path: Path) -> None:
    """A telephone's HEIC, a CMYK JPEG (read), one cut short, one of no bytes."""
    data = folder(tmp_path / "data", pictures(*(f"{label}/{n}.png" for label in "ab" for n in range(4))))
    Image.new("CMYK", (9, 9), (0, 200, 200, 0)).save(data / "a/print.jpg")
    whole = (data / "a/print.jpg").read_bytes()
    folder(data, {"a/cut.jpg": whole[: len(whole) // 2], "a/none.jpg": b"", "b/phone.HEIC": "x"})
    report = checked(data)
    assert report.classes == {"a": 5, "b": 4}
    assert list(left_out(report)) == ["b/phone.HEIC", "a/cut.jpg", "a/none.jpg"]
    assert left_out(report)["b/phone.HEIC"].startswith("is a .heic file, which is not read: accepted are JPEG")


# --- check refuses what fit refuses ---------------------------------------------------------------


def prepared(where: Path, data: Path, test: Path | None, settings: dict[str, object]) -> str:
    """What a run says of the data before it learns."""
    card = catalogue.find(TASK.info.default_model)
    assert card is not None
    recipe = Recipe(TASK.info.name, str(data), card.name, Strategy.FEATURES, test=str(test) if test else None)
    with pytest.raises(InputError) as caught:
        prepare(recipe, card, VisionSettings.parse(settings), RunFolder.create(recipe, where))
    return str(caught.value)


@pytest.mark.parametrize(
    ("files", "test", "settings", "said"),
    [
        ({"a": 5, "b": 5}, {"a": 2, "c": 2}, {}, "class 'c' is not in the training data"),
        ({"a": 7}, None, {}, "are of one class, 'a'"),
        ({"a": 2, "b": 2}, None, {}, "at least 8 images are needed"),
        ({"a": 5, "b": 5}, None, {"corrections": '{"a/0.png": "z"}'}, "there is no class 'z'"),
        ({"a": 5, "b": 4}, None, {"corrections": '{"a/0.png": null, "b/0.png": null}'}, "7 usable images"),
        ({"a": 5, "b": 5}, None, {"corrections": "no JSON"}, "corrections"),
        ({"train": 5, "test": 5}, None, {}, "neither class folders nor a table"),
        ({"a": 5, "b": 5}, None, {"parts": "parts"}, "no folder is called train"),
        ({"val/a": 5, "test/a": 5}, None, {}, "nothing to train on"),
        ({"a": 5, "b": 5}, {}, {}, "no image in it"),
    ],
)
def test_what_a_run_refuses_check_refuses_in_the_same_words(
    tmp_path: Path, files: dict[str, int], test: dict[str, int] | None, settings: dict[str, object], said: str
) -> None:
    def written(name: str, of: dict[str, int]) -> Path:
        names = {f"{top}/{n}.png": pixels(f"{name}/{top}/{n}") for top, count in of.items() for n in range(count)}
        (tmp_path / name).mkdir()
        return folder(tmp_path / name, names)

    data, separate = written("data", files), None if test is None else written("test", test)
    sentence = refused(data, separate, **settings)
    assert said in sentence
    assert prepared(tmp_path / "run", data, separate, settings) == sentence


def test_copies_of_one_picture_a_class_leave_nothing_to_test_on(tmp_path: Path) -> None:
    data = folder(tmp_path / "data", {f"{label}/{n}.png": pixels(label) for label in "ab" for n in range(5)})
    sentence = refused(data)
    assert "no photographs are left to test on" in sentence
    assert prepared(tmp_path / "run", data, None, {}) == sentence


def test_a_new_class_in_the_test_data_is_refused_by_check_too() -> None:
    train, test = (case(f"new-class-in-test-data.{part}") for part in ("train", "test"))
    assert refused(train, test) == (
        "test data vision-new-class-in-test-data.test.zip: class 'disc' is not in the training data; "
        "accepted: checks, stripes."
    )


def test_separate_test_data_may_be_parts_without_one_to_train_on(tmp_path: Path) -> None:
    names = [f"{label}/{n}.png" for label in ("cat", "dog") for n in range(5)]
    data = folder(tmp_path / "data", {name: pixels(f"other {name}") for name in names})
    assert checked(data, case("val-and-test-only")).splits["test"] == 16


def test_the_datas_own_test_is_said_to_give_way_to_separate_test_data(tmp_path: Path) -> None:
    own = folder(
        tmp_path / "own", pictures(*(f"{p}/{c}/{n}.png" for p in ("train", "test") for c in "ab" for n in "1234"))
    )
    test = folder(tmp_path / "extra", {f"{label}/{n}.png": pixels(f"x{label}{n}") for label in "ab" for n in range(3)})
    report = checked(own, test)
    assert report.splits["test"] == 6
    assert "8 photographs that the data keep for a test of their own are not used: extra is tested on." in report.notes
    assert Counter(report.classes) == {"a": 7, "b": 7}
