"""How good is each strategy on film reviews, beside counting words?

    python benchmarks/films.py [--seeds 5] [--keep DIR] [--write]

The 800 clearly rated film snippets that come with Headstart (a mean rating of twenty people further than 1 from 0, on a
scale from -4 to 4). In every seed 500 of them, drawn anew, are learnt from and 300 are tested on; weights and order are
drawn from it too. all-MiniLM-L6-v2 with its strategies as they come, one thread; scikit-learn's logistic regression on
the same frozen features, standardised; and words and word pairs counted (tf-idf) with logistic regression, its knob
cross-validated.

Gives the mean over seeds of the balanced accuracy, its 95 % interval (over texts and seeds), the extremes of the seeds,
and what each is ahead of counting words by, paired text by text. `--write` puts the table into docs/text.md.
"""

from __future__ import annotations

import csv
import os
import random
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.performance_page import ROOT, parser, publish, table
from engines import lifecycle, registry
from engines.contract import Estimate, Recipe, Strategy
from engines.data.tables import read_table
from engines.evidence import intervals
from engines.evidence.effects import Effects
from engines.runs import RunFolder
from engines.text import samples
from engines.text.models import encoders
from engines.text.sentiment import baselines, embedding_map, prepare
from engines.text.settings import TextSettings
from engines.training import devices

TRAIN = 500
COUNTED = "counting words: tf-idf and logistic regression"
REGRESSED = "logistic regression on the frozen features"
STRATEGIES = {str(strategy): strategy for strategy in (Strategy.FEATURES, Strategy.FULL, Strategy.SCRATCH)}
NAMES = {
    "features": "`features`: a head on frozen features",
    "full": "`full`: everything learns",
    "scratch": "`scratch`: the same network from random weights",
}


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--seeds", type=int, default=5)
    arguments.add_argument("--keep", type=Path, help="a folder for what each seed gave, to go on from another time")
    given = arguments.parse_args()
    torch.set_num_threads(1)
    devices.keep_freed_memory()
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["HEADSTART_HOME"] = f"{scratch}/home"
        keep = given.keep or Path(scratch) / "keep"
        keep.mkdir(parents=True, exist_ok=True)
        labels, right = outcomes(Path(scratch), keep, range(given.seeds))
    publish(report(labels, right), write=given.write, page=ROOT / "docs/text.md")


def outcomes(scratch: Path, keep: Path, seeds: range) -> tuple[list[np.ndarray], dict[str, list[np.ndarray]]]:
    """Of each seed the test texts' classes (N,), and per contender and seed which of them were right (bool (N,))."""
    labels, right = [], defaultdict(list)
    for seed in seeds:
        data = laid_out(seed, scratch / f"films-{seed}.csv")
        for name in (COUNTED, REGRESSED, *STRATEGIES):
            kept = keep / f"{seed}-{name.split(':')[0].replace(' ', '-')}.npz"
            if not kept.exists():
                strategy = STRATEGIES.get(name, Strategy.FEATURES)
                recipe = Recipe("text.sentiment", str(data), "all-MiniLM-L6-v2", strategy, seed=seed)
                run = RunFolder.create(recipe, scratch / f"{seed}-{len(list(scratch.iterdir()))}")
                of, answered = trained(recipe, run) if name in STRATEGIES else beside(recipe, run, name)
                np.savez(kept, labels=of, right=answered)
            found = np.load(kept)
            right[name].append(found["right"])
            score = intervals.balanced(found["labels"], found["right"])
            print(f"seed {seed}: {name} {score:.3f}", file=sys.stderr, flush=True)
        labels.append(found["labels"])
    return labels, right


def laid_out(seed: int, path: Path) -> Path:
    """The snippets as a table whose column split says which are tested on: others in every seed."""
    films = read_table(samples.make("films", path.parent / "sample"))
    rows = list(zip(films.column("text"), films.column("label"), strict=True))
    order = random.Random(seed).sample(range(len(rows)), len(rows))
    tested = set(order[TRAIN:])
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label", "split"])
        writer.writerows([*row, "test" if number in tested else "train"] for number, row in enumerate(rows))
    return path


def trained(recipe: Recipe, run: RunFolder) -> tuple[np.ndarray, np.ndarray]:
    """The test texts' classes, and which a run got right."""
    lifecycle.fit(registry.task(recipe.task), recipe, run)
    rows = pq.read_table(run.path / "predictions.parquet", columns=["file", "label", "predicted"]).to_pylist()
    rows.sort(key=lambda row: int(row["file"].split()[-1]))
    labels = np.array([row["label"] for row in rows])
    return labels, labels == np.array([row["predicted"] for row in rows])


def beside(recipe: Recipe, run: RunFolder, name: str) -> tuple[np.ndarray, np.ndarray]:
    """The same of what needs no network to learn. It learns from all that is not tested on."""
    settings = TextSettings()
    card = registry.task(recipe.task).describe(recipe.model)
    prepared = prepare.prepare(recipe, card, settings, run)
    testing = prepared.labels("test")
    labels = np.array(prepared.classes)[testing]
    if name == COUNTED:
        return labels, baselines.tfidf_logistic_regression(prepared) == testing
    network = encoders.build(card, 2, pretrained=True, seed=0)
    vectors = embedding_map.vectors(network, prepared.examples, torch.device("cpu"))
    rows = np.concatenate([prepared.parts["train"], prepared.parts["validation"]])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000, class_weight="balanced"))
    model.fit(vectors[rows], prepared.examples.labels.numpy()[rows])
    answers: Any = model.predict(vectors[prepared.parts["test"]])
    return labels, answers == testing


def report(labels: list[np.ndarray], right: dict[str, list[np.ndarray]]) -> str:
    rows = []
    for name in (*STRATEGIES, REGRESSED, COUNTED):
        scores = [intervals.balanced(of, ours) for of, ours in zip(labels, right[name], strict=True)]
        estimate = over_seeds(labels, right[name])
        ahead = over_seeds(labels, right[name], right[COUNTED])
        points = f"{100 * ahead.value:+.1f} points ({100 * ahead.low:+.1f} to {100 * ahead.high:+.1f})"
        rows.append(
            (
                NAMES.get(name, name),
                f"{estimate.value:.3f}",
                f"{estimate.low:.3f} to {estimate.high:.3f}",
                f"{min(scores):.3f} to {max(scores):.3f}",
                "" if name == COUNTED else points,
            )
        )
    apart = over_seeds(labels, right["full"], right["features"])
    header = ("all-MiniLM-L6-v2", "balanced accuracy", "95 % interval", "seeds from, to", "ahead of counting words by")
    how = (
        f"{TRAIN} film snippets to learn from, {len(labels[0])} tested on, {len(labels)} seeds that draw both anew. "
        f"`full` is ahead of `features` by {100 * apart.value:+.1f} points "
        f"({100 * apart.low:+.1f} to {100 * apart.high:+.1f})."
    )
    return f"{table(header, rows)}\n\n{how}"


def over_seeds(
    labels: Sequence[np.ndarray], ours: list[np.ndarray], theirs: list[np.ndarray] | None = None
) -> Estimate:
    """The balanced accuracy of ours, or what it is ahead of theirs by, with its interval over texts and seeds."""
    values = np.array([intervals.balanced(of, own) for of, own in zip(labels, ours, strict=True)])
    if theirs is not None:
        values -= [intervals.balanced(of, own) for of, own in zip(labels, theirs, strict=True)]
    return Effects.over_seeds(values).interval(n=len(labels[0]))  # each seed has texts of its own


if __name__ == "__main__":
    main()
