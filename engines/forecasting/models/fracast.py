"""Fracast-0, a pretrained forecaster of 85,001 parameters, as a plain PyTorch module that can be fine-tuned.

The architecture, parameter names and weights are those of the package `fracast` 0.1.0 (Apache-2.0, github.com/ztxtech/
fracast-0); its period detection comes from TinyCast (Apache-2.0, arXiv:2608.15767). A causal dilated convolution is
shared by ten time scales, and a decoder answers 48 steps at once. Two things differ from the package: gradients flow,
and a depthwise convolution is written as the sum of its three shifted copies, which a processor runs many times faster.

This file needs torch and nothing else, so that an exported model can carry it along.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

QUANTILES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
HORIZON = 48
"""Steps that one pass answers."""
WIDTH = 64
SCALES = 10
"""The shared convolution runs at dilations 1, 2, 4, … 512."""
PERIODS = 4
"""Seasonal periods that are looked for in each context."""
PHASE_BINS = 16
SEEN = 128
"""Context steps that the decoder's own convolution looks back on."""


class Fracast(nn.Module):
    """A normalised context in, quantiles of the next 48 steps out, in the unit of the normalised context."""

    def __init__(self) -> None:
        super().__init__()
        self.core = Core()
        self.head = Decoder()

    def forward(self, window: Tensor) -> Tensor:
        """window: float32 (B, 2, W), values in [0, 1] (0 where missing) and 1 where observed. Returns (B, 48, 9)."""
        answer: Tensor = self.head.out_proj(self.decode(self.ladder(self.embed(window))))
        return answer

    # The three stages hand on one tensor (B, 2 + 64, W): the window itself, then the states of each step.

    def embed(self, window: Tensor) -> Tensor:
        """(B, 2, W) -> (B, 66, W)"""
        return torch.cat([window, self.core.embed(window[:, 0], window[:, 1]).transpose(1, 2)], dim=1)

    def ladder(self, x: Tensor) -> Tensor:
        """(B, 66, W) -> (B, 66, W)"""
        return torch.cat([x[:, :2], self.core.ladder(x[:, 2:].transpose(1, 2)).transpose(1, 2)], dim=1)

    def decode(self, x: Tensor) -> Tensor:
        """(B, 66, W) -> (B, 48, 64)"""
        return self.head.decode(x[:, 2:].transpose(1, 2), x[:, 0], x[:, 1])


class Core(nn.Module):
    """The encoder."""

    def __init__(self) -> None:
        super().__init__()
        self.in_proj = nn.Linear(2 + 5, WIDTH)
        self.periodic = nn.ModuleDict({"proj": nn.Linear(2 * PERIODS, WIDTH)})
        self.block = Block()
        self.scale = ScaleCondition()
        self.norm = nn.RMSNorm(WIDTH)

    def embed(self, values: Tensor, observed: Tensor) -> Tensor:
        """values, observed: (B, W). Returns (B, W, 64)."""
        steps = values.shape[1]
        where = recency(torch.arange(steps, device=values.device), steps).expand(len(values), -1, -1)
        x = self.in_proj(torch.cat([values[..., None], observed[..., None], where], dim=-1))
        return x + self.periodic["proj"](phases(periods(values, observed), steps))

    def ladder(self, x: Tensor) -> Tensor:
        for step in range(SCALES):
            x = self.block(self.scale(x, step), 2**step)
        out: Tensor = self.norm(x)
        return out


class Block(nn.Module):
    """A causal depthwise convolution of three taps, a pointwise projection and a SwiGLU, each with a residual."""

    def __init__(self) -> None:
        super().__init__()
        self.dw_weight = nn.Parameter(torch.empty(WIDTH, 1, 3))
        self.dw_bias = nn.Parameter(torch.zeros(WIDTH))
        nn.init.kaiming_uniform_(self.dw_weight, a=5**0.5)
        self.pw = nn.Linear(WIDTH, WIDTH)
        self.ffn = SwiGLU(96)
        self.norm1 = nn.RMSNorm(WIDTH)
        self.norm2 = nn.RMSNorm(WIDTH)

    def forward(self, x: Tensor, dilation: int) -> Tensor:
        x = self.norm1(x + self.pw(taps(x, self.dw_weight, self.dw_bias, dilation)))
        out: Tensor = self.norm2(x + self.ffn(x))
        return out


