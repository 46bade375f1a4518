"""A detector of torchvision behind one face: maps of the picture, what they cost, what is found on them. This file
stands alone: an exported model is loaded with it. It needs torch and torchvision, nothing of Headstart.

SSDlite (Sandler et al. 2018, arXiv 1801.04381), RetinaNet (Lin et al. 2017, arXiv 1708.02002), FCOS (Tian et al. 2019,
arXiv 1904.01355) and Faster R-CNN (Ren et al. 2015, arXiv 1506.01497), built
by torchvision, which computes their losses too.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import get_model
from torchvision.models.detection import FCOS, FasterRCNN, RetinaNet
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.ssd import SSD
from torchvision.ops import box_iou
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool, LastLevelP6P7

CANDIDATES = 400
"""Places of a picture that are looked at, the surest first."""
MOST = 100
"""Boxes of a picture from a detector that chooses them itself."""


class TorchvisionDetector(nn.Module):
    """The network `name` of torchvision for so many classes, on squares of `size` pixels."""

    whole = False
    """Its stages run one by one, so that the frozen ones need to run only once."""

    def __init__(self, name: str, classes: int, size: int, *, columns: Sequence[int] | None = None):
        """`columns`: of each class that is told, which of the `classes` it is; -1: none. Raises TypeError for a network
        that is no detector of boxes."""
        super().__init__()
        net = get_model(name, weights=None, weights_backbone=None, num_classes=1)
        if (
            not isinstance(net, SSD | RetinaNet | FCOS | FasterRCNN)
            or hasattr(net, "roi_heads")
            and (net.roi_heads.has_mask() or net.roi_heads.has_keypoint())
        ):
            raise TypeError(name)
        self.background = isinstance(net, SSD | FasterRCNN)
        """Whether its first class stands for nothing."""
        self.net = get_model(name, weights=None, weights_backbone=None, num_classes=classes + self.background)
        self.name, self.classes, self.size, self.columns = name, classes, size, columns
        self.most: int | None = CANDIDATES
        """Places of a picture that are handed on; None: all of them, in their order."""

    @property
    def same(self) -> float:
        """Overlap from which on two boxes of a class are the same thing; above 1: it has sorted them out itself."""
        return 2.0 if isinstance(self.net, FasterRCNN) else float(self.net.nms_thresh)

    # --- stages ---------------------------------------------------------------------------------------

    def parts(self) -> list[tuple[str, list[nn.Module]]]:
        """The stages below the head: name and layers of each. All but a pyramid end at a map that is kept."""
        backbone: Any = self.net.backbone
        if isinstance(self.net, SSD):
            if not isinstance(getattr(backbone, "extra", None), nn.ModuleList) or hasattr(backbone, "scale_weight"):
                raise TypeError(self.name)
            return [*((str(i + 1), [own]) for i, own in enumerate(backbone.features)), ("extra", [backbone.extra])]
        found: list[tuple[str, list[nn.Module]]] = [("1", [])]
        for name, layer in backbone.body.items():
            found[-1][1].append(layer)
            if name in backbone.body.return_layers:
                found.append((str(len(found) + 1), []))
        return [*found[:-1], ("pyramid", [backbone.fpn])]

    def through(self, number: int, maps: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """One stage. `maps` are those that are kept so far, the last the one to go on from; of the first stage the
        pictures alone."""
        name, layers = self.parts()[number]
        if name == "pyramid":
            return tuple(layers[0](OrderedDict(zip(self._names(), maps, strict=False))).values())
        x = maps[-1]
        if name == "extra":
            for block in layers[0].children():
                x = block(x)
                maps = (*maps, x)
            return maps
        for layer in layers:
            x = layer(x)
        return (*maps, x) if number else (x,)

    def _names(self) -> list[str]:
        """What torchvision calls the maps that the head reads."""
        backbone = self.net.backbone
        if isinstance(self.net, SSD):
            return [str(i) for i in range(len(backbone.features) + len(backbone.extra))]
        further = {LastLevelMaxPool: ["pool"], LastLevelP6P7: ["p6", "p7"]}.get(type(backbone.fpn.extra_blocks), [])
        return [*map(str, backbone.body.return_layers.values()), *further]

    def maps(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """float32 (B, 3, size, size), normalised -> the maps that the head reads, the finest first."""
        found: tuple[Tensor, ...] = (pictures,)
        for number in range(len(self.parts())):
            found = self.through(number, found)
        return found

    def head(self) -> list[nn.Module]:
        """What reads the maps."""
        return [self.net.rpn, self.net.roi_heads] if isinstance(self.net, FasterRCNN) else [self.net.head]

    # --- answers --------------------------------------------------------------------------------------

    def forward(self, pictures: Tensor) -> Tensor:
        """float32 (B, 3, size, size), normalised -> see `candidates`."""
        return self.candidates(self.maps(pictures))

    def candidates(self, maps: Sequence[Tensor]) -> Tensor:
        """float32 (B, A, 4 + classes told): boxes x0 y0 x1 y1 in pixels of the square, and how sure each class is, in
        [0, 1]; boxes of one thing may stand there more than once, see `same`."""
        found = self._of_two_stages(maps) if isinstance(self.net, FasterRCNN) else self._of_places(maps)
        if self.columns is None:
            return found
        nothing = found.new_zeros(*found.shape[:2], 1)
        wanted = torch.tensor([4 + (self.classes if c < 0 else c) for c in self.columns], device=found.device)
        return torch.cat([found[..., :4], torch.cat([found, nothing], dim=2)[..., wanted]], dim=2)

    def _of_places(self, maps: Sequence[Tensor]) -> Tensor:
        said = self.net.head(list(maps))
        reach = said["bbox_regression"].float()  # (B, A, 4)
        anchors = self._anchors([each[:1] for each in maps])[0]  # (A, 4), the same on every picture
        flat, across = reach.flatten(0, 1), anchors[None].expand(reach.shape[0], -1, -1).flatten(0, 1)
        if isinstance(self.net, FCOS):
            boxes = self.net.box_coder.decode(flat, across)
            central = said["bbox_ctrness"].float().sigmoid()
            scores = (said["cls_logits"].float().sigmoid() * central).sqrt()
        else:
            boxes = self.net.box_coder.decode_single(flat, across)
            logits = said["cls_logits"].float()
            scores = logits.softmax(2)[..., 1:] if self.background else logits.sigmoid()
        found = torch.cat([boxes.view(reach.shape), scores], dim=2)
        if self.most is None:
            return found
        surest = scores.amax(2).topk(min(self.most, scores.shape[1]), dim=1).indices
        return found.gather(1, surest[..., None].expand(-1, -1, found.shape[2]))

    def _of_two_stages(self, maps: Sequence[Tensor]) -> Tensor:
        features = OrderedDict(zip(self._names(), maps, strict=True))
        images = self._images(maps)
        proposals, _nothing = self.net.rpn(images, features)
        detections, _nothing = self.net.roi_heads(features, proposals, images.image_sizes)
        found = maps[0].new_zeros(len(detections), MOST, 4 + self.classes, dtype=torch.float32)
        for i, own in enumerate(detections):
            n = min(MOST, len(own["scores"]))
            found[i, :n, :4] = own["boxes"][:n]
            found[i, torch.arange(n), 3 + own["labels"][:n]] = own["scores"][:n]
        return found

    def _images(self, maps: Sequence[Tensor]) -> ImageList:
        """Pictures as torchvision hands them to what reads only their size."""
        blank = maps[0].new_empty(1).expand(len(maps[0]), 3, self.size, self.size)
        return ImageList(blank, [(self.size, self.size)] * len(blank))

    def _anchors(self, maps: Sequence[Tensor]) -> list[Tensor]:
        found: list[Tensor] = self.net.anchor_generator(self._images(maps), list(maps))
        return found

    # --- costs ----------------------------------------------------------------------------------------

    def losses(self, maps: Sequence[Tensor], targets: list[dict[str, Tensor]]) -> Tensor:
        """The sum of torchvision's losses of a batch. targets: of each picture `boxes` float32 (N, 4), x0 y0 x1 y1 in
        pixels of the square, and `labels` int64 (N,)."""
        maps = [each.float() for each in maps]
        targets = [own | {"labels": own["labels"] + self.background} for own in targets]
        if isinstance(self.net, FasterRCNN):
            return self._two_stages_cost(maps, targets)
        said, anchors = self.net.head(maps), self._anchors(maps)
        if isinstance(self.net, FCOS):
            told = self.net.compute_loss(targets, said, anchors, [each.shape[2] * each.shape[3] for each in maps])
        elif isinstance(self.net, RetinaNet):
            told = self.net.compute_loss(targets, said, anchors)
        else:
            of = [self._matched(own["boxes"], places) for own, places in zip(targets, anchors, strict=True)]
            told = self.net.compute_loss(targets, said, anchors, of)
        return torch.stack(list(told.values())).sum()

    def _matched(self, boxes: Tensor, anchors: Tensor) -> Tensor:
        if not len(boxes):
            return torch.full((len(anchors),), -1, device=anchors.device)
        of: Tensor = self.net.proposal_matcher(box_iou(boxes, anchors))
        return of

    def _two_stages_cost(self, maps: Sequence[Tensor], targets: list[dict[str, Tensor]]) -> Tensor:
        features, images = OrderedDict(zip(self._names(), maps, strict=True)), self._images(maps)
        parts = self.net.rpn, self.net.roi_heads
        before = [part.training for part in parts]
        try:
            for part in parts:  # these two alone: the norms within stay as they are
                part.training = True
            proposals, first = self.net.rpn(images, features, targets)
            _nothing, second = self.net.roi_heads(features, proposals, images.image_sizes, targets)
        finally:
            for part, was in zip(parts, before, strict=True):
                part.training = was
        return torch.stack([*first.values(), *second.values()]).sum()


def from_config(config: dict[str, Any]) -> TorchvisionDetector:
    """The network of an exported config.json, its weights still random."""
    own = config["detector"]
    model = TorchvisionDetector(config["architecture"], own["classes"], config["size"], columns=own.get("columns"))
    set_epsilon(model, own.get("epsilon"))
    return model


def set_epsilon(model: nn.Module, epsilon: float | None) -> None:
    """What every batch norm adds to its variance: torchvision's oldest weights were made with nothing there."""
    for module in model.modules():
        if epsilon is not None and isinstance(module, nn.BatchNorm2d):
            module.eps = epsilon
