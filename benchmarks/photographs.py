"""How good is the default recipe on real photographs, beside what one would try first?

    python benchmarks/photographs.py [--seeds 3]

The Tux Paint photographs (248, four classes), 4-fold cross-validation, repeated over seeds. Contenders on the same
folds, all on frozen EfficientNet-Lite0 features of the same pictures: the default `features` recipe, and scikit-learn's
logistic regression on standardised features, pretrained and with random weights. Prints the mean over seeds of the
balanced accuracy over all 248 out-of-fold predictions, its range over seeds, and one 95 % interval of the default's.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engines import registry
from engines.contract import Recipe, Strategy
from engines.evidence import intervals
from engines.runs import RunFolder
from engines.training import devices
from engines.vision import networks, preparing
from engines.vision.datasets import open_photographs
from engines.vision.settings import VisionSettings

FOLDS = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    seeds = range(parser.parse_args().seeds)
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["HEADSTART_HOME"] = str(Path(scratch) / "home")
        run(Path(scratch), seeds)


def run(scratch: Path, seeds: range) -> None:
    task = registry.task("vision.classification")
    photographs = open_photographs(task.make_sample("photographs", scratch / "photographs"), scratch / "work")
    examples = photographs.examples
    labels = np.array([photographs.classes.index(example.label) for example in examples])
    card = task.describe(task.info.default_model)
    features = {
        name: frozen_features(card, [example.path for example in examples], pretrained)
        for name, pretrained in (("pretrained", True), ("random weights", False))
    }
    right: dict[str, list[np.ndarray]] = {
        name: [] for name in ("default recipe", *(f"logistic regression, {n}" for n in features))
    }
    seconds = []
    for seed in seeds:
        correct = {name: np.zeros(len(labels), dtype=bool) for name in right}
        for fold, (train, test) in enumerate(
            StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(labels, labels)
        ):
            data = laid_out(examples, train, test, scratch / f"{seed}-{fold}")
            recipe = Recipe(task.info.name, str(data), card.name, Strategy.FEATURES, seed=seed)
            folder = RunFolder.create(recipe, scratch / f"run-{seed}-{fold}")
            began = time.monotonic()
            task.fit(recipe, folder)
            seconds.append(time.monotonic() - began)
            correct["default recipe"][test] = answers(folder.path, [examples[i].sha256 for i in test])
            for name, vectors in features.items():
                regression = make_pipeline(
                    StandardScaler(), LogisticRegression(C=0.1, max_iter=1000, class_weight="balanced")
                )
                regression.fit(vectors[train], labels[train])
                correct[f"logistic regression, {name}"][test] = regression.predict(vectors[test]) == labels[test]
        for name, values in correct.items():
            right[name].append(values)
    print(f"{len(labels)} photographs, {FOLDS} folds, {len(seeds)} seeds, {os.cpu_count()} cores\n")
    print("| contender | balanced accuracy | lowest seed | highest seed |\n| --- | --- | --- | --- |")
    for name, outcomes in right.items():
        scores = [intervals.balanced(labels, outcome) for outcome in outcomes]
        print(f"| {name} | {np.mean(scores):.3f} | {min(scores):.3f} | {max(scores):.3f} |")
    ours = right["default recipe"]
    estimate = intervals.over_seeds(
        [intervals.balanced(labels, values) for values in ours],
        [intervals.balanced_draws(labels, values) for values in ours],
        len(labels),
    )
    print(f"\ndefault recipe: {estimate.value:.3f}, 95 % interval {estimate.low:.3f} to {estimate.high:.3f}")
    print(f"one fold: {np.median(seconds):.1f} s (median; reading, caching, training, testing)")


def frozen_features(card, paths: list[Path], pretrained: bool) -> np.ndarray:  # type: ignore[no-untyped-def]
    """float32 (N, 1280): what the default recipe's head reads, of the pictures as they are."""
    devices.keep_freed_memory()
    format = preparing.input_format(card, VisionSettings())
    network = networks.build(card, 4, pretrained=pretrained, seed=0).eval()
    rows = []
    with torch.no_grad():
        for path in paths:
            square = torch.from_numpy(format.read(path).copy()).permute(2, 0, 1)[None]
            rows.append(network.run(format.plain(square), 0, len(network.stages))[0].numpy())
    return np.stack(rows)


def laid_out(examples, train: np.ndarray, test: np.ndarray, folder: Path) -> Path:  # type: ignore[no-untyped-def]
    """The fold as train/ and test/ folders of links, named so that predictions find their way back."""
    for part, rows in (("train", train), ("test", test)):
        for i in rows:
            target = folder / part / examples[i].label / f"{examples[i].sha256}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(examples[i].path, target)
    return folder


def answers(run: Path, digests: list[str]) -> np.ndarray:
    """bool (N,): which of the test pictures, in the order of `digests`, were named correctly."""
    import pyarrow.parquet as pq

    rows = pq.read_table(run / "predictions.parquet").to_pylist()
    correct = {Path(row["file"]).stem: row["label"] == row["predicted"] for row in rows}
    return np.array([correct[digest] for digest in digests])


if __name__ == "__main__":
    main()
