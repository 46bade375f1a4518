"""What the cells of a column of classes say: a class, nothing, or several classes at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from engines.contract import ReadAs
from engines.data.class_names import clean
from engines.data.missing import is_missing
from engines.data.several_labels import one_of
from engines.messages import _, _n

ALSO_MISSING = {"none", "n/a", "na"}
"""Words that people write for nothing, and for a class: what is written stays, unless somebody says otherwise."""
AS_WORDS = {"null", *ALSO_MISSING}
"""Of what may be nothing, what may as well be somebody's class. (nan, #n/a and <na> are written by programs alone.)"""
UNLABELLED = "-1"
"""What Hugging Face Datasets writes for the class of what is tested in secret."""


@dataclass(frozen=True)
class Words:
    """Which spellings of nothing are classes in somebody's data, and which classes are nothing."""

    classes: frozenset[str] = frozenset()
    also_missing: bool = False
    """Whether none and n/a, which are classes otherwise, mean that there is nothing."""

    def is_nothing(self, label: str) -> bool:
        if label in self.classes:
            return False
        return is_missing(label) or (self.also_missing and label.casefold() in ALSO_MISSING)


def words_of(cells: Sequence[str], missing: str) -> Words:
    """By what a person said (the setting `missing`); else a word for nothing is a class where the column has no other,
    and it as often as it would have a class."""
    labels = [clean(cell) for cell in cells]
    counts = Counter(label for label in labels if label and is_missing(label))
    if missing != "auto":
        return Words(frozenset(counts) if missing == "class" else frozenset(), missing == "missing")
    others = Counter(label for label in labels if not is_missing(label))
    word, n = counts.most_common(1)[0] if counts else ("", 0)
    alone = len(counts) == 1 and "" not in labels
    as_often = bool(others) and 2 * n >= median(others.values())
    return Words(frozenset({word}) if word.casefold() in AS_WORDS and alone and as_often else frozenset())


def label_of(cell: str, words: Words, how: str = "auto") -> str | None:
    """The class that a cell names, also in a list of one; None for nothing. `how` is the setting `several_labels`.
    Raises several_labels.Several."""
    label = one_of(cell, how)
    return None if words.is_nothing(label) else label


def about_words(cells: Iterable[str], words: Words, column: str) -> tuple[list[ReadAs], list[str]]:
    """How words that may mean nothing were read, and what to say of each, with its count."""
    counts = Counter(clean(cell) for cell in cells)
    found = {word: n for word, n in counts.items() if word and (is_missing(word) or word.casefold() in ALSO_MISSING)}
    if not found:
        return [], []
    notes = []
    for word, n in sorted(found.items()):
        rows = _n("{n:,} row", "{n:,} rows", n)
        if words.is_nothing(word):
            notes.append(
                _(
                    "'{word}' in the column '{column}' is taken for nothing: {rows} left out.",
                    word=word,
                    column=column,
                    rows=rows,
                )
            )
        else:
            notes.append(
                _(
                    "'{word}' in the column '{column}' is taken for a class, of {rows}.",
                    word=word,
                    column=column,
                    rows=rows,
                )
            )
    read = {"missing" if words.is_nothing(word) else "class" for word in found}
    value = read.pop() if len(read) == 1 else "auto"
    others = [choice for choice in ("class", "missing") if choice != value]
    told = ", ".join(f"'{word}'" for word in sorted(found))
    return [ReadAs(_("{told} among the classes", told=told), value, others, "missing", " ".join(notes))], notes
