"""A detector on the stages of a classifier: feature pyramid and FCOS head. This file stands alone: an exported model
is loaded with it. It needs torch, torchvision and timm, nothing of Headstart.

Feature pyramid: Lin et al. 2017, arXiv 1612.03144. FCOS: Tian et al. 2019, arXiv 1904.01355; with one convolution in
the head's towers in place of four, for little data and small machines.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import timm
import torch
from torch import Tensor, nn
from torchvision.models.detection.fcos import FCOSHead
from torchvision.ops import FeaturePyramidNetwork
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

WIDTH = 96
"""Channels of the pyramid."""
STRIDES = (16, 32, 64)
"""Pixels between two places of each level."""
AT_A_PLACE = 5
"""Numbers besides the classes': left, top, right and bottom edge in strides, and how central the place is."""


class Head(nn.Module):
    """Pyramid and head: maps of the stages at stride 16 and 32 -> what is at each place."""

    def __init__(self, widths: Sequence[int], classes: int):
        super().__init__()
        self.pyramid = FeaturePyramidNetwork(list(widths), WIDTH, extra_blocks=LastLevelMaxPool())
        self.boxes = FCOSHead(WIDTH, 1, classes, num_convs=1)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Maps (B, C, H, W), the finest first -> float (B, A, classes + 5): at each place, those of the finest level
        first and row by row, a logit a class, the four distances, and the logit of how central it is."""
        levels = self.pyramid({str(number): each for number, each in enumerate(maps)})
        found = self.boxes(list(levels.values()))
        return torch.cat([found["cls_logits"], found["bbox_regression"], found["bbox_ctrness"]], dim=2)


class Detector(nn.Module):
    """`stages` one after another, each a sequence of layers; the head reads what those at `taps` make."""

    def __init__(self, stages: Sequence[nn.Module], taps: Sequence[int], widths: Sequence[int], classes: int):
        super().__init__()
        self.body = nn.ModuleList(stages)
        self.taps = tuple(taps)
        self.head = Head(widths, classes)

    def forward(self, pictures: Tensor) -> Tensor:
        """float32 (B, 3, S, S), normalised -> float32 (B, A, classes + 5), see `Head`."""
        maps: list[Tensor] = []
        for number, stage in enumerate(self.body):
            pictures = stage(pictures)
            if number in self.taps:
                maps.append(pictures)
        return self.head(maps)


def stages_of(backbone: nn.Module, steps: Sequence[Sequence[str]]) -> list[nn.Sequential]:
    """The layers of `backbone` by their names, those of one stage together. Raises AttributeError for one that is not
    there, or is no layer."""
    return [nn.Sequential(*(backbone.get_submodule(step) for step in own)) for own in steps]


def from_config(config: dict[str, Any]) -> Detector:
    """The network of an exported config.json, its weights still random."""
    backbone = timm.create_model(config["architecture"], num_classes=0)
    own = config["detector"]
    return Detector(stages_of(backbone, own["stages"]), own["taps"], own["widths"], len(config["label_names"]))
