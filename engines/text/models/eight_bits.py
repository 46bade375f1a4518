"""Frozen weights in 8 bits, for adapters to learn beside: each row of a matrix as whole numbers from -127 to 127 and
one scale, its largest absolute value over 127 (absmax quantisation row by row, as in Dettmers et al. 2022, LLM.int8(),
section 2.1, of the weights alone).

Products are computed in the precision of what comes in: a matrix is made whole again for its product, forward and
backward, and forgotten. So it saves memory, not time.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LARGEST = 127


class _Product(torch.autograd.Function):
    """x @ whole(weight).T; backward makes the matrix whole anew, where autograd would have kept it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, scale: Tensor) -> Tensor:
        ctx.save_for_backward(weight, scale)
        return F.linear(x, whole(weight, scale, x.dtype))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        weight, scale = ctx.saved_tensors
        return gradient @ whole(weight, scale, gradient.dtype), None, None


class EightBits(nn.Linear):
    """A frozen linear layer whose weight is int8 (out, in) with `scale` float32 (out, 1)."""

    scale: Tensor

    def __init__(self, layer: nn.Linear):
        nn.Module.__init__(self)
        self.in_features, self.out_features = layer.in_features, layer.out_features
        weight, scale = quantised(layer.weight.detach())
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.register_buffer("scale", scale)
        self.bias = layer.bias

    def forward(self, x: Tensor) -> Tensor:
        if torch.is_autocast_enabled(x.device.type):
            x = x.to(torch.get_autocast_dtype(x.device.type))
        found: Tensor = _Product.apply(x, self.weight, self.scale)
        return found if self.bias is None else found + self.bias.to(found.dtype)

    def undone(self) -> nn.Linear:
        """An ordinary layer that computes the same."""
        layer = nn.Linear(self.in_features, self.out_features, bias=False, device=self.weight.device)
        layer.weight = nn.Parameter(whole(self.weight, self.scale, torch.float32), requires_grad=False)
        layer.bias = self.bias
        return layer


def quantised(weight: Tensor) -> tuple[Tensor, Tensor]:
    """int8 (out, in) and float32 (out, 1) of a matrix float (out, in): off by half a scale at most."""
    scale = weight.abs().amax(1, keepdim=True).float().clamp_min(torch.finfo(torch.float32).tiny) / LARGEST
    return (weight / scale).round().clamp(-LARGEST, LARGEST).to(torch.int8), scale


def whole(weight: Tensor, scale: Tensor, dtype: torch.dtype) -> Tensor:
    """The matrix again, float (out, in)."""
    return weight.to(dtype) * scale.to(dtype)


def apply(model: nn.Module, left_out: nn.Module | None = None) -> int:
    """Puts an `EightBits` in the place of every linear layer but the one left out; how many there are."""
    found = [(name, each) for name, each in model.named_modules() if type(each) is nn.Linear and each is not left_out]
    for name, layer in found:
        _put(model, name, EightBits(layer))
    return len(found)


def undo(model: nn.Module) -> None:
    """Puts ordinary layers that compute the same in their places."""
    for name, layer in list(model.named_modules()):
        if isinstance(layer, EightBits):
            _put(model, name, layer.undone())


def _put(model: nn.Module, name: str, layer: nn.Module) -> None:
    parent, _, own = name.rpartition(".")
    setattr(model.get_submodule(parent), own, layer)
