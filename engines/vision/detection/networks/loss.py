"""What a detector's answers cost: FCOS's three losses, over pictures with any number of boxes.

A place is of a box when it lies near the box's middle, and the box is of a size for its level; of several boxes the
smallest (Tian et al. 2019, arXiv 1904.01355; as torchvision's FCOS assigns them).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.ops import generalized_box_iou_loss, sigmoid_focal_loss

from engines.vision.detection.networks.decode import places

NEAR = 1.5
"""Strides from the middle of a box within which places are of it."""


@dataclass(frozen=True)
class Boxes:
    """The boxes of some pictures, in pixels of the square input."""

    boxes: Tensor
    """float32 (N, M, 4): x0 y0 x1 y1; rows beyond a picture's own are 0."""
    labels: Tensor
    """int64 (N, M); -1 beyond."""

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, indices: Tensor) -> Self:
        return type(self)(self.boxes[indices], self.labels[indices])

    def to(self, device: torch.device | str) -> Self:
        return type(self)(self.boxes.to(device), self.labels.to(device))

    def apart(self) -> list[dict[str, Tensor]]:
        """The boxes of each picture on their own: `boxes` float32 (N, 4), `labels` int64 (N,)."""
        there = [labels >= 0 for labels in self.labels]
        each = zip(self.boxes, self.labels, there, strict=True)
        return [{"boxes": boxes[own].float(), "labels": labels[own]} for boxes, labels, own in each]

    def mirrored(self, which: Tensor, size: int) -> Self:
        """Those at which bool (N,) is true as in a mirror; `size` in pixels of the input."""
        left, top, right, bottom = self.boxes.unbind(2)
        there = self.labels >= 0
        turned = torch.stack([size - right, top, size - left, bottom], dim=2) * there[:, :, None]
        return type(self)(torch.where(which[:, None, None], turned, self.boxes), self.labels)


class Cost:
    """The mean over pictures of FCOS's loss, in units of one box: focal loss of the classes, GIoU of the boxes, how
    central a place is."""

    def __init__(self, size: int, a_picture: float, device: torch.device):
        """`a_picture`: places that a training picture's boxes have on average. Every batch is divided by it, in place
        of its own: so batches add up to the whole."""
        middles, strides = places(size)
        self.middles = torch.from_numpy(middles).to(device)  # (A, 2)
        self.strides = torch.from_numpy(strides).to(device)  # (A,)
        self.a_picture = max(1.0, a_picture)

    def assigned(self, targets: Boxes) -> Tensor:
        """int64 (B, A): which of its picture's boxes each place is of; -1: none."""
        if not targets.labels.shape[1]:
            return torch.full((len(targets), len(self.strides)), -1, device=self.strides.device)
        boxes = targets.boxes[:, None]  # (B, 1, M, 4)
        x, y = (self.middles[:, axis][None, :, None] for axis in (0, 1))  # (1, A, 1)
        reach = torch.stack([x - boxes[..., 0], y - boxes[..., 1], boxes[..., 2] - x, boxes[..., 3] - y], dim=3)
        longest = reach.amax(3)  # (B, A, M)
        strides = self.strides[None, :, None]
        lower = torch.where(strides == strides.min(), 0.0, 4 * strides)
        upper = torch.where(strides == strides.max(), torch.inf, 8 * strides)
        middle = (boxes[..., :2] + boxes[..., 2:]) / 2
        near = (torch.stack([x, y], dim=3) - middle).abs().amax(3) < NEAR * strides
        fits = near & (reach.amin(3) > 0) & (longest > lower) & (longest < upper) & (targets.labels >= 0)[:, None]
        area = (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])  # (B, 1, M)
        smallest, which = torch.where(fits, area, torch.inf).min(2)
        return torch.where(smallest.isfinite(), which, -1)

    def __call__(self, said: Tensor, targets: Boxes) -> Tensor:
        """said: float (B, A, classes + 5) -> scalar, the mean over the B pictures."""
        logits, reach, central = said.split([said.shape[2] - 5, 4, 1], dim=2)
        of = self.assigned(targets)
        there, rows = of >= 0, torch.arange(len(of), device=of.device)[:, None]
        wanted = torch.zeros_like(logits)
        wanted[there, targets.labels[rows, of.clamp_min(0)][there]] = 1.0
        total = sigmoid_focal_loss(logits, wanted, reduction="sum")
        if there.any():
            boxes = targets.boxes[rows, of.clamp_min(0)][there]  # (P, 4)
            middles, strides = self.middles.expand(len(of), -1, -1)[there], self.strides.expand(len(of), -1)[there]
            found = reach[there] * strides[:, None]
            found = torch.cat([middles - found[:, :2], middles + found[:, 2:]], dim=1)
            total = total + generalized_box_iou_loss(found, boxes, reduction="sum")
            edges = torch.cat([middles - boxes[:, :2], boxes[:, 2:] - middles], dim=1)  # left, top, right, bottom
            across, along = edges[:, [0, 2]], edges[:, [1, 3]]
            how = across.amin(1) / across.amax(1) * along.amin(1) / along.amax(1)
            total = total + F.binary_cross_entropy_with_logits(central[there][:, 0], how.sqrt(), reduction="sum")
        return total / (len(of) * self.a_picture)


def mean_places(targets: Boxes, size: int) -> float:
    """How many places a picture's boxes have, on average."""
    measure = Cost(size, 1.0, torch.device("cpu"))
    found = [int((measure.assigned(targets[some]) >= 0).sum()) for some in torch.arange(len(targets)).split(64)]
    return sum(found) / max(1, len(targets))
