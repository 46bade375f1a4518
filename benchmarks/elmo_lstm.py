"""What ELMo's loop over words costs beside `nn.LSTM`, which cannot clip the memory at every step.

    python benchmarks/elmo_lstm.py

One layer, both directions; CPU seconds on one thread, interleaved, the median of seven.
"""

from __future__ import annotations

import statistics
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engines.text.models.elmo import ElmoSizes, TwoWayLstm

CASES = (
    ("the small ELMo, 32 texts of 30 words", 512, 128, 32, 30, False),
    ("the same, with the backward pass", 512, 128, 32, 30, True),
    ("the small ELMo, one text of 20 words", 512, 128, 1, 20, False),
    ("the original's size, 8 texts of 30 words", 4096, 512, 8, 30, False),
)


def main() -> None:
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", message="LSTM with projections")
    print("| one layer, both directions | our loop | nn.LSTM | ratio |\n| --- | --- | --- | --- |")
    for title, cells, projection, batch, length, learning in CASES:
        sizes = ElmoSizes(16, ((1, 32),), 1, "relu", cells, projection, cell_clip=3.0, projection_clip=3.0)
        ours = TwoWayLstm(sizes)
        for parameter in ours.parameters():
            nn.init.uniform_(parameter, -0.05, 0.05)
        theirs = nn.LSTM(projection, cells, proj_size=projection, bidirectional=True, batch_first=True)
        x = torch.randn(batch, length, projection)
        both, backwards = torch.stack([x, x]), torch.arange(length - 1, -1, -1).expand(batch, length)
        seconds: tuple[list[float], list[float]] = ([], [])
        for _ in range(8):
            seconds[0].append(timed(partial(ours, both, backwards), learning))
            seconds[1].append(timed(partial(theirs, x), learning))
        loop, library = (statistics.median(found[1:]) for found in seconds)
        print(f"| {title} | {1000 * loop:.0f} ms | {1000 * library:.0f} ms | {loop / library:.2f} |", flush=True)


def timed(run: Callable[[], Any], learning: bool) -> float:
    started = time.process_time()
    with torch.set_grad_enabled(learning):
        y = run()
        if learning:
            (y if isinstance(y, Tensor) else y[0]).sum().backward()
    return time.process_time() - started


if __name__ == "__main__":
    main()
