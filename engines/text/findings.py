"""What there is to say about somebody's texts, in the words of `engines.data.labelled`, and when two texts are one."""

from __future__ import annotations

import hashlib
import unicodedata

from engines.data.labelled import Kind

ACCEPTED = "accepted: a table (CSV, TSV, JSONL, Parquet, XLSX) with a column of texts and a column of classes"
FEWEST_TEXTS = 8
TEXTS = Kind(
    "text", "texts", ACCEPTED,
    copies="Copies, capital letters, spaces and punctuation aside", twin="text", fewest=FEWEST_TEXTS,
)  # fmt: skip
DROPPED = {"P", "Z", "C"}
"""Unicode categories that make no difference: punctuation, space, control."""


def plain(text: str) -> str:
    """What is left of a text when capital letters, space and punctuation make no difference; never nothing.

    Letters, digits, accents, emoji and other symbols stay. A text of punctuation alone, as ':-)', stays as it is.
    """
    if text.isascii():
        kept = "".join(letter for letter in text.lower() if letter.isalnum() or letter in "$+<=>^`|~")
    else:
        folded = unicodedata.normalize("NFKC", text).casefold()
        kept = "".join(letter for letter in folded if unicodedata.category(letter)[0] not in DROPPED)
    return kept or " ".join(text.split())


def group_of(text: str) -> str:
    """SHA-256 that copies and near-copies share: they must not be apart in training and test."""
    return hashlib.sha256(plain(text).encode()).hexdigest()


def content_of(text: str) -> str:
    """SHA-256 of the text as it stands."""
    return hashlib.sha256(text.encode()).hexdigest()
