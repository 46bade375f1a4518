"""Are the explanations of a classifier of photographs faithful, and what did fine-tuning change inside it?

    python benchmarks/faithfulness.py [--seeds 3] [--pictures 24] [--write]

The Tux Paint photographs (248, four classes), EfficientNet-Lite0 at 128 pixels, every block learning; a run a seed,
which draws the split too. Some test pictures of each run are explained by Grad-CAM and by integrated gradients, and
each explanation is tested by deletion and insertion beside random orders and the ink (see
`engines/attribution/faithfulness.py`). Intervals are t-intervals over pictures, of all runs together. Of the layers,
the mean over the runs is told, and the extremes. `--write` puts both tables into docs/evidence/why.md.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from scipy.stats import t

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.performance_page import ROOT, parser, publish, table
from engines import lifecycle, registry
from engines.contract import Recipe, Strategy
from engines.runs import RunFolder
from engines.vision.classification import explain, predict
from engines.vision.classification.dataset import open_photographs

TASK = "vision.classification"
PAGE = ROOT / "docs/evidence/why.md"
SETTINGS = {"image_size": 128, "folds": 0}


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--pictures", type=int, default=24, help="of each run's test")
    given = arguments.parse_args()
    tested: dict[str, list[dict[str, Any]]] = {title: [] for title in explain.METHODS.values()}
    inside = []
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["HEADSTART_HOME"] = f"{scratch}/home"
        task = registry.task(TASK)
        data = task.make_sample("photographs", Path(scratch) / "photographs")
        paths = {one.name: one.path for one in open_photographs(data, Path(scratch) / "work").examples}
        for seed in range(given.seeds):
            run = fitted(data, Path(scratch) / f"run-{seed}", seed)
            inside.append(task.layers(run))
            names = pq.read_table(run / "predictions.parquet", columns=["file"])["file"].to_pylist()
            chosen = np.random.default_rng(seed).permutation(len(names))[: given.pictures]
            classifier = predict.Classifier(run)
            for name in (names[i] for i in chosen):
                inputs = classifier.inputs(paths[name])
                with torch.no_grad():
                    target = int(classifier.model(inputs).argmax())
                for method, title in explain.METHODS.items():
                    heat, _ = explain.attribution(classifier, inputs, target, method)
                    found = explain.tested(classifier, inputs, target, heat)
                    assert found is not None
                    tested[title].append(found)
            print(f"seed {seed}: {len(chosen)} pictures explained", flush=True)
    publish(f"{of_explanations(tested, given.seeds)}\n\n{of_layers(inside)}", write=given.write, page=PAGE)


def fitted(data: Path, out: Path, seed: int) -> Path:
    """A finished run."""
    recipe = Recipe(
        TASK, str(data), registry.task(TASK).info.default_model, Strategy.FULL, seed=seed, settings=SETTINGS
    )
    run = RunFolder.create(recipe, out)
    run.write("result.json", lifecycle.fit(registry.task(TASK), recipe, run).to_json())
    return out


# --- explanations ---------------------------------------------------------------------------------


def of_explanations(tested: dict[str, list[dict[str, Any]]], seeds: int) -> str:
    """The areas by order, and what each method is ahead by."""
    first = next(iter(tested.values()))
    random, ink = (mean([row[key] for row in first]) for key in ("random", "heuristic_deletion"))
    rows = [
        (title, mean([row["deletion"] for row in own]), mean([row["insertion"] for row in own]))
        for title, own in tested.items()
    ]
    rows.append((first[0]["heuristic"], ink, mean([row["heuristic_insertion"] for row in first])))
    rows.append((f"random, {first[0]['orders']} orders a picture", random, random))
    ahead = []
    for title, own in tested.items():
        for curve, sign in (("deletion", -1), ("insertion", 1)):
            apart = (
                mean([sign * (row[curve] - row[other]) for row in own], signed=True)
                for other in ("random", f"heuristic_{curve}")
            )
            ahead.append((title, curve, *apart))
    faithful = [
        f"{title}: faithful in {sum(row['faithful'] for row in own)} of {len(own)} pictures "
        f"({sum(row['deletes'] for row in own)} in deletion, {sum(row['inserts'] for row in own)} in insertion)"
        for title, own in tested.items()
    ]
    return "\n\n".join(
        [
            f"Mean area under the probability of the answer over {len(first)} pictures, {len(first) // seeds} from the "
            f"test of each of {seeds} runs (seeds 0 to {seeds - 1}), with 95 % t-interval over pictures.",
            table(("order", "deletion (lower is better)", "insertion (higher is better)"), rows),
            "What an explanation is ahead by, picture by picture (positive: it is better):",
            table(("explanation", "curve", "ahead of random", "ahead of ink"), ahead),
            "; ".join(faithful) + ".",
        ]
    )


def mean(values: Sequence[float], signed: bool = False) -> str:
    """'.240 [.221, .259]'"""
    found = np.asarray(values)
    around = float(t.ppf(0.975, len(found) - 1) * found.std(ddof=1) / np.sqrt(len(found)))
    low, middle, high = (f"{found.mean() + shift:{'+' if signed else ''}.3f}" for shift in (-around, 0, around))
    return f"{middle} [{low}, {high}]"


# --- layers ---------------------------------------------------------------------------------------


def of_layers(inside: list[dict[str, Any]]) -> str:
    """What changed stage by stage."""
    rows = []
    for stages in zip(*(one["stages"] for one in inside), strict=True):
        numbers = ([s["similarity"] for s in stages], [100 * s["moved"] for s in stages])
        probes = ([s[when]["value"] for s in stages] for when in ("before", "after"))
        rows.append((stages[0]["name"], *(spread(own) for own in (*numbers, *probes))))
    gained = spread([one["difference"]["value"] for one in inside])
    n = ", ".join(str(one["n"]) for one in inside)
    return "\n\n".join(
        [
            f"What fine-tuning changed: mean over {len(inside)} runs, the extremes in brackets; {n} held-out pictures.",
            table(("stage", "similarity", "weights moved, %", "probe before", "probe after"), rows),
            f"The probe behind the last stage gained {gained}.",
        ]
    )


def spread(values: Sequence[float]) -> str:
    return f"{np.mean(values):.2f} [{min(values):.2f}, {max(values):.2f}]"


if __name__ == "__main__":
    main()
