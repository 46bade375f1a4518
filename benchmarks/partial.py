"""What does the cache below the freeze boundary save when the last blocks of a network learn?

    python benchmarks/partial.py [--rounds 3] [--images 128] [--epochs 12] [--blocks 1,3,7] [--write]

EfficientNet-Lite0, its last 1, 3 and 7 of 8 stages trainable, the default 12 epochs on the same decoded pictures in
the same order. The tutorial loop sends each picture through the whole network. Ours begins at the boundary, with
activations that were computed before (their cost is paid once in a run or in an earlier run: it stands beside), and
runs its convolutions as `training.convolutions` has them, in float32 and as the default settings choose. One thread,
CPU seconds, in turn, freed memory kept for all. Also the difference between the mean losses of the first epoch, and
what a processor would get at most that did nothing but the trainable stages' multiplications, at the rate of its best
matrix product.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.frozen import CLASSES, RATE, card, pictures
from benchmarks.performance_page import parser, publish, table
from engines.contract import Strategy
from engines.runs import RunFolder
from engines.training import array_cache, devices, strategies
from engines.training.activation_cache import Cached, cache_activations
from engines.training.loop import Plan, schedule, train
from engines.training.settings import TrainSettings
from engines.training.strategies import parameter_groups
from engines.vision.classification.settings import VisionSettings
from engines.vision.images.transforms import Photos
from engines.vision.models import backbones

WAYS = {"ours, float32": "no", "ours, default": "auto"}
TUTORIAL, CACHING = "tutorial", "activations, once"


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--images", type=int, default=128)
    arguments.add_argument("--epochs", type=int, default=12)
    arguments.add_argument("--blocks", default="1,3,7")
    given = arguments.parse_args()
    torch.set_num_threads(1)
    devices.keep_freed_memory()
    devices.accelerator(VisionSettings(device="cpu"))  # its choice for matrix products is for all of them
    rates = {"no": best_product(torch.float32), "auto": best_product(torch.bfloat16 if devices.has_bf16() else None)}
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["HEADSTART_HOME"] = f"{scratch}/home"
        photos, run = pictures(Path(scratch), given.images)
        for blocks in map(int, given.blocks.split(",")):
            rows += measured(blocks, photos, run, Path(scratch) / "home/cache", given, rates)
    header = (
        "trainable stages",
        "",
        "a picture and epoch",
        "times as fast",
        "12 epochs with the caching",
        "loss differs by",
        "at most",
    )
    text = (
        f"{given.images} pictures, batches of 32, {given.epochs} epochs, one thread, CPU time, median of "
        f"{given.rounds} rounds. The last column is the tutorial's time beside that of the trainable stages' "
        f"multiplications alone, three times those of a forward pass, at the rate of the best matrix product: "
        f"{rates['no'] / 1e9:.0f} · 10⁹ a second in float32, {rates['auto'] / 1e9:.0f} as the default settings choose."
    )
    publish(f"{table(header, rows)}\n\n{text}", write=given.write)


def measured(
    blocks: int, photos: Photos, run: RunFolder, cache: Path, given: Any, rates: dict[str, float]
) -> list[tuple[str, ...]]:
    """The rows of the table for so many trainable stages."""
    taken: dict[str, list[float]] = {name: [] for name in (TUTORIAL, *WAYS, CACHING)}
    losses = {}
    known = {path.name for path in cache.iterdir()}
    for _ in range(given.rounds):
        settings = VisionSettings(device="cpu", mixed_precision="no", patience=10_000, blocks=blocks)
        network = fresh(settings)
        began = time.process_time()
        losses[TUTORIAL] = naive(network, photos, settings, given.epochs)
        taken[TUTORIAL].append(time.process_time() - began)
        network = fresh(settings)
        began = time.process_time()
        seen = cached_behind_boundary(network, photos, run)
        taken[CACHING].append(time.process_time() - began)
        for name, precision in WAYS.items():
            settings = replace(settings, mixed_precision=precision)
            network = fresh(settings)
            shutil.rmtree(run.path / "checkpoint", ignore_errors=True)
            began = time.process_time()
            losses[name] = cached(network, seen, run, settings, given.epochs)
            taken[name].append(time.process_time() - began)
        for path in cache.iterdir():
            if path.name not in known:
                path.unlink()
    pairs = given.images * given.epochs
    tutorial = statistics.median(taken[TUTORIAL])
    rows = [(str(blocks), "tutorial loop", f"{1000 * tutorial / pairs:.1f} ms", "1.0", "", "", "")]
    for name, precision in WAYS.items():
        ratio = statistics.median(a / b for a, b in zip(taken[TUTORIAL], taken[name], strict=True))
        of_epochs = 12 / given.epochs
        in_all = statistics.median(
            of_epochs * a / (of_epochs * b + c)
            for a, b, c in zip(taken[TUTORIAL], taken[name], taken[CACHING], strict=True)
        )
        least = 3 * pairs * sum(stage.macs for stage in card().stages[-blocks:]) / rates[precision]
        rows.append(
            (
                "",
                name,
                f"{1000 * statistics.median(taken[name]) / pairs:.2f} ms",
                f"{ratio:.1f}",
                f"{in_all:.1f}",
                f"{abs(losses[name] - losses[TUTORIAL]):.0e}",
                f"{tutorial / least:.1f}",
            )
        )
    caching = 1000 * statistics.median(taken[CACHING]) / given.images
    return [*rows, ("", CACHING, f"{caching:.1f} ms a picture", "", "", "", "")]


def best_product(dtype: torch.dtype | None, size: int = 1024) -> float:
    """Multiply-accumulates a second of a square matrix product."""
    a, b = torch.rand(2, size, size, dtype=dtype or torch.float32)
    taken = []
    for _ in range(10):
        began = time.process_time()
        a @ b
        taken.append(time.process_time() - began)
    return size**3 / min(taken)


def fresh(settings: TrainSettings) -> Any:
    network = backbones.build(card(), CLASSES, pretrained=True, seed=0)
    torch.nn.init.zeros_(network.head().weight)
    torch.nn.init.zeros_(network.head().bias)
    strategies.apply(network, Strategy.PARTIAL, settings)
    return network


def naive(network: Any, photos: Photos, settings: TrainSettings, epochs: int) -> float:
    """A few epochs as a tutorial has them. Returns the mean loss of the first."""
    optimiser = torch.optim.AdamW(parameter_groups(network, Strategy.PARTIAL, RATE, settings))
    rates = [group["lr"] for group in optimiser.param_groups]
    learning = list(network.trainable().values())
    n = len(photos.labels)
    steps, step, losses = -(-n // settings.batch_size) * epochs, 0, []
    network.train()
    for epoch in range(epochs):
        generator, total = devices.seed_everything(0, "fine-tuning", epoch), 0.0
        for indices in torch.randperm(n, generator=generator).split(settings.batch_size):
            for group, rate in zip(optimiser.param_groups, rates, strict=True):
                group["lr"] = rate * schedule(step, steps)
            inputs: Tensor = photos.plain(indices).contiguous()
            loss = F.cross_entropy(network(inputs), photos.labels[indices])
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(learning, 5.0)
            optimiser.step()
            total += loss.item() * len(indices)
            step += 1
        losses.append(total / n)
    return losses[0]


def cached_behind_boundary(network: Any, photos: Photos, run: RunFolder) -> Cached:
    found = cache_activations(
        network,
        photos,
        views=1,
        name=array_cache.key("partial", photos.identity, network.boundary),
        run=run,
        title="",
        unit="pictures",
        device=torch.device("cpu"),
    )
    assert isinstance(found, Cached)
    return found


def cached(network: Any, seen: Cached, run: RunFolder, settings: TrainSettings, epochs: int) -> float:
    """The product's own training. Returns the mean loss of the first epoch."""
    progress = train(
        network,
        Plan("fine-tuning", "", "transfer", Strategy.PARTIAL, epochs, RATE),
        seen,
        None,
        settings,
        loss=partial(F.cross_entropy),
        metric=lambda *_: 0.0,
        run=run,
        accelerator=devices.accelerator(settings, Strategy.PARTIAL),
        seed=0,
        unit="pictures",
    )
    return float(progress.history[0]["train_loss"])


if __name__ == "__main__":
    main()
