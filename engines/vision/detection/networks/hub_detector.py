"""A detector of the DETR family behind the face that torchvision's have here. This file stands alone: an exported model
is loaded with it. It needs torch and transformers, nothing of Headstart.

DETR (Carion et al. 2020, arXiv 2005.12872) and what came of it, such as YOLOS, RT-DETR, D-FINE, as transformers builds
them and computes their losses: each object is found by one query, so that nothing is found twice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForObjectDetection

HEADS = ("class_labels_classifier", "bbox_predictor", "class_embed", "bbox_embed", "score_head", "bbox_head")
"""What names of layers have in them that tell class and box of a query; the classes of noisy queries go with them."""
GROUPS = ("backbone", "encoder", "decoder")
"""Its parts from the input on; what is none of these by its name belongs to the last."""


class HubDetector(nn.Module):
    """A network of transformers for object detection, on squares of `size` pixels."""

    whole = True
    """It runs in one go: what is frozen of it runs each time."""
    same = 2.0
    """Overlap from which on two boxes of a class are the same thing: never."""

    def __init__(self, net: nn.Module, size: int, *, columns: Sequence[int] | None = None):
        """`columns`: of each class that is told, which of the network's own it is; -1: none."""
        super().__init__()
        self.net, self.size, self.columns = net, size, columns
        self.classes = int(net.config.num_labels)  # type: ignore[union-attr, arg-type]  # no tensor

    def groups(self) -> dict[str, list[nn.Module]]:
        """Its largest modules that lie within one part, by that part; 'head' is the last."""
        found: dict[str, list[nn.Module]] = {name: [] for name in (*GROUPS, "head")}

        def sort(module: nn.Module, path: str) -> None:
            parts = {group_of(f"{path}{name.rpartition('.')[0]}") for name, _own in module.named_parameters()}
            if len(parts) == 1:
                found[parts.pop()].append(module)
            elif parts:
                for name, child in module.named_children():
                    sort(child, f"{path}{name}.")

        sort(self.net, "")
        return {name: layers for name, layers in found.items() if layers}

    def head(self) -> list[nn.Module]:
        """What tells class and box of a query."""
        return self.groups()["head"]

    def forward(self, pictures: Tensor) -> Tensor:
        """float32 (B, 3, size, size), normalised -> see `candidates`."""
        return self.candidates(pictures)

    def candidates(self, pictures: Tensor) -> Tensor:
        """float32 (B, queries, 4 + classes told): boxes x0 y0 x1 y1 in pixels of the square, and how sure each class
        is, in [0, 1]."""
        said = self.net(pixel_values=pictures)
        logits, (x, y, width, height) = said.logits.float(), said.pred_boxes.float().unbind(2)
        boxes = torch.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], dim=2) * self.size
        with_nothing = logits.shape[2] == self.classes + 1  # the last one stands for no object
        scores = logits.softmax(2)[..., :-1] if with_nothing else logits.sigmoid()
        if self.columns is not None:
            padded = torch.cat([scores, torch.zeros_like(scores[..., :1])], dim=2)
            wanted = [self.classes if column < 0 else column for column in self.columns]
            scores = padded[..., torch.tensor(wanted, device=scores.device)]
        return torch.cat([boxes, scores], dim=2)

    def losses(self, pictures: Tensor, targets: list[dict[str, Tensor]]) -> Tensor:
        """The published loss of a batch, by transformers. targets: of each picture `boxes` float32 (N, 4), x0 y0 x1 y1
        in pixels of the square, and `labels` int64 (N,). NaN where the network's answers are no numbers."""
        labels = []
        for own in targets:
            x0, y0, x1, y1 = (own["boxes"] / self.size).unbind(1)
            boxes = torch.stack([(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0], dim=1)
            labels.append({"class_labels": own["labels"], "boxes": boxes})
        try:
            found: Tensor = self.net(pixel_values=pictures, labels=labels).loss
        except ValueError:  # queries and boxes cannot be matched by costs that are no numbers
            with torch.no_grad():
                if bool(self.net(pixel_values=pictures).logits.isfinite().all()):
                    raise
            return next(self.net.parameters()).sum() * math.nan
        return found


def group_of(name: str) -> str:
    """Which part a layer belongs to, by its name."""
    if any(part in name for part in HEADS) or "denoising_class" in name:
        return "head"
    parts = name.split(".")
    if found := next((group for group in GROUPS if any(part.startswith(group) for part in parts)), None):
        return found
    return "encoder" if "vit" in parts or "input_proj" in name else GROUPS[-1]


def from_config(config: dict[str, Any]) -> HubDetector:
    """The network of an exported config.json, its weights still random."""
    own = config["detector"]
    settings = dict(own["configuration"])
    net = AutoModelForObjectDetection.from_config(AutoConfig.for_model(settings.pop("model_type"), **settings))
    return HubDetector(net, config["size"], columns=own.get("columns"))
