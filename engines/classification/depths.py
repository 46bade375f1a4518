"""What a frozen network sees behind each of its stages, in one pass."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from engines.training import memory
from engines.training.examples import LabelledExamples, batches
from engines.training.staged import Staged
from engines.training.tokens import Tokens

BATCH = 32


def at_each_depth(
    network: Staged, examples: LabelledExamples, device: torch.device, step: Callable[[int], None]
) -> list[np.ndarray]:
    """float32 (N, D) behind each stage, the input's first: means over places or tokens, of the last what the head
    reads. `step` is told how many examples were seen; what it raises ends it."""
    network.to(device).eval()
    maps = makes_maps(network)
    seen: list[np.ndarray] = []

    def see(size: int) -> None:
        seen[:] = []
        for indices in batches(examples, size):
            x = examples.plain(indices).to(device)
            for depth, stage in enumerate(network.stages):
                with torch.no_grad():
                    x = stage.run(x)
                own = pooled(x, maps).float().cpu().numpy()
                if depth == len(seen):
                    seen.append(np.empty((len(examples), own.shape[1]), dtype=np.float32))
                seen[depth][indices.numpy()] = own
            step(len(indices))

    memory.in_smaller_batches(see, BATCH)
    return seen


def pooled(x: Tensor | Tokens, maps: bool) -> Tensor:
    """float (B, D): the mean over the places of maps (B, D, H, W), else over all that lies between the example and what
    is known of each of its tokens or moments, (B, …, D)."""
    if isinstance(x, Tokens):
        return torch.stack([own.mean(0) for own in x.split()])
    if x.ndim == 4 and maps:
        return x.mean((2, 3))
    return x.flatten(1, -2).mean(1) if x.ndim > 2 else x


def makes_maps(network: Staged) -> bool:
    """Whether what lies between its stages are maps, (B, D, H, W)."""
    return any(isinstance(module, nn.Conv2d) for module in network.modules())
