"""Sequences of different lengths as one batch: padded, masked, and long ones cut into windows."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from engines.training.card import room
from engines.training.examples import Labelled

Context = tuple[Sequence[Any], Mapping[str, Any]]
"""What a block is called with behind the vectors: positional and named arguments."""


@dataclass(frozen=True)
class Tokens:
    """Windows of tokens: an example that is longer than the network reads at once has several."""

    values: Tensor
    """int64 (W, T, …) as the network reads them, or float (W, T, D) between its stages."""
    mask: Tensor
    """bool (W, T): what is there; the rest is padding."""
    owner: Tensor
    """int64 (W,), ascending: the window's example, by its position in the batch."""
    context: Context | None = None
    """What the network's own forward pass hands to every block besides: masks and positions."""
    windows: Sequence[Sequence[int]] | None = None
    """The length of each example's windows, where they are known as numbers: who asks the mask waits for the card."""
    known: Any = None
    """What else the network's first stage would ask them, with a `to(device)` of its own; None: it asks."""

    @classmethod
    def padded(cls, examples: list[list[Tensor]], padding: int = 0) -> Tokens:
        """Each example's windows, (T_w, …) each."""
        own = [[len(window) for window in windows] for windows in examples]
        lengths = torch.tensor([length for each in own for length in each])
        values = pad_sequence([window for each in examples for window in each], batch_first=True, padding_value=padding)
        owner = torch.repeat_interleave(torch.arange(len(own)), torch.tensor([len(each) for each in own]))
        return cls(values, torch.arange(values.shape[1]) < lengths[:, None], owner, windows=own)

    def __len__(self) -> int:
        return int(self.owner[-1]) + 1 if self.windows is None else len(self.windows)

    @property
    def attention_mask(self) -> Tensor | None:
        """int64 (W, T) as the networks of Transformers take it; None where nothing is padded, as far as is known: they
        would ask the card, and attention without a mask is the fast one."""
        longest = self.values.shape[1]
        if self.windows is not None and all(length == longest for own in self.windows for length in own):
            return None
        return self.mask.long()

    def to(self, device: torch.device) -> Tokens:
        known = self.known and self.known.to(device)
        values, mask, owner = (each.to(device) for each in (self.values, self.mask, self.owner))
        return replace(self, values=values, mask=mask, owner=owner, known=known)

    def with_values(self, values: Tensor, context: Context | None = None) -> Tokens:
        return replace(self, values=values, context=context, known=None)

    def pooled(self, vectors: Tensor) -> Tensor:
        """float (B, …): the mean over each example's windows of `vectors`, float (W, …)."""
        if len(self) == len(vectors):
            return vectors
        sums = vectors.new_zeros(len(self), *vectors.shape[1:]).index_add(0, self.owner, vectors)
        counts = vectors.new_zeros(len(self)).index_add(0, self.owner, vectors.new_ones(len(vectors)))
        return sums / counts.view(-1, *[1] * (vectors.ndim - 1))

    def split(self) -> list[Tensor]:
        """Each example's tokens, (T, D), its windows one after another, without padding."""
        if self.windows is not None:
            of_each = iter(self.values)
            return [torch.cat([next(of_each)[:length] for length in own]) for own in self.windows]
        counts = torch.zeros(len(self), dtype=torch.int64, device=self.mask.device)
        counts.index_add_(0, self.owner, self.mask.sum(1))
        return list(self.values[self.mask].split(counts.tolist()))


@dataclass
class CachedTokens(Labelled):
    """Examples behind the frozen part of a network that hands on one vector a token."""

    values: Tensor
    """float32 (S, D): every token of every example, one after another."""
    windows: list[list[int]]
    """The length of each example's windows."""
    labels: Tensor
    identity: str
    variation: str = ""
    lengths: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.lengths = torch.tensor([sum(own) for own in self.windows])
        self._starts = self.starts(self.windows)

    @staticmethod
    def starts(windows: list[list[int]]) -> list[int]:
        """Where each example's tokens begin, and where the last one's end."""
        return list(itertools.accumulate((sum(own) for own in windows), initial=0))

    def plain(self, indices: Tensor) -> Tokens:
        return Tokens.padded(
            [list(self.values[self._starts[i] : self._starts[i + 1]].split(self.windows[i])) for i in indices.tolist()]
        )

    def varied(self, indices: Tensor, generator: torch.Generator) -> Tokens:
        return self.plain(indices)

    @property
    def card_bytes(self) -> int:
        return self.values.nbytes

    @property
    def may_halve(self) -> bool:
        return False

    def on_card(self, device: torch.device, *, half: bool = False) -> CachedTokens:
        del half
        return replace(self, values=room.brought(self.values, device))

    def subset(self, chosen: Tensor) -> CachedTokens:
        own = [self.values[self._starts[i] : self._starts[i + 1]] for i in chosen.tolist()]
        return CachedTokens(
            torch.cat(own),
            [self.windows[i] for i in chosen.tolist()],
            self.labels[chosen],
            f"{self.identity}, some of it",
        )
