"""Pictures for a person who has none: real ones, made from what is installed, with no network."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from engines.contract import InputError, Problem, Sample, no_such_sample
from engines.data import unpacked
from engines.messages import _

TUXPAINT_CLASSES = ("animals", "food", "household", "plants")
TUXPAINT_PLACES = ("/usr/share/tuxpaint/stamps", "/usr/local/share/tuxpaint/stamps")
TUXPAINT_NEEDED = (
    "install Debian's or Ubuntu's package tuxpaint-stamps-default (sudo apt install tuxpaint-stamps-default), "
    "or set HEADSTART_TUXPAINT to the folder tuxpaint/stamps of another system"
)
LESIONS_NEEDED = "pip install --no-deps nilearn==0.14.1 (11 MB: it carries the head)"
LESIONS_CNR, LESIONS_PATIENTS = 20.0, 60
STAMPS = "Stamps of the children's drawing program Tux Paint, as Debian packs them (tuxpaint-stamps-default)"
DIGITS_A_CLASS = 40
DIGIT_SIDE, DAMAGED_SIDE = 64, 320  # pixels

SAMPLES = [
    Sample(
        name="photographs",
        title=_("Animals, food, plants, household"),
        description=_(
            "248 photographs cut out on transparency, in four uneven classes: 128 animals, 50 foods, "
            "39 plants, 31 household things."
        ),
        origin=STAMPS,
        licence="GPL-2",
        real=True,
        needs=TUXPAINT_NEEDED,
    ),
    Sample(
        name="digits",
        title=_("Handwritten digits"),
        description=_(
            "400 scanned digits, 40 of each of the ten, drawn at random (always the same draw) and enlarged "
            "from 8 × 8 to 64 × 64 pixels."
        ),
        origin="Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, UCI Machine Learning "
        "Repository; it comes with scikit-learn",
        licence="CC BY 4.0",
        real=True,
    ),
    Sample(
        name="half",
        title=_("Half of the photographs"),
        description=_(
            "124 of the 248 photographs of animals, food, plants and household things, drawn at random "
            "(always the same draw): to learn from, where the other half is the new domain."
        ),
        origin=STAMPS,
        licence="GPL-2",
        real=True,
        needs=TUXPAINT_NEEDED,
    ),
    Sample(
        name="damaged",
        title=_("The other half, badly taken"),
        description=_(
            "The other 124 photographs as a bad camera in a dim room might take them: darkened, out of focus "
            "and grainy, by a program. As a new domain for a model that learns from the first half."
        ),
        origin=f"{STAMPS}, damaged by a program",
        licence="GPL-2",
        real=False,
        needs=TUXPAINT_NEEDED,
        shift_of=("half",),
    ),
    Sample(
        name="lesions",
        title=_("A head with made-up lesions"),
        description=_(
            "120 slices of the average of 152 real heads, warped into 60 patients of two slices each; every second one "
            "has a synthetic lesion, 20 times as bright above white matter as the noise. One anatomy lies under all."
        ),
        origin="ICBM 152 nonlinear atlas 2009a, McConnell Brain Imaging Centre, Montreal Neurological Institute, as "
        "nilearn carries it; lesions, noise and warps by a program",
        licence="any use, with its notice: © 1993–2004 Louis Collins, McConnell Brain Imaging Centre",
        real=False,
        needs=LESIONS_NEEDED,
    ),
    Sample(
        name="drawings",
        title=_("Drawings of animals and food"),
        description=_(
            "35 drawings, of 18 animals and 17 foods. As a new domain for a model that learns from the 248 photographs."
        ),
        origin=STAMPS,
        licence="GPL-2",
        real=True,
        needs=TUXPAINT_NEEDED,
        shift_of=("photographs",),
    ),
]
OF_STAMPS = ("photographs", "half", "damaged", "drawings")
DRAWN_CLASSES = ("animals", "food")
"""Of which there are more than a few drawings."""


def available(name: str) -> bool:
    """Whether `make` would find what it needs on this computer."""
    if name in OF_STAMPS:
        return stamps_folder() is not None
    if name == "lesions":
        return importlib.util.find_spec("nilearn") is not None
    return name == "digits" and importlib.util.find_spec("sklearn") is not None


def make(name: str, out: Path) -> Path:
    """Writes the sample below `out` as a folder with a folder a class and returns it; one that is there is kept.

    Raises InputError for an unknown name, or with the sample's `needs` when something must be installed first.
    """
    makers: dict[str, Callable[[Path], None]] = {
        "photographs": partial(_make_of_stamps, labels=TUXPAINT_CLASSES, chosen=is_photograph),
        "digits": _make_digits,
        "half": partial(_make_half, damaged=False),
        "damaged": partial(_make_half, damaged=True),
        "lesions": _make_lesions,
        "drawings": partial(_make_of_stamps, labels=DRAWN_CLASSES, chosen=is_drawing),
    }
    if name not in makers:
        raise no_such_sample(name, makers)
    return unpacked.whole(out / name, makers[name])


def stamps_folder() -> Path | None:
    """Where Tux Paint's stamps are. HEADSTART_TUXPAINT, when set, is looked in and nowhere else."""
    chosen = os.environ.get("HEADSTART_TUXPAINT")
    for place in map(Path, [chosen] if chosen else TUXPAINT_PLACES):
        if all((place / label).is_dir() for label in TUXPAINT_CLASSES):
            return place
    return None


