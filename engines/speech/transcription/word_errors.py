"""How far what was heard is from what was said: word and character errors, aligned, by accent, and which words suffer.

Errors are counted by jiwer on words without case and punctuation. The interval of one rate is the percentile
bootstrap's over clips (Bisani & Ney 2004, 'Bootstrap estimates for confidence intervals in ASR performance
evaluation').
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import jiwer
import numpy as np

from engines.contract import Estimate
from engines.evidence import bootstrap
from engines.evidence.scores import Sums

Step = tuple[str, str, str]
"""('equal' | 'substitute' | 'delete' | 'insert', the word that was said, the word that was heard); one may be ''."""


def plain_words(text: str) -> str:
    """Lower case, letters and digits only, single spaces; apostrophes inside words stay."""
    text = unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'")
    kept = "".join(c if c.isalnum() or c == "'" or unicodedata.category(c)[0] == "M" else " " for c in text)
    return " ".join(word for word in (w.strip("'") for w in kept.split()) if word)


def aligned(said: str, heard: str) -> list[Step]:
    """Word by word, with the fewest errors. Both are made plain first."""
    first, second = plain_words(said).split(), plain_words(heard).split()
    if not first:
        return [("insert", "", word) for word in second]
    (chunks,) = jiwer.process_words([" ".join(first)], [" ".join(second)]).alignments
    steps: list[Step] = []
    for chunk in chunks:
        ours = first[chunk.ref_start_idx : chunk.ref_end_idx]
        theirs = second[chunk.hyp_start_idx : chunk.hyp_end_idx]
        for i in range(max(len(ours), len(theirs))):
            steps.append((chunk.type, ours[i] if i < len(ours) else "", theirs[i] if i < len(theirs) else ""))
    return steps


def word_counts(said: Sequence[str], heard: Sequence[str]) -> np.ndarray:
    """float (N, 5): errors, words said, substitutions, deletions, insertions of each clip."""
    rows = []
    for one, other in zip(said, heard, strict=True):
        kinds = Counter(kind for kind, _, _ in aligned(one, other))
        wrong = [kinds["substitute"], kinds["delete"], kinds["insert"]]
        rows.append([sum(wrong), len(plain_words(one).split()), *wrong])
    return np.array(rows, dtype=float).reshape(-1, 5)


def letter_counts(said: Sequence[str], heard: Sequence[str]) -> np.ndarray:
    """float (N, 2): errors and letters said of each clip, spaces between words among them."""
    rows = []
    for one, other in zip(map(plain_words, said), map(plain_words, heard), strict=True):
        found = jiwer.process_characters([one], [other]) if one else None
        wrong = found.substitutions + found.deletions + found.insertions if found else len(other)
        rows.append([wrong, len(one)])
    return np.array(rows, dtype=float).reshape(-1, 2)


def rate(sums: np.ndarray) -> float:
    """Errors for each word (or letter) that was said; above 1 where more was invented than said."""
    return float(sums[0] / max(sums[1], 1))


def wer(counts: np.ndarray) -> Estimate:
    """The word error rate of counts (N, 2+) with its interval.

    Where not one word is wrong the bootstrap knows nothing: the upper end is then what 95 % of such tests stay below
    (Clopper-Pearson, words taken as independent).
    """
    found = bootstrap.estimate(counts, rate)
    if counts[:, 0].sum() == 0 and counts[:, 1].sum() > 0:
        return Estimate(found.value, 0.0, 1 - 0.025 ** (1 / float(counts[:, 1].sum())), found.n)
    return found


class WordErrors(Sums):
    """The word error rate of each seed's word counts, float (N, 2): errors, words said."""

    def __init__(self, outcomes: Sequence[np.ndarray]):
        super().__init__(outcomes, rate)

    def estimate(self, *, learnt_from: int = 0) -> Estimate:
        return wer(self.outcomes[0]) if len(self.outcomes) == 1 else super().estimate(learnt_from=learnt_from)


def difference(after: np.ndarray, before: np.ndarray) -> Estimate:
    """After minus before, on the same clips; below zero is better."""
    return WordErrors([after]).minus(WordErrors([before]))


def by_accent(
    accents: Sequence[str], said: Sequence[str], before: Sequence[str], after: Sequence[str]
) -> list[dict[str, Any]]:
    """For each accent, and for all where there are several: its errors before and after, and the paired difference."""
    names = sorted(set(accents))
    rows = []
    for name in [*names, *(["all"] if len(names) > 1 else [])]:
        own = [i for i, accent in enumerate(accents) if name in (accent, "all") or name == "all"]
        texts = [said[i] for i in own]
        was, now = ([heard[i] for i in own] for heard in (before, after))
        words = word_counts(texts, was), word_counts(texts, now)
        letters = letter_counts(texts, was), letter_counts(texts, now)
        rows.append(
            {
                "accent": name,
                "n": len(own),
                "words": int(words[0][:, 1].sum()),
                "wer": {"before": asdict(wer(words[0])), "after": asdict(wer(words[1]))},
                "cer": {"before": asdict(wer(letters[0])), "after": asdict(wer(letters[1]))},
                "difference": asdict(difference(words[1], words[0])),
                "kinds": {
                    when: dict(zip(("substituted", "left out", "invented"), map(int, c[:, 2:].sum(0)), strict=True))
                    for when, c in zip(("before", "after"), words, strict=True)
                },
            }
        )
    return rows


def worst_words(
    said: Sequence[str], before: Sequence[str], after: Sequence[str], most: int = 12
) -> list[dict[str, Any]]:
    """Words that were said and not heard, the most often missed before first: {word, said, before, after, as}."""
    total: Counter[str] = Counter()
    missed: dict[str, Counter[str]] = {"before": Counter(), "after": Counter()}
    instead: dict[str, Counter[str]] = {}
    for text, was, now in zip(said, before, after, strict=True):
        total.update(plain_words(text).split())
        for when, heard in (("before", was), ("after", now)):
            for kind, word, other in aligned(text, heard):
                if kind in {"substitute", "delete"}:
                    missed[when][word] += 1
                if kind == "substitute" and when == "before":
                    instead.setdefault(word, Counter())[other] += 1
    words = sorted(missed["before"] | missed["after"], key=lambda w: (-missed["before"][w], -missed["after"][w], w))
    return [
        {
            "word": word,
            "said": total[word],
            "before": missed["before"][word],
            "after": missed["after"][word],
            "as": [other for other, _ in instead.get(word, Counter()).most_common(2)],
        }
        for word in words[:most]
    ]


def shares(whole: str, heard: Sequence[str]) -> list[str]:
    """The words of `whole` that belong to each part of a clip, given what was heard in each.

    Both are aligned word by word; a word that was said and not heard goes with the one before it. Words keep the case
    and punctuation they were written with.
    """
    written = [word for word in whole.split() if plain_words(word)]
    one_each = [plain_words(word).replace(" ", "") for word in written]
    parts = [part for part, text in enumerate(heard) for _ in plain_words(text).split()]
    found: list[list[str]] = [[] for _ in heard]
    part = said = listened = 0
    for kind, _, _ in aligned(" ".join(one_each), " ".join(map(plain_words, heard))):
        if kind != "delete":
            part = parts[listened]
            listened += 1
        if kind != "insert":
            found[part].append(written[said])
            said += 1
    return [" ".join(words) for words in found]
