"""Did letting more than the head learn do better than the frozen features that it started from?"""

from __future__ import annotations

from typing import Any

import numpy as np

from engines.contract import BALANCED_ACCURACY, Side
from engines.evidence import intervals
from engines.evidence.scores import Accuracies
from engines.evidence.verdict import compared as judged
from engines.messages import _, told

SAID: dict[Side, str] = {
    "better": _("did better than"),
    "worse": _("did worse than"),
    "close": _("did about as well as"),
    "unclear": _("cannot be told from"),
}


def compared(labels: np.ndarray, before: np.ndarray, after: np.ndarray, unit: str) -> dict[str, Any]:
    """The network after fine-tuning against its frozen features with their new head, on the same validation examples.

    labels: int (N,); before, after: logits float (N, C) on examples that neither learnt from. Both were stopped where
    they did best on these, so each is a little flattered; the test is left out of it. Returns the two balanced
    accuracies, their paired difference with its 95 % interval, the side that it is on, and a sentence.
    """
    were_right, are_right = before.argmax(1) == labels, after.argmax(1) == labels
    ours, theirs = (Accuracies(labels, [right.astype(float)]) for right in (are_right, were_right))
    found = judged(ours, theirs, "frozen features", BALANCED_ACCURACY)
    d = found.difference
    words = told(SAID)[found.side]
    return {
        "before": intervals.balanced(labels, were_right),
        "after": intervals.balanced(labels, are_right),
        "difference": d.value,
        "low": d.low,
        "high": d.high,
        "n": d.n,
        "side": found.side,
        "text": _(
            "Fine-tuning {words} frozen features with a new head: {value:+.1f} points (95 % "
            "interval {low:+.1f} to {high:+.1f}, paired on {n:,} validation {unit}).",
            words=words,
            value=d.value * 100,
            low=d.low * 100,
            high=d.high * 100,
            n=d.n,
            unit=unit,
        ),
    }
