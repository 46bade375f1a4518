"""Where an image classifier looked."""

from __future__ import annotations

import numpy as np
import torch
from captum.attr import LayerGradCam
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F


def grad_cam(model: nn.Module, layer: nn.Module, inputs: Tensor, target: int) -> np.ndarray:
    """Grad-CAM (Selvaraju et al. 2017) of class `target` at `layer`: float (H, W) in [0, 1], at the inputs' size.

    inputs: float32 (1, 3, H, W). All zero where nothing speaks for the class.
    """
    with torch.enable_grad():
        heat = LayerGradCam(model, layer).attribute(inputs.requires_grad_(), target=target, relu_attributions=True)
    heat = F.interpolate(heat.detach(), size=inputs.shape[-2:], mode="bilinear", align_corners=False)[0, 0]
    strongest = float(heat.max())
    return (heat / strongest if strongest > 0 else heat).cpu().numpy()


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
