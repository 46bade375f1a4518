"""Pictures the way people bring them: every layout that is accepted, and every kind of trouble that is not."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from engines.contract import Cancelled, InputError
from engines.vision.classification.dataset import Photographs, open_photographs, open_unlabelled
from engines.vision.images import decode_cache

FOUR_AND_FOUR = {f"{label}/{n}.png": "" for label in ("cats", "dogs") for n in range(4)}


def pixels(name: str) -> bytes:
    """A small PNG that is like no other name's."""
    seed = list(hashlib.sha256(name.encode()).digest())
    image = Image.fromarray(np.random.default_rng(seed).integers(0, 256, (9, 9, 3), dtype=np.uint8))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def folder(root: Path, files: dict[str, bytes | str]) -> Path:
    """Writes files; '' as content means a picture of its own."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pixels(name) if content == "" else content.encode() if isinstance(content, str) else content)
    return root


def zipped(path: Path, files: dict[str, bytes | str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, pixels(name) if content == "" else content)
    return path


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., Photographs]:
    """Opens a folder of these files."""
    return lambda files, **options: open_photographs(folder(tmp_path / "data", files), tmp_path / "work", **options)


def counts(found: Photographs) -> dict[str, int]:
    return dict(Counter(example.label for example in found.examples))


def splits(found: Photographs) -> dict[str, str | None]:
    return {example.name: example.split for example in found.examples}


def skips(found: Photographs) -> dict[str, str]:
    return {entry.where: entry.reason for entry in found.skipped}


def complaint(data: Path, tmp_path: Path, **options: bool) -> str:
    with pytest.raises(InputError) as caught:
        open_photographs(data, tmp_path / "work", **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- a folder a class -----------------------------------------------------------------------------


def test_a_folder_a_class(opened: Callable[..., Photographs], tmp_path: Path) -> None:
    found = opened(FOUR_AND_FOUR)
    assert found.classes == ["cats", "dogs"]
    assert [example.name for example in found.examples] == sorted(FOUR_AND_FOUR)
    assert {example.split for example in found.examples} == {None}
    assert found.examples[0].path == tmp_path / "data/cats/0.png"
    assert found.examples[0].sha256 == hashlib.sha256(pixels("cats/0.png")).hexdigest()
    assert (found.skipped, found.notes) == ([], [])


def test_a_zip_gives_the_same_as_a_folder(opened: Callable[..., Photographs], tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", FOUR_AND_FOUR)
    found = open_photographs(archive, tmp_path / "work")
    assert found.sha256 == opened(FOUR_AND_FOUR).sha256
    assert counts(found) == {"cats": 4, "dogs": 4}


def test_the_hash_minds_bytes_and_labels_and_nothing_else(tmp_path: Path) -> None:
    def digest(name: str, files: dict[str, bytes | str]) -> str:
        return open_photographs(folder(tmp_path / name, files), tmp_path / "work").sha256

    renamed = {f"{name[:4]}/x{9 - int(name[5])}.png": pixels(name) for name in FOUR_AND_FOUR}
    assert digest("a", FOUR_AND_FOUR) == digest("b", renamed)
    assert digest("a", FOUR_AND_FOUR) != digest("c", {**renamed, "cats/x9.png": pixels("another")})
    swapped = {name.replace("cats", "dogs_").replace("dogs/", "cats/"): pixels(name) for name in FOUR_AND_FOUR}
    assert digest("a", FOUR_AND_FOUR) != digest("d", swapped)


@pytest.mark.parametrize("wrapper", ["photos", "my photos/of pets"])
def test_folders_around_everything_are_left_off(tmp_path: Path, wrapper: str) -> None:
    files = {f"{wrapper}/{name}": content for name, content in FOUR_AND_FOUR.items()}
    clutter = {
        "__MACOSX/photos/._0.png": "x",
        ".DS_Store": "x",
        f"{wrapper}/.DS_Store": "x",
        f"{wrapper}/cats/Thumbs.db": "x",
    }
    found = open_photographs(zipped(tmp_path / "a.zip", {**files, **clutter}), tmp_path / "work")
    assert counts(found) == {"cats": 4, "dogs": 4}
    assert found.skipped == []
    assert found.examples[0].name == f"{wrapper}/cats/0.png"


def test_folders_below_a_class_belong_to_it(opened: Callable[..., Photographs]) -> None:
    files = {f"{label}/{year}/{n}.png": "" for label in ("cats", "dogs") for year in (2024, 2025) for n in range(3)}
    assert counts(opened(files)) == {"cats": 6, "dogs": 6}


def test_train_validation_and_test_folders(opened: Callable[..., Photographs]) -> None:
    tops = {"Train": "train", "val": "validation", "TEST": "test"}
    files = {f"{top}/{label}/{n}.png": "" for top in tops for label in ("cats", "dogs") for n in range(4)}
    found = opened(files)
    assert counts(found) == {"cats": 12, "dogs": 12}
    assert splits(found) == {name: tops[name.split("/")[0]] for name in files}


@pytest.mark.parametrize("top", ["valid", "validation", "val", "Validation "])
def test_every_name_of_the_validation_folder(opened: Callable[..., Photographs], top: str) -> None:
    files = {f"{part}/{label}/{n}.png": "" for part in ("train", top) for label in "ab" for n in range(4)}
    assert set(splits(opened(files)).values()) == {"train", "validation"}


def test_a_class_called_train_is_a_class(opened: Callable[..., Photographs]) -> None:
    found = opened({f"{label}/{n}.png": "" for label in ("train", "car", "test") for n in range(4)})
    assert counts(found) == {"train": 4, "car": 4, "test": 4}
    nested = opened({"train/steam/1.png": "", "train/steam/2.png": ""})
    assert counts(nested) == {"train": 6, "car": 4, "test": 4}


def test_loose_and_strange_files_are_skipped_and_named(opened: Callable[..., Photographs]) -> None:
    found = opened(
        {**FOUR_AND_FOUR, "loose.png": "", "notes.docx": "x", "cats/phone.heic": "x", "cats/readme": "Hello"}
    )
    accepted = "accepted are JPEG, PNG, WebP, GIF, BMP, TIFF, PPM or AVIF"
    assert skips(found) == {
        "loose.png": "lies in no class folder",
        "notes.docx": f"is a .docx file, which is not read: {accepted}",
        "cats/phone.heic": f"is a .heic file, which is not read: {accepted}",
        "cats/readme": f"is no image we can read: {accepted}",
    }
    assert len(found.examples) == 8


def test_loose_files_beside_a_wrapping_folder(opened: Callable[..., Photographs]) -> None:
    found = opened({**{f"photos/{name}": content for name, content in FOUR_AND_FOUR.items()}, "cover.png": ""})
    assert counts(found) == {"cats": 4, "dogs": 4}
    assert skips(found) == {"cover.png": "lies in no class folder"}


def test_broken_images_among_good_ones_are_skipped_counted_and_named(opened: Callable[..., Photographs]) -> None:
    whole = pixels("whole")
    found = opened(
        {**FOUR_AND_FOUR, "cats/empty.png": b"", "cats/cut.png": whole[: len(whole) // 2], "dogs/text.jpg": "hi"}
    )
    assert counts(found) == {"cats": 4, "dogs": 4}
    assert [entry.where for entry in found.skipped] == ["cats/cut.png", "cats/empty.png", "dogs/text.jpg"]
    assert skips(found)["cats/empty.png"] == "is empty"
    assert skips(found)["cats/cut.png"] in {"is cut short", "is damaged"}


def test_names_with_spaces_and_accents_and_extensions_in_any_case(opened: Callable[..., Photographs]) -> None:
    names = ["a b.JPG", "é.jpeg", "日本.webp", "x.y.Jpg", "100%.png", "no_extension", "#1.PNG", "'q'.png"]
    assert len(opened({f"{label}/{name}": "" for label in ("Été 1", "hiver") for name in names}).examples) == 16


def test_class_names_that_collide_after_trimming_are_merged(opened: Callable[..., Photographs]) -> None:
    tops = ["cats", "cats ", "caf\u00e9", "cafe\u0301"]
    found = opened({f"{top}/{n}.png": "" for top in tops for n in range(3)})
    assert counts(found) == {"cats": 6, "caf\u00e9": 6}
    assert (
        "'cats' and 'cats ' are one class, 'cats': they differ only in spaces or in how an accent is stored."
        in found.notes
    )
    assert len(found.notes) == 2


def test_class_names_that_differ_by_case_are_kept_apart(opened: Callable[..., Photographs]) -> None:
    found = opened({f"{top}/{n}.png": "" for top in ("cats", "Cats") for n in range(4)})
    assert counts(found) == {"cats": 4, "Cats": 4}
    assert found.notes == ["'Cats' and 'cats' differ only in capital letters and are kept apart."]


def test_linked_folders_are_followed_once(tmp_path: Path) -> None:
    folder(tmp_path / "elsewhere", {f"{n}.png": "" for n in range(4)})
    data = folder(tmp_path / "data", {f"dogs/{n}.png": "" for n in range(4)})
    (data / "cats").symlink_to(tmp_path / "elsewhere")
    (data / "dogs/loop").symlink_to(data)
    assert counts(open_photographs(data, tmp_path / "work")) == {"cats": 4, "dogs": 4}


# --- what there is to say -------------------------------------------------------------------------


def test_the_same_picture_twenty_times_is_one_example(opened: Callable[..., Photographs]) -> None:
    same = pixels("same")
    found = opened({**FOUR_AND_FOUR, **{f"birds/{n}.png": same for n in range(20)}})
    said = "'birds': always the same image, which is one example."
    assert any(note.startswith(said) for note in found.notes)


def test_copies_are_counted_and_contradictions_named(opened: Callable[..., Photographs]) -> None:
    same = pixels("same")
    found = opened({**FOUR_AND_FOUR, "cats/a.png": same, "cats/b.png": same, "dogs/c.png": same})
    assert len(found.examples) == 11
    assert found.notes == [
        "Exact copies of another image: 2 of the images. They stay together, to learn from or to test on.",
        "The same image in different classes: cats/a.png ('cats') = cats/b.png ('cats') = dogs/c.png ('dogs'). Each "
        "counts in all of its classes (1 image); several_labels=left-out leaves them out.",
    ]


def test_a_class_with_one_image_and_uneven_classes_get_a_note(opened: Callable[..., Photographs]) -> None:
    found = opened({**FOUR_AND_FOUR, "fish/1.png": "", **{f"dogs/more{n}.png": "" for n in range(6)}})
    assert counts(found) == {"cats": 4, "dogs": 10, "fish": 1}
    assert found.notes == [
        "'fish': one image only. It trains; how well it is recognised cannot be tested.",
        "The classes are uneven: 10 of 'dogs', 4 of 'cats', 1 of 'fish'. Look at each class's own result.",
    ]


def test_a_class_that_is_lost_or_only_tested_gets_a_note(opened: Callable[..., Photographs]) -> None:
    files = {f"train/{label}/{n}.png": "" for label in ("cats", "dogs") for n in range(4)}
    found = opened({**files, "test/fish/1.png": "", "test/fish/2.png": "", "train/birds/x.png": "no picture"})
    assert "No image of 'birds' can be used." in found.notes
    assert "'fish': no image to train on, only to test. These can't be recognised." in found.notes


def test_training_pictures_that_are_in_the_test_too_are_left_out(opened: Callable[..., Photographs]) -> None:
    files = {f"train/{label}/{n}.png": "" for label in ("cats", "dogs") for n in range(4)}
    same = pixels("same")
    found = opened({**files, "train/cats/leak.png": same, "test/cats/held.png": same, "validation/cats/v.png": same})
    assert skips(found) == dict.fromkeys(
        ["train/cats/leak.png", "validation/cats/v.png"], "is the same picture as test/cats/held.png, which is for test"
    )
    assert len(found.examples) == 9


# --- too little -----------------------------------------------------------------------------------


def test_one_class_only(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "pets.zip", {f"cats/{n}.png": "" for n in range(12)})
    assert complaint(archive, tmp_path) == (
        "pets.zip: all 12 usable images are of one class, 'cats'; "
        "at least two classes are needed, each with images of its own."
    )


def test_two_images_in_all(tmp_path: Path) -> None:
    data = folder(tmp_path / "data", {"cats/1.png": "", "dogs/1.png": ""})
    assert complaint(data, tmp_path) == (
        "data: 2 usable images in 2 classes (1 of 'cats', 1 of 'dogs'); "
        "at least 8 images are needed to train, and two classes with two images or more."
    )


def test_one_large_class_and_single_images_are_too_little(tmp_path: Path) -> None:
    data = folder(tmp_path / "data", {**{f"cats/{n}.png": "" for n in range(9)}, "dogs/1.png": "", "fish/1.png": ""})
    assert "11 usable images in 3 classes (9 of 'cats', 1 of 'dogs', 1 of 'fish')" in complaint(data, tmp_path)
    assert len(open_photographs(data, tmp_path / "work", to_train=False).examples) == 11


def test_only_the_training_part_counts(tmp_path: Path) -> None:
    files = {f"test/{label}/{n}.png": "" for label in ("cats", "dogs") for n in range(9)}
    data = folder(tmp_path / "data", {**files, "train/cats/1.png": "", "train/dogs/1.png": ""})
    assert "2 usable images in 2 classes" in complaint(data, tmp_path)


def test_images_without_folders_or_table(tmp_path: Path) -> None:
    data = folder(tmp_path / "data", {f"{n}.png": "" for n in range(12)})
    assert complaint(data, tmp_path).startswith(
        "data: 12 images, but neither class folders nor a table; accepted: a zip or folder with one folder of images"
    )


def test_nothing_in_it(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert complaint(tmp_path / "empty", tmp_path).startswith("empty: no image in it; accepted: a zip or folder")
    archive = zipped(tmp_path / "a.zip", {"inner.zip": "x"})
    assert "a.zip: no image in it (1 skipped; the first: inner.zip is a .zip file" in complaint(archive, tmp_path)


def test_nothing_but_broken_images(tmp_path: Path) -> None:
    data = folder(tmp_path / "data", {f"{label}/{n}.png": b"" for label in "ab" for n in range(5)})
    assert "data: no image in it can be used (10 skipped; the first: a/0.png is empty)" in complaint(data, tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("a.zip", b"", "a.zip: the file is empty"),
        ("a.zip", b"hello", "a.zip: it is no zip"),
        ("a.zip", b"PK\x05\x06" + bytes(18), "a.zip: the zip is empty"),
        ("a.docx", b"hello", "a.docx: the file is neither a zip nor a table"),
        ("a.rar", b"Rar!", "a.rar: the file is neither a zip nor a table"),
        ("a.png", b"hello", "a.png: this is a single image"),
        ("a.npz", b"hello", "a.npz: it is damaged, or no .npz file"),
        ("a.csv", b"", "a.csv: the table is empty"),
    ],
)
def test_files_that_are_nothing_of_the_kind(tmp_path: Path, name: str, content: bytes, found: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert complaint(tmp_path / name, tmp_path).startswith(found)


def test_what_is_not_there(tmp_path: Path) -> None:
    assert "there is no such file or folder" in complaint(tmp_path / "none.zip", tmp_path)


def test_a_hostile_zip_loses_its_hostile_members_only(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", {**FOUR_AND_FOUR, "../../evil.png": "", "/etc/evil.png": ""})
    with zipfile.ZipFile(archive, "a") as more:
        link = zipfile.ZipInfo("cats/link.png")
        link.external_attr = 0o120777 << 16
        more.writestr(link, "/etc/passwd")
        more.writestr("cats/bomb.png", bytes(30 << 20), zipfile.ZIP_DEFLATED)
    found = open_photographs(archive, tmp_path / "work")
    assert counts(found) == {"cats": 4, "dogs": 4}
    assert set(skips(found)) == {"../../evil.png", "/etc/evil.png", "cats/link.png", "cats/bomb.png"}
    assert skips(open_photographs(archive, tmp_path / "work")) == skips(found)  # the second time from what was unpacked
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "work"]


# --- a table --------------------------------------------------------------------------------------

FLAT = {f"{n}.png": "" for n in range(8)}
ROWS = [f"{n}.png,{'cats' if n < 4 else 'dogs'}" for n in range(8)]


def table(rows: list[str], header: str = "file_name,label") -> str:
    return "\n".join([header, *rows]) + "\n"


@pytest.mark.parametrize("name", ["metadata.csv", "labels.csv", "anything.CSV"])
def test_images_with_a_table(opened: Callable[..., Photographs], name: str) -> None:
    assert counts(opened({**FLAT, name: table(ROWS)})) == {"cats": 4, "dogs": 4}


def test_images_in_folders_with_a_table_beside_them_in_a_wrapped_zip(tmp_path: Path) -> None:
    files = {f"set/images/{n}.png": "" for n in range(8)}
    archive = zipped(tmp_path / "a.zip", {**files, "set/labels.csv": table([f"images/{row}" for row in ROWS])})
    assert counts(open_photographs(archive, tmp_path / "work")) == {"cats": 4, "dogs": 4}


def test_the_table_itself_may_be_given(tmp_path: Path) -> None:
    data = folder(tmp_path / "data", {**FLAT, "mine.csv": table(ROWS), "metadata.csv": "unrelated\n1\n"})
    assert counts(open_photographs(data / "mine.csv", tmp_path / "work")) == {"cats": 4, "dogs": 4}


@pytest.mark.parametrize("header", ["filename;class", "Image;Category", "path\ttarget", "image id,Species", "id,breed"])
def test_separators_and_headings(opened: Callable[..., Photographs], header: str) -> None:
    separator = next(mark for mark in ";\t," if mark in header)
    rows = [row.replace(",", separator) for row in ROWS]
    assert counts(opened({**FLAT, "labels.csv": table(rows, header)})) == {"cats": 4, "dogs": 4}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_encodings(opened: Callable[..., Photographs], encoding: str) -> None:
    text = table([row.replace("dogs", "chiens d'été") for row in ROWS]).replace("\n", "\r\n")
    assert counts(opened({**FLAT, "labels.csv": text.encode(encoding)})) == {"cats": 4, "chiens d'été": 4}


def test_two_columns_without_a_heading(opened: Callable[..., Photographs]) -> None:
    assert counts(opened({**FLAT, "labels.csv": "\n".join(ROWS)})) == {"cats": 4, "dogs": 4}


def test_files_are_found_by_name_whatever_the_case_and_the_accents(opened: Callable[..., Photographs]) -> None:
    named = ["A.PNG", "caf\u00e9.png", "c", "C:/photos/d.png", "./e.png", "x\\f.png", "g.png", "H.png"]
    files = ["a.png", "cafe\u0301.png", "c.png", "d.png", "e.png", "f.png", "below/g.png", "h.png"]
    rows = [f"{name},{'cats' if n < 4 else 'dogs'}" for n, name in enumerate(named)]
    found = opened({**dict.fromkeys(files, ""), "labels.csv": table(rows)})
    assert (counts(found), found.skipped) == ({"cats": 4, "dogs": 4}, [])


def test_rows_that_cannot_be_used_are_skipped_and_named(opened: Callable[..., Photographs]) -> None:
    bad = [
        "gone.png,cats",
        ",cats",
        "8.png,",
        "0.png,dogs",
        "1.png,cats",
        "twice.png,cats",
        "../secret.png,cats",
        "below/8.png,cats",
    ]
    files = {**FLAT, "8.png": "", "a/twice.png": "", "b/twice.png": ""}
    found = opened({**files, "labels.csv": table(ROWS + bad)})
    assert skips(found) == {
        "labels.csv, line 10": "names 'gone.png', which is not there",
        "labels.csv, line 11": "names no file",
        "labels.csv, line 12": "has no label for '8.png'",
        "0.png": "names several classes (cats, dogs)",
        "labels.csv, line 15": "names 'twice.png', which fits 2 files",
        "labels.csv, line 16": "names '../secret.png', which is not there",
    }
    assert counts(found) == {"cats": 4, "dogs": 4}
    assert "2 images are left out, for labels.csv does not name them." in found.notes
    assert "labels.csv names 2 files again: what its lines say is taken together." in found.notes


def test_a_missing_file_is_never_replaced_by_its_namesake_in_another_folder(opened: Callable[..., Photographs]) -> None:
    found = opened({**FLAT, "b/x.png": "", "labels.csv": table([*ROWS, "a/x.png,cats"])})
    assert skips(found) == {"labels.csv, line 10": "names 'a/x.png', which is not there"}


def test_a_table_reaches_nothing_outside_the_folder(tmp_path: Path) -> None:
    folder(tmp_path, {"secret.png": ""})
    rows = [*ROWS, "../secret.png,cats", f"{tmp_path}/secret.png,cats"]
    data = folder(tmp_path / "data", {**FLAT, "labels.csv": table(rows)})
    found = open_photographs(data, tmp_path / "work")
    assert all(data in example.path.parents for example in found.examples)
    assert len(found.skipped) == 2


def test_a_table_that_names_missing_files_only(tmp_path: Path) -> None:
    data = folder(tmp_path / "data", {**FLAT, "labels.csv": table(["x.png,cats", "y.png,dogs"])})
    assert complaint(data, tmp_path) == (
        "labels.csv: none of its 2 rows can be used (the first: labels.csv, line 2 names 'x.png', which is not there); "
        "accepted: a table with a column file_name and a column label."
    )


def test_a_table_without_fitting_columns(tmp_path: Path) -> None:
    data = folder(tmp_path / "data", {**FLAT, "labels.csv": "height,width,depth\n1,2,3\n"})
    assert "labels.csv: its columns are 'height', 'width', 'depth'" in complaint(data, tmp_path)


def test_folders_name_the_classes_where_the_table_does_not(opened: Callable[..., Photographs]) -> None:
    found = opened({**FOUR_AND_FOUR, "prices.csv": "item,price,shop\nfood,3,x\n"})
    assert counts(found) == {"cats": 4, "dogs": 4}
    assert set(skips(found)) == {"prices.csv"}


def test_a_split_column(opened: Callable[..., Photographs]) -> None:
    parts = ["train", "Training", "TEST", "", "val", "train", "dev", "train"]
    rows = [f"{row},{part}" for row, part in zip(ROWS, parts, strict=True)]
    more = {f"more{n}.png": "" for n in range(6)}
    rows += [f"{name},{'cats' if n < 3 else 'dogs'},train" for n, name in enumerate(more)] + ["8.png,cats,spare"]
    found = opened({**FLAT, **more, "8.png": "", "labels.csv": table(rows, "file_name,label,split")})
    assert [splits(found)[f"{n}.png"] for n in range(8)] == [
        "train",
        "train",
        "test",
        None,
        "validation",
        "train",
        "validation",
        "train",
    ]
    assert skips(found) == {"labels.csv, line 16": "has the split 'spare': accepted are train, validation and test"}


def test_a_table_in_each_part(opened: Callable[..., Photographs]) -> None:
    files: dict[str, bytes | str] = {f"{part}/{n}.png": "" for part in ("train", "test") for n in range(8)}
    found = opened({**files, "train/metadata.csv": table(ROWS), "test/metadata.csv": table(ROWS[2:6])})
    assert Counter(splits(found).values()) == {"train": 8, "test": 4}


def test_one_table_over_train_and_test_folders(opened: Callable[..., Photographs]) -> None:
    files: dict[str, bytes | str] = {f"{part}/a/{n}.png": "" for part in ("train", "test") for n in range(8)}
    rows = [f"{part}/a/{row}" for part in ("train", "test") for row in ROWS]
    assert Counter(splits(opened({**files, "metadata.csv": table(rows)})).values()) == {"train": 8, "test": 8}


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.binary(max_size=120), st.text(max_size=80).map(lambda text: f"file_name,label\n{text}".encode())))
def test_any_table_gives_a_plain_sentence_or_photographs(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    root = tmp_path_factory.getbasetemp() / "tables"
    data = folder(root / "data", {"1.png": "", "labels.csv": content})
    with pytest.raises(InputError):  # one picture is never enough
        open_photographs(data, root / "work")


# --- MedMNIST -------------------------------------------------------------------------------------


def medmnist(path: Path, **arrays: np.ndarray) -> Path:
    rng = np.random.default_rng(0)
    usual: dict[str, np.ndarray] = {}
    for part, n in (("train", 12), ("val", 4), ("test", 6)):
        usual[f"{part}_images"] = rng.integers(0, 256, (n, 28, 28, 3), dtype=np.uint8)
        usual[f"{part}_labels"] = (np.arange(n) % 2)[:, None].astype(np.uint8)
    np.savez_compressed(path, **{**usual, **arrays})
    return path


def test_medmnist(tmp_path: Path) -> None:
    path = medmnist(tmp_path / "pathmnist.npz")
    found = open_photographs(path, tmp_path / "work")
    assert Counter(example.split for example in found.examples) == {"train": 12, "validation": 4, "test": 6}
    assert found.classes == ["0", "1"]
    first = next(example for example in found.examples if example.name == "train/1/000001.png")
    with Image.open(first.path) as image, np.load(path) as arrays:
        assert np.array_equal(np.asarray(image), arrays["train_images"][1])
    inside = tmp_path / "wrapped.zip"
    with zipfile.ZipFile(inside, "w") as archive:
        archive.write(path, "data/pathmnist.npz")
    assert open_photographs(inside, tmp_path / "work").sha256 == found.sha256


def test_medmnist_in_grey_with_eleven_classes_sorted_by_number(tmp_path: Path) -> None:
    grey = np.random.default_rng(1).integers(0, 256, (22, 28, 28), dtype=np.uint8)
    path = medmnist(tmp_path / "a.npz", train_images=grey, train_labels=np.repeat(np.arange(11), 2))
    found = open_photographs(path, tmp_path / "work")
    assert found.classes == ["00", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10"]
    assert counts(found)["00"] == 2 + 2 + 3


@pytest.mark.parametrize(
    ("arrays", "found"),
    [
        ({"train_labels": np.zeros((12, 14), np.uint8)}, "train_labels has shape (12, 14) and type uint8"),
        ({"train_labels": np.zeros((12, 1), float)}, "train_labels has shape (12, 1) and type float64"),
        ({"train_labels": np.zeros((9, 1), np.uint8)}, "train_images has 12 images for 9 labels"),
        ({"train_images": np.zeros((12, 28, 28, 28), np.uint8)}, "train_images has shape (12, 28, 28, 28)"),
        ({"train_images": np.zeros((12, 28, 28), np.float32)}, "train_images has shape (12, 28, 28) and type float32"),
        ({"train_labels": np.array([[None]] * 12, object)}, "it is damaged, or no .npz file"),
        ({"train_labels": np.full((12, 1), -1)}, "train_labels holds 1 different values from -1 on"),
    ],
)
def test_what_is_no_medmnist(tmp_path: Path, arrays: dict[str, np.ndarray], found: str) -> None:
    path = medmnist(tmp_path / "a.npz", **arrays)
    assert complaint(path, tmp_path).startswith(f"a.npz: {found}")
    assert [entry.name for entry in (tmp_path / "work").iterdir()] == []


def test_an_npz_of_something_else_and_one_cut_short(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.zeros(3))
    assert complaint(tmp_path / "a.npz", tmp_path).startswith("a.npz: it holds x.npy; accepted: a MedMNIST file")
    whole = medmnist(tmp_path / "b.npz").read_bytes()
    (tmp_path / "b.npz").write_bytes(whole[:-300])
    assert complaint(tmp_path / "b.npz", tmp_path).startswith("b.npz: it is damaged")


def test_a_header_that_claims_a_million_images_writes_no_more_than_there_are(tmp_path: Path) -> None:
    path = medmnist(tmp_path / "a.npz")
    with zipfile.ZipFile(path) as source:
        members = {name: source.read(name) for name in source.namelist()}
    for name in ("train_images.npy", "train_labels.npy"):
        members[name] = members[name].replace(b"(12, ", b"(900000, ").replace(b"     \n", b" \n", 1)
    with zipfile.ZipFile(path, "w") as target:
        for name, content in members.items():
            target.writestr(name, content)
    assert complaint(path, tmp_path).startswith("a.npz: it is damaged")


# --- at work --------------------------------------------------------------------------------------


def test_progress_runs_to_the_end(opened: Callable[..., Photographs]) -> None:
    seen: list[tuple[int, int]] = []
    opened(FOUR_AND_FOUR, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(n, 8) for n in range(1, 9)]


def test_what_was_checked_is_remembered_until_the_file_changes(
    opened: Callable[..., Photographs], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = opened({**FOUR_AND_FOUR, "cats/bad.png": "x"})
    read_again = []
    original = decode_cache.facts
    monkeypatch.setattr(
        decode_cache, "facts", lambda path, **options: read_again.append(path.name) or original(path, **options)
    )
    assert open_photographs(tmp_path / "data", tmp_path / "work") == first
    assert read_again == []
    (tmp_path / "data/cats/bad.png").write_bytes(pixels("good now"))
    again = open_photographs(tmp_path / "data", tmp_path / "work")
    assert read_again == ["bad.png"]
    assert (len(again.examples), again.skipped) == (9, [])


def test_cancelling_stops_the_check_and_keeps_what_was_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = folder(tmp_path / "data", {f"{label}/{n}.png": "" for label in "ab" for n in range(40)})

    def stop(done: int, _total: int) -> None:
        if done == 5:
            raise Cancelled

    with pytest.raises(Cancelled):
        open_photographs(data, tmp_path / "work", progress=stop)
    read_again = []
    original = decode_cache.facts
    monkeypatch.setattr(
        decode_cache, "facts", lambda path, **options: read_again.append(path.name) or original(path, **options)
    )
    assert len(open_photographs(data, tmp_path / "work").examples) == 80
    assert 0 < len(read_again) <= 75


def test_a_broken_memory_is_no_obstacle(opened: Callable[..., Photographs], tmp_path: Path) -> None:
    folder(tmp_path / "work", {"checked.json": "{ broken"})
    assert len(opened(FOUR_AND_FOUR).examples) == 8


# --- without labels -------------------------------------------------------------------------------


def test_unlabelled_pictures(tmp_path: Path) -> None:
    data = folder(tmp_path / "data", {"b.png": "", "deep/a.JPG": "", "notes.txt": "x", ".hidden.png": ""})
    pictures, skipped = open_unlabelled(data, tmp_path / "work")
    assert pictures == [("b.png", data / "b.png"), ("deep/a.JPG", data / "deep/a.JPG")]
    assert [(entry.where, entry.reason) for entry in skipped] == [("notes.txt", "is no image")]
    assert open_unlabelled(data / "b.png", tmp_path / "work") == ([("b.png", data / "b.png")], [])
    archive = zipped(tmp_path / "a.zip", {"x/1.png": "", "../evil.png": ""})
    pictures, skipped = open_unlabelled(archive, tmp_path / "work")
    assert [name for name, _ in pictures] == ["x/1.png"]
    assert pictures[0][1].read_bytes() == pixels("x/1.png")
    assert [entry.where for entry in skipped] == ["../evil.png"]


def test_unlabelled_nothing(tmp_path: Path) -> None:
    data = folder(tmp_path / "data", {"notes.txt": "x"})
    for path, found in [(data, "no image in it"), (tmp_path / "none", "there is no such file or folder")]:
        with pytest.raises(InputError, match=found):
            open_unlabelled(path, tmp_path / "work")


def test_a_picture_with_a_zip_at_its_end_is_a_picture(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", {"x.png": ""})
    (tmp_path / "both.png").write_bytes(pixels("both") + archive.read_bytes())
    assert zipfile.is_zipfile(tmp_path / "both.png")
    assert open_unlabelled(tmp_path / "both.png", tmp_path / "work") == ([("both.png", tmp_path / "both.png")], [])
