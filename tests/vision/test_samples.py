"""The samples are what they say they are, and say what is missing when they cannot be made."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engines.contract import InputError
from engines.vision import samples
from engines.vision.classification.dataset import open_photographs
from engines.vision.medical import lesions


@pytest.fixture
def stamps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder laid out like Tux Paint's stamps, in the place that is looked in."""
    root = tmp_path / "stamps"
    names = ["cat.png", "cartoon/cat.png", "big/cat.png", "big/cat_mirror.png", "cat.svg", "cat.txt"]
    for label in samples.TUXPAINT_CLASSES:
        for name in names:
            path = root / label / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(f"{label} {name}".encode())
    monkeypatch.setenv("HEADSTART_TUXPAINT", str(root))
    return root


@pytest.mark.debian
def test_248_photographs_in_four_classes(tmp_path: Path) -> None:
    found = open_photographs(samples.make("photographs", tmp_path / "samples"), tmp_path / "work")
    counts = Counter(example.label for example in found.examples)
    assert counts == {"animals": 128, "food": 50, "household": 31, "plants": 39}
    assert (found.skipped, found.notes) == ([], [])
    assert len({example.sha256 for example in found.examples}) == 248


@pytest.mark.usefixtures("stamps")
def test_drawings_and_flipped_copies_are_no_photographs(tmp_path: Path) -> None:
    made = samples.make("photographs", tmp_path / "out")
    written = sorted(path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file())
    assert written == sorted(
        f"{label}/{name}" for label in samples.TUXPAINT_CLASSES for name in ("big-cat.png", "cat.png")
    )
    assert (made / "food/big-cat.png").read_bytes() == b"food big/cat.png"


@pytest.mark.usefixtures("stamps")
def test_drawings_are_none_of_the_photographs(tmp_path: Path) -> None:
    made = samples.make("drawings", tmp_path / "out")
    written = sorted(path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file())
    assert written == ["animals/cartoon-cat.png", "food/cartoon-cat.png"]


@pytest.mark.debian
def test_there_are_enough_drawings_to_adapt_to(tmp_path: Path) -> None:
    found = open_photographs(samples.make("drawings", tmp_path / "samples"), tmp_path / "work")
    assert Counter(example.label for example in found.examples) == {"animals": 18, "food": 17}


def test_without_the_stamps_the_sample_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_TUXPAINT", str(tmp_path))
    assert not samples.available("photographs")
    with pytest.raises(InputError, match="sudo apt install tuxpaint-stamps-default"):
        samples.make("photographs", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_sample_is_made_once(stamps: Path, tmp_path: Path) -> None:
    assert samples.available("photographs")
    made = samples.make("photographs", tmp_path / "out")
    for path in (stamps / "food").glob("*.png"):
        path.unlink()
    assert samples.make("photographs", tmp_path / "out") == made
    assert (made / "food/cat.png").exists()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["photographs"]


def test_digits_are_scans_drawn_the_same_way_every_time(tmp_path: Path) -> None:
    from sklearn.datasets import load_digits

    assert samples.available("digits")
    found = open_photographs(samples.make("digits", tmp_path / "a"), tmp_path / "work")
    assert Counter(example.label for example in found.examples) == {str(digit): 40 for digit in range(10)}
    again = open_photographs(samples.make("digits", tmp_path / "b"), tmp_path / "work")
    assert again.sha256 == found.sha256
    example = found.examples[0]
    with Image.open(example.path) as image:
        assert (image.mode, image.size) == ("L", (64, 64))
        small = np.asarray(image.resize((8, 8), Image.Resampling.BOX), float) / 255 * 16
    scan = load_digits().images[int(example.path.stem)]
    assert load_digits().target[int(example.path.stem)] == int(example.label)
    assert np.abs(small - scan).mean() < 1.5  # of 16: enlarging blurs a little
    assert np.corrcoef(small.ravel(), scan.ravel())[0, 1] > 0.95


@pytest.mark.debian
def test_the_halves_share_no_photograph_and_one_is_damaged(tmp_path: Path) -> None:
    first, other = (samples.make(name, tmp_path) for name in ("half", "damaged"))
    names = [{path.relative_to(folder).as_posix() for path in folder.rglob("*.png")} for folder in (first, other)]
    whole = {path.relative_to(tmp_path / "photographs").as_posix() for path in _photographs(tmp_path)}
    assert not names[0] & names[1]
    assert names[0] | names[1] == whole
    for name in sorted(names[1])[:5]:
        with Image.open(other / name) as image:
            assert np.asarray(image, float).mean() < 100  # a third of the light
    assert sorted(path.name for path in tmp_path.iterdir()) == ["damaged", "half", "photographs"]


def _photographs(out: Path) -> list[Path]:
    return list(samples.make("photographs", out).rglob("*.png"))


def test_every_sample_has_an_origin_and_a_licence() -> None:
    names = ["photographs", "digits", "half", "damaged", "lesions", "drawings"]
    assert [sample.name for sample in samples.SAMPLES] == names
    for sample in samples.SAMPLES:
        assert sample.real is (sample.name not in {"damaged", "lesions"})
        assert sample.origin
        assert sample.licence
    assert samples.SAMPLES[1].needs is None


def test_an_unknown_sample(tmp_path: Path) -> None:
    assert not samples.available("cars")
    with pytest.raises(InputError, match="sample cars: there is no such sample; known: photographs, digits"):
        samples.make("cars", tmp_path)


@pytest.mark.weights
def test_lesions_lie_in_their_boxes_on_the_brain_and_patients_stay_together(tmp_path: Path) -> None:
    """Of a few patients: the whole sample is the same with more of them."""
    made = lesions.write(tmp_path / "made", cnr=20, patients={"": 8}, seed=0)
    found = open_photographs(made, tmp_path / "work")
    assert Counter(example.label for example in found.examples) == {"healthy": 8, "lesion": 8}
    assert len({example.patient for example in found.examples}) == 8
    assert found.clinical
    for name, (left, top, right, bottom) in json.loads((made / lesions.BOXES).read_text()).items():
        pixels = np.asarray(Image.open(made / name)).astype(float)
        inside, whole = pixels[top:bottom, left:right], pixels[pixels > 60]
        assert inside.max() > np.quantile(whole, 0.97)
    assert "Louis Collins" in (made / ".licence.txt").read_text(encoding="utf-8")
    again = lesions.write(tmp_path / "again", cnr=20, patients={"": 8}, seed=0)
    first = sorted(path.read_bytes() for path in made.rglob("*.png"))
    assert first == sorted(path.read_bytes() for path in again.rglob("*.png"))
