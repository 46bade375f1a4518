"""What does running the frozen part once save, against the loop that a tutorial would write?

    python benchmarks/frozen.py [--rounds 3] [--epochs 20] [--images 128] [--write]

EfficientNet-Lite0, its backbone frozen, a new head trained for 20 epochs on the same decoded pictures with AdamW. The
tutorial loop draws the same order and has the same schedule, so that its losses can be compared with ours; fastai and
Lightning (requirements-benchmarks.txt) run the same network, pictures, batches and number of epochs in their own loops.
One thread, CPU seconds, the contenders in turn, freed memory kept for all. Prints the median of each round's ratio to
the tutorial loop, the largest difference between the loss curves, and what a second run costs that finds the
activations, or only the prepared ONNX model, on disk.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import shutil
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.performance_page import parser, publish, table
from engines import registry
from engines.contract import Recipe, Strategy
from engines.runs import RunFolder
from engines.training import array_cache, devices, frozen_onnx, strategies
from engines.training.activation_cache import cache_activations
from engines.training.loop import Plan, schedule, train
from engines.training.settings import TrainSettings
from engines.vision.classification import prepare
from engines.vision.classification.settings import VisionSettings
from engines.vision.images.transforms import Photos
from engines.vision.models import backbones

SETTINGS = TrainSettings(device="cpu", mixed_precision="no", patience=10_000, weight_decay=0.02)
RATE = 1e-3
CLASSES = 4
TUTORIAL, ONCE, ON_DISK = "tutorial loop", "Headstart, nothing known yet", "Headstart, activations on disk"
ONNX = "Headstart through ONNX Runtime, model prepared before"
ONNX_NEW = "Headstart through ONNX Runtime, preparing the model included"
Contender = Callable[[Any, Photos, RunFolder, int], list[float]]


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--epochs", type=int, default=20)
    arguments.add_argument("--images", type=int, default=128)
    given = arguments.parse_args()
    torch.set_num_threads(1)
    devices.keep_freed_memory()
    devices.accelerator(SETTINGS)  # its choice for matrix products is for all of them
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["HEADSTART_HOME"] = f"{scratch}/home"
        cache = Path(scratch) / "home/cache"
        photos, run = pictures(Path(scratch), given.images)
        contenders: dict[str, tuple[Contender, str]] = {  # and what is forgotten before each
            TUTORIAL: (naive, ""),
            "the same, channels last": (partial(naive, channels_last=True), ""),
            **({"fastai 2, `Learner.fit`": (fastai, "")} if importlib.util.find_spec("fastai") else {}),
            **({"Lightning 2, `Trainer.fit`": (lightning, "")} if importlib.util.find_spec("lightning") else {}),
            ONCE: (cached, "*"),
            ON_DISK: (cached, ""),
            ONNX_NEW: (partial(cached, engine="onnx"), "*"),
            ONNX: (partial(cached, engine="onnx"), "*.npy"),
        }
        seconds: dict[str, list[float]] = {name: [] for name in contenders}
        curves = {}
        for _ in range(given.rounds):
            for name, (contender, forgotten) in contenders.items():
                shutil.rmtree(run.path / "checkpoint", ignore_errors=True)
                for path in cache.glob(forgotten) if forgotten else ():
                    if path.stem not in KEPT:
                        path.unlink()
                network = fresh()
                began = time.process_time()
                curves[name] = contender(network, photos, run, given.epochs)
                seconds[name].append(time.process_time() - began)
        caching, hit = hits(photos, run)
        error = onnx_error(photos, run)
    rows = []
    for name, taken in seconds.items():
        ratios = [theirs / ours for theirs, ours in zip(seconds[TUTORIAL], taken, strict=True)]
        rows.append((name, f"{statistics.median(taken):.2f} s", f"{statistics.median(ratios):.1f}"))
    apart = {name: np.abs(np.array(curves[TUTORIAL]) - np.array(curves[name])).max() for name in (ONCE, ONNX)}
    text = (
        f"EfficientNet-Lite0, {given.images} pictures, {given.epochs} epochs, one thread, median of {given.rounds} "
        f"rounds. Largest difference from the tutorial's loss curve: {apart[ONCE]:.0e}, through ONNX Runtime "
        f"{apart[ONNX]:.0e} (its features differ by {error:.0e} of the largest). Activations alone: "
        f"{1000 * caching:.0f} ms of CPU time to compute, {1000 * hit:.2f} ms to find again, "
        f"{caching / hit:.0f} times as fast."
    )
    publish(f"{table(('', 'CPU time', 'times as fast as the tutorial loop'), rows)}\n\n{text}", write=given.write)


KEPT: set[str] = set()
"""What is in the cache before anything is measured: the decoded pictures."""


def card() -> Any:
    return registry.task("vision.classification").describe("tf_efficientnet_lite0")


def fresh() -> Any:
    network = backbones.build(card(), CLASSES, pretrained=True, seed=0)
    torch.nn.init.zeros_(network.head().weight)
    torch.nn.init.zeros_(network.head().bias)
    strategies.apply(network, Strategy.FEATURES, SETTINGS)
    return network


def pictures(scratch: Path, images: int) -> tuple[Photos, RunFolder]:
    """Decoded training pictures of the photographs sample, and a run folder to work in."""
    data = registry.task("vision.classification").make_sample("photographs", scratch / "sample")
    recipe = Recipe("vision.classification", str(data), "tf_efficientnet_lite0", Strategy.FEATURES)
    run = RunFolder.create(recipe, scratch / "run")
    settings = VisionSettings(augment="none", test_fraction=0.05, validation_fraction=0.0)
    training = prepare.prepare(recipe, card(), settings, run).part("train")
    assert isinstance(training, Photos)
    training.pixels(torch.arange(1))  # decodes all of them: what the cache holds by then stays there
    KEPT.update(path.stem for path in (scratch / "home/cache").iterdir())
    chosen = torch.randperm(len(training.labels), generator=torch.Generator().manual_seed(0))[:images]
    return training.subset(chosen), run


# --- the ordinary ways ----------------------------------------------------------------------------


def naive(network: Any, photos: Photos, _run: RunFolder, epochs: int, channels_last: bool = False) -> list[float]:
    """Every picture through the whole network in every epoch. Returns the mean loss of each epoch."""
    head = network.head()
    groups = [
        {"params": [head.weight], "weight_decay": SETTINGS.weight_decay},
        {"params": [head.bias], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=RATE)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    n = len(photos.labels)
    steps, step, losses = -(-n // SETTINGS.batch_size) * epochs, 0, []
    network.train()
    for epoch in range(epochs):
        generator = devices.seed_everything(0, "head", epoch)
        total = 0.0
        for indices in torch.randperm(n, generator=generator).split(SETTINGS.batch_size):
            for group in optimiser.param_groups:
                group["lr"] = RATE * schedule(step, steps)
            inputs = photos.plain(indices).contiguous(memory_format=layout)
            loss = F.cross_entropy(network(inputs), photos.labels[indices])
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(head.parameters(), 5.0)
            optimiser.step()
            total += loss.item() * len(indices)
            step += 1
        losses.append(total / n)
    return losses


def loader(photos: Photos) -> DataLoader[tuple[Tensor, ...]]:
    """The pictures as inputs that are ready: neither fastai nor Lightning is charged for reading them."""
    inputs = photos.plain(torch.arange(len(photos.labels))).contiguous()
    return DataLoader(TensorDataset(inputs, photos.labels), batch_size=SETTINGS.batch_size, shuffle=True)


def fastai(network: Any, photos: Photos, run: RunFolder, epochs: int) -> list[float]:
    from fastai.data.core import DataLoaders
    from fastai.learner import Learner
    from fastai.optimizer import OptimWrapper

    data = DataLoaders(loader(photos), loader(photos), device="cpu")
    learner = Learner(
        data,
        network,
        loss_func=F.cross_entropy,
        opt_func=partial(OptimWrapper, opt=torch.optim.AdamW),
        train_bn=False,
        path=run.path,
    )
    with learner.no_logging(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        learner.fit(epochs, lr=RATE, cbs=[without_validation()])
    return []


def without_validation() -> Any:
    """A fastai callback: the other loops validate nothing either."""
    from fastai.callback.core import Callback, CancelValidException

    class Skip(Callback):
        def before_validate(self) -> None:
            raise CancelValidException

    return Skip()


def lightning(network: Any, photos: Photos, run: RunFolder, epochs: int) -> list[float]:
    import lightning as L

    class Module(L.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def training_step(self, batch: Any, _: int) -> Tensor:
            return F.cross_entropy(self.network(batch[0]), batch[1])

        def configure_optimizers(self) -> Any:
            return torch.optim.AdamW(network.head().parameters(), lr=RATE, weight_decay=SETTINGS.weight_decay)

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = L.Trainer(
            max_epochs=epochs,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            gradient_clip_val=5.0,
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=run.path,
        )
        trainer.fit(Module(), loader(photos))
    return []


# --- ours -----------------------------------------------------------------------------------------


def cached(network: Any, photos: Photos, run: RunFolder, epochs: int, engine: str = "torch") -> list[float]:
    """The product's own way: `cache_activations`, then `train`."""
    on = devices.accelerator(SETTINGS)
    plan = Plan("head", "", "transfer", Strategy.FEATURES, epochs, RATE)
    progress = train(
        network,
        plan,
        activations(network, photos, run, engine),
        None,
        SETTINGS,
        loss=partial(F.cross_entropy),
        metric=lambda *_: 0.0,
        run=run,
        accelerator=on,
        seed=0,
        unit="pictures",
    )
    return [row["train_loss"] for row in progress.history]


def activations(network: Any, photos: Photos, run: RunFolder, engine: str = "torch") -> Any:
    return cache_activations(
        network,
        photos,
        views=1,
        name=array_cache.key("frozen", photos.identity, engine),
        run=run,
        title="",
        unit="pictures",
        device=torch.device("cpu"),
        engine=engine,
        weights="efficientnet_lite0",
    )


def hits(photos: Photos, run: RunFolder, times: int = 20) -> tuple[float, float]:
    """CPU seconds of the activations when they are computed, and when they are found (the median)."""
    network = fresh()
    for path in (run.path.parent / "home/cache").iterdir():
        if path.stem not in KEPT:
            path.unlink()
    taken = []
    for _ in range(times + 1):
        began = time.process_time()
        activations(network, photos, run)
        taken.append(time.process_time() - began)
    return taken[0], statistics.median(taken[1:])


def onnx_error(photos: Photos, run: RunFolder) -> float:
    network = fresh().eval()
    inputs = photos.plain(torch.arange(32))
    through = frozen_onnx.forward(network, inputs[:8], weights="efficientnet_lite0", run=run)
    return float("nan") if through is None else frozen_onnx.largest_difference(network, inputs, through)


if __name__ == "__main__":
    main()
