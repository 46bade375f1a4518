"""Do time and memory grow as they should with the number of photographs?

    python benchmarks/growth.py [--sizes 1000,4000,16000,50000] [--rounds 3] [--side 64] [--write]

Small JPEGs of coloured shapes in ten classes are made, and the whole path of a `features` run goes over them with the
contract suite's network (test_resnet, random weights, so that it is the path that is measured and not the network):
check, decode, cache, train 5 epochs, test. Each size runs in a process of its own, the sizes in turn. Gives CPU seconds
(which other processes on the machine do not change much), what a photograph costs beside the first size, and the peak
resident memory, libraries included.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.performance_page import parser, publish, table

CLASSES = 10
SETTINGS = {"epochs": 5, "views": 1, "refit": False, "image_size": 64, "device": "cpu", "frozen_part": "torch"}
"""One engine for all sizes: the default would prepare ONNX Runtime for the larger ones, once, and make them cheaper."""


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--sizes", default="1000,4000,16000,50000")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--side", type=int, default=64)
    arguments.add_argument("--one", nargs=2, help="DATA HOME: used by the benchmark itself")
    given = arguments.parse_args()
    if given.one:
        print(json.dumps(one(*map(Path, given.one))))
        return
    sizes = [int(size) for size in given.sizes.split(",")]
    with tempfile.TemporaryDirectory() as scratch:
        data = {size: photographs(Path(scratch) / f"data-{size}", size, given.side) for size in sizes}
        taken: dict[int, list[dict[str, float]]] = {size: [] for size in sizes}
        for number, size in itertools.product(range(given.rounds), sizes):
            home = f"{scratch}/home-{number}-{size}"
            command = [sys.executable, "-W", "ignore", __file__, "--one", str(data[size]), home]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            taken[size].append(json.loads(done.stdout.splitlines()[-1]))
            shutil.rmtree(home)
            print(size, taken[size][-1], file=sys.stderr, flush=True)
    found = [{name: statistics.median(one[name] for one in taken[size]) for name in taken[size][0]} for size in sizes]
    rows = []
    first = found[0]
    each_of_first = (first["seconds"] - first["start"]) / sizes[0]
    smaller: tuple[int, float] | None = None
    for size, numbers in zip(sizes, found, strict=True):
        each = (numbers["seconds"] - numbers["start"]) / size
        rows.append(
            (
                f"{size:,}",
                f"{numbers['seconds']:.1f} s",
                f"{1000 * each:.2f} ms",
                f"{each / each_of_first:.2f}",
                further(size, numbers["seconds"] - numbers["start"], smaller),
                f"{numbers['peak']:,.0f} MB",
                f"{numbers['peak'] / first['peak']:.2f}",
                f"{numbers['wall']:.0f} s",
            )
        )
        smaller = size, numbers["seconds"] - numbers["start"]
    header = (
        "photographs",
        "CPU time",
        "each",
        "beside the first",
        "each further",
        "peak memory",
        "beside the first",
        "wall time",
    )
    text = (
        f"JPEGs of {given.side} × {given.side} pixels, one process a size, one thread for the network. The "
        "time of each is without imports; that of each further one is the difference from the size before. Medians of "
        f"{given.rounds} rounds."
    )
    publish(f"{table(header, rows)}\n\n{text}", write=given.write)


def further(size: int, seconds: float, smaller: tuple[int, float] | None) -> str:
    """What each photograph costs by which a set is larger than the `smaller` one: its size and seconds."""
    return "" if smaller is None else f"{1000 * (seconds - smaller[1]) / (size - smaller[0]):.2f} ms"


def one(data: Path, home: Path) -> dict[str, float]:
    """CPU and wall seconds and the peak of resident memory (MB) of one run, in this process."""
    import resource

    os.environ |= {"HEADSTART_HOME": str(home), "HEADSTART_MODELS": str(home / "models"), "HEADSTART_CACHE_GB": "40"}
    import timm
    import torch
    from safetensors.torch import save_file

    from engines import lifecycle, registry
    from engines.contract import Recipe, Strategy
    from engines.runs import RunFolder

    torch.set_num_threads(1)
    torch.manual_seed(0)
    (home / "models/test_resnet").mkdir(parents=True)
    save_file(timm.create_model("test_resnet").state_dict(), home / "models/test_resnet/model.safetensors")
    task = registry.task("vision.classification")
    recipe = Recipe(task.info.name, str(data), "test_resnet", Strategy.FEATURES, settings=SETTINGS)
    start, began = time.process_time(), time.monotonic()
    lifecycle.fit(task, recipe, RunFolder.create(recipe, home / "run"))
    return {
        "seconds": time.process_time(),
        "start": start,
        "wall": time.monotonic() - began,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def photographs(folder: Path, size: int, side: int) -> Path:
    """`size` JPEGs in CLASSES folders, no two alike: a disc on noise, its colour by the class. 64 noises in turn."""
    import numpy as np
    from PIL import Image, ImageDraw

    rng = np.random.default_rng(0)
    grounds = [Image.fromarray(rng.integers(60, 196, (side, side, 3), dtype=np.uint8)) for _ in range(64)]
    for number in range(size):
        label = number % CLASSES
        image = grounds[number % len(grounds)].copy()
        x, y, r = rng.integers(side // 4, side // 2, 3)
        colour = (25 * label, 255 - 25 * label, (97 * label) % 256)
        ImageDraw.Draw(image).ellipse((x - r // 2, y - r // 2, x + r // 2, y + r // 2), fill=colour)
        image.putpixel((number % side, number // side % side), (number % 256, number // 256 % 256, 0))
        target = folder / f"class-{label}" / f"{number:06d}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        image.save(target, quality=90)
    return folder


if __name__ == "__main__":
    main()
