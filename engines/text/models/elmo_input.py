"""What ELMo reads: text cut into words, and each word as the bytes that spell it."""

from __future__ import annotations

import re
from dataclasses import dataclass

import torch
from torch import Tensor

MAX_BYTES = 50
"""Ids a word takes, its begin and end marks among them; longer words are cut, as in the original release."""
BEGIN_SENTENCE, END_SENTENCE, BEGIN_WORD, END_WORD, AFTER_WORD = 256, 257, 258, 259, 260
"""The ids beyond the 256 bytes (bilm-tf, `UnicodeCharsVocabulary`), before the shift that frees 0 for padding."""
CHARACTERS = 262
"""Padding, 256 bytes and the five marks."""

_WORDS = re.compile(
    r"""
      \w+?(?=n['’]t\b)                      # "do" of "don't", as the Penn Treebank and ELMo's training text cut it
    | n['’]t\b
    | ['’](?:s|m|d|re|ve|ll)\b
    | (?:[a-z]\.){2,}                       # U.S.
    | \d+(?:[.,:]\d+)+                      # 3,708 and 4.5 and 10:30 are one word
    | \w+(?:[-&]\w+)*                       # well-made
    | [:;=][-o^']?[)(\]\[dp/|\\](?!\w) | <3(?!\w)      # :-)
    | \.{2,} | -{2,} | [!?]{2,}
    | \S
    """,
    re.VERBOSE | re.IGNORECASE,
)


def words(text: str) -> list[str]:
    """`text` as words and punctuation marks, with contractions cut in two ("do", "n't"). Case is kept."""
    return _WORDS.findall(text)


def word_ids(word: str) -> list[int]:
    """The 50 ids of one word: begin, its UTF-8 bytes, end, then the mark of what comes after a word."""
    spelled = list(word.encode("utf-8", "ignore")[: MAX_BYTES - 2])
    return _filled(spelled)


def _filled(spelled: list[int]) -> list[int]:
    ids = [BEGIN_WORD, *spelled, END_WORD]
    return [i + 1 for i in ids] + [AFTER_WORD + 1] * (MAX_BYTES - len(ids))


BEGIN_SENTENCE_IDS = _filled([BEGIN_SENTENCE])
END_SENTENCE_IDS = _filled([END_SENTENCE])


def characters(texts: list[list[str]]) -> Tensor:
    """Ids of tokenised texts: int64 (B, T, 50), T the most words of any; 0 where a text has no word left."""
    longest = max((len(text) for text in texts), default=0)
    ids = torch.zeros(len(texts), longest, MAX_BYTES, dtype=torch.int64)
    spelled: dict[str, Tensor] = {}
    for row, text in zip(ids, texts, strict=True):
        for place, word in zip(row, text, strict=False):
            if word not in spelled:
                spelled[word] = torch.tensor(word_ids(word))
            place.copy_(spelled[word])
    return ids


@dataclass(frozen=True)
class Spelling:
    """The different words of a batch, and where each stands: found where the ids are, before a card has them, which
    would be waited for."""

    kinds: Tensor
    """int64 (K, 50)"""
    which: Tensor
    """int64 (S,): of each place in use, its word among them."""
    places: Tensor
    """int64 (S,): these places, texts laid one after another, (B · (T + 2))."""
    longest: int
    """Ids of the longest word."""

    def to(self, device: torch.device) -> Spelling:
        return Spelling(self.kinds.to(device), self.which.to(device), self.places.to(device), self.longest)


def spelling(ids: Tensor) -> Spelling:
    """Of texts, int64 (B, T, 50), between the marks of a sentence."""
    bounded, mask = with_boundaries(ids)
    kinds, which = torch.unique(bounded[mask], dim=0, return_inverse=True)
    return Spelling(kinds, which, mask.flatten().nonzero().squeeze(1), length_of(kinds))


def length_of(words: Tensor) -> int:
    """Ids of the longest of these words, int64 (N, 50)."""
    return int((words != AFTER_WORD + 1).sum(-1).max()) if len(words) else 0


def with_boundaries(ids: Tensor) -> tuple[Tensor, Tensor]:
    """`ids` (B, T, 50) between a begin and an end mark of the sentence, (B, T + 2, 50), and which places are in use.

    The words of a text come first, padding after them.
    """
    lengths = (ids[:, :, 0] > 0).sum(1)  # (B,)
    bounded = torch.nn.functional.pad(ids, (0, 0, 1, 1))
    bounded[:, 0] = ids.new_tensor(BEGIN_SENTENCE_IDS)
    bounded[torch.arange(len(ids), device=ids.device), lengths + 1] = ids.new_tensor(END_SENTENCE_IDS)
    places = torch.arange(bounded.shape[1], device=ids.device)
    return bounded, places < (lengths + 2).unsqueeze(1)
