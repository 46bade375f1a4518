"""Adapting a recogniser with what its frozen part heard kept, beside the loop that everybody writes.

    python benchmarks/speech.py [--clips 12] [--epochs 2] [--threads 1] [--repeats 2]

Whisper tiny.en, the same clips, order, batches, AdamW and losses; per epoch, validation left out:

- naive: for each batch the spectrograms, the whole encoder and the decoder, forward; backward through what learns
- ours: `engines.training.loop.train` on the states at the freeze boundary, which were computed once

For each strategy that has a frozen part. CPU seconds of this process, the two interleaved, the best of `repeats`.
Losses must agree to 1e-4; if they do not, the exit status is 1.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from accelerate import Accelerator

from engines.contract import Recipe, Strategy
from engines.runs import RunFolder
from engines.speech import samples
from engines.speech.models import catalogue
from engines.speech.models.states import Spoken
from engines.speech.settings import TranscriptionSettings
from engines.speech.transcription.prepare import Selection
from engines.speech.transcription.train import UNIT, TrainSpec, begin, freeze
from engines.training.devices import keep_freed_memory, matmul_precision, seed_everything
from engines.training.examples import batches
from engines.training.loop import Plan, schedule, train
from engines.training.strategies import parameter_groups

CASES = ((Strategy.FEATURES, 1), (Strategy.PARTIAL, 1), (Strategy.PARTIAL, 2))
AGREE = 1e-4


def clips(n: int) -> Selection:
    """The first clips of the Scottish sample (synthetic)."""
    from engines import paths
    from engines.speech.audio.clips import open_clips
    from engines.speech.audio.recordings import Reading

    folder = samples.SHIPPED / "scottish"
    found = open_clips(folder, paths.work(folder), Reading())
    own = [clip for clip in found.clips if clip.source.split == "train"][:n]
    return Selection([c.name for c in own], [c.text for c in own], [found.samples(c) for c in own])


def begun(strategy: Strategy, blocks: int, epochs: int, folder: Path) -> TrainSpec:
    card = catalogue.find(catalogue.DEFAULT)
    assert card is not None
    settings = TranscriptionSettings(blocks=blocks, epochs=epochs)
    recipe = Recipe("speech.transcription", str(samples.SHIPPED / "scottish"), card.name, strategy)
    return begin(card, strategy, settings, seed=0, run=RunFolder.create(recipe, folder), on=Accelerator(cpu=True))


def ours(taught: TrainSpec, examples: Spoken) -> tuple[float, list[float], float]:
    """CPU seconds an epoch, each epoch's mean loss, and wall seconds of it all: first hearing and epochs."""
    settings, strategy = taught.settings, taught.strategy
    epochs = settings.epochs_for(strategy)
    at_first = time.monotonic()
    seen = taught.seen(examples)  # once for every run on these clips: not part of an epoch
    plan = Plan("fine-tuning", "", "transfer", strategy, epochs, settings.learning_rate_for(strategy))
    began = time.process_time()
    progress = train(
        taught.recogniser.network,
        plan,
        seen,
        None,
        settings,
        metric=None,
        run=taught.run,
        accelerator=taught.on,
        seed=0,
        unit=UNIT,
        loss=lambda outputs, targets: taught.recogniser.loss(outputs, targets, settings.label_smoothing),
    )
    losses = [row["train_loss"] for row in progress.history]
    return (time.process_time() - began) / epochs, losses, time.monotonic() - at_first


def naive(taught: TrainSpec, examples: Spoken) -> tuple[float, list[float], float]:
    """The same, with nothing kept from one epoch to the next."""
    model, network, settings = taught.recogniser, taught.recogniser.network, taught.settings
    epochs, rate = settings.epochs_for(taught.strategy), settings.learning_rate_for(taught.strategy)
    optimiser = torch.optim.AdamW(
        [
            {k: v for k, v in group.items() if k in {"params", "lr", "weight_decay"}}
            for group in parameter_groups(network, taught.strategy, rate, settings)
        ]
    )
    rates = [group["lr"] for group in optimiser.param_groups]
    steps = -(-len(examples) // settings.batch_size) * epochs
    began, at_first, losses, step = time.process_time(), time.monotonic(), [], 0
    for epoch in range(epochs):
        generator = seed_everything(0, "fine-tuning", epoch)
        network.train()
        total = counted = 0.0
        for indices in batches(examples, settings.batch_size, generator):
            loss = model.loss(network(examples.plain(indices)), examples.targets(indices), settings.label_smoothing)
            loss.backward()
            for group, own in zip(optimiser.param_groups, rates, strict=True):
                group["lr"] = own * schedule(step, steps)
            torch.nn.utils.clip_grad_norm_(list(network.trainable().values()), 5.0)
            optimiser.step()
            optimiser.zero_grad()
            step += 1
            total, counted = total + loss.item() * examples.weight(indices), counted + examples.weight(indices)
        losses.append(total / counted)
    return (time.process_time() - began) / epochs, losses, time.monotonic() - at_first


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("--clips", 12), ("--epochs", 2), ("--threads", 1), ("--repeats", 2)):
        parser.add_argument(name, type=int, default=default)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    keep_freed_memory()  # for both, as in every run
    torch.set_float32_matmul_precision(matmul_precision())
    chosen, agree = clips(asked.clips), True
    print(f"{asked.clips} clips of 30 s windows, {asked.epochs} epochs, {asked.threads} thread, CPU seconds an epoch")
    for strategy, blocks in CASES:
        best: dict[str, float] = {}
        losses: dict[str, list[float]] = {}
        wall: dict[str, float] = {}
        for repeat in range(asked.repeats):
            for name, loop in (("naive", naive), ("ours", ours)):
                with tempfile.TemporaryDirectory() as folder:
                    taught = begun(strategy, blocks, asked.epochs, Path(folder) / f"{name}{repeat}")
                    freeze(taught)
                    seconds, losses[name], wall[name] = loop(taught, chosen.spoken(taught.recogniser))
                best[name] = min(seconds, best.get(name, seconds))
        apart = max(abs(a - b) for a, b in zip(losses["naive"], losses["ours"], strict=True))
        agree = agree and apart < AGREE
        what = strategy if strategy is Strategy.FEATURES else f"{strategy}, blocks={blocks}"
        times = best["naive"] / best["ours"]
        print(
            f"{what:<20} naive {best['naive']:6.2f}  ours {best['ours']:6.2f}  {times:.1f} times; "
            f"losses {', '.join(f'{loss:.5f}' for loss in losses['ours'])}, apart by at most {apart:.1e}; "
            f"first hearing and all epochs {wall['ours']:.0f} s of wall time",
            flush=True,
        )
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main())
