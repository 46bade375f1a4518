"""What a detector's answers cost: FCOS's three losses, over pictures with any number of boxes.

A place is of a box when it lies near the box's middle, and the box is of a size for its level; of several boxes the
smallest (Tian et al. 2019, arXiv 1904.01355; as torchvision's FCOS assigns them).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.ops import sigmoid_focal_loss

from engines.vision.detection.networks.decode import places

NEAR = 1.5
"""Strides from the middle of a box within which places are of it."""

TINY = 1e-7
"""Pixels² that no area is divided by less than."""


@dataclass(frozen=True)
class Boxes:
    """The boxes of some pictures, in pixels of the square input."""

    boxes: Tensor
    """float32 (N, M, 4): x0 y0 x1 y1; rows beyond a picture's own are 0."""
    labels: Tensor
    """int64 (N, M); -1 beyond."""
    counts: Sequence[int] | None = None
    """How many each picture has, as numbers: known on a card, which who asks the labels would wait for."""

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, indices: Tensor) -> Self:
        return type(self)(self.boxes[indices], self.labels[indices])

    def to(self, device: torch.device | str) -> Self:
        counts = self.counts
        if counts is None and torch.device(device).type != "cpu":
            counts = (self.labels >= 0).sum(1).tolist()
        return type(self)(self.boxes.to(device), self.labels.to(device), counts)

    def apart(self) -> list[dict[str, Tensor]]:
        """The boxes of each picture on their own: `boxes` float32 (N, 4), `labels` int64 (N,)."""
        counts = (self.labels >= 0).sum(1).tolist() if self.counts is None else self.counts
        each = zip(self.boxes, self.labels, counts, strict=True)
        return [{"boxes": boxes[:n].float(), "labels": labels[:n]} for boxes, labels, n in each]

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
        self.everywhere = device.type != "cpu"
        """Whether boxes are compared at every place: see `looked_at`."""

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
        there, mine = of >= 0, of.clamp_min(0)[:, :, None]  # (B, A), (B, A, 1)
        if not targets.labels.shape[1]:
            return sigmoid_focal_loss(logits, torch.zeros_like(logits), reduction="sum") / (len(of) * self.a_picture)
        label = targets.labels.clamp_min(0)[:, None].expand(-1, of.shape[1], -1).gather(2, mine)
        wanted = torch.zeros_like(logits).scatter_(2, label, there[:, :, None].to(logits.dtype))
        total = sigmoid_focal_loss(logits, wanted, reduction="sum")
        at, counts = self.looked_at(there)
        boxes = targets.boxes[:, None].expand(-1, of.shape[1], -1, -1).gather(2, mine[..., None].expand(-1, -1, -1, 4))
        boxes = boxes.flatten(0, 2)[at]  # (P, 4)
        middles = self.middles.expand(len(of), -1, -1).flatten(0, 1)[at]
        strides = self.strides.expand(len(of), -1).flatten()[at]
        found = reach.flatten(0, 1)[at] * strides[:, None]
        found = torch.cat([middles - found[:, :2], middles + found[:, 2:]], dim=1)
        if counts is not None:  # a place of no box stands in the middle of one, and finds it
            around = torch.cat([middles - strides[:, None], middles + strides[:, None]], dim=1)
            boxes = torch.where(counts[:, None], boxes, around)
            found = torch.where(counts[:, None], found, around)
        overlap = apart(found, boxes)
        edges = torch.cat([middles - boxes[:, :2], boxes[:, 2:] - middles], dim=1)  # left, top, right, bottom
        across, along = edges[:, ::2], edges[:, 1::2]
        how = across.amin(1) / across.amax(1) * along.amin(1) / along.amax(1)
        middling = F.binary_cross_entropy_with_logits(central.flatten()[at], how.sqrt(), reduction="none")
        for each in (overlap, middling):
            total = total + (each if counts is None else each * counts).sum()
        return total / (len(of) * self.a_picture)

    def looked_at(self, there: Tensor) -> tuple[Tensor | slice, Tensor | None]:
        """Positions among all B * A places at which boxes are compared, and which of these count (None: all do).

        A processor looks only where something is. A card looks everywhere: how many places hold something is a number
        that it would be waited for.
        """
        if self.everywhere:
            return slice(None), there.flatten()
        return there.flatten().nonzero()[:, 0], None


def apart(boxes: Tensor, others: Tensor) -> Tensor:
    """1 - GIoU (Rezatofighi et al. 2019) of boxes in pairs, float (P, 4) both -> (P,). As torchvision's
    `generalized_box_iou_loss`, which looks up by a mask which of them overlap: a card would be waited for."""
    inner_low, inner_high = torch.maximum(boxes[:, :2], others[:, :2]), torch.minimum(boxes[:, 2:], others[:, 2:])
    outer_low, outer_high = torch.minimum(boxes[:, :2], others[:, :2]), torch.maximum(boxes[:, 2:], others[:, 2:])
    meet = (inner_high > inner_low).all(1)
    shared = torch.where(meet, _area(inner_low, inner_high), 0.0)
    union = _area(boxes[:, :2], boxes[:, 2:]) + _area(others[:, :2], others[:, 2:]) - shared
    around = _area(outer_low, outer_high)
    return 1 - (shared / (union + TINY) - (around - union) / (around + TINY))


def _area(low: Tensor, high: Tensor) -> Tensor:
    across, along = (high - low).unbind(1)
    return across * along


def mean_places(targets: Boxes, size: int) -> float:
    """How many places a picture's boxes have, on average."""
    measure = Cost(size, 1.0, torch.device("cpu"))
    found = [int((measure.assigned(targets[some]) >= 0).sum()) for some in torch.arange(len(targets)).split(64)]
    return sum(found) / max(1, len(targets))
