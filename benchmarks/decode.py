"""How fast is a photograph from a phone a network's input, beside the way of a tutorial?

    python benchmarks/decode.py [--rounds 5] [--write]

JPEGs of 3 and of 12 million pixels, the larger ones with the grain of a sensor, made of the photographs that come with
scikit-learn and (where it is installed) scikit-image, through Headstart's own reading (`InputFormat.read`, then
`plain`), through Pillow and the transform that timm makes for the network, and through Pillow and torchvision's usual
one. One thread, CPU seconds, in turn; freed memory is kept for all of them. Also: how far the pixels lie from those of
a full decode, in standard deviations of the input (1 is half of the range from black to white), and what threads add.
"""

from __future__ import annotations

import importlib.util
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import timm
import torch
from PIL import Image
from sklearn.datasets import load_sample_images
from timm.data import create_transform, resolve_data_config
from torch import Tensor
from torchvision.transforms import v2

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.performance_page import busy, parser, publish, table
from engines import registry
from engines.training import devices
from engines.vision.classification import prepare
from engines.vision.classification.settings import VisionSettings
from engines.vision.images.transforms import DECODERS, InputFormat

MODEL = "tf_efficientnet_lite0"
KINDS = (((2016, 1512), 0.0), ((4032, 3024), 4.0))
"""Width and height in pixels, and the standard deviation of the grain, of 255: small photographs are enlarged, and
without grain there would be less to decompress in a picture of 12 million pixels than a telephone writes."""
BUNDLED = ("astronaut", "coffee", "chelsea", "rocket", "retina", "immunohistochemistry", "hubble_deep_field")
"""Photographs that lie in scikit-image's package; its others are fetched from the network."""
Read = Callable[[Path], Tensor]


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--rounds", type=int, default=5)
    given = arguments.parse_args()
    torch.set_num_threads(1)
    devices.keep_freed_memory()
    padded = prepare.input_format(registry.task("vision.classification").describe(MODEL), VisionSettings())
    cropped = replace(padded, framing="crop")
    contenders: dict[str, Read] = {
        "Pillow, timm's transform": tutorial(timms()),
        "Pillow, torchvision's transform": tutorial(torchvisions(cropped)),
        "Headstart, middle square": lambda path: ours(path, cropped),
        "Headstart, whole picture (default)": lambda path: ours(path, padded),
    }
    texts = []
    for size, grain in KINDS:
        with tempfile.TemporaryDirectory() as folder:
            paths = photographs(Path(folder), size, grain)
            texts.append(measured(paths, contenders, cropped, padded, given.rounds, size, grain))
    remark = (
        "timm's transform is bicubic, as Headstart's, torchvision's bilinear. Distances are in standard deviations."
    )
    publish("\n\n".join([*texts, remark]), write=given.write)


def measured(
    paths: list[Path],
    contenders: dict[str, Read],
    cropped: InputFormat,
    padded: InputFormat,
    rounds: int,
    size: tuple[int, int],
    grain: float,
) -> str:
    """The table of one kind of photographs, and what else there is to say of it."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, read in contenders.items():
            began = time.process_time()
            for path in paths:
                read(path)
            if number:  # the first round warms up
                seconds[name].append(time.process_time() - began)
    apart = {
        name: statistics.fmean(float((ours(p, f) - in_full(p, f)).abs().mean()) for p in paths)
        for name, f in (("middle square", cropped), ("whole picture", padded))
    }
    first, second = list(seconds)[:2]
    from_timm = statistics.fmean(float((ours(p, cropped) - contenders[first](p)).abs().mean()) for p in paths)
    threaded = wall_ratio(paths, contenders[first], padded)
    rows = []
    for name, taken in seconds.items():
        against = [
            f"{statistics.median(t / own for t, own in zip(seconds[other], taken, strict=True)):.2f}"
            for other in (first, second)
        ]
        rows.append((name, f"{1000 * statistics.median(taken) / len(paths):.1f} ms", *against))
    header = ("", "CPU time a photograph", "times as fast as timm's", "times as fast as torchvision's")
    megabytes = sum(path.stat().st_size for path in paths) / 1e6 / len(paths)
    kind = f"{size[0]} × {size[1]} pixels{' with grain' if grain else ''}, {megabytes:.1f} MB each"
    distances = ", ".join(f"{value:.3f} ({name})" for name, value in apart.items())
    return (
        f"{table(header, rows)}\n\n{len(paths)} JPEGs of {kind}, {rounds} rounds in turn, one thread, medians. Mean "
        f"distance from a full decode with the same framing: {distances}; from timm's input {from_timm:.3f}, most "
        f"of it because timm rounds the width and so shifts the picture by half a pixel. Wall time of {DECODERS} "
        f"reading threads against timm's transform in one: {threaded:.1f} times as fast ({busy()})."
    )


def timms() -> Callable[[Image.Image], Tensor]:
    config = timm.get_pretrained_cfg(MODEL)
    assert config is not None
    made: Callable[[Image.Image], Tensor] = create_transform(**resolve_data_config(pretrained_cfg=config.to_dict()))
    return made


def torchvisions(format: InputFormat) -> Callable[[Image.Image], Tensor]:
    """As torchvision's own presets do: 256, 224, bilinear."""
    made: Callable[[Image.Image], Tensor] = v2.Compose(
        [
            v2.Resize(format.stored),
            v2.CenterCrop(format.size),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(format.mean, format.std),
        ]
    )
    return made


def tutorial(transform: Callable[[Image.Image], Tensor]) -> Read:
    def read(path: Path) -> Tensor:
        with Image.open(path) as image:
            return transform(image.convert("RGB"))

    return read


def ours(path: Path, format: InputFormat) -> Tensor:
    """float32 (3, size, size)"""
    return plain(format.read(path), format)


def in_full(path: Path, format: InputFormat) -> Tensor:
    with Image.open(path) as image:
        return plain(format.square(image.convert("RGB")), format)


def plain(square: np.ndarray, format: InputFormat) -> Tensor:
    return format.plain(torch.from_numpy(square).permute(2, 0, 1)[None])[0]


def wall_ratio(paths: list[Path], theirs: Read, format: InputFormat) -> float:
    began = time.perf_counter()
    for path in paths:
        theirs(path)
    one = time.perf_counter() - began
    with ThreadPoolExecutor(DECODERS) as pool:
        began = time.perf_counter()
        for square in pool.map(format.read, paths):
            plain(square, format)
        return one / (time.perf_counter() - began)


def photographs(folder: Path, size: tuple[int, int], grain: float) -> list[Path]:
    """Cut to 4:3 and enlarged to `size`, quality 92, with grey grain of that standard deviation."""
    found = list(load_sample_images().images)
    if importlib.util.find_spec("skimage"):
        import skimage.data

        found += [getattr(skimage.data, name)() for name in BUNDLED]
    paths = []
    for number, pixels in enumerate(found):
        image = Image.fromarray(pixels[..., :3])
        width, height = min(image.width, image.height * 4 // 3), min(image.height, image.width * 3 // 4)
        left, top = (image.width - width) // 2, (image.height - height) // 2
        box = (left, top, left + width, top + height)
        paths.append(folder / f"{number}.jpg")
        image = image.resize(size, Image.Resampling.LANCZOS, box)
        if grain:
            noise = np.random.default_rng(number).normal(0, grain, (size[1], size[0], 1))
            image = Image.fromarray((np.asarray(image) + noise).clip(0, 255).astype(np.uint8))
        image.save(paths[-1], quality=92)
    return paths


if __name__ == "__main__":
    main()
