"""Convolutions as a processor learns them fast: with the frozen batch norm and the activation behind them in one step.

A batch norm whose statistics stay as they are is a scale and a shift of each channel: they go into the weights of the
convolution before it, and its own weights go on learning through that. The function stays the same, to rounding; names
in the model, its state and what is saved do not change. Needs nothing but torch: exported scripts take this file along.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

WIDEST = 3
"""Columns of a depthwise filter whose gradient oneDNN computes with vector instructions, however many its rows. Wider
ones take it ten times as long, in bfloat16 a hundred times."""
NARROW = 256
"""Columns below which a matrix product is quicker the other way round."""
AS_EXACT = 1e-4
"""The largest difference between the two ways, relative to the largest output, that is taken for rounding."""
IN_ONE_PASS = torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()
"""Whether oneDNN is here and takes bfloat16."""


Function = Callable[..., Any]
Size = int | tuple[int, ...]
"""Of a filter's steps: one for both directions, or one for each."""


class Context(FunctionCtx):
    """What a backward pass gets of its forward pass."""

    saved_tensors: tuple[Any, ...]
    needs_input_grad: tuple[bool, ...]
    came: torch.dtype
    """Of the input."""
    shape: torch.Size
    frozen: tuple[Tensor, Tensor] | None
    how: tuple[Any, ...]
    between: tuple[float, float] | None


class Behind(NamedTuple):
    """What follows a convolution in a model."""

    norm: tuple[Tensor, Tensor, Tensor, Tensor, float]
    """Running mean and variance, weight and bias (C,), and epsilon."""
    activation: Callable[..., Tensor] | None = None
    between: tuple[float, float] | None = None
    """Where the activation cuts off."""


