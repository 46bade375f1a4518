"""When two texts are one."""

from __future__ import annotations

import hashlib
import re
import unicodedata

DROPPED = {"P", "Z", "C"}
"""Unicode categories that make no difference: punctuation, space, control."""
EMOTICON = re.compile(r"[:;=][-^'o]?(?:[()\[\]{}|*\\]|/(?!/))|(?<!\w)[()\[\]][-^'o]?[:;=]")
"""A face of punctuation, such as :-) and ): ; the :/ of an address is none."""


def plain(text: str) -> str:
    """What is left of a text when capital letters, space and punctuation make no difference; never nothing.

    Letters, digits, accents, emoji, emoticons and other symbols stay. A text of punctuation alone stays as it is.
    """
    faces = "".join(EMOTICON.findall(text))
    if text.isascii():
        kept = "".join(letter for letter in text.lower() if letter.isalnum() or letter in "$+<=>^`|~")
    else:
        folded = unicodedata.normalize("NFKC", text).casefold()
        kept = "".join(letter for letter in folded if unicodedata.category(letter)[0] not in DROPPED)
    return kept + faces or " ".join(text.split())


def group_of(text: str) -> str:
    """SHA-256 that copies and near-copies share: they must not be apart in training and test."""
    return hashlib.sha256(plain(text).encode()).hexdigest()


def content_of(text: str) -> str:
    """SHA-256 of the text as it stands."""
    return hashlib.sha256(text.encode()).hexdigest()
