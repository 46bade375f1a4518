"""A network as a sequence of stages, so that it can be cut at the boundary between frozen and trainable."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol, Self, TypeVar

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from engines.contract import Stage
from engines.messages import _
from engines.training import convolutions

X = TypeVar("X")


class Inputs(Protocol):
    """What stages hand on: a tensor, or an object such as `training.tokens.Tokens`."""

    def to(self, device: torch.device) -> Self: ...


@dataclass(frozen=True)
class Taps:
    """What a feature pyramid reads: maps kept on the way, and last the one that the next stage reads."""

    maps: tuple[Tensor, ...]
    """float (B, C, H, W) each."""

    def to(self, device: torch.device) -> Taps:
        return Taps(tuple(each.to(device) for each in self.maps))

    @property
    def shapes(self) -> tuple[torch.Size, ...]:
        """(C, H, W) of each."""
        return tuple(each.shape[1:] for each in self.maps)

    def flat(self) -> Tensor:
        """float (B, D): all of an example's numbers in a row."""
        return torch.cat([each.flatten(1) for each in self.maps], dim=1)

    @classmethod
    def of(cls, flat: Tensor, shapes: Sequence[torch.Size]) -> Taps:
        """From `flat`, with channels side by side, as convolutions like them."""
        parts = flat.split([shape.numel() for shape in shapes], dim=1)
        maps = (part.unflatten(1, shape) for part, shape in zip(parts, shapes, strict=True))
        return cls(tuple(each.contiguous(memory_format=torch.channels_last) for each in maps))


@dataclass(frozen=True)
class StageModule:
    """One block: what it computes and the modules whose parameters it owns.

    Both look their modules up in the model when called, so that adapters put in later take effect.
    """

    name: str
    run: Callable[[Any], Any]
    modules: Callable[[], tuple[nn.Module, ...]]
    steps: tuple[str, ...] = ()
    """What it runs, one after another, by the model's own names (layers or methods); the last stage also pools."""

    def parameters(self) -> list[nn.Parameter]:
        """Each once, also where modules share them."""
        return list(dict.fromkeys(parameter for module in self.modules() for parameter in module.parameters()))


class Staged(nn.Module):
    """`model` seen as stages and a head. `head()` returns the last linear layer, whatever the model calls it; of a
    detector, what reads the maps of its stages."""

    def __init__(
        self, model: nn.Module, stages: list[StageModule], head: Callable[[], Any], *, ends_early: bool = False
    ):
        super().__init__()
        self.model = model
        self.stages = stages
        self.head: Callable[[], Any] = head
        self.ends_early = ends_early
        """It is the first stages of a longer network, the last of which pools here and hands on there."""
        self.boundary = 0
        """Stages below are frozen: they run in evaluation mode and without gradients."""
        self.keep_statistics = False
        """Batch norms keep the statistics they came with."""
        self.faster: AbstractContextManager[Any] = nullcontext()
        """In which outputs are computed while it trains (see `learning_fast`)."""
        self.adapters: tuple[Any, ...] = ()
        """The PEFT wrapper while LoRA adapters are in; in a tuple, so that it is no submodule of its own."""

    def forward(self, x: Inputs, start: int = 0) -> Tensor:
        """Logits from the input of stage `start` (0: the network's input; len(stages): the head's input).

        What stages hand on is a tensor, or an object such as `training.tokens.Tokens`; the head reads (B, D).
        """
        with self.faster:
            logits: Tensor = self.head()(self.run(x, start, len(self.stages)))
            return logits

    def run(self, x: Inputs, start: int, stop: int) -> Any:
        """The output of stage `stop - 1`, given the input of stage `start`."""
        for stage in self.stages[start:stop]:
            x = stage.run(x)
        return x

    def train(self, mode: bool = True) -> Staged:
        """Training mode above the boundary only; below it, and in every frozen batch norm, evaluation mode."""
        super().train(mode)
        if mode:
            for stage in self.stages[: self.boundary]:
                for module in stage.modules():
                    module.eval()
            if self.keep_statistics:
                for module in self.modules():
                    if isinstance(module, nn.modules.batchnorm._BatchNorm):
                        module.eval()
        return self

    @contextmanager
    def learning_fast(self, example: Callable[[], Any]) -> Iterator[None]:
        """Within it `forward` runs its convolutions as a processor learns them fast; elsewhere nothing changes.

        `example` gives one input of stage `boundary`.
        """
        learning = [module for stage in self.stages[self.boundary :] for module in stage.modules()]
        on_processor = all(parameter.device.type == "cpu" for parameter in self.parameters())
        if on_processor and convolutions.gain(learning):
            self.faster = convolutions.Merged({})
            if self.keep_statistics:
                self.eval()
                self.faster = convolutions.merged(self._values, example())
        try:
            yield
        finally:
            self.faster = nullcontext()

    def _values(self, x: Any) -> Tensor:
        """What the head reads, in one tensor."""
        found = self.run(x, self.boundary, len(self.stages))
        return found.flat() if isinstance(found, Taps) else found

    def trainable(self) -> dict[str, nn.Parameter]:
        return {name: p for name, p in self.model.named_parameters() if p.requires_grad}


def check_composition(network: Staged, example: Tensor) -> None:
    """Raises ValueError unless running the stages one by one gives the model's own output, to 1e-4."""
    network.eval()
    with torch.no_grad():
        whole, staged = network.model(example), network(example)
    if not torch.allclose(whole, staged, atol=1e-4 * max(1.0, float(whole.abs().max()))):
        raise ValueError(_("the stages do not add up to the network"))


def count(parameters: Iterable[Tensor]) -> int:
    return sum(p.numel() for p in parameters)


def measured(stages: Sequence[StageModule], example: X) -> list[Stage]:
    """Parameters and multiply-accumulates of each stage, counted by running it."""
    found, x = [], example
    for stage in stages:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            x = stage.run(x)
        found.append(Stage(stage.name, count(stage.parameters()), counter.get_total_flops() // 2))
    return found
