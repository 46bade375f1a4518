"""Sequences of different lengths in one batch, and what is kept of them behind a frozen part."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from engines.training.activation_cache import cache_activations
from engines.training.examples import Labelled, batches
from engines.training.staged import Staged, StageModule
from engines.training.tokens import CachedTokens, Tokens
from tests.training.toys import Notebook

LONG = [torch.tensor([1, 2, 3]), torch.tensor([4])]
"""A text in two windows."""
SHORT = [torch.tensor([5, 6])]


def test_padded() -> None:
    tokens = Tokens.padded([LONG, SHORT], padding=9)
    assert tokens.values.tolist() == [[1, 2, 3], [4, 9, 9], [5, 6, 9]]
    assert tokens.mask.tolist() == [[True] * 3, [True, False, False], [True, True, False]]
    assert (tokens.owner.tolist(), len(tokens)) == ([0, 0, 1], 2)


def test_a_text_is_the_mean_of_its_windows() -> None:
    tokens = Tokens.padded([LONG, SHORT])
    vectors = torch.tensor([[1.0, 0.0], [3.0, 2.0], [7.0, 7.0]])
    assert tokens.pooled(vectors).tolist() == [[2.0, 1.0], [7.0, 7.0]]
    assert Tokens.padded([SHORT, SHORT]).pooled(vectors[:2]).tolist() == vectors[:2].tolist()


def test_split_gives_back_what_was_padded() -> None:
    tokens = Tokens.padded([LONG, SHORT])
    assert [own.tolist() for own in tokens.split()] == [[1, 2, 3, 4], [5, 6]]
    asked = replace(tokens, windows=None)  # from the mask
    assert [own.tolist() for own in asked.split()] == [[1, 2, 3, 4], [5, 6]]


def test_where_nothing_is_padded_there_is_no_mask() -> None:
    assert Tokens.padded([[LONG[0]], [LONG[0]]]).attention_mask is None
    padded = Tokens.padded([LONG, SHORT])
    assert padded.attention_mask is not None
    assert padded.attention_mask.tolist() == [[1, 1, 1], [1, 0, 0], [1, 1, 0]]
    whole = replace(Tokens.padded([SHORT]), windows=None)
    assert whole.attention_mask is not None, "nothing is known, and nothing asked"


@dataclass
class Numbers(Labelled):
    """Texts of which each token is a number."""

    read: list[list[Tensor]]
    labels: Tensor
    identity: str = "numbers"
    variation: str = ""

    def __post_init__(self) -> None:
        self.windows = [[len(window) for window in own] for own in self.read]
        self.lengths = torch.tensor([sum(own) for own in self.windows])

    def subset(self, chosen: Tensor) -> Numbers:
        return Numbers([self.read[i] for i in chosen.tolist()], self.labels[chosen])

    def plain(self, indices: Tensor) -> Tokens:
        return Tokens.padded([self.read[i] for i in indices.tolist()])

    def varied(self, indices: Tensor, generator: torch.Generator) -> Tokens:
        return self.plain(indices)


def doubling() -> Staged:
    """Each token becomes a vector, is doubled, and a text is the mean of its windows' means."""
    model = torch.nn.Module()
    model.head = torch.nn.Linear(2, 2)

    def pool(tokens: Tokens) -> Tensor:
        present = tokens.mask.unsqueeze(-1)
        return tokens.pooled((tokens.values * present).sum(1) / present.sum(1))

    stages = [
        StageModule("vector", lambda t: t.with_values(torch.stack([t.values, t.values * 10], -1).float()), tuple),
        StageModule("double", lambda t: t.with_values(2 * t.values), tuple),
        StageModule("pool", pool, tuple),
    ]
    return Staged(model, stages, lambda: model.head)


@pytest.mark.parametrize("boundary", [1, 2, 3])
def test_what_is_cached_at_any_boundary_ends_in_the_same_logits(boundary: int, tmp_path: Path) -> None:
    texts = Numbers([LONG, SHORT, [torch.tensor([8])]], torch.tensor([0, 1, 0]))
    network = doubling()
    network.boundary = boundary
    seen = cache_activations(
        network,
        texts,
        views=1,
        name=f"boundary-{boundary}-{tmp_path.name}",
        run=Notebook(tmp_path),
        title="",
        unit="",
        device=torch.device("cpu"),
        batch_size=2,
    )
    everything = torch.arange(3)
    with torch.no_grad():
        torch.testing.assert_close(network(seen.plain(everything), boundary), network(texts.plain(everything)))
        chosen = torch.tensor([2, 0])
        torch.testing.assert_close(
            network(seen.subset(chosen).plain(torch.arange(2)), boundary), network(texts.plain(chosen))
        )
    assert isinstance(seen, CachedTokens) == (boundary < 3)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=300), st.integers(1, 9), st.integers(0, 3))
def test_batches_hold_every_example_once_and_alike_in_length(lengths: list[int], size: int, seed: int) -> None:
    texts = Numbers(
        [[torch.zeros(n, dtype=torch.int64)] for n in lengths], torch.zeros(len(lengths), dtype=torch.int64)
    )
    for generator in (None, torch.Generator().manual_seed(seed)):
        drawn = batches(texts, size, generator)
        assert Counter(torch.cat(drawn).tolist()) == Counter(range(len(lengths)))
        assert len(drawn) == -(-len(lengths) // size)
        assert max(map(len, drawn)) <= size
    if len(lengths) % size:
        return  # a short batch may stand where it costs more
    padding = sum(int(texts.lengths[b].max() * len(b) - texts.lengths[b].sum()) for b in batches(texts, size))
    unsorted = [torch.arange(len(lengths))[i : i + size] for i in range(0, len(lengths), size)]
    assert padding <= sum(int(texts.lengths[b].max() * len(b) - texts.lengths[b].sum()) for b in unsorted)


def test_batches_are_drawn_by_the_generator() -> None:
    texts = Numbers([[torch.zeros(n, dtype=torch.int64)] for n in range(1, 41)], torch.zeros(40, dtype=torch.int64))
    first, again, other = (batches(texts, 4, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert [b.tolist() for b in first] == [b.tolist() for b in again]
    assert [b.tolist() for b in first] != [b.tolist() for b in other]
