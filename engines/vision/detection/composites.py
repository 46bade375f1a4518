"""Pictures for a person who has none: real objects pasted on real photographs, their boxes known. Light: pages read it.

The composites are synthetic, and said to be. What is pasted in the test, and on which photographs, is in no picture
that is learnt from; edges are feathered, and objects of no class lie about, so that an edge alone tells nothing.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from engines.contract import InputError, Problem, Sample, no_such_sample
from engines.data import unpacked
from engines.messages import _
from engines.vision import samples

SIDE = 320
"""Pixels of a composite."""
SEED = 20
FEWEST, MOST = 1, 4
"""Objects in a picture."""
SHARE = (0.18, 0.55)
"""Of an object's longer side in the picture's."""
TURN = 15.0
"""Degrees to either side."""
FEATHER = 1.2
"""Pixels by which an edge is blurred."""
OVERLAP = 0.25
"""Of the smaller of two boxes that may be covered."""
OF_TEST = 0.25
"""The share of each class's objects that only the test has."""
DISTRACTORS = ("clothes", "sports", "vehicles", "hobbies")
"""Folders of stamps that are pasted without a box."""
NOT_EMPTY = ("sheep", "jellyfish", "spiders_web", "lighthouse", "wool_mill_machine")
"""Photographs that show something that might be looked for, or that looks pasted."""
TEST_PLACES = ("cliff", "mossy_log", "ocean_waves", "trees_at_dusk")
"""Photographs that only the test has."""
N_TRAIN, N_TEST = 160, 200

PAGE, PAGES_TRAIN, PAGES_TEST = 256, 80, 40
"""Pixels of a page of digits, and how many there are."""

PLACES = "/usr/share/tuxpaint/templates"
NEEDED = (
    "install Debian's or Ubuntu's packages tuxpaint-stamps-default and tuxpaint-data (sudo apt install tuxpaint-data)"
)

SAMPLES = [
    Sample(
        name="scenes",
        title=_("Things pasted on photographs"),
        description=_(
            "360 pictures put together by a program: animals, food, plants and household things, cut out of real "
            "photographs, on real photographs of places. The 200 that are tested on show other things and other "
            "places than the 160 that are learnt from."
        ),
        origin=f"{samples.STAMPS} and its photographs (tuxpaint-data), pasted together by a program",
        licence="GPL-2",
        real=False,
        needs=NEEDED,
    ),
    Sample(
        name="pages",
        title=_("Digits on a page"),
        description=_(
            "120 pages put together by a program, each with 3 to 6 scanned digits on it; the 40 that are tested on "
            "show other scans."
        ),
        origin="Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, UCI Machine Learning "
        "Repository; it comes with scikit-learn; put on pages by a program",
        licence="CC BY 4.0",
        real=False,
    ),
]


@dataclass(frozen=True)
class Scene:
    """One composite."""

    picture: Image.Image
    boxes: list[tuple[str, tuple[int, int, int, int]]]
    """(class, x0 y0 x1 y1 in pixels)"""


def available(name: str) -> bool:
    """Whether `make` would find what it needs on this computer."""
    return name == "pages" or (samples.stamps_folder() is not None and _places() is not None)


def make(name: str, out: Path) -> Path:
    """Writes the sample below `out` as COCO does, a folder a part with its JSON file, and returns the folder; one that
    is there is kept. The same each time. Raises InputError for an unknown name, or with what must be installed."""
    makers: dict[str, Callable[[Path], None]] = {"scenes": _scenes, "pages": _pages}
    if name not in makers:
        raise no_such_sample(name, makers)
    return unpacked.whole(out / name, makers[name])


# --- things on photographs ------------------------------------------------------------------------


def _places() -> Path | None:
    """Where Tux Paint's photographs are: beside its stamps, wherever these are."""
    chosen = os.environ.get("HEADSTART_TUXPAINT")
    place = Path(chosen).parent / "templates" if chosen else Path(PLACES)
    return place if place.is_dir() else None


