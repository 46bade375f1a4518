"""Token sequences as a writing model learns from them: batches of like length, and a loss on the answer alone."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from engines.text.generative.settings import WritingSettings
from engines.training.tokens import Context

if TYPE_CHECKING:
    from transformers import PretrainedConfig

SHOWN = 8
"""Test conversations that the page shows with an answer from before and one from after."""
MOST_NEW = 64
"""Tokens of each of these answers."""


@dataclass(frozen=True)
class Sequence:
    """One example as tokens."""

    ids: list[int]
    """What the (only) decoder reads."""
    asked: list[bool]
    """Whether the loss looks at this token: is it part of an answer? The first never is, nothing comes before it."""
    source: list[int] = field(default_factory=list)
    """What an encoder reads, where there is one."""
    cut: bool = False
    """Whether it was longer than what is read."""


@dataclass(frozen=True)
class Batch:
    """Padded sequences on their way through a network."""

    values: Tensor
    """int64 (B, T) token ids, or float (B, T, H) between stages. The last token is not read: nothing comes after it."""
    mask: Tensor
    """int64 (B, T): 1 what is there, 0 padding."""
    asked: Tensor
    """bool (B, T): positions whose next token the loss asks for."""
    source: Tensor | None = None
    """int64 (B, S) token ids for the encoder, or float (B, S, H), what it made of them."""
    source_mask: Tensor | None = None
    """int64 (B, S)"""
    context: Context | None = None
    """What the network's own forward pass hands to every block besides: masks and positions."""
    places: Tensor | None = None
    """int64 (n,): those positions in all of the batch, one row after another. Counted before they are on a card, which
    would have to be waited for."""

    def to(self, device: torch.device) -> Batch:
        names = ("values", "mask", "asked", "source", "source_mask", "places")
        return replace(self, **{name: own.to(device) for name in names if (own := getattr(self, name)) is not None})

    def with_values(self, values: Tensor) -> Batch:
        return replace(self, values=values)


class Sequences:
    """Examples for the training loop: their inputs are `Batch`es, their targets the answers' tokens, one after another.

    See `training.examples.Examples`. With `states`, what a frozen part of the network made of each example, they are
    examples behind that part: states[i] is float (T - 1, H) of the decoder, or float (S, H) of the encoder.
    """

    variation = ""

    def __init__(self, sequences: list[Sequence], identity: str, states: list[Tensor] | None = None):
        self.sequences = sequences
        self.identity = identity
        self.states = states
        self.lengths = torch.tensor([len(one.ids) + len(one.source) for one in sequences])
        self.tokens = torch.tensor([sum(one.asked) for one in sequences])
        """int64 (N,): answer tokens of each."""

    def __len__(self) -> int:
        return len(self.sequences)

    def targets(self, indices: Tensor) -> Tensor:
        """int64 (n,): every token asked for, example by example."""
        chosen = (self.sequences[i] for i in indices.tolist())
        return torch.tensor([token for one in chosen for token, asked in zip(one.ids, one.asked, strict=True) if asked])

    def weight(self, indices: Tensor) -> float:
        return float(self.tokens[indices].sum())

    def subset(self, chosen: Tensor) -> Sequences:
        positions = chosen.tolist()
        states = None if self.states is None else [self.states[i] for i in positions]
        return Sequences([self.sequences[i] for i in positions], f"{self.identity}, some of it", states)

    def varied(self, indices: Tensor, generator: torch.Generator) -> Batch:
        return self.plain(indices)

    def plain(self, indices: Tensor) -> Batch:
        chosen = [self.sequences[i] for i in indices.tolist()]
        values, mask = padded([torch.tensor(one.ids[:-1]) for one in chosen])
        asked, _ = padded([torch.tensor(one.asked[1:]) for one in chosen])
        found = Batch(values, mask, asked, places=asked.flatten().nonzero().squeeze(1))
        if chosen[0].source:
            source, source_mask = padded([torch.tensor(one.source) for one in chosen])
            found = replace(found, source=source, source_mask=source_mask)
        if self.states is None:
            return found
        states = padded([self.states[i] for i in indices.tolist()])[0]
        return replace(found, source=states) if chosen[0].source else found.with_values(states)


def padded(rows: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Rows (T_i, …) of different lengths as one tensor (B, T, …), zeros behind, and int64 (B, T): 1 where they are."""
    lengths = torch.tensor([len(row) for row in rows])
    values = pad_sequence(rows, batch_first=True)
    return values, (torch.arange(values.shape[1]) < lengths[:, None]).long()


def readable(config: PretrainedConfig, settings: WritingSettings) -> int:
    """How many tokens are read at most: what the settings say, or fewer where the model has no positions for them."""
    return min(settings.max_tokens, getattr(config, "max_position_embeddings", None) or settings.max_tokens)


def writable(config: PretrainedConfig, settings: WritingSettings) -> int:
    """How many tokens of a translation are written at most: as many as are read, but `model_files.written` asks for one
    more, which needs a position too."""
    positions = getattr(config, "max_position_embeddings", None)
    return min(settings.max_tokens, positions - 1 if positions else settings.max_tokens)
