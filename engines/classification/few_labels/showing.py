"""By showing: a classifier that learns from a data set as it is being made, and answers at once.

The encoder of the data set's kind stays loaded; what it makes of an example is computed once and kept below the data
set's cache/, under the example's id. What only asks for an answer is never written down.
"""

from __future__ import annotations

import base64
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from engines.classification.few_labels import prototypes
from engines.contract import Embedder, Estimate, Progress
from engines.datasets.folder import DatasetFolder
from engines.datasets.state import DatasetState, Item
from engines.evidence import intervals
from engines.messages import _

AT_ONCE = 8
CURVE = (1, 2, 3, 5, 10, 20, 50)
"""Examples a class at which the accuracy is said."""
KEEP_SETS = 8


@dataclass
class Seen:
    """What is in memory of one data set."""

    features: dict[str, np.ndarray] = field(default_factory=dict)
    """Example's id -> float32 (D,)."""
    unusable: dict[str, str] = field(default_factory=dict)
    """Example's id -> why it cannot be used, as a phrase."""
    sha256: str = ""
    """Of the state that `head` and `told` belong to."""
    head: prototypes.FewShotHead | None = None
    told: dict[str, Any] = field(default_factory=dict)


class Shown:
    """The encoders and data sets that are in use."""

    def __init__(self, embedder_of: Callable[[str], Embedder]):
        """`embedder_of`: kind of a data set -> what looks at it."""
        self._embedder_of = embedder_of
        self._embedders: dict[str, Embedder] = {}
        self._sets: OrderedDict[str, Seen] = OrderedDict()
        self._one_at_a_time = threading.Lock()

    def answer(self, question: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
        """Question: `dataset`, an id, and perhaps `ask`: an example as base64. Raises InputError.

        Answers `classes`, `counts`, `method` (None while fewer than two classes have examples), `left_out` (an
        estimate as a dict, or None), `curve` (a row a number of examples a class), `repeated`, `unusable` (file,
        error), and of what was asked `probabilities` (class -> p) or `unclear` (why there is none); `milliseconds`.
        """
        start = time.perf_counter()
        with self._one_at_a_time:
            found = self._answer(question, progress)
        return found | {"milliseconds": 1000 * (time.perf_counter() - start)}

    def _answer(self, question: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
        dataset = DatasetFolder.find(str(question["dataset"]))
        embedder = self._embedder(dataset.about.kind)
        state, seen = dataset.state(), self._seen(dataset)
        if seen.sha256 != state.sha256:
            self._look(dataset, state, seen, embedder, progress)
            learn(state, seen)
        found = {**seen.told, "repeated": state.repeated}
        if question.get("ask"):
            found |= _asked(seen, embedder, base64.b64decode(question["ask"]), list(found["classes"]))
        return found

    def _embedder(self, kind: str) -> Embedder:
        if kind not in self._embedders:
            self._embedders[kind] = self._embedder_of(kind)
        return self._embedders[kind]

    def _seen(self, dataset: DatasetFolder) -> Seen:
        seen = self._sets.setdefault(dataset.id, Seen())
        self._sets.move_to_end(dataset.id)
        while len(self._sets) > KEEP_SETS:
            self._sets.popitem(last=False)
        return seen

    def _look(
        self, dataset: DatasetFolder, state: DatasetState, seen: Seen, embedder: Embedder, progress: Progress
    ) -> None:
        """Embeds what has not been: from the cache where it lies there."""
        cache = dataset.path / "cache" / embedder.identity
        cache.mkdir(parents=True, exist_ok=True)
        waiting: list[Item] = []
        for item in state.items:
            if item.id in seen.features or item.id in seen.unusable:
                continue
            try:
                seen.features[item.id] = np.load(cache / f"{item.id}.npy")
            except (OSError, ValueError):
                waiting.append(item)
        for at in range(0, len(waiting), AT_ONCE):
            some = waiting[at : at + AT_ONCE]
            looked = embedder.embed([dataset.file(item).read_bytes() for item in some])
            for item, found in zip(some, looked, strict=True):
                if isinstance(found, str):
                    seen.unusable[item.id] = found
                else:
                    seen.features[item.id] = found
                    np.save(cache / f"{item.id}.npy", found)
            progress(at + len(some), len(waiting))


def learn(state: DatasetState, seen: Seen) -> None:
    """Fits the head to the examples that have a class and can be used, and tells how well it does."""
    usable = [item for item in state.labelled if item.id in seen.features]
    counts = Counter(str(item.label) for item in usable)
    present = [name for name in state.classes if counts[name]]
    names = {item.id: item.name for item in state.items}
    seen.sha256, seen.head = state.sha256, None
    seen.told = {
        "classes": list(state.classes),
        "counts": {name: counts[name] for name in state.classes},
        "method": None,
        "left_out": None,
        "curve": [],
        "unusable": [{"file": names[i], "error": why} for i, why in seen.unusable.items() if i in names],
    }
    if len(present) < 2:
        return
    features = np.stack([seen.features[item.id] for item in usable])
    labels = np.array([present.index(str(item.label)) for item in usable])
    seen.head = prototypes.fitted(features, labels, len(present))
    least = min(counts[name] for name in present)
    left_out = accuracy(features, labels, len(present)) if least >= 2 else None
    seen.told |= {
        "answers": present,
        "method": seen.head.method,
        "left_out": left_out and asdict(left_out),
        "curve": curve(features, labels, len(present)),
    }


def accuracy(features: np.ndarray, labels: np.ndarray, classes: int) -> Estimate:
    """Balanced accuracy on examples left out (`prototypes.answers_left_out`), with its interval."""
    return intervals.balanced_accuracy(labels, prototypes.answers_left_out(features, labels, classes) == labels)


def curve(features: np.ndarray, labels: np.ndarray, classes: int) -> list[dict[str, Any]]:
    """Accuracy by class means of the first k examples of each class, each asked with itself left out: one more is
    needed than a class learns from. Rows: k, value, low, high, n."""
    place = np.array([(labels[:i] == label).sum() for i, label in enumerate(labels)])
    rows = []
    for k in CURVE:
        if k >= np.bincount(labels, minlength=classes).min():
            break
        first = place <= k
        right = prototypes.one_left_out(features[first], labels[first], classes).argmax(1) == labels[first]
        found = intervals.balanced_accuracy(labels[first], right)
        rows.append({"k": k, "value": found.value, "low": found.low, "high": found.high, "n": found.n})
    return rows


def _asked(seen: Seen, embedder: Embedder, example: bytes, classes: Sequence[str]) -> dict[str, Any]:
    (found,) = embedder.embed([example])
    if isinstance(found, str):
        return {"unclear": _("What is shown {found}", found=found)}
    if seen.head is None:
        return {}
    probabilities = seen.head.probabilities(found[None])[0]
    answers = dict(zip(seen.told["answers"], probabilities.tolist(), strict=True))
    return {"probabilities": {name: answers.get(name, 0.0) for name in classes}}
