"""The code of a room: five letters that nobody mistakes for others, and that spell no word."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets

LETTERS = "BCDFGHJKLMNPQRTVWXZ"
"""No vowels, so no words; no S beside 5, no Y that sounds like I."""
LENGTH = 5
FEWEST = 20
"""Characters of an instructor's token: what is shorter can be guessed, and counts as none."""


def new_code() -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(LENGTH))


def read(said: str) -> str:
    """A code as somebody typed it, in the form in which it is kept; empty where it can be none."""
    code = "".join(letter for letter in said.upper() if letter not in " -._\t")
    return code if len(code) == LENGTH and all(letter in LETTERS for letter in code) else ""


def new_token() -> str:
    """What lets somebody run rooms: 32 characters, of which 192 bits cannot be guessed."""
    return secrets.token_urlsafe(24)


def hashed(token: str) -> str:
    """What is kept of a token: it opens nothing. The token is random and long, so one digest is enough."""
    return hashlib.sha256(b"headstart: runs a room\n" + token.strip().encode()).hexdigest()


def same(token: str, kept: str) -> bool:
    """Whether that is the token of which `kept` is the digest. It takes as long whatever is said."""
    return hmac.compare_digest(hashed(token), kept)


def hosts_token() -> str:
    """HEADSTART_INSTRUCTOR_TOKEN: who knows it may start rooms on this host's page /room. Empty where it is not set, or
    too short to be one."""
    found = os.environ.get("HEADSTART_INSTRUCTOR_TOKEN", "").strip()
    return found if len(found) >= FEWEST else ""


def may_start(token: str) -> bool:
    """Whether somebody knows the token of this host."""
    known = hosts_token()
    return hmac.compare_digest(token.strip().encode(), known.encode()) and bool(known)
