"""Makes the pretrained weights of the example, the same each time: `python -m templates.pretrain`, some ten seconds.

To change: nothing of it goes along with a copy. Yours has weights of its own; write down like this how they were made.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from engines import weights
from templates.task.network import Network, standardised
from templates.task.settings import LENGTH

FILE = Path(__file__).parent / "task" / "weights" / "model.safetensors"
STEPS, BATCH, SEED = 1500, 64, 0
WAVES = ("sine", "square", "triangle", "sawtooth", "noise")


def waves(n: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Signals float32 (n, LENGTH) of one to six periods with some noise, and which of WAVES each is, int64 (n,)."""
    labels = rng.integers(len(WAVES), size=n)
    phase = rng.uniform(1, 6, (n, 1)) * np.linspace(0, 1, LENGTH) + rng.uniform(0, 1, (n, 1))
    sine, sawtooth = np.sin(2 * np.pi * phase), 2 * (phase % 1) - 1
    kinds = np.stack([sine, np.sign(sine), 2 * np.abs(sawtooth) - 1, sawtooth, rng.normal(0, 1, phase.shape)])
    signals = kinds[labels, np.arange(n)] + rng.normal(0, 1, phase.shape) * rng.uniform(0, 0.4, (n, 1))
    return standardised(torch.from_numpy(signals)), torch.from_numpy(labels)


def main() -> None:
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    rng, network = np.random.default_rng(SEED), Network(len(WAVES))
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3)
    rate = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
    for _ in range(STEPS):
        signals, labels = waves(BATCH, rng)
        F.cross_entropy(network(signals), labels).backward()
        optimiser.step()
        optimiser.zero_grad()
        rate.step()
    signals, labels = waves(5000, rng)
    with torch.no_grad():
        right = float((network(signals).argmax(1) == labels).float().mean())
    FILE.parent.mkdir(exist_ok=True)
    save_file(network.stages.state_dict(), FILE, metadata={"format": "pt"})
    print(f"{right:.1%} of {len(labels):,} new waves right; {FILE.stat().st_size:,} bytes, {weights.sha256(FILE)}")


if __name__ == "__main__":
    main()
