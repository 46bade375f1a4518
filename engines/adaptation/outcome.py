"""What adapting came to: the model before and after it on the new domain, by its labels where there are any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.special import softmax

from engines import messages
from engines.adaptation import estimate, rule
from engines.adaptation.linear import Linear
from engines.adaptation.target import Target
from engines.contract import TaskInfo
from engines.evidence.scores import Accuracies
from engines.evidence.verdict import compared
from engines.messages import _

if TYPE_CHECKING:
    from torch import Tensor

BEFORE = "before_adapting"
"""What the adapted model is compared with."""
FILE = "target.parquet"
SHOWN = 12
"""Changed answers that the result keeps to be read."""


@dataclass(frozen=True)
class Adapted:
    """An adapted classifier, and what it and the one before answer of the new domain."""

    choice: rule.Choice
    before: np.ndarray
    """float64 (M, C): logits of the model as it learnt."""
    after: np.ndarray
    """float64 (M, C): of the adapted one; the same where nothing was adapted."""
    temperature: float
    """Of both."""
    labels: np.ndarray
    """int64 (N,): of the test examples of the domain with labels."""
    sure_before: np.ndarray
    """float64 (N, C): probabilities of these, by a model that had not seen them."""
    sure_after: np.ndarray | None = None
    """By the adapted one; None where it has seen them all."""
    head: Linear | None = None
    """None where nothing was adapted."""
    norms: dict[str, Tensor] = field(default_factory=dict)
    """Of the batch norms that were adapted, by the model's own names."""

    def estimates(self) -> dict[str, float | None]:
        """The guessed accuracy on the new domain, before and after; None where it cannot be guessed."""
        told: dict[str, float | None] = {"before": None, "after": None}
        for name, logits, sure in (
            ("before", self.before, self.sure_before),
            ("after", self.after, self.sure_before if self.head is None else self.sure_after),
        ):
            if sure is None or not np.isfinite(sure).all():
                continue
            at = estimate.threshold(sure.max(1), sure.argmax(1) == self.labels)
            told[name] = estimate.accuracy(softmax(logits / self.temperature, axis=1).max(1), at)
        return told


def scores(target: Target, logits: np.ndarray) -> Accuracies:
    """Of the examples whose truth is known."""
    at = target.judged
    groups = np.unique([target.brought.contents[i] for i in at], return_inverse=True)[1]
    right = (logits[at].argmax(1) == target.labels[at]).astype(float)
    return Accuracies(target.labels[at], [right], groups)


def details(target: Target, adapted: Adapted, info: TaskInfo, classes: Sequence[str]) -> dict[str, Any]:
    """`Result.details["adaptation"]`: see docs/few_labels/new_domain.md."""
    choice, method = adapted.choice, messages.told(rule.METHODS).get(adapted.choice.method)
    said_before, said_after = adapted.before.argmax(1), adapted.after.argmax(1)
    changed = np.flatnonzero(said_before != said_after)
    found: dict[str, Any] = {
        "method": choice.method,
        "title": choice.title,
        "does": method.does if method else "",
        "why": choice.why,
        "experimental": bool(method and method.experimental),
        "record": rule.record(info.name, choice.method),
        "n": len(target),
        "found": target.brought.found,
        "skipped": len(target.brought.skipped),
        "labelled": int((target.labels >= 0).sum()),
        "changed": len(changed),
        "answers": {
            name: {"before": int((said_before == c).sum()), "after": int((said_after == c).sum())}
            for c, name in enumerate(classes)
        },
        "examples": [
            {"file": target.brought.names[i], "before": classes[said_before[i]], "after": classes[said_after[i]]}
            for i in changed[:SHOWN]
        ],
        "estimate": {**adapted.estimates(), "error": rule.measured(info.name).get("estimate")},
        "truth": None,
        "sentence": sentence(len(target), choice, info),
    }
    if len(target.judged):
        ours, theirs = scores(target, adapted.after), scores(target, adapted.before)
        found["truth"] = {
            "before": asdict(theirs.estimate()),
            "after": asdict(ours.estimate()),
            "verdict": asdict(compared(ours, theirs, BEFORE, info.metric)),
        }
    return found


def write(folder: Path, target: Target, adapted: Adapted, classes: Sequence[str]) -> None:
    """target.parquet: a row an example of the new domain, its label where it is known."""
    before, after = (softmax(logits / adapted.temperature, axis=1) for logits in (adapted.before, adapted.after))
    columns: dict[str, Any] = {
        "file": target.brought.names,
        "label": [classes[label] if label >= 0 else None for label in target.labels],
        "before": [classes[c] for c in before.argmax(1)],
        "after": [classes[c] for c in after.argmax(1)],
        "confidence_before": before.max(1).astype(np.float32),
        "confidence_after": after.max(1).astype(np.float32),
    }
    pq.write_table(pa.table(columns), folder / FILE)


def sentence(target: int, choice: rule.Choice, info: TaskInfo) -> str:
    """What the card says of a run with a target of so many examples."""
    n = _("{target:,} {unit} of a new domain, without their labels", target=target, unit=info.unit)
    if choice.method == rule.NONE:
        return _("Not adapted to the {n}: {why}", n=n, why=choice.why)
    return _(
        "Then adapted to {n}, by {title}: the numbers on test data with labels are of the model before that.",
        n=n,
        title=choice.title,
    )