def _scenes(out: Path) -> None:
    stamps, places = samples.stamps_folder(), _places()
    if stamps is None or places is None:
        raise InputError(
            Problem(_("sample scenes"), _("Tux Paint's stamps and photographs are not on this computer"), NEEDED)
        )
    photographs = [path for path in sorted(places.glob("*.jpg")) if path.stem not in NOT_EMPTY]
    rng = np.random.default_rng(SEED)
    of_train: dict[str, list[Path]] = {}
    of_test: dict[str, list[Path]] = {}
    for label in samples.TUXPAINT_CLASSES:
        own = _photographs_of(stamps / label)
        drawn = rng.permutation(len(own))
        cut = round(OF_TEST * len(own))
        of_test[label], of_train[label] = [own[i] for i in drawn[:cut]], [own[i] for i in drawn[cut:]]
    others = [path for folder in DISTRACTORS for path in _photographs_of(stamps / folder)]
    elsewhere = [others[i] for i in rng.permutation(len(others))]
    half = len(elsewhere) // 2
    for part, count, things, aside, number in (
        ("train", N_TRAIN, of_train, elsewhere[:half], 0),
        ("test", N_TEST, of_test, elsewhere[half:], 1),
    ):
        scenery = [path for path in photographs if (path.stem in TEST_PLACES) is (part == "test")]
        dice = np.random.default_rng([SEED, number])
        write_coco(out / part, [_scene(scenery, things, aside, dice) for _each in range(count)])


