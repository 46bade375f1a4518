"""What does the cache below the freeze boundary save when the last blocks of a network learn?

    python benchmarks/partial.py [--rounds 3] [--images 64] [--blocks 1,3,7] [--write]

EfficientNet-Lite0, its last 1, 3 and 7 of 8 stages trainable, one epoch on the same decoded pictures in the same order.
The tutorial loop sends each picture through the whole network; ours begins at the boundary, with activations that were
computed before (their cost is paid once in a run of 12 epochs or in an earlier run: it stands beside). One thread, CPU
seconds, in turn, freed memory kept for both. Also the difference between the two losses of the epoch.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
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
from engines.training import devices, store, strategies
from engines.training.frozen import Cached, cache_activations
from engines.training.loop import Plan, schedule, train
from engines.training.settings import TrainSettings
from engines.training.strategies import parameter_groups
from engines.vision import networks
from engines.vision.pixels import Photos


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--images", type=int, default=64)
    arguments.add_argument("--blocks", default="1,3,7")
    given = arguments.parse_args()
    torch.set_num_threads(1)
    devices.keep_freed_memory()
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["HEADSTART_HOME"] = f"{scratch}/home"
        photos, run = pictures(Path(scratch), given.images)
        for blocks in map(int, given.blocks.split(",")):
            settings = TrainSettings(device="cpu", mixed_precision="no", patience=10_000, blocks=blocks)
            taken: dict[str, list[float]] = {"tutorial": [], "ours": [], "caching": []}
            for _ in range(given.rounds):
                network = fresh(settings)
                began = time.process_time()
                theirs = naive(network, photos, settings)
                taken["tutorial"].append(time.process_time() - began)
                network = fresh(settings)
                began = time.process_time()
                seen = behind(network, photos, run)
                taken["caching"].append(time.process_time() - began)
                shutil.rmtree(run.path / "checkpoint", ignore_errors=True)
                began = time.process_time()
                ours = cached(network, seen, run, settings)
                taken["ours"].append(time.process_time() - began)
                shutil.rmtree(Path(scratch) / "home/cache")
            ratio = statistics.median(a / b for a, b in zip(taken["tutorial"], taken["ours"], strict=True))
            in_all = [
                12 * a / (12 * b + c)
                for a, b, c in zip(taken["tutorial"], taken["ours"], taken["caching"], strict=True)
            ]
            milliseconds = [f"{1000 * statistics.median(taken[k]) / given.images:.1f} ms" for k in taken]
            rows.append(
                (
                    str(blocks),
                    *milliseconds,
                    f"{ratio:.1f}",
                    f"{statistics.median(in_all):.1f}",
                    f"{abs(ours - theirs):.0e}",
                )
            )
    header = (
        "trainable stages", "tutorial, a picture", "ours, a picture", "activations, once a picture",
        "epoch: times as fast", "12 epochs with the caching", "loss differs by",
    )  # fmt: skip
    text = f"{given.images} pictures, batches of 32, one thread, CPU time, median of {given.rounds} rounds."
    publish(f"{table(header, rows)}\n\n{text}", write=given.write)


def fresh(settings: TrainSettings) -> Any:
    network = networks.build(card(), CLASSES, pretrained=True, seed=0)
    torch.nn.init.zeros_(network.head().weight)
    torch.nn.init.zeros_(network.head().bias)
    strategies.apply(network, Strategy.PARTIAL, settings)
    return network


def naive(network: Any, photos: Photos, settings: TrainSettings) -> float:
    """One epoch as a tutorial has it. Returns its mean loss."""
    optimiser = torch.optim.AdamW(parameter_groups(network, Strategy.PARTIAL, RATE, settings))
    rates = [group["lr"] for group in optimiser.param_groups]
    learning = list(network.trainable().values())
    n = len(photos.labels)
    steps, total = -(-n // settings.batch_size), 0.0
    generator = devices.seed_everything(0, "fine-tuning", 0)
    network.train()
    for step, indices in enumerate(torch.randperm(n, generator=generator).split(settings.batch_size)):
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = rate * schedule(step, steps)
        inputs: Tensor = photos.plain(indices).contiguous()
        loss = F.cross_entropy(network(inputs), photos.labels[indices])
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learning, 5.0)
        optimiser.step()
        total += loss.item() * len(indices)
    return total / n


def behind(network: Any, photos: Photos, run: RunFolder) -> Cached:
    found = cache_activations(
        network, photos, views=1, name=store.key("partial", photos.identity, network.boundary), run=run, title="",
        unit="pictures", device=torch.device("cpu"),
    )  # fmt: skip
    assert isinstance(found, Cached)
    return found


def cached(network: Any, seen: Cached, run: RunFolder, settings: TrainSettings) -> float:
    progress = train(
        network, Plan("fine-tuning", "", "transfer", Strategy.PARTIAL, 1, RATE), seen, None, settings,
        loss=partial(F.cross_entropy), metric=lambda *_: 0.0, run=run, accelerator=devices.accelerator(settings),
        seed=0, unit="pictures",
    )  # fmt: skip
    return float(progress.history[0]["train_loss"])


if __name__ == "__main__":
    main()
