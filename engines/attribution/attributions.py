"""Where a network looked."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from captum.attr import IntegratedGradients, LayerGradCam
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F


def grad_cam(model: nn.Module, layer: nn.Module, inputs: Tensor, target: int) -> np.ndarray:
    """Grad-CAM (Selvaraju et al. 2017) of class `target` at `layer`: float (H, W) in [0, 1], at the inputs' size.

    inputs: float32 (1, 3, H, W). All zero where nothing speaks for the class.
    """
    inputs = inputs.detach().requires_grad_()
    with torch.enable_grad():
        heat = LayerGradCam(model, layer).attribute(inputs, target=target, relu_attributions=True)
    heat = F.interpolate(heat.detach(), size=inputs.shape[-2:], mode="bilinear", align_corners=False)[0, 0]
    strongest = float(heat.max())
    return (heat / strongest if strongest > 0 else heat).cpu().numpy()


def integrated_gradients(
    model: nn.Module, inputs: Tensor, target: int, *, within: float = 0.05, most_steps: int = 256
) -> tuple[np.ndarray, float, int]:
    """Integrated gradients (Sundararajan et al. 2017) of the logit of class `target`, along the straight line from a
    picture that is 0 everywhere (after normalisation: the mean colour) to this one.

    inputs: float32 (1, 3, H, W). Returns what speaks for the class, float (H, W) in [0, 1]; the completeness error:
    how far the attributions' sum is from the change of the logit, as a share of that change; and the number of steps,
    doubled from 32 until the error is `within` or `most_steps` are taken.
    """
    found, error, steps = shares(model, inputs, torch.zeros_like(inputs), target, within=within, most_steps=most_steps)
    heat = found[0].sum(0).clamp_min(0)  # (H, W)
    heat = heat / max(float(heat.quantile(0.99)), 1e-12)  # a few pixels would outshine all others
    return heat.clamp_max(1).cpu().numpy(), error, steps


def shares(
    forward: Callable[[Tensor], Tensor],
    inputs: Tensor,
    baseline: Tensor,
    target: int,
    *,
    within: float = 0.05,
    most_steps: int = 256,
) -> tuple[Tensor, float, int]:
    """Integrated gradients of `forward(inputs)[0, target]` along the straight line from `baseline` to `inputs`.

    inputs, baseline: float (1, …); `forward` takes any number of them at once and gives logits (B, C). Returns each
    input's share (1, …); the completeness error: how far the shares' sum is from the change of the logit, as a share
    of that change; and the number of steps, doubled from 32 until the error is `within` or `most_steps` are taken.
    """
    with torch.no_grad():
        change = float((forward(inputs) - forward(baseline))[0, target])
    steps, error = 16, float("inf")
    while error > within and steps < most_steps:
        steps *= 2
        method = IntegratedGradients(forward)
        found = method.attribute(inputs, baseline, target=target, n_steps=steps, internal_batch_size=8).detach()
        error = abs(float(found.sum()) - change) / max(abs(change), 1e-6)
    return found, error, steps


def overlay(picture: Image.Image, heat: np.ndarray) -> Image.Image:
    """The picture with what mattered left in colour and lit orange, the rest faded towards grey."""
    base = np.asarray(picture.convert("RGB"), dtype=np.float32)
    size = (picture.width, picture.height)
    small = Image.fromarray((heat * 255).astype(np.uint8))
    weight: np.ndarray = np.asarray(small.resize(size, Image.Resampling.BILINEAR))[..., None] / 255
    grey = base.mean(axis=2, keepdims=True) * 0.4 + 140
    glow = np.array([232, 113, 10], dtype=np.float32)
    lit = base * 0.65 + glow * 0.35
    return Image.fromarray((grey * (1 - weight) + lit * weight).clip(0, 255).astype(np.uint8))
