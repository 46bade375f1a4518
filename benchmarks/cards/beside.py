"""Ours beside what somebody writes by hand for the same: training texts, training from workers, and plain inference."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from benchmarks.cards import made
from benchmarks.cards.made import Made
from benchmarks.cards.timing import Row, again, folder, seconds, settings
from engines.contract import Strategy
from engines.training import checkpoint, devices, loop, strategies
from engines.training.activation_cache import cache_activations
from engines.training.staged import Staged

Step = Callable[[Any, Tensor], Tensor]
"""(inputs, labels) on the device -> the loss."""


def autocast(where: Any) -> AbstractContextManager[Any]:
    return torch.autocast(where.device.type, torch.bfloat16, enabled=where.mixed_precision == "bf16")


def by_hand(network: Staged, where: Any, batches: Callable[[], Iterator[tuple[Any, Tensor]]], step: Step) -> float:
    """Seconds of a pass over the batches: forward, backward, AdamW."""
    network.to(where.device).model.train()
    optimiser = torch.optim.AdamW(network.trainable().values(), 1e-3, fused=True)

    def a_pass() -> None:
        for inputs, labels in batches():
            with autocast(where):
                loss = step(inputs, labels)
            loss.backward()
            optimiser.step()
            optimiser.zero_grad()

    return seconds(a_pass)


def ratio(name: str, n: int, ours: float, hand: float, wanted: str) -> list[Row]:
    return [
        (f"{name}: ours", f"{n / ours:.0f} a second", ""),
        (f"{name}: by hand", f"{n / hand:.0f} a second", ""),
        (f"{name}: ours of by hand", f"{hand / ours:.2f}", wanted),
    ]


TEXTS = {"BERT-base, full": ("bert", Strategy.FULL), "GPT-2, adapters": ("gpt2", Strategy.LORA)}


def texts(device: str = "auto", n: int = 512, length: int = 128, batch: int = 32, **sizes: int) -> list[Row]:
    """Texts of one length; by hand with the ids on the card."""
    rows: list[Row] = []
    for name, (kind, strategy) in TEXTS.items():
        try:
            rows += text(name, made.text(kind, length, **sizes), strategy, device, n, batch)
        except ImportError as error:
            rows.append((name, f"left out: {error}", ""))
    return rows


def text(name: str, own: Made, strategy: Strategy, device: str, n: int, batch: int) -> list[Row]:
    hand, *fresh = (own.build() for _ in range(3))  # a network each round: adapters are put in once
    networks, chosen, examples = iter(fresh), settings(device, batch_size=batch), own.examples(n)
    assert isinstance(examples, made.Rows)

    def learn() -> None:
        with folder() as home:
            made.trained(next(networks), examples, chosen, strategy, home, epochs=1)

    ours, where = seconds(learn, 1), devices.accelerator(chosen, strategy)
    strategies.apply(hand, strategy, chosen)
    model: Any = hand.model
    ids, labels = examples.inputs.to(where.device), examples.labels.to(where.device)
    taken = by_hand(
        hand,
        where,
        lambda: zip(ids.split(batch), labels.split(batch), strict=True),
        lambda inputs, of: F.cross_entropy(model(input_ids=inputs).logits.float(), of),
    )
    return ratio(name, n, ours, taken, "0.9")


class Pictures(Dataset):
    """Made pictures, varied one at a time, as tutorials have them."""

    def __init__(self, n: int, size: int):
        self.photos = made.squares(n, size)

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor]:
        dice = torch.Generator().manual_seed(number)
        return self.photos.varied(torch.tensor([number]), dice)[0], self.photos.labels[number]


def workers(
    device: str = "auto", name: str = "resnet50", size: int = 224, batch: int = 128, n: int = 1024, processes: int = 8
) -> list[Row]:
    """A whole network learning decoded pictures: ours beside a loop that eight workers feed from pinned memory."""
    chosen = settings(device, batch_size=batch)
    where = devices.accelerator(chosen, Strategy.FULL)
    with folder() as home:
        network = made.vision(name, size).build()
        ours = seconds(again(network, made.squares(n, size), chosen, Strategy.FULL, home), 1)
    hand, on_card = made.vision(name, size).build(), where.device.type == "cuda"
    loader = DataLoader(
        Pictures(n, size), batch, num_workers=processes, pin_memory=on_card, persistent_workers=processes > 0
    )

    def fed() -> Iterator[tuple[Tensor, Tensor]]:
        for pictures, labels in loader:
            yield pictures.to(where.device, non_blocking=True), labels.to(where.device, non_blocking=True)

    taken = by_hand(hand, where, fed, lambda pictures, labels: F.cross_entropy(hand.model(pictures), labels))
    return ratio(f"{name}, {size} px, batch {batch}, {processes} workers", n, ours, taken, "0.9")


def inference(device: str = "auto", name: str = "resnet50", size: int = 224, n: int = 1024) -> list[Row]:
    """What nothing is learnt in: caching up to the last stage, and predictions, beside a plain forward pass."""
    network, photos, number = made.vision(name, size).build(), made.squares(n, size), itertools.count()
    chosen = settings(device, blocks=1)
    where = devices.accelerator(chosen, Strategy.PARTIAL).device
    strategies.apply(network, Strategy.PARTIAL, chosen)
    network.to(where).eval()
    resident = photos.plain(torch.arange(n)).to(where)

    def plain(stop: int | None) -> None:
        with torch.no_grad(), devices.frozen_part(where):
            for some in resident.split(256):
                network.run(some, 0, network.boundary) if stop else network(some)

    with folder() as home:
        os.environ["HEADSTART_HOME"] = str(home / "home")
        run = made.Notes(home)

        def cached() -> None:
            kept = f"{next(number):064d}"
            cache_activations(network, photos, views=1, name=kept, run=run, unit="", device=where, title="")

        caching = seconds(cached, 1)
    taken = {"caching": (caching, seconds(lambda: plain(network.boundary)))}
    taken["prediction"] = seconds(lambda: loop.predict(network, 0, photos, where), 1), seconds(lambda: plain(None))
    return [row for what, (ours, hand) in taken.items() for row in ratio(f"{name}, {what}", n, ours, hand, "0.8")]


def saving(device: str = "auto", name: str = "resnet50", size: int = 224, n: int = 512, epochs: int = 8) -> list[Row]:
    """How much of a training goes into its checkpoints, the first and the last included."""
    spent, save = 0.0, checkpoint.save

    def timed(*given: Any, **more: Any) -> None:
        nonlocal spent
        began = time.perf_counter()
        save(*given, **more)
        spent += time.perf_counter() - began

    network, photos, chosen = made.vision(name, size).build(), made.squares(n, size), settings(device, batch_size=128)
    with folder() as home, patch.object(checkpoint, "save", timed):
        began = time.perf_counter()
        made.trained(network, photos, chosen, Strategy.FULL, home, epochs=epochs)
        whole = time.perf_counter() - began
    return [(f"{name}: saving, of {epochs} epochs of {n} pictures", f"{spent / whole:.1%}", "5 %")]
