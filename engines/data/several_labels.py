"""Labels that seem to name several classes at once, which a classifier of one class each takes for one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

SEPARATORS = ("|", ";", ",", "+", "/", " ")
COMBINED = 0.05
"""Share of the examples that has to carry several for a note."""


def about_several(counts: Mapping[str, int], many: str) -> list[str]:
    """A note where classes look like several labels, 'cat|dog' beside 'cat|bird'. `counts` are examples by class, and
    `many` is what examples are called."""
    n = sum(counts.values())
    for separator in SEPARATORS:
        pieces = {label: [piece.strip() for piece in label.split(separator)] for label in counts}
        joined = [label for label in counts if len(pieces[label]) > 1]
        rows = sum(counts[label] for label in joined)
        used = Counter(piece for label in counts for piece in set(pieces[label]))
        repeated = all(piece and used[piece] > 1 for label in joined for piece in pieces[label])
        words_of_names = separator == " " and not used.keys() <= counts.keys()  # 'very good' beside 'good'
        if len(joined) > 1 and rows >= COMBINED * n and repeated and len(used) < len(counts) and not words_of_names:
            example = max(joined, key=counts.__getitem__)
            found = (
                f"{rows:,} of {n:,} {many} have a class such as '{example}': this looks like several labels at once."
            )
            return [f"{found} Each combination is learnt as a class of its own."]
    return []
