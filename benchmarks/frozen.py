"""What does running the frozen part once save, against the loop that a tutorial would write?

    python benchmarks/frozen.py [--rounds 3] [--epochs 20] [--images 160]

EfficientNet-Lite0, its backbone frozen, a new head trained for 20 epochs on the same decoded pictures, in the same
order, with the same optimiser and schedule. One thread, CPU seconds, the contenders in turn. Prints the median ratio,
the largest difference between the two loss curves, and what a second run costs that finds the activations on disk.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engines import registry
from engines.contract import Recipe, Strategy
from engines.runs import RunFolder
from engines.training import devices, store, strategies
from engines.training.examples import cache_activations
from engines.training.loop import Plan, schedule, train
from engines.training.settings import TrainSettings
from engines.vision import networks, preparing
from engines.vision.pixels import Photos
from engines.vision.settings import VisionSettings

SETTINGS = TrainSettings(device="cpu", mixed_precision="no", patience=10_000, weight_decay=0.02)
RATE = 1e-3


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--images", type=int, default=160)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    devices.keep_freed_memory()
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["HEADSTART_HOME"] = f"{scratch}/home"
        photos, run = pictures(Path(scratch), chosen.images)
        seconds: dict[str, list[float]] = {"tutorial loop": [], "frozen part once": [], "activations on disk": []}
        curves = {}
        for _ in range(chosen.rounds):
            shutil.rmtree(f"{scratch}/home/cache", ignore_errors=True)
            for name, contender in (
                ("tutorial loop", naive), ("frozen part once", cached), ("activations on disk", cached),
            ):  # fmt: skip
                shutil.rmtree(run.path / "checkpoint", ignore_errors=True)
                network = networks.build(card(), 4, pretrained=True, seed=0)
                torch.nn.init.zeros_(network.head().weight)
                torch.nn.init.zeros_(network.head().bias)
                strategies.apply(network, Strategy.FEATURES, SETTINGS)
                began = time.process_time()
                curves[name] = contender(network, photos, run, chosen.epochs)
                seconds[name].append(time.process_time() - began)
    print(f"{chosen.images} pictures, {chosen.epochs} epochs, {chosen.rounds} rounds, one thread, CPU seconds\n")
    print("| | median seconds | median ratio |\n| --- | --- | --- |")
    for name, taken in seconds.items():
        ratios = [theirs / ours for theirs, ours in zip(seconds["tutorial loop"], taken, strict=True)]
        print(f"| {name} | {statistics.median(taken):.2f} | {statistics.median(ratios):.1f} |")
    apart = np.abs(np.array(curves["tutorial loop"]) - np.array(curves["frozen part once"])).max()
    print(f"\nlargest difference between the loss curves: {apart:.1e}")


def card() -> Any:
    return registry.task("vision.classification").describe("tf_efficientnet_lite0")


def pictures(scratch: Path, images: int) -> tuple[Photos, RunFolder]:
    """Decoded training pictures of the photographs sample, and a run folder to work in."""
    data = registry.task("vision.classification").make_sample("photographs", scratch / "sample")
    recipe = Recipe("vision.classification", str(data), "tf_efficientnet_lite0", Strategy.FEATURES)
    run = RunFolder.create(recipe, scratch / "run")
    settings = VisionSettings(augment="none", test_fraction=0.05, validation_fraction=0.0)
    prepared = preparing.prepare(recipe, settings, preparing.input_format(card(), settings), run)
    training = prepared.part("train")
    chosen = torch.randperm(len(training.labels), generator=torch.Generator().manual_seed(0))[:images]
    return training.subset(chosen), run


def naive(network: Any, photos: Photos, _run: RunFolder, epochs: int) -> list[float]:
    """Every picture through the whole network in every epoch. Returns the mean loss of each epoch."""
    head = network.head()
    groups = [
        {"params": [head.weight], "weight_decay": SETTINGS.weight_decay},
        {"params": [head.bias], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=RATE)
    n = len(photos.labels)
    steps, step, losses = -(-n // SETTINGS.batch_size) * epochs, 0, []
    network.train()
    for epoch in range(epochs):
        generator = devices.seed_everything(0, "head", epoch)
        total = 0.0
        for indices in torch.randperm(n, generator=generator).split(SETTINGS.batch_size):
            for group in optimiser.param_groups:
                group["lr"] = RATE * schedule(step, steps)
            loss = F.cross_entropy(network(photos.plain(indices)), photos.labels[indices])
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(head.parameters(), 5.0)
            optimiser.step()
            total += loss.item() * len(indices)
            step += 1
        losses.append(total / n)
    return losses


def cached(network: Any, photos: Photos, run: RunFolder, epochs: int) -> list[float]:
    """The product's own way: `cache_activations`, then `train`."""
    on = devices.accelerator(SETTINGS)
    seen = cache_activations(
        network, photos, views=1, name=store.key("frozen", photos.identity), run=run, title="", unit="pictures",
        device=on.device,
    )  # fmt: skip
    plan = Plan("head", "", "transfer", Strategy.FEATURES, epochs, RATE)
    progress = train(
        network, plan, seen, None, SETTINGS, loss=partial(F.cross_entropy), metric=lambda *_: 0.0, run=run,
        accelerator=on, seed=0, unit="pictures",
    )  # fmt: skip
    return [row["train_loss"] for row in progress.history]


if __name__ == "__main__":
    main()