def is_photograph(stamp: Path) -> bool:
    """Stamps in a folder called cartoon are drawings, and a name on _mirror is another stamp flipped over."""
    return stamp.suffix == ".png" and "cartoon" not in stamp.parts and not stamp.stem.endswith("_mirror")


def is_drawing(stamp: Path) -> bool:
    """See `is_photograph`."""
    return stamp.suffix == ".png" and "cartoon" in stamp.parts and not stamp.stem.endswith("_mirror")


def _make_of_stamps(out: Path, *, labels: Sequence[str], chosen: Callable[[Path], bool]) -> None:
    stamps = stamps_folder()
    if stamps is None:
        raise InputError(
            Problem("sample photographs", _("Tux Paint's stamps are not on this computer"), TUXPAINT_NEEDED)
        )
    for label in labels:
        (out / label).mkdir(parents=True)
        for stamp in sorted((stamps / label).rglob("*.png")):
            relative = stamp.relative_to(stamps / label)
            if chosen(relative):
                shutil.copyfile(stamp, out / label / "-".join(relative.parts))


def _make_half(out: Path, *, damaged: bool) -> None:
    """One half of the photographs as they are, or the other half darkened, blurred and with noise, on white."""
    import numpy as np
    from PIL import Image, ImageEnhance, ImageFilter

    whole = out.with_name(f"{out.name}.whole")
    try:
        _make_of_stamps(whole, labels=TUXPAINT_CLASSES, chosen=is_photograph)
        files = sorted(whole.rglob("*.png"))
        first = set(np.random.default_rng(0).permutation(len(files))[: len(files) // 2].tolist())
        rng = np.random.default_rng(1)
        for number, file in enumerate(files):
            target = out / file.relative_to(whole)
            target.parent.mkdir(parents=True, exist_ok=True)
            if not damaged and number in first:
                shutil.copyfile(file, target)
            if damaged and number not in first:
                stamp = Image.open(file).convert("RGBA")
                picture = Image.alpha_composite(Image.new("RGBA", stamp.size, "white"), stamp).convert("RGB")
                picture.thumbnail((DAMAGED_SIDE, DAMAGED_SIDE))
                picture = ImageEnhance.Brightness(picture.filter(ImageFilter.GaussianBlur(3))).enhance(0.35)
                grain = np.asarray(picture, dtype=np.float64) + rng.normal(0, 15, (*picture.size[::-1], 3))
                Image.fromarray(grain.clip(0, 255).astype(np.uint8)).save(target)
    finally:
        shutil.rmtree(whole, ignore_errors=True)


def _make_lesions(out: Path) -> None:
    from engines.vision.medical import lesions

    lesions.write(out, cnr=LESIONS_CNR, patients={"": LESIONS_PATIENTS}, seed=0)


def _make_digits(out: Path) -> None:
    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_digits

    digits = load_digits()
    rng = np.random.default_rng(0)
    for label in range(10):
        folder = out / str(label)
        folder.mkdir(parents=True)
        for index in sorted(rng.choice(np.flatnonzero(digits.target == label), DIGITS_A_CLASS, replace=False)):
            ink = (digits.images[index] / 16 * 255).round().astype(np.uint8)  # (8, 8), 0 is paper
            image = Image.fromarray(ink).resize((DIGIT_SIDE, DIGIT_SIDE), Image.Resampling.BICUBIC)
            image.save(folder / f"{index:04d}.png")