def _photographs_of(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*.png")) if samples.is_photograph(path.relative_to(folder))]


def _scene(
    scenery: Sequence[Path], things: dict[str, list[Path]], aside: Sequence[Path], rng: np.random.Generator
) -> Scene:
    """A photograph with objects on it, and perhaps one or two that have no box."""
    canvas = _background(scenery[int(rng.integers(len(scenery)))], rng)
    boxes: list[tuple[str, tuple[int, int, int, int]]] = []
    taken: list[tuple[int, int, int, int]] = []
    labels = list(things)
    wanted: list[str | None] = [labels[i] for i in rng.integers(len(labels), size=int(rng.integers(FEWEST, MOST + 1)))]
    wanted += [None] * int(rng.integers(0, 3))
    for index in rng.permutation(len(wanted)):
        label = wanted[index]
        choices = aside if label is None else things[label]
        stamp = _stamp(choices[int(rng.integers(len(choices)))], rng)
        if (box := _pasted(canvas, stamp, taken, rng)) is not None:
            taken.append(box)
            if label is not None:
                boxes.append((label, box))
    return Scene(canvas, boxes)


def _background(photograph: Path, rng: np.random.Generator) -> Image.Image:
    """A square of it, of random size and place, perhaps mirrored, a little lighter or darker."""
    with Image.open(photograph) as opened:
        whole = opened.convert("RGB")
    side = int(min(whole.size) * rng.uniform(0.6, 1.0))
    left, top = (int(rng.integers(0, length - side + 1)) for length in whole.size)
    square = whole.crop((left, top, left + side, top + side)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    if rng.random() < 0.5:
        square = square.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    bright = np.asarray(square, dtype=np.float64) * rng.uniform(0.8, 1.15)
    return Image.fromarray(bright.clip(0, 255).astype(np.uint8))


def _stamp(path: Path, rng: np.random.Generator) -> Image.Image:
    """An object in its size, turned, its edge feathered: RGBA, cut to what is seen of it."""
    stamp = _cut_out(path)
    longest = SIDE * rng.uniform(*SHARE)
    scale = longest / max(stamp.size)
    size = max(8, round(stamp.width * scale)), max(8, round(stamp.height * scale))
    turned = stamp.resize(size, Image.Resampling.LANCZOS)
    turned = turned.rotate(rng.uniform(-TURN, TURN), Image.Resampling.BICUBIC, expand=True)
    alpha = turned.getchannel("A")
    soft = np.minimum(np.asarray(alpha), np.asarray(alpha.filter(ImageFilter.GaussianBlur(FEATHER))))
    turned.putalpha(Image.fromarray(soft))
    return turned.crop(_seen(turned))


@functools.lru_cache(maxsize=1024)
def _cut_out(path: Path) -> Image.Image:
    """RGBA, no larger than it is ever pasted."""
    with Image.open(path) as opened:
        stamp = opened.convert("RGBA")
    stamp.thumbnail((SIDE, SIDE))
    return stamp


def _seen(stamp: Image.Image, above: int = 127) -> tuple[int, int, int, int]:
    """Around what is there: more than not, of alpha in [0, 255]."""
    there = np.asarray(stamp.getchannel("A")) > above
    rows, columns = np.flatnonzero(there.any(1)), np.flatnonzero(there.any(0))
    if not len(rows):
        return 0, 0, stamp.width, stamp.height
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _pasted(
    canvas: Image.Image, stamp: Image.Image, taken: list[tuple[int, int, int, int]], rng: np.random.Generator
) -> tuple[int, int, int, int] | None:
    """Its box where it was pasted; None where there is no room left."""
    width, height = stamp.size
    for _try in range(20):
        left = int(rng.integers(0, max(1, canvas.width - width)))
        top = int(rng.integers(0, max(1, canvas.height - height)))
        box = (left, top, min(left + width, canvas.width), min(top + height, canvas.height))
        if all(_covered(box, other) <= OVERLAP for other in taken):
            canvas.paste(stamp, (left, top), stamp)
            return box
    return None


def _covered(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> float:
    """What both have, as a share of the smaller."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    areas = ((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return max(0, width) * max(0, height) / max(1, min(areas))


# --- digits on pages ------------------------------------------------------------------------------


def _pages(out: Path) -> None:
    from sklearn.datasets import load_digits

    digits = load_digits()
    order = np.random.default_rng(SEED).permutation(len(digits.target))
    cut = len(order) * 2 // 3
    for part, count, scans, number in (("train", PAGES_TRAIN, order[:cut], 0), ("test", PAGES_TEST, order[cut:], 1)):
        rng = np.random.default_rng([SEED, 7, number])
        write_coco(out / part, [_page(digits.images, digits.target, scans, rng) for _each in range(count)])


def _page(images: np.ndarray, labels: np.ndarray, scans: np.ndarray, rng: np.random.Generator) -> Scene:
    """Paper with a few digits on it. images: (N, 8, 8) in [0, 16]."""
    paper = rng.normal(rng.uniform(200, 245), 4, (PAGE, PAGE, 1)) + rng.normal(0, 3, 3)
    canvas = Image.fromarray(paper.clip(0, 255).astype(np.uint8))
    boxes: list[tuple[str, tuple[int, int, int, int]]] = []
    for scan in rng.choice(scans, int(rng.integers(3, 7)), replace=False):
        side = int(rng.integers(48, 89))
        ink = Image.fromarray((images[scan] / 16 * 255).astype(np.uint8)).resize((side, side), Image.Resampling.BICUBIC)
        stamp = Image.new("RGBA", (side, side), tuple(int(c) for c in rng.integers(0, 90, 3)))
        stamp.putalpha(ink)
        stamp = stamp.crop(_seen(stamp, 24))
        if (box := _pasted(canvas, stamp, [own for _label, own in boxes], rng)) is not None:
            boxes.append((str(labels[scan]), box))
    return Scene(canvas, boxes)


# --- as COCO writes them --------------------------------------------------------------------------


def write_coco(folder: Path, scenes: Sequence[Scene]) -> None:
    """The pictures as JPEG files, and `_annotations.coco.json` beside them."""
    folder.mkdir(parents=True)
    labels = sorted({label for scene in scenes for label, _box in scene.boxes})
    pictures: list[dict[str, Any]] = []
    boxes: list[dict[str, Any]] = []
    for number, scene in enumerate(scenes):
        name = f"{number:04d}.jpg"
        scene.picture.save(folder / name, quality=92)
        pictures.append(
            {"id": number + 1, "file_name": name, "width": scene.picture.width, "height": scene.picture.height}
        )
        for label, (left, top, right, bottom) in scene.boxes:
            boxes.append(
                {
                    "id": len(boxes) + 1,
                    "image_id": number + 1,
                    "category_id": labels.index(label) + 1,
                    "bbox": [left, top, right - left, bottom - top],
                    "area": (right - left) * (bottom - top),
                    "iscrowd": 0,
                }
            )
    categories = [{"id": number, "name": label} for number, label in enumerate(labels, 1)]
    content = {"images": pictures, "annotations": boxes, "categories": categories}
    (folder / "_annotations.coco.json").write_text(json.dumps(content), encoding="utf-8")
