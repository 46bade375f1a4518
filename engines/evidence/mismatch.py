"""How far somebody's data lie from what a network learnt on: an effect, placed between sets that everybody knows.

Never a p-value: with a few hundred examples every set differs 'significantly' from every other, photographs from other
photographs too. It explains a poor score, it foretells none: pictures turned on their side are as near as upright ones.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engines.messages import _

KNOWN_SETS = Path(__file__).with_name("known_sets.json")
"""What our own samples measure, written by `python -m benchmarks.mismatch`."""


ALIKE = 0.05
"""Values that differ by so little, as a share, are about the same."""


@contextmanager
def batch_norm_gap(network: nn.Module) -> Iterator[Callable[[], float | None]]:
    """Within it, what the network's batch norms are given is taken down; the function it hands out then says how far
    that is from what they were given while the network learnt, None of a network without any.

    A batch norm keeps the mean and variance of each of its channels over the source data (Ioffe & Szegedy 2015). The
    gap is the mean over all channels of the symmetric Kullback-Leibler divergence between the two normal distributions,
    in nats.
    """
    norms = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.track_running_stats]
    sums: dict[nn.Module, tuple[int, Tensor, Tensor]] = {}

    def take_down(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        x = inputs[0].detach().double().transpose(0, 1).flatten(1)  # (channels, values)
        n, total, squares = sums.get(module, (0, torch.zeros(1), torch.zeros(1)))
        device = x.device
        sums[module] = n + x.shape[1], total.to(device) + x.sum(1), squares.to(device) + (x**2).sum(1)

    hooks = [module.register_forward_pre_hook(take_down) for module in norms]

    def gap() -> float | None:
        each = []
        for module in norms:
            if module in sums and module.running_mean is not None and module.running_var is not None:
                n, total, squares = sums[module]
                mean, variance = total / n, squares / n - (total / n) ** 2
                each.append(symmetric_kl(module.running_mean.double(), module.running_var.double(), mean, variance))
        return float(torch.cat(each).mean()) if each else None

    try:
        yield gap
    finally:
        for hook in hooks:
            hook.remove()


def symmetric_kl(mean: Tensor, variance: Tensor, other_mean: Tensor, other_variance: Tensor) -> Tensor:
    """The mean of both Kullback-Leibler divergences between N(mean, variance) and N(other_mean, other_variance)."""
    floor = 1e-5  # what batch norms add to a variance
    variance, other_variance = variance + floor, other_variance.clamp_min(0) + floor
    apart = (mean - other_mean) ** 2
    return 0.25 * ((variance + apart) / other_variance + (other_variance + apart) / variance) - 0.5


@functools.cache
def known_sets() -> Mapping[str, Mapping[str, Mapping[str, float]]]:
    """Kind of mismatch -> what it depends on (a model) -> name of a set -> its value."""
    found: Mapping[str, Mapping[str, Mapping[str, float]]] = json.loads(KNOWN_SETS.read_text(encoding="utf-8"))
    return found


def placed(
    value: float | None, kind: str, of: str, *, source: str, yours: str = _("your data are")
) -> dict[str, Any] | None:
    """A mismatch on the scale of the known sets: `value`, `scale` (name and value of each, the nearest first), `said`.

    `source` is what it is measured from, in words. None where there is no value, or no scale for it.
    """
    scale = known_sets().get(kind, {}).get(of)
    if value is None or not np.isfinite(value) or not scale:
        return None
    ordered = sorted(scale.items(), key=lambda pair: pair[1])
    alike = [name for name, at in ordered if abs(value - at) <= ALIKE * at]
    nearer = [name for name, at in ordered if at < value]
    further = [name for name, at in ordered if at >= value]
    if alike:
        where = _("about as far as '{alike}'", alike=alike[0])
    elif nearer and further:
        where = _("further than '{nearer}' and nearer than '{further}'", nearer=nearer[-1], further=further[0])
    elif nearer:
        where = _("further than all that we know, '{nearer}' included", nearer=nearer[-1])
    else:
        where = _("nearer than all that we know, '{further}' included", further=further[0])
    rows = [{"name": name, "value": at} for name, at in ordered]
    return {
        "value": value,
        "scale": rows,
        "kind": kind,
        "of": of,
        "said": _("Measured from {source}, {yours} {where}.", source=source, yours=yours, where=where),
    }