class SwiGLU(nn.Module):
    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.up = nn.Linear(WIDTH, 2 * hidden)
        self.down = nn.Linear(hidden, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        gate, value = self.up(x).chunk(2, dim=-1)
        out: Tensor = self.down(F.silu(gate) * value)
        return out


class ScaleCondition(nn.Module):
    """Tells the shared block at which scale it works (FiLM); identity before training."""

    def __init__(self) -> None:
        super().__init__()
        self.to_gb = nn.Linear(8, 2 * WIDTH)
        nn.init.zeros_(self.to_gb.weight)
        nn.init.zeros_(self.to_gb.bias)

    def forward(self, x: Tensor, step: int) -> Tensor:
        angles = step / 2.0 ** torch.arange(4, device=x.device) * math.pi
        gamma, beta = self.to_gb(torch.cat([angles.sin(), angles.cos()])).chunk(2)
        return x * (1 + gamma) + beta


class Decoder(nn.Module):
    """One state a future step, from a summary of the context and from a seasonal continuation of it."""

    def __init__(self) -> None:
        super().__init__()
        self.summary_proj = nn.Linear(2 * WIDTH + 5, WIDTH)
        self.queries = nn.Parameter(torch.empty(HORIZON, WIDTH))
        nn.init.normal_(self.queries, std=WIDTH**-0.5)
        self.decoder_ffns = nn.ModuleList([SwiGLU(96)])
        self.decoder_norms = nn.ModuleList([nn.RMSNorm(WIDTH)])
        self.fc_blocks = nn.ModuleList([HorizonBlock(1), HorizonBlock(2)])
        self.out_proj = nn.Linear(WIDTH, len(QUANTILES))
        self.future_conv = FutureStates()

    def decode(self, states: Tensor, values: Tensor, observed: Tensor) -> Tensor:
        """states: (B, W, 64); values, observed: (B, W). Returns (B, 48, 64)."""
        n, steps, _ = states.shape
        future = torch.arange(steps, steps + HORIZON, device=states.device)
        where = recency(future, steps).expand(n, -1, -1)  # (B, 48, 5)
        summary = torch.cat([states.mean(1), states[:, -1]], dim=-1)[:, None].expand(-1, HORIZON, -1)
        x = self.summary_proj(torch.cat([where, summary], dim=-1)) + self.queries
        for ffn, norm in zip(self.decoder_ffns, self.decoder_norms, strict=True):
            x = norm(x + ffn(x))
        for block in self.fc_blocks:
            x = block(x)
        continued = seasonal_fill(values, observed, periods(values, observed), future)  # (B, 48)
        out: Tensor = x + self.future_conv(states, continued, where)
        return out


class HorizonBlock(nn.Module):
    """A causal convolution along the horizon."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.dw_weight = nn.Parameter(torch.empty(WIDTH, 1, 3))
        self.dw_bias = nn.Parameter(torch.zeros(WIDTH))
        nn.init.kaiming_uniform_(self.dw_weight, a=5**0.5)
        self.norm = nn.RMSNorm(WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.norm(x + taps(x, self.dw_weight, self.dw_bias, self.dilation))
        return out


class FutureStates(nn.Module):
    """Runs on from the last context steps over the seasonal continuation; adds nothing before training."""

    def __init__(self) -> None:
        super().__init__()
        self.in_proj = nn.Linear(1 + 5, WIDTH)
        self.block = Block()
        self.out_proj = nn.Linear(WIDTH, WIDTH)
        nn.init.zeros_(self.out_proj.weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(self, states: Tensor, continued: Tensor, where: Tensor) -> Tensor:
        z = torch.cat([states[:, -SEEN:], self.in_proj(torch.cat([continued[..., None], where], dim=-1))], dim=1)
        for step in range(6):
            z = self.block(z[:, -reach(step) :], 2**step)
        out: Tensor = self.out_proj(z[:, -HORIZON:])
        return out


def reach(step: int) -> int:
    """How many of the newest states a convolution at dilation 2^step, and those above it, need for the last 48."""
    return HORIZON + 2 * (2**6 - 2**step)


def taps(x: Tensor, weight: Tensor, bias: Tensor, dilation: int) -> Tensor:
    """Causal depthwise convolution of x (B, L, D) with weight (D, 1, 3) at that dilation."""
    out = x * weight[:, 0, 2] + bias
    for tap, back in ((1, dilation), (0, 2 * dilation)):
        if back < x.shape[1]:
            out = out + F.pad(x[:, :-back] * weight[:, 0, tap], (0, 0, back, 0))
    return out


def recency(positions: Tensor, steps: int) -> Tensor:
    """How far from the end of a context of `steps` each position lies: float32 (T, 5), all bounded."""
    delta = (positions.float() - (steps - 1)) / steps
    far = delta.abs()
    log = delta.sign() * far.log1p() / math.log(2)
    return torch.stack([delta, log, (-0.5 * far).exp(), (-2 * far).exp(), (-8 * far).exp()], dim=-1)


@torch.no_grad()
def periods(values: Tensor, observed: Tensor) -> Tensor:
    """The most prominent seasonal periods of each context, int64 (B, 4); 0 where there is none.

    Peaks of the normalised periodogram above a threshold with a Bonferroni correction (5 %). Missing values are taken
    for the mean of the others.
    """
    steps = values.shape[1]
    seen = observed > 0
    mean = (values * seen).sum(1, keepdim=True) / seen.sum(1, keepdim=True).clamp_min(1)
    x = torch.where(seen, values, mean).float()
    size = 1 << math.ceil(math.log2(max(2, steps)))
    spectrum = torch.fft.rfft(x - x.mean(1, keepdim=True), n=size)
    power = (spectrum * spectrum.conj()).real[:, 1:]  # without the mean
    bins = power.shape[1]
    share = power / power.sum(1, keepdim=True).clamp_min(1e-12)
    inner = share[:, 1:-1]
    peak = F.pad((inner > share[:, :-2]) & (inner > share[:, 2:]), (1, 1))
    low, high = max(0, size // max(2, steps // 2) - 1), min(bins - 1, size // 2 - 1)
    peak[:, :low] = False
    peak[:, high + 1 :] = False
    threshold = math.log(max(2, bins) / 0.05) / max(2, bins)
    scores = torch.where(peak & (share >= threshold), share, -torch.inf)
    score, best = scores.topk(min(PERIODS, bins), dim=1)
    found = (size / (best + 1)).round().long()
    return torch.where(score.isfinite(), found, 0)


def phases(found: Tensor, steps: int) -> Tensor:
    """Sine and cosine of each step's place in each period: float32 (B, W, 8); 0 where there is no period."""
    position = torch.arange(steps, device=found.device).float()[None, :, None]
    angle = 2 * math.pi * position / found.clamp_min(1)[:, None].float()  # (B, W, 4)
    both = torch.stack([angle.sin(), angle.cos()], dim=-1) * (found > 0)[:, None, :, None]
    return both.flatten(2)


def seasonal_fill(values: Tensor, observed: Tensor, found: Tensor, future: Tensor) -> Tensor:
    """The mean of each phase of the main period, continued: (B, W) -> (B, len(future))."""
    main = found[:, :1].clamp_min(1).float()

    def phase(positions: Tensor) -> Tensor:
        return ((positions.float() % main) / main * PHASE_BINS).long().clamp_max(PHASE_BINS - 1)

    bins = F.one_hot(phase(torch.arange(values.shape[1], device=values.device)[None]), PHASE_BINS) * observed[..., None]
    count = bins.sum(1)  # (B, 16)
    total = (bins * values[..., None]).sum(1)
    mean = values.sum(1, keepdim=True) / observed.sum(1, keepdim=True).clamp_min(1)
    profile = torch.where(count > 0, total / count.clamp_min(1), mean)
    return profile.gather(1, phase(future[None]))
