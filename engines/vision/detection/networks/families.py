"""The seam between what is asked of any detector and how each kind answers: pyramids on classifiers (`pyramid`),
torchvision's detectors (`torchvision_family`), the hub's DETR family (`hub_family`).

A kind is a module with the functions of `Family`; a network goes with the kind that its name, or its config.json, says.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, Protocol, cast

import numpy as np
import torch
from torch import Tensor, nn

from engines import hub_files
from engines.contract import ModelCard
from engines.training.staged import Staged
from engines.vision.detection.networks.loss import Boxes

Loss = Callable[[Any, Boxes], Tensor]
"""(what the stages and the head hand on, boxes of the same pictures) -> scalar."""


class Family(Protocol):
    """What is asked of a kind of detector. Pictures are float32 (B, 3, size, size), normalised by `pixels`."""

    NAME: str
    """In config.json."""
    SOURCE: str
    """The file that stands alone and builds the network: it goes with the weights."""
    NEEDS: tuple[str, ...]
    """Packages that this file imports."""
    OF_CLASSES: tuple[str, ...]
    """What names of layers have in them that tell the classes that it came with."""

    def describe(self, name: str, size: int) -> ModelCard:
        """The card at `size` pixels. Raises InputError for a network that cannot be had or is no detector."""

    def build(self, card: ModelCard, classes: int, *, pretrained: bool, seed: int, size: int) -> Staged:
        """With what tells the classes made anew. Raises WeightsUnavailable, and InputError for weights of another."""

    def as_it_came(self, card: ModelCard, columns: list[int], *, size: int) -> Staged:
        """With the classes that it came with, telling those at `columns` (-1: none). Raises as `build`."""

    def source_classes(self, card: ModelCard) -> list[str]:
        """Names of the classes that it came with, by their places; empty where it came with none."""

    def pixels(self, card: ModelCard) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and standard deviation of its pictures, in [0, 1]."""

    def loss(self, network: Staged, boxes: Boxes, size: int, device: torch.device) -> Loss:
        """The mean cost of a batch; `boxes` are those of all training pictures."""

    def answering(self, network: Staged) -> nn.Module:
        """(what stage `start` reads, start) -> answers, a tensor with a row of numbers (B, A, …) a place."""

    def boxes_of(self, model: nn.Module, said: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
        """As `decode.boxes_of`, of the answers about one picture."""

    def configuration(self, model: nn.Module, card: ModelCard) -> dict[str, Any]:
        """What config.json holds at `detector`, by which `loaded` builds the network."""

    def loaded(self, config: dict[str, Any]) -> nn.Module:
        """The network of a run's config.json, its weights still random."""

    def looked_at(self, model: nn.Module, pictures: Tensor) -> tuple[list[Tensor], Callable[[list[Tensor]], Tensor]]:
        """The maps that the head reads, and how sure it is at each place of each class, (B, A, classes), from maps.
        Raises ValueError where there are no maps."""


MODULES = {"pyramid": "pyramid", "torchvision": "torchvision_family", "transformers": "hub_family"}


def named(name: str) -> Family:
    """The kind of that name, as config.json has it."""
    return cast(Family, importlib.import_module(f"{__package__}.{MODULES[name]}"))


def of(model: str) -> Family:
    """The kind of a model by its name: timm's names are pyramids, others torchvision's, and those of a folder or of the
    hub are transformers'."""
    import timm
    from torchvision.models import list_models

    if "/" in model:
        return named("transformers")
    if timm.is_model(model.split(".")[0].partition("@")[0]):
        return named("pyramid")
    if model in list_models():
        return named("torchvision")
    return named("transformers" if hub_files.safe_name(model) and hub_files.prepared(model) else "pyramid")


def of_config(config: dict[str, Any]) -> Family:
    """The kind of a run's network."""
    return named(config.get("family", "pyramid"))