class Merged(TorchFunctionMode):
    """While it is entered, convolutions run together with what is behind them, and depthwise ones learn fast."""

    def __init__(self, behind: dict[int, Behind]):
        super().__init__()
        self.behind = behind
        """By the `id` of a convolution's weight."""

    def __torch_function__(
        self, func: Function, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is torch.conv2d:
            return self.conv2d(*args, **(kwargs or {}))
        if func is F.adaptive_avg_pool2d and not kwargs and args[0].ndim == 4 and args[1] in (1, (1, 1)):
            return Mean.apply(args[0])
        if args and func in getattr(args[0], "merged_with", ()):
            return args[0]
        return func(*args, **(kwargs or {}))

    def conv2d(
        self,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Size = 1,
        padding: Size | str = 0,
        dilation: Size = 1,
        groups: int = 1,
    ) -> Tensor:
        behind = self.behind.get(id(weight))
        alone = 1 < groups == len(weight) == x.shape[1]
        if behind is None and not alone or isinstance(padding, str):
            return torch.conv2d(x, weight, bias, stride, padding, dilation, groups)
        how = (*map(_pair, (stride, padding, dilation)), groups)
        if behind is None:
            return Convolution.apply(x, weight, bias, None, None, None, how, None)
        mean, variance, gamma, beta, epsilon = behind.norm
        frozen = mean, torch.rsqrt(variance + epsilon)
        y: Tensor = Convolution.apply(x, weight, bias, gamma, beta, frozen, how, behind.between)
        y.merged_with = F.batch_norm, behind.activation  # type: ignore[attr-defined]  # a mark that later functions look for
        return y


def gain(modules: Iterable[nn.Module]) -> bool:
    """Whether there is anything to gain in these: a depthwise convolution, or a batch norm."""
    within = [module for outer in modules for module in outer.modules()]
    return any(isinstance(m, nn.BatchNorm2d) or isinstance(m, nn.Conv2d) and m.groups > 1 for m in within)


def merged(run: Callable[[Tensor], Tensor], example: Tensor) -> Merged:
    """A mode for `run`, a part of a network in evaluation mode; `example` is one input of it, (1, …).

    What lies behind each convolution is seen by running the example. Should the merged network answer otherwise than
    the plain one, nothing is merged: a layer may take its input from elsewhere too.
    """
    with torch.no_grad():
        with Seen() as seen:
            plain = run(example)
        with Merged(seen.behind) as mode:
            different = (run(example) - plain).abs().max() > AS_EXACT * plain.abs().max()
    return Merged({}) if different else mode


class Seen(TorchFunctionMode):
    """Notes which frozen batch norm reads a convolution's output, and which activation reads that."""

    def __init__(self) -> None:
        super().__init__()
        self.behind: dict[int, Behind] = {}
        self.outputs: list[tuple[Tensor, int, int]] = []
        """With their version, which changes when something is added in place, and the `id` of the weight."""

    def __torch_function__(
        self, func: Function, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        weight = self.comes_from(args[0]) if args else None
        y = func(*args, **kwargs)
        if func is torch.conv2d and isinstance(args[1], nn.Parameter):
            self.outputs.append((y, y._version, id(args[1])))
        if weight is None:
            return y
        if func is F.batch_norm and not kwargs["training"] and kwargs["weight"] is not None:
            self.behind[weight] = Behind((*args[1:3], kwargs["weight"], kwargs["bias"], kwargs["eps"]))
            self.outputs.append((y, y._version, weight))
        elif func in (F.relu, F.hardtanh) and weight in self.behind:
            between = (0.0, float("inf")) if func is F.relu else (kwargs["min_val"], kwargs["max_val"])
            self.behind[weight] = Behind(self.behind[weight].norm, func, between)
        return y

    def comes_from(self, x: Tensor) -> int | None:
        """The `id` of the weight of the convolution that made `x`, be it with a norm behind."""
        same = (weight for output, version, weight in self.outputs if output is x and x._version == version)
        return next(same, None)


class Convolution(torch.autograd.Function):
    """cut(norm(conv(x, weight) + bias)), in bfloat16 under autocast. The norm is (y - mean) * inverse * gamma + beta.

    x: (B, C, H, W); weight: (D, C / groups, h, w); bias, gamma, beta: (D,) or None; frozen: mean and inverse, the
    latter one over the standard deviation, (D,) each, or None; how: stride, padding, dilation, groups.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        gamma: Tensor | None,
        beta: Tensor | None,
        frozen: tuple[Tensor, Tensor] | None,
        how: tuple[Any, ...],
        between: tuple[float, float] | None,
    ) -> Tensor:
        dtype = torch.bfloat16 if torch.is_autocast_enabled("cpu") else x.dtype
        ctx.came = x.dtype
        with torch.autocast("cpu", enabled=False):
            x, scale, shift = x.to(dtype), None, bias
            if frozen is None or gamma is None or beta is None:
                w = weight.to(dtype)
            else:
                scale = gamma * frozen[1]
                shift = beta + ((0 if bias is None else bias) - frozen[0]) * scale
                w = torch.mul(weight, _per_filter(scale), out=torch.empty_like(weight, dtype=dtype))
            y = cut_convolution(x, w, None if shift is None else shift.to(dtype), how, between)
        ctx.save_for_backward(x, w, weight, bias, scale, y if between else None)  # type: ignore[arg-type]  # None is kept as well
        ctx.frozen, ctx.how, ctx.between = frozen, how, between
        return y

    @staticmethod
    def backward(ctx: Context, dy: Tensor) -> tuple[Tensor | None, ...]:
        x, w, weight, bias, scale, y = ctx.saved_tensors
        if ctx.between:
            dy = torch.ops.aten.hardtanh_backward(dy, y, *ctx.between)
        dy = dy.contiguous(memory_format=torch.channels_last)  # or all that follows would be slow
        dx = by_input(dy, x, w, ctx.how).to(ctx.came) if ctx.needs_input_grad[0] else None
        if not any(ctx.needs_input_grad[1:5]):
            return dx, *[None] * 7
        dw, dshift = (each.to(weight.dtype) for each in by_filters(dy, x, w, ctx.how))
        if scale is None or ctx.frozen is None:
            return dx, dw, None if bias is None else dshift, *[None] * 5
        mean, inverse = ctx.frozen
        dgamma = ((dw * weight).sum((1, 2, 3)) + dshift * ((0 if bias is None else bias) - mean)) * inverse
        return dx, dw * _per_filter(scale), None if bias is None else dshift * scale, dgamma, dshift, None, None, None


def cut_convolution(
    x: Tensor, w: Tensor, shift: Tensor | None, how: tuple[Any, ...], between: tuple[float, float] | None
) -> Tensor:
    """The convolution (B, D, H', W'), cut off: in bfloat16 by oneDNN in one pass, as PyTorch's compiler has it."""
    stride, padding, dilation, groups = how
    if x.dtype != torch.bfloat16 or not IN_ONE_PASS:
        y = torch.conv2d(x, w, shift, *how)
        return y.clamp_(*between) if between else y
    cut = ("hardtanh", between, "") if between else ("none", (), "")
    if pointwise(w, how):
        y = torch.ops.mkldnn._linear_pointwise(_rows(x), w.flatten(1), shift, *cut)  # (B * H * W, D)
        height, width = x.shape[2:]
        # not a view of itself: models add to what they are given in place
        return y.as_strided_((len(x), len(w), height, width), (height * width * len(w), 1, width * len(w), len(w)))
    y = torch.ops.mkldnn._convolution_pointwise(x, w, shift, padding, stride, dilation, groups, *cut)
    return y


class Mean(torch.autograd.Function):
    """(B, C, H, W) -> (B, C, 1, 1). The gradient, the same for all pixels of a map, is handed on as a view."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        ctx.shape = x.shape
        pixels = x.permute(0, 2, 3, 1).flatten(1, 2)  # (B, H * W, C): twice as fast in bfloat16 as over two dimensions
        return (pixels.sum(1) / pixels.shape[1])[:, :, None, None]

    @staticmethod
    def backward(ctx: Context, dy: Tensor) -> Tensor:
        return (dy / ctx.shape[2:].numel()).expand(ctx.shape)


def by_input(dy: Tensor, x: Tensor, w: Tensor, how: tuple[Any, ...]) -> Tensor:
    """The gradient (B, C, H, W), given that of the output, (B, D, H', W')."""
    stride, padding, dilation, groups = how
    height, width = w.shape[2:]
    if pointwise(w, how):
        return (_rows(dy) @ w.flatten(1)).view(len(dy), *dy.shape[2:], -1).permute(0, 3, 1, 2)
    around = (height - 1 - padding[0], width - 1 - padding[1])
    if depthwise(w, how) and stride == (1, 1) and min(around) >= 0:
        return torch.conv2d(dy, w.flip(2, 3), None, 1, around, 1, groups)  # the filter turned round: twice as fast
    if depthwise(w, how) and w.dtype == torch.bfloat16:
        dy, x, w = dy.float(), x.float(), w.float()  # oneDNN has no fast way in bfloat16
    only = (True, False, False)
    dx: Tensor = torch.ops.aten.convolution_backward(
        dy, x, w, None, stride, padding, dilation, False, (0, 0), groups, only
    )[0]
    return dx


def by_filters(dy: Tensor, x: Tensor, w: Tensor, how: tuple[Any, ...]) -> tuple[Tensor, Tensor]:
    """The gradients of the filters (D, C / groups, h, w) and of the bias (D,), given that of the output (B, D, H', W').

    Those of wide depthwise filters are put together from windows of WIDEST columns, each on an input padded for these.
    """
    (stride, padding, dilation, groups), only = how, (False, True, True)
    width, side = w.shape[3], padding[1]
    if pointwise(w, how):  # a matrix product, which oneDNN is quicker at
        of_x, of_y = _rows(x), _rows(dy)
        dw = (of_x.T @ of_y).T if w.shape[1] < min(NARROW, len(w)) else of_y.T @ of_x
        return dw.reshape(w.shape), of_y.sum(0)
    if not depthwise(w, how) or width <= WIDEST:
        dw, dbias = torch.ops.aten.convolution_backward(
            dy, x, w, [len(w)], stride, padding, dilation, False, (0, 0), groups, only
        )[1:]
        return dw, dbias
    dw = torch.empty_like(w)
    for first in range(0, width - 1, WIDEST - 1):
        last = min(first + WIDEST, width)
        window, seen = w[..., first:last], F.pad(x, (side - first, side - (width - last)))
        dw[..., first:last], dbias = torch.ops.aten.convolution_backward(
            dy, seen, window, [len(w)], stride, (padding[0], 0), dilation, False, (0, 0), groups, only
        )[1:]
    return dw, dbias


def pointwise(w: Tensor, how: tuple[Any, ...]) -> bool:
    return w.shape[2:] == (1, 1) and how[0] == (1, 1) and how[1] == (0, 0) and how[3] == 1


def depthwise(w: Tensor, how: tuple[Any, ...]) -> bool:
    return w.shape[1] == 1 and len(w) == how[3] and how[2] == (1, 1)


def _rows(of: Tensor) -> Tensor:
    """(B, C, H, W), channels last -> (B * H * W, C)"""
    return of.permute(0, 2, 3, 1).reshape(-1, of.shape[1])


def _per_filter(of: Tensor) -> Tensor:
    return of[:, None, None, None]


def _pair(of: Size) -> tuple[int, ...]:
    return (of, of) if isinstance(of, int) else tuple(of)
