"""How near does a forward pass come to what the processor can do?

    python benchmarks/forward.py [--rounds 5] [--model resnet50] [--write]

The machine's best rate is that of a large matrix product in float32, by whichever library PyTorch can be made to ask.
Beside it, one thread, CPU seconds, in turn, with
freed memory kept for all: the network as a tutorial runs it, channels last (as Headstart does), with
`torch.set_float32_matmul_precision("medium")`, and its frozen part through ONNX Runtime (as Headstart does from
`onnx_part.FEWEST_PASSES` passes on). Weights are random: the arithmetic is the same. Also each one's largest difference
from the tutorial's features, relative to the largest of these.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.performance_page import parser, publish, table
from engines import registry
from engines.contract import Recipe, Strategy
from engines.runs import RunFolder
from engines.training import devices, frozen_onnx
from engines.vision.models import backbones

BATCH = 16
SIDES = (512, 1024, 1536, 2048)
"""Of the square matrices, of which the best counts."""


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--model", default="resnet50")
    given = arguments.parse_args()
    torch.set_num_threads(1)
    devices.keep_freed_memory()
    card = registry.task("vision.classification").describe(given.model)
    macs = sum(stage.macs for stage in card.stages)
    network = backbones.build(card, 4, pretrained=False, seed=0).eval()
    network.boundary = len(network.stages)
    size = int(card.input.split()[0])
    inputs = torch.rand(BATCH, 3, size, size, generator=torch.Generator().manual_seed(0)) * 2 - 1
    last = inputs.contiguous(memory_format=torch.channels_last)
    with tempfile.TemporaryDirectory() as home, torch.no_grad():
        os.environ["HEADSTART_HOME"] = home
        run = RunFolder.create(Recipe("vision.classification", "", given.model, Strategy.FEATURES), Path(home) / "run")
        onnx = frozen_onnx.forward(network, last, weights="random, 0", run=run)
        ways: dict[str, Callable[[], Any]] = {
            "as in a tutorial": lambda: network.run(inputs, 0, network.boundary),
            "channels last": lambda: network.run(last, 0, network.boundary),
            "channels last, matmul precision medium": lambda: medium(network, last),
        }
        if onnx is not None:
            ways["through ONNX Runtime, one picture at a time"] = lambda: onnx(last)
        features = {name: np.asarray(way()) for name, way in ways.items()}
        products: dict[str, list[float]] = {
            f"{side} × {side}, {precision}": [] for side in SIDES for precision in ("highest", "medium")
        }
        passes: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(given.rounds):
            for name, rates in products.items():
                side, precision = int(name.split()[0]), name.rpartition(" ")[2]
                rates.append(side**3 / product_seconds(side, precision) / 1e9)
            for name, way in ways.items():
                passes[name].append(BATCH * macs / seconds(way) / 1e9)
    medians = {name: statistics.median(rates) for name, rates in products.items()}
    best = max(medians.values())
    expected = features["as in a tutorial"]
    rows = []
    for name, rates in passes.items():
        rate = statistics.median(rates)
        error = np.abs(features[name] - expected).max() / np.abs(expected).max()
        rows.append((name, f"{rate:.0f}", f"{rate / best:.0%}", f"{macs / rate / 1e6:.1f} ms", f"{error:.0e}"))
    where = max(medians, key=lambda name: medians[name])
    publish(
        table(("", "10⁹ MAC a second", "of the best product", "a picture", "difference"), rows)
        + f"\n\n{card.title}, {macs / 1e9:.1f} · 10⁹ multiply-accumulates (MAC) a picture of {size} × {size}, batches "
        f"of {BATCH}, one thread, CPU seconds, median of {given.rounds} rounds. The best float32 matrix product "
        f"({where}): {best:.0f} · 10⁹ MAC a second.",
        write=given.write,
    )


def seconds(way: Callable[[], Any]) -> float:
    began = time.process_time()
    way()
    return time.process_time() - began


def product_seconds(side: int, precision: str) -> float:
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(side, side, generator=generator) for _ in range(2))
    with matmul_precision(precision):
        return seconds(lambda: a @ b)


def medium(network: Any, inputs: Tensor) -> Tensor:
    with matmul_precision("medium"):
        found: Tensor = network.run(inputs, 0, network.boundary)
    return found


@contextmanager
def matmul_precision(chosen: str) -> Iterator[None]:
    torch.set_float32_matmul_precision(chosen)
    yield
    torch.set_float32_matmul_precision("highest")


if __name__ == "__main__":
    main()
