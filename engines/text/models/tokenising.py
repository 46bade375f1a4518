"""From text to what a network reads: tokens in windows, or ELMo's words letter by letter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from engines.messages import _
from engines.training import array_cache
from engines.training.examples import Labelled
from engines.training.tokens import Tokens

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

AT_ONCE = 500
"""Texts that are tokenised together."""


@dataclass(frozen=True)
class Piece:
    """The place in the text that a token stands for."""

    word: int | None
    """Tokens of one word share its number; None for the marks around a text."""
    start: int
    end: int


@dataclass(frozen=True)
class Read:
    """One text as a network reads it."""

    windows: list[Tensor]
    """int64 (T,) token ids each, or (T, 50) characters."""
    pieces: list[list[Piece]]
    """Of each window: what its tokens stand for in the text."""
    left_out: bool
    """Whether there was more than the windows hold."""


class Reader(Protocol):
    """Turns texts into windows of tokens."""

    identity: str
    """Changes with anything that changes what comes out."""
    padding: int
    added: int
    """Places that the network adds to each window of its own accord."""

    def read(self, texts: Sequence[str]) -> list[Read]: ...

    def batch(self, windows: list[list[Tensor]]) -> Tokens:
        """The windows of each text, as the network reads them at once."""

    def without_words(self, read: Read) -> list[Tensor]:
        """Its windows with nothing in the places of the words: what a text is compared with to see what they add."""


class TokenReader:
    """Any tokenizer of Transformers."""

    added = 0

    def __init__(self, tokenizer: PreTrainedTokenizerBase, identity: str, max_tokens: int, max_windows: int):
        longest = min(max_tokens, tokenizer.model_max_length)
        self.tokenizer, self.length, self.max_windows = tokenizer, longest, max_windows
        self.padding = int(tokenizer.pad_token_id or 0)
        self.identity = _(
            "{identity}, {longest} tokens, {max_windows} windows",
            identity=identity,
            longest=longest,
            max_windows=max_windows,
        )

    def batch(self, windows: list[list[Tensor]]) -> Tokens:
        return Tokens.padded(windows, self.padding)

    def read(self, texts: Sequence[str]) -> list[Read]:
        found = self.tokenizer(
            list(texts),
            truncation=True,
            max_length=self.length,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        of_text: list[list[int]] = [[] for _ in texts]
        for window, text in enumerate(found["overflow_to_sample_mapping"]):
            of_text[text].append(window)

        def pieces(window: int) -> list[Piece]:
            places = zip(found.word_ids(window), found["offset_mapping"][window], strict=True)
            return [Piece(word, *place) for word, place in places] or [Piece(None, 0, 0)]

        return [
            Read(
                [torch.tensor(found["input_ids"][w] or [self.padding]) for w in windows[: self.max_windows]],
                [pieces(w) for w in windows[: self.max_windows]],
                len(windows) > self.max_windows,
            )
            for windows in of_text
        ]

    def without_words(self, read: Read) -> list[Tensor]:
        nothing = self.tokenizer.mask_token_id
        nothing = self.padding if nothing is None else nothing
        return [
            torch.where(torch.tensor([piece.word is None for piece in pieces]), window, nothing)
            for window, pieces in zip(read.windows, read.pieces, strict=True)
        ]


class WordReader:
    """ELMo's: words, each spelled in characters."""

    padding, added = 0, 2  # the begin and the end of the sentence

    def __init__(self, max_tokens: int, max_windows: int):
        self.length, self.max_windows = max_tokens, max_windows
        self.identity = _(
            "words, {max_tokens} at once, {max_windows} windows", max_tokens=max_tokens, max_windows=max_windows
        )

    def batch(self, windows: list[list[Tensor]]) -> Tokens:
        from engines.text.models.elmo_input import spelling

        tokens = Tokens.padded(windows, self.padding)
        return replace(tokens, known=spelling(tokens.values))

    def read(self, texts: Sequence[str]) -> list[Read]:
        from engines.text.models.elmo_input import characters, words

        found = []
        for text in texts:
            spelled, pieces, end = words(text), [], 0
            for number, word in enumerate(spelled):
                start = text.index(word, end)
                end = start + len(word)
                pieces.append(Piece(number, start, end))
            starts = range(0, max(len(spelled), 1), self.length)
            kept = [slice(start, start + self.length) for start in starts][: self.max_windows]
            found.append(
                Read(
                    [characters([spelled[part] or [""]])[0] for part in kept],
                    [pieces[part] or [Piece(None, 0, 0)] for part in kept],
                    len(starts) > self.max_windows,
                )
            )
        return found

    def without_words(self, read: Read) -> list[Tensor]:
        from engines.text.models.elmo_input import characters

        return [characters([[""] * len(window)])[0] for window in read.windows]


@dataclass
class TextExamples(Labelled):
    """Texts as training examples (see `training.examples.Examples`)."""

    read: list[list[Tensor]]
    """The windows of each text."""
    labels: Tensor
    digests: list[str]
    """Of each text: what is cached of it is filed under it."""
    reader: Reader
    variation: str = ""
    lengths: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.windows = [[len(window) + self.reader.added for window in own] for own in self.read]
        self.lengths = torch.tensor([sum(own) for own in self.windows])

    @property
    def identity(self) -> str:
        return array_cache.key(self.reader.identity, self.digests)

    def subset(self, chosen: Tensor) -> TextExamples:
        rows = chosen.tolist()
        return TextExamples(
            [self.read[i] for i in rows], self.labels[chosen], [self.digests[i] for i in rows], self.reader
        )

    def plain(self, indices: Tensor) -> Tokens:
        return self.reader.batch([self.read[i] for i in indices.tolist()])

    def varied(self, indices: Tensor, generator: torch.Generator) -> Tokens:
        return self.plain(indices)


def read_all(reader: Reader, texts: Sequence[str], progress: Callable[[int, int], None]) -> list[Read]:
    """Every text, `AT_ONCE` at once, with (done, total) told in between."""
    found: list[Read] = []
    for start in range(0, len(texts), AT_ONCE):
        found += reader.read(texts[start : start + AT_ONCE])
        progress(len(found), len(texts))
    return found


def reader_of(folder: Path, identity: str, max_tokens: int, max_windows: int) -> TokenReader:
    """What reads texts by the tokenizer in a model's folder."""
    return TokenReader(tokenizer_of(folder), identity, max_tokens, max_windows)


def tokenizer_of(folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer in a model's folder, with a token to pad with."""
    from transformers import AutoTokenizer

    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer
