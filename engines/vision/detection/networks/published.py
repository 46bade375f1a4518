"""What torchvision's detectors and those of the hub have in common: stages, loss and answers by the face that
`torchvision_detector` and `hub_detector` give them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from engines.contract import InputError, ModelCard, Problem
from engines.messages import _
from engines.training.staged import Staged, Taps
from engines.vision.detection.networks import decode
from engines.vision.detection.networks.loss import Boxes


class Published(Protocol):
    """The face."""

    classes: int
    same: float
    columns: Sequence[int] | None
    candidates: Callable[[Any], Tensor]
    losses: Callable[[Any, list[dict[str, Tensor]]], Tensor]
    head: Callable[[], list[nn.Module]]


class Handing:
    """The head as `Staged` asks for it: it hands on what it reads, since what it costs needs the boxes too."""

    def __init__(self, model: Any):
        self.model = model

    def __call__(self, x: Any) -> Any:
        return x

    def parameters(self) -> list[nn.Parameter]:
        found = (parameter for module in self.model.head() for parameter in module.parameters())
        return list(dict.fromkeys(found))


class Answering(nn.Module):
    """A network that answers, where `Staged` only hands on what its head reads."""

    def __init__(self, network: Staged):
        super().__init__()
        self.network = network

    def forward(self, x: Any, start: int = 0) -> Tensor:
        seen = self.network(x, start)
        model: Any = self.network.model
        found: Tensor = model.candidates(seen.maps if isinstance(seen, Taps) else seen)
        return found


def loss(network: Staged, boxes: Boxes, size: int, device: torch.device) -> Callable[[Any, Boxes], Tensor]:
    """The published loss: over a batch, as its authors average it."""
    return partial(_cost, network)


def _cost(network: Staged, seen: Any, targets: Boxes) -> Tensor:
    model: Any = network.model
    found: Tensor = model.losses(seen.maps if isinstance(seen, Taps) else seen, apart(targets))
    return found


def apart(targets: Boxes) -> list[dict[str, Tensor]]:
    """The boxes of each picture on their own."""
    counts = (targets.labels >= 0).sum(1).tolist() if targets.counts is None else targets.counts
    pictures = zip(targets.boxes, targets.labels, counts, strict=True)
    return [{"boxes": boxes[:n].float(), "labels": labels[:n]} for boxes, labels, n in pictures]


def boxes_of(model: nn.Module, said: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """See `families.Family`."""
    return decode.boxes_of_candidates(said, size, float(model.same))  # type: ignore[arg-type]


def take_over(net: nn.Module, state: dict[str, Tensor], card: ModelCard, anew: Sequence[str]) -> None:
    """Loads what fits: all but layers with one of `anew` in their names, which tell classes, and what batch norms count
    with. Raises InputError for weights of another network."""
    own = net.state_dict()
    fitting = {name: tensor for name, tensor in state.items() if name in own and own[name].shape == tensor.shape}
    left = [name for name in own if name not in fitting and not name.endswith("num_batches_tracked")]
    if any(not any(part in name for part in anew) for name in left) or not set(state) <= set(own):
        raise other(card)
    net.load_state_dict(fitting, strict=False)


def other(card: ModelCard) -> InputError:
    found = _("its file holds weights of another network")
    return InputError(Problem(_("model {name}", name=card.name), found, _("accepted: its own weights")))


def shares(net: nn.Module, wanted: Callable[[str], bool]) -> int:
    """Parameters of the layers whose names are wanted."""
    return sum(p.numel() for name, p in net.named_parameters() if wanted(name))
