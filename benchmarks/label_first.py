"""Label these first: the examples that `explore` puts first, against examples at random, at 1, 2 and 5 labels a class.

    python benchmarks/label_first.py [--write]

Ten draws of a pool (60 %) and a test (40 %), in proportion to the classes. From the pool as many labels as 1, 2 or 5
times the number of classes are asked for: by the rule of `engines/unlabelled/label_first.py` with as many groups a
round as there are classes, or at random, five times, their mean. Nobody knows classes before labelling, so random
means at random; what "one of each class" at random would give stands beside it, which nobody could draw. The head is
`unlabelled.head`: class means at length 1, from ten examples of each class on a logistic regression. Intervals are t
over the ten paired differences; the draws overlap, so they are of these sets and no others. The five sets, the rule
and its numbers were chosen before anything was measured; the two further sets are told in any case. Then: how well
clusters agree with the classes, and, with --write, the curves that the page "Look through" shows beside a person's
own.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import stats
from sklearn.metrics import adjusted_rand_score

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.performance_page import ROOT, parser, publish, table
from benchmarks.transferability import write_pictures, write_texts
from engines import registry
from engines.evidence.intervals import balanced
from engines.unlabelled import clusters, head, label_first, projection
from engines.unlabelled.explore import USUAL_CLUSTERS

PAGE = ROOT / "docs/few_labels/label_first.md"
RECORDED = ROOT / "engines/unlabelled/recorded.json"
DRAWS, RANDOM, BUDGETS = 10, 5, (1, 2, 5)
VISION, TEXT = "vision.classification", "text.sentiment"
FIVE = (
    (VISION, "photographs"),
    (VISION, "digits"),
    (VISION, "photograph or cartoon"),
    (TEXT, "library of a sentence"),
    (TEXT, "products"),
)
FURTHER = ((VISION, "animals"), (TEXT, "films"))
SAMPLES = {(VISION, "photographs"), (VISION, "digits"), (TEXT, "products"), (TEXT, "films")}


@dataclass
class Set:
    """A set that the network has seen."""

    task: str
    name: str
    vectors: np.ndarray
    labels: np.ndarray
    originals: list[Path]
    texts: list[str]


def seen(task: str, name: str, folder: Path) -> Set:
    """The set, as `explore` sees it."""
    data = (write_pictures if task == VISION else write_texts)(name, folder / name)
    found = registry.task(task)
    settings = found.settings.parse({"text_column": "text", "label_column": "label"} if task == TEXT else {})
    embedded = found.verb("embed").look_through(found, data, settings, 0, folder / f"{name} previews", None)
    assert embedded.came_as, name
    labels = np.unique(embedded.came_as, return_inverse=True)[1]
    texts = embedded.previews if task == TEXT else []
    return Set(task, name, embedded.vectors, labels, embedded.originals, texts)


# --- ours against random --------------------------------------------------------------------------


def split(labels: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the pool and of the test, in proportion to the classes."""
    rng = np.random.default_rng(seed)
    pool = np.concatenate(
        [
            own[: round(0.6 * len(own))]
            for c in np.unique(labels)
            for own in [rng.permutation(np.flatnonzero(labels == c))]
        ]
    )
    return np.sort(pool), np.setdiff1d(np.arange(len(labels)), pool)


def of_each(labels: np.ndarray, each: int, rng: np.random.Generator) -> np.ndarray:
    """`each` positions of each class."""
    return np.concatenate([rng.choice(np.flatnonzero(labels == c), each, replace=False) for c in np.unique(labels)])


def scores(data: Set) -> dict[int, np.ndarray]:
    """Labels a class -> float (DRAWS, 3): balanced accuracy of ours, of random, and of random with as many of each."""
    classes = len(np.unique(data.labels))
    found: dict[int, list[tuple[float, float, float]]] = {each: [] for each in BUDGETS}
    for draw in range(DRAWS):
        pool, test = split(data.labels, draw)
        points = projection.reduced(data.vectors[pool], draw)
        asked = label_first.order(points, classes, max(BUDGETS) * classes, draw)
        rng = np.random.default_rng(1000 + draw)

        def score(chosen: np.ndarray | list[int], pool: np.ndarray = pool, test: np.ndarray = test) -> float:
            own = pool[chosen]
            answers = head.answers(data.vectors[own], data.labels[own], data.vectors[test])
            return balanced(data.labels[test], answers == data.labels[test])

        for each in BUDGETS:
            n = each * classes
            random = [score(rng.choice(len(pool), n, replace=False)) for _ in range(RANDOM)]
            even = [score(of_each(data.labels[pool], each, rng)) for _ in range(RANDOM)]
            found[each].append((score(asked[:n]), float(np.mean(random)), float(np.mean(even))))
    return {each: np.array(own) for each, own in found.items()}


