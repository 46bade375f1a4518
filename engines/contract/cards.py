"""Pretrained models in a catalogue, and the networks inside them."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from engines.contract.strategies import Strategy
from engines.messages import Declared, Message


@dataclass(frozen=True)
class Stage:
    """A block of a network, as it is drawn: its name, its size, its cost."""

    name: str
    parameters: int
    macs: int
    """Multiply-accumulates of one forward pass of one example."""
    width: int = 0
    """Of the vector that its output comes to, averaged over places or tokens; 0: as wide as what the head reads."""


TOLD = ("source", "source_task", "input")
"""What is a message in a card: `make messages` finds it in every catalogue.json too."""


@dataclass(frozen=True)
class ModelCard(Declared):
    """A pretrained model in the catalogue."""

    name: str
    title: str
    family: str
    parameters: int
    download_bytes: int
    licence: str
    source: str
    """Who trained it and where the weights come from, in words."""
    source_task: str
    """What it was trained on, e.g. 'ImageNet-1k, 1.28 M photographs, 1,000 classes'."""
    input: str
    """What goes in, e.g. '224 × 224 pixels, RGB'."""
    stages: tuple[Stage, ...]
    """From the input to the last block before the head."""
    head_inputs: int
    """Width of the vector that the new head reads."""
    head_base: int = 0
    """Parameters of a new head besides those that each output has, such as a detector's pyramid."""
    head_macs: int = 0
    """Multiply-accumulates of a head that is a network of its own; 0: next to nothing, or what its task says."""
    head_parameters: int | None = None
    """Of a head that comes with the model, as a decoder does; None where a run makes a new one of `head_inputs`."""
    correction_parameters: int | None = None
    """Of what 'features' puts beside the network, which then stays as it came with its head too; None where the head is
    what learns."""
    head_stays: bool = False
    """With 'partial' the head that came with the model stays as it is, unless a setting says otherwise."""
    hub: str | None = None
    """Repository on the Hugging Face hub."""
    package: str | None = None
    """Package of the offline pack that carries the weights."""
    torch_file: str | None = None
    """Weight file in torch's own cache, where torchaudio's pipelines keep theirs."""
    sha256: str | None = None
    """Of the weight file. None: the hub's own digest is checked when the file is fetched."""

    @classmethod
    def catalogue(cls, file: Path) -> tuple[ModelCard, ...]:
        """The cards in a JSON file; a stage is written [name, parameters, macs], perhaps with its width."""
        entries = json.loads(file.read_text(encoding="utf-8"))
        return tuple(
            cls(
                **entry
                | {name: Message(entry[name], {}) for name in TOLD if name in entry}
                | {"stages": tuple(Stage(*stage) for stage in entry["stages"])}
            )
            for entry in entries
        )

    def stage_view(self, strategy: Strategy, blocks: int, depth: int = 0) -> list[dict[str, Any]]:
        """What `Result.details` says of the network: each stage, whether it learns itself, and 'left_out' where it lies
        behind the `depth` that the head reads at."""
        drawn = self.network(strategy, blocks, 0, depth=depth).blocks[: len(self.stages)]
        return [
            {"name": b.name, "parameters": b.parameters, "trainable": b.state == "learns"}
            | ({"left_out": True} if b.state == "left out" else {})
            for b in drawn
        ]

    def cut(self, depth: int) -> ModelCard:
        """The card of the network that ends behind `depth` of its stages; 0: of the whole one."""
        if not 0 < depth < len(self.stages):
            return self
        stages = self.stages[:depth]
        own, width = sum(stage.parameters for stage in stages), stages[-1].width or self.head_inputs
        return replace(self, stages=stages, parameters=own, head_inputs=width)

    @property
    def kept(self) -> int:
        """Parameters that a run takes over: all, or all but the head where a run makes a new one."""
        return self.parameters if self.head_parameters is not None else sum(stage.parameters for stage in self.stages)

    def network(
        self,
        strategy: Strategy,
        blocks: int,
        outputs: int,
        *,
        head_name: str = "head",
        head_learns: bool = False,
        depth: int = 0,
    ) -> Network:
        """What a run makes of the model: drawn, counted and told by this alone.

        `outputs` are those of a new head, 0 where the model brings its own; `head_learns`: with 'partial' the head that
        came along learns too, where `head_stays` otherwise; `depth`: with 'features' the head reads what the first so
        many stages see, the others are left out (0: all are used).
        """
        if strategy is Strategy.FEATURES and 0 < depth < len(self.stages):
            used = self.cut(depth).network(strategy, blocks, outputs, head_name=head_name)
            left = [Block(stage.name, stage.parameters, "left out") for stage in self.stages[depth:]]
            return replace(used, blocks=(*used.blocks[:depth], *left, *used.blocks[depth:]))
        count, new = len(self.stages), self.head_parameters is None
        adapted, corrected = strategy is Strategy.LORA, self.corrects(strategy)
        boundary = count if adapted else strategy.boundary(count, blocks)
        drawn = [
            Block(stage.name, stage.parameters, "adapter" if adapted else "learns" if i >= boundary else "frozen")
            for i, stage in enumerate(self.stages)
        ]
        stays = strategy is Strategy.PARTIAL and self.head_stays and not head_learns
        learns = strategy is not Strategy.ZERO_SHOT and not stays and not corrected and (new or not adapted)
        fresh = (self.head_inputs + 1) * outputs + self.head_base
        if head := fresh if self.head_parameters is None else self.head_parameters:
            drawn.append(Block(head_name, head, "learns" if learns else "frozen"))
        if corrected:
            drawn.append(Block("correction", self.correction_parameters or 0, "learns"))
        added = head * new + (self.correction_parameters or 0) * corrected
        return Network(tuple(drawn), self.kept + added, strategy)

    def corrects(self, strategy: Strategy) -> bool:
        """Whether what learns stands beside the whole network, which stays as it came."""
        return strategy is Strategy.FEATURES and self.correction_parameters is not None

    def trainable(self, strategy: Strategy, blocks: int, outputs: int) -> int | None:
        """Parameters that would learn, the new head included; None where only building the network tells (LoRA)."""
        return self.network(strategy, blocks, outputs).learning


@dataclass(frozen=True)
class Block:
    """A block of a network as a run has it."""

    name: str
    parameters: int
    state: Literal["frozen", "learns", "adapter", "left out"]
    """'adapter': it stays as it came, and small matrices learn beside it; 'left out': the run does without it."""


@dataclass(frozen=True)
class Network:
    """A network as a run has it: what is drawn, and what is counted."""

    blocks: tuple[Block, ...]
    """From the input to the head, and what stands beside it."""
    parameters: int
    """All that are used, the adapters' aside."""
    strategy: Strategy

    @property
    def learning(self) -> int | None:
        """Parameters that learn; None where adapters do, which only building them counts."""
        if any(block.state == "adapter" for block in self.blocks):
            return None
        return sum(block.parameters for block in self.blocks if block.state == "learns")


class Catalogue:
    """The models known by heart, out of a JSON file that is read once."""

    def __init__(self, file: Path):
        self.file = file

    @functools.cached_property
    def _cards(self) -> tuple[ModelCard, ...]:
        return ModelCard.catalogue(self.file)

    def cards(self) -> list[ModelCard]:
        """Default first."""
        return list(self._cards)

    def find(self, name: str) -> ModelCard | None:
        return next((card for card in self._cards if card.name == name), None)
