"""A classifier that goes on from a finished run of the same task: its weights, and of its head the rows of the classes
that are there again, by their names. A class that is new gets a fresh row."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from engines import starts, weights
from engines.contract import Recipe, Task
from engines.messages import _
from engines.training.staged import Staged


@dataclass
class Start:
    """The network of a finished run, on the processor."""

    digest: str
    """SHA-256 of its weight file."""
    state: dict[str, Tensor]
    """Of all but its head."""
    weight: Tensor
    """Its head: float32 (C, D)."""
    bias: Tensor
    """float32 (C,)"""
    classes: list[str]

    def fill(self, network: Staged) -> Staged:
        """Puts its weights into a network of the same kind, whose head stays as it is. Raises InputError where it is of
        another kind."""
        own, head = network.model.state_dict(), _head_names(network)
        fits = {name: tensor.shape for name, tensor in own.items() if name not in head}
        if fits != {name: tensor.shape for name, tensor in self.state.items()}:
            raise starts.other_network()
        network.model.load_state_dict(own | self.state)
        return network

    def head(self, classes: list[str]) -> Callable[[nn.Linear, Tensor, Tensor], None]:
        """What a head of these classes begins with, see `TrainSpec.begin`."""
        weight, bias = torch.zeros(len(classes), self.weight.shape[1]), torch.zeros(len(classes))
        for row, name in enumerate(classes):
            if name in self.classes:
                weight[row], bias[row] = (old[self.classes.index(name)] for old in (self.weight, self.bias))

        def begin(head: nn.Linear, shift: Tensor, scale: Tensor) -> None:
            at = head.weight.device
            with torch.no_grad():  # `transfer.fold` undoes it
                head.bias.copy_(bias.to(at) + weight.to(at) @ shift.to(at))
                head.weight.copy_(weight.to(at) * scale.to(at))

        return begin


class Starting:
    """A study that may go on from a finished run."""

    task: Any
    recipe: Recipe

    @abstractmethod
    def build(self, *, pretrained: bool, seed: int, depth: int = 0) -> Staged:
        """The network with a fresh head of one output a class; with `depth`, of its first so many stages alone."""

    @cached_property
    def start(self) -> Start | None:
        """The run that it goes on from; None where that is the model as it comes. Raises InputError."""
        return opened(self.task, self.recipe) if self.recipe.start is not None else None

    def stands_on(self, classes: list[str]) -> list[str]:
        """What is good to know of that run, a sentence; nothing where there is none. Raises InputError."""
        if self.start is None:
            return []
        known = len(set(classes) & set(self.start.classes))
        return [
            _(
                "It goes on from a finished run: {known} of the {n} classes were known there, by their names.",
                known=known,
                n=len(classes),
            )
        ]

    def begun(self, *, pretrained: bool, seed: int, depth: int = 0) -> Staged:
        """As `build`; what is pretrained is what the run goes on from, where there is one. Raises InputError."""
        network = self.build(pretrained=pretrained, seed=seed, depth=depth)
        return self.start.fill(network) if pretrained and self.start else network


def opened(task: Task, recipe: Recipe) -> Start:
    """What the recipe starts from. Raises InputError where it is not here."""
    run = starts.folder(recipe)
    assert run is not None
    file = starts.weight_file(run)
    assert file is not None
    predictor: Any = task.load(run)
    network: Staged = predictor.network
    head, names = network.head(), _head_names(network)
    state = {name: _kept(tensor) for name, tensor in network.model.state_dict().items() if name not in names}
    return Start(
        weights.sha256(file), state, _kept(head.weight).float(), _kept(head.bias).float(), list(predictor.classes)
    )


def _kept(tensor: Tensor) -> Tensor:
    return tensor.detach().cpu().clone()


def _head_names(network: Staged) -> set[str]:
    """What the head's tensors are called in the network's state."""
    head = network.head()
    name = next(name for name, module in network.model.named_modules() if module is head)
    return {f"{name}.{part}" for part in head.state_dict()}
