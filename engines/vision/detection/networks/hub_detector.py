"""A detector of the DETR family behind the face that torchvision's have here. This file stands alone: an exported model
is loaded with it. It needs torch and transformers, nothing of Headstart.

DETR (Carion et al. 2020, arXiv 2005.12872) and what came of it, such as YOLOS, RT-DETR, D-FINE, as transformers builds
them and computes their losses: each object is found by one query, so that nothing is found twice.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_unflatten
from transformers import AutoConfig, AutoModelForObjectDetection

HEADS = ("class_labels_classifier", "bbox_predictor", "class_embed", "bbox_embed", "score_head", "bbox_head")
"""What names of layers have in them that tell class and box of a query; the classes of noisy queries go with them."""
GROUPS = ("backbone", "encoder", "decoder")
"""Its parts from the input on; what is none of these by its name belongs to the last."""
OF_THE_PICTURE = GROUPS[:2]
"""The parts that know nothing of queries: what they answer is the same however the others learn."""


class HubDetector(nn.Module):
    """A network of transformers for object detection, on squares of `size` pixels."""

    whole = True
    """It runs in one go; what its frozen parts answer can stand in for them: see `seen`."""
    same = 2.0
    """Overlap from which on two boxes of a class are the same thing: never."""

    def __init__(self, net: nn.Module, size: int, *, columns: Sequence[int] | None = None):
        """`columns`: of each class that is told, which of the network's own it is; -1: none."""
        super().__init__()
        self.net, self.size, self.columns = net, size, columns
        self.classes = int(net.config.num_labels)  # type: ignore[union-attr, arg-type]  # no tensor
        self.kept: Kept | None = None
        """How its frozen parts are stood in for, once that was asked."""

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

    def keeps(self, parts: int) -> tuple[tuple[int, ...], ...]:
        """Shapes of what is kept of a picture where the first `parts` of `groups` are frozen: nothing where they answer
        otherwise than in numbers of that picture, or their answers cannot stand in for them."""
        names = [name for name in list(self.groups())[:parts] if name in OF_THE_PICTURE]
        if self.kept is None or self.kept.names != names:
            self.kept = Kept(self, names)
        return self.kept.shapes

    def seen(self, pictures: Tensor, parts: int) -> tuple[Tensor, ...]:
        """What the first `parts` answer about pictures, float32 (B, D, 1, 1) each: `candidates` and `losses` take it in
        place of pictures. Nothing where nothing can be kept."""
        if not self.keeps(parts):
            return ()
        assert self.kept is not None
        return self.kept.answers(pictures)

    def said(self, seen: Tensor | Sequence[Tensor], labels: list[dict[str, Tensor]] | None = None) -> Any:
        """What transformers' network says of pictures, or of what was kept of them."""
        if isinstance(seen, Tensor):
            return self.net(pixel_values=seen, labels=labels)
        assert self.kept is not None
        n = len(seen[0])
        with self.kept.standing_in(seen, n):
            return self.net(pixel_values=self.kept.blank(seen[0], n), labels=labels)

    def forward(self, pictures: Tensor) -> Tensor:
        """float32 (B, 3, size, size), normalised -> see `candidates`."""
        return self.candidates(pictures)

    def candidates(self, seen: Tensor | Sequence[Tensor]) -> Tensor:
        """Of pictures, or of what `seen` kept of them, float32 (B, queries, 4 + classes told): boxes x0 y0 x1 y1 in
        pixels of the square, and how sure each class is, in [0, 1]."""
        said = self.said(seen)
        logits, (x, y, width, height) = said.logits.float(), said.pred_boxes.float().unbind(2)
        boxes = torch.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], dim=2) * self.size
        with_nothing = logits.shape[2] == self.classes + 1  # the last one stands for no object
        scores = logits.softmax(2)[..., :-1] if with_nothing else logits.sigmoid()
        if self.columns is not None:
            padded = torch.cat([scores, torch.zeros_like(scores[..., :1])], dim=2)
            wanted = [self.classes if column < 0 else column for column in self.columns]
            scores = padded[..., torch.tensor(wanted, device=scores.device)]
        return torch.cat([boxes, scores], dim=2)

    def losses(self, seen: Tensor | Sequence[Tensor], targets: list[dict[str, Tensor]]) -> Tensor:
        """The published loss of a batch, by transformers. seen: as `candidates` takes it; targets: of each picture
        `boxes` float32 (N, 4), x0 y0 x1 y1 in pixels of the square, and `labels` int64 (N,). NaN where the network's
        answers are no numbers."""
        labels = []
        for own in targets:
            x0, y0, x1, y1 = (own["boxes"] / self.size).unbind(1)
            boxes = torch.stack([(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0], dim=1)
            labels.append({"class_labels": own["labels"], "boxes": boxes})
        try:
            found: Tensor = self.said(seen, labels).loss
        except ValueError:  # queries and boxes cannot be matched by costs that are no numbers
            with torch.no_grad():
                if bool(self.said(seen).logits.isfinite().all()):
                    raise
            return next(self.net.parameters()).sum() * math.nan
        return found


class Kept:
    """What some layers of a network answer about a picture, kept so that these need not run again.

    Found by trying it on noise: of what differs between two pictures that is kept on which what the network says
    depends; the rest is the same for all pictures, or nought.
    """

    def __init__(self, model: HubDetector, names: Sequence[str]):
        """`names`: the parts of `model.groups()`, from the input on."""
        self.net, self.names, self.size = model.net, list(names), model.size
        self.layers = [layer for name in names for layer in model.groups()[name]]
        self.forms: list[Any] = []
        """How each layer's answer is made of leaves."""
        self.fixed: list[Any] = []
        """Of each leaf what is the same of all pictures, (1, …) where `by_picture`; nought of those that differ."""
        self.by_picture: list[bool] = []
        """Whether the first axis of a leaf counts pictures."""
        self.axes: list[tuple[int, ...]] = []
        """The axes of a leaf as they lie in memory: dropout is drawn in that order."""
        self.wanted: list[int] = []
        """Which leaves are kept."""
        device, training = next(self.net.parameters()).device, self.net.training
        noise = torch.randn(2, 3, model.size, model.size, generator=torch.Generator().manual_seed(0))
        self.net.eval()
        self.shapes = self._tried(noise.to(device).contiguous(memory_format=torch.channels_last))
        """Of what is kept of a picture; none where the answers cannot stand in for their layers."""
        self.net.train(training)

    def _tried(self, pictures: Tensor) -> tuple[tuple[int, ...], ...]:
        with torch.no_grad():
            called, said = self._recorded(pictures)
            self.layers = [layer for layer, answers in called.items() if len(answers) == 1]
            both, of_one = self._leaves(called), self._leaves(self._recorded(pictures[:1])[0])
        self.forms = [tree_flatten(called[layer][0])[1] for layer in self.layers]
        for number, (two, one) in enumerate(zip(both, of_one, strict=True)):
            rows = isinstance(two, Tensor) and two.ndim > 0 and len(two) == 2 * len(one)
            differs = rows and not torch.equal(two[:1], two[1:])
            if differs and not two.is_floating_point():
                return ()
            self.by_picture.append(rows)
            self.fixed.append(torch.zeros_like(two[:1]) if differs else two[:1] if rows else two)
            self.axes.append(tuple(sorted(range(1, two.ndim), key=lambda axis: -two.stride(axis))) if rows else ())
            self.wanted += [number] if differs else []
        leaves = {number: self._row(both[number], number).requires_grad_() for number in self.wanted}
        if not leaves:
            return ()
        with torch.enable_grad():
            whole = self._said([leaves[number] for number in self.wanted])
            total = whole.logits.sum() + whole.pred_boxes.sum()
            gradients = torch.autograd.grad(total, list(leaves.values()), allow_unused=True)
        self.wanted = [number for number, reached in zip(leaves, gradients, strict=True) if reached is not None]
        with torch.no_grad():
            again = self._said([leaves[number] for number in self.wanted])
        pairs = [(said.logits, again.logits), (said.pred_boxes, again.pred_boxes)]
        if not self.wanted or not all(torch.allclose(a, b, atol=1e-5, rtol=1e-4) for a, b in pairs):
            return ()
        return tuple(tuple(both[number].shape[1:]) for number in self.wanted)

    def _said(self, seen: Sequence[Tensor]) -> Any:
        """What the network says with these leaves of the noise's answers in place of its layers."""
        like = next(self.net.parameters())
        with self.standing_in(seen, 2):
            return self.net(pixel_values=self.blank(like, 2))

    def _recorded(self, pictures: Tensor) -> tuple[dict[nn.Module, list[Any]], Any]:
        """What each layer answered, as often as it was called, and what the network said."""
        called: dict[nn.Module, list[Any]] = {layer: [] for layer in self.layers}
        hooks = [
            layer.register_forward_hook(lambda layer, _given, answer: called[layer].append(answer))
            for layer in self.layers
        ]
        try:
            return called, self.net(pixel_values=pictures)
        finally:
            for hook in hooks:
                hook.remove()

    def _leaves(self, called: dict[nn.Module, list[Any]]) -> list[Any]:
        return [leaf for layer in self.layers for leaf in tree_flatten(called[layer][0])[0]]

    def _row(self, leaf: Tensor, number: int) -> Tensor:
        """float (B, …) -> (B, D, 1, 1), the numbers of a picture as they lie in memory."""
        return leaf.permute(0, *self.axes[number]).flatten(1)[:, :, None, None].detach()

    def _of_row(self, row: Tensor, number: int) -> Tensor:
        """What `_row` was made of."""
        axes, shape = (0, *self.axes[number]), self.fixed[number].shape
        whole = row.reshape(len(row), *(shape[axis] for axis in axes[1:]))
        return whole.permute(*(axes.index(axis) for axis in range(len(axes))))

    def answers(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """See `HubDetector.seen`."""
        leaves = self._leaves(self._recorded(pictures)[0])
        return tuple(self._row(leaves[number], number) for number in self.wanted)

    def blank(self, like: Tensor, n: int) -> Tensor:
        """`n` pictures with nothing on them: nobody looks at them."""
        return like.new_zeros(1).expand(n, 3, self.size, self.size)

    @contextmanager
    def standing_in(self, seen: Sequence[Tensor], n: int) -> Iterator[None]:
        """Within it the layers answer with what was kept of `n` pictures."""
        leaves = [
            leaf.expand(n, *leaf.shape[1:]) if rows else leaf
            for leaf, rows in zip(self.fixed, self.by_picture, strict=True)
        ]
        for number, row in zip(self.wanted, seen, strict=True):
            leaves[number] = self._of_row(row, number)
        try:
            for layer, form in zip(self.layers, self.forms, strict=True):
                own, leaves = leaves[: form.num_leaves], leaves[form.num_leaves :]
                layer.forward = partial(_answer, tree_unflatten(own, form))
            yield
        finally:
            for layer in self.layers:
                vars(layer).pop("forward", None)


def _answer(known: Any, *_given: Any, **_named: Any) -> Any:
    return known


def group_of(name: str) -> str:
    """Which part a layer belongs to, by its name."""
    if any(part in name for part in HEADS) or "denoising_class" in name:
        return "head"
    parts = name.split(".")
    if found := next((group for part in parts for group in GROUPS if part.startswith(group)), None):
        return found  # by the first of its parts: a decoder also has layers that are called after the encoder they read
    return "encoder" if "vit" in parts or "input_proj" in name else GROUPS[-1]


def from_config(config: dict[str, Any]) -> HubDetector:
    """The network of an exported config.json, its weights still random."""
    own = config["detector"]
    settings = dict(own["configuration"])
    net = AutoModelForObjectDetection.from_config(AutoConfig.for_model(settings.pop("model_type"), **settings))
    return HubDetector(net, config["size"], columns=own.get("columns"))