def interval(values: np.ndarray) -> tuple[float, float, float]:
    """The mean and its 95 % t interval."""
    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean()), float(values.mean() - half), float(values.mean() + half)


def row(data: Set, found: dict[int, np.ndarray], each: int) -> tuple[str, ...]:
    ours, random, even = found[each].mean(0)
    mean, low, high = (100 * v for v in interval(found[each][:, 0] - found[each][:, 1]))
    said = f"{len(data.labels)}, {len(np.unique(data.labels))}"
    return (
        data.name,
        said,
        str(each),
        f"{ours:.3f}",
        f"{random:.3f}",
        f"{mean:+.1f} [{low:+.1f}, {high:+.1f}]",
        f"{even:.3f}",
    )


# --- clusters --------------------------------------------------------------------


def agreement(data: Set) -> tuple[str, ...]:
    """Adjusted Rand index of k-means with as many groups as classes, and purity at twice as many; mean of ten seeds."""
    points, classes = projection.reduced(data.vectors), len(np.unique(data.labels))
    indices, purities = [], []
    for seed in range(DRAWS):
        indices.append(adjusted_rand_score(data.labels, clusters.kmeans(points, classes, seed).assigned))
        twice = clusters.kmeans(points, 2 * classes, seed).assigned
        purities.append(sum(np.bincount(data.labels[twice == g]).max() for g in np.unique(twice)) / len(twice))
    return (
        data.name,
        str(classes),
        f"{np.mean(indices):.2f}",
        f"{min(indices):.2f} to {max(indices):.2f}",
        f"{np.mean(purities):.2f}",
    )


# --- what the page shows beside a person's own curve ----------------------------------------------


def recorded(data: Set) -> dict[str, object]:
    """Balanced accuracy on all that is not labelled, after 2, 4, … 60 labels: random (its mean and where 95 % of 50
    draws lie) and, with the page's usual number of groups, ours (the mean of ten seeds)."""
    numbers = list(range(2, 61, 2))

    def rest(chosen: np.ndarray, n: int) -> float:
        own = chosen[:n]
        found = head.on_the_rest(data.vectors, own, data.labels[own], data.labels)
        return found.value if found else float("nan")

    random = []
    for seed in range(5 * DRAWS):
        drawn = np.random.default_rng(seed).permutation(len(data.labels))
        random.append([rest(drawn, n) for n in numbers])
    first = []
    for seed in range(DRAWS):
        points = projection.reduced(data.vectors, seed)
        asked = np.array(label_first.order(points, USUAL_CLUSTERS, max(numbers), seed))
        first.append([rest(asked, n) for n in numbers])
    low, high = np.quantile(random, [0.025, 0.975], axis=0)
    return {
        "labels": numbers,
        "random": np.mean(random, 0).round(4).tolist(),
        "low": low.round(4).tolist(),
        "high": high.round(4).tolist(),
        "first": np.mean(first, 0).round(4).tolist(),
        "draws": 5 * DRAWS,
        "n": len(data.labels),
    }


def main() -> None:
    chosen = parser(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sets = [seen(task, own, folder) for task, own in (*FIVE, *FURTHER)]
        found = [scores(data) for data in sets]
        header = ("set", "n, classes", "labels a class", "these first", "at random", "points [95 %]", "so many of each")
        rows = [row(data, own, each) for data, own in zip(sets, found, strict=True) for each in BUDGETS]
        five = len(FIVE)
        gains = {each: [float((own[each][:, 0] - own[each][:, 1]).mean()) for own in found[:five]] for each in BUDGETS}
        said = "; ".join(
            f"at {each} a class {100 * np.mean(own):+.1f} in the mean of the five sets (worst {100 * min(own):+.1f}, "
            f"better by 5 or more in {sum(g >= 0.05 for g in own)})"
            for each, own in gains.items()
        )
        text = [
            f"Balanced accuracy on the test, {DRAWS} draws; the first {five} sets were named before. Points: {said}.",
            table(header, rows),
            "Clusters, k-means on 50 principal components of the vectors at length 1:",
            table(
                ("set", "classes", "adjusted Rand index", "over ten seeds", "purity at twice as many"),
                [agreement(data) for data in sets],
            ),
        ]
        publish("\n\n".join(text), write=chosen.write, page=PAGE)
        if chosen.write:
            kept = {f"{data.task} {data.name}": recorded(data) for data in sets if (data.task, data.name) in SAMPLES}
            RECORDED.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
