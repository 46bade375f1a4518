"""Which sounds get lost: phones of the words that were said and heard, by espeak-ng where it is installed."""

from __future__ import annotations

import functools
import shutil
import subprocess
from collections import Counter
from collections.abc import Sequence
from typing import Any

import jiwer

from engines.speech.transcription.word_errors import aligned

VOICE = "en-us"
MOST_WORDS = 2000


@functools.cache
def program() -> str | None:
    return shutil.which("espeak-ng")


def suffering(said: Sequence[str], before: Sequence[str], after: Sequence[str], most: int = 10) -> list[dict[str, Any]]:
    """Phones that were most often heard as something else, or not at all: {phone, said, before, after}.

    Phones are those of a dictionary pronunciation (espeak-ng, en-us), not of the speaker. Empty without espeak-ng.
    """
    steps = {
        when: [s for t, h in zip(said, heard, strict=True) for s in aligned(t, h)]
        for when, heard in (("before", before), ("after", after))
    }
    words = sorted({word for own in steps.values() for _, *pair in own for word in pair if word})[:MOST_WORDS]
    spoken = pronunciations(words)
    if not spoken:
        return []
    total: Counter[str] = Counter()
    lost = {when: _lost(own, spoken) for when, own in steps.items()}
    for kind, word, _ in steps["before"]:
        if kind != "insert":
            total.update(spoken.get(word, ()))
    order = sorted(total, key=lambda p: (-lost["before"][p], -lost["after"][p], p))
    return [
        {"phone": p, "said": total[p], "before": lost["before"][p], "after": lost["after"][p]}
        for p in order[:most]
        if lost["before"][p] or lost["after"][p]
    ]


def _lost(steps: list[tuple[str, str, str]], spoken: dict[str, list[str]]) -> Counter[str]:
    lost: Counter[str] = Counter()
    for kind, word, other in steps:
        if kind == "delete":
            lost.update(spoken.get(word, ()))
        elif kind == "substitute" and spoken.get(word):
            ours, theirs = spoken[word], spoken.get(other, [])
            (chunks,) = jiwer.process_words([" ".join(ours)], [" ".join(theirs)]).alignments
            for chunk in chunks:
                if chunk.type in {"substitute", "delete"}:
                    lost.update(ours[chunk.ref_start_idx : chunk.ref_end_idx])
    return lost


def pronunciations(words: Sequence[str]) -> dict[str, list[str]]:
    """Word -> its phones in IPA, stress marks left out. Empty where espeak-ng is missing or does not answer."""
    if not words or program() is None:
        return {}
    command = [str(program()), "-q", "--ipa", "--sep=_", "-v", VOICE]
    try:
        answer = subprocess.run(command, input="\n".join(words), capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return {}
    lines = answer.stdout.strip().splitlines()
    if answer.returncode or len(lines) != len(words):
        return {}
    plain = str.maketrans("", "", "\u02c8\u02cc\u200d")
    return {
        word: [p for p in line.translate(plain).replace(" ", "_").split("_") if p]
        for word, line in zip(words, lines, strict=True)
    }
