"""None, one or a few labels a class: how much each more is worth, on the same samples.

    python benchmarks/shots_curve.py [--only SAMPLE] [--write]

Writes showcase/shots.json, which the page Kinds of transfer draws, and the table of docs/few_labels/kinds.md; with
--only nothing. Of each sample, what the task's default network sees of every example, frozen, brought to length 1; and
from the examples that are not tested, 20 draws of k a class. Two heads learn them: prototypes (the nearest class mean;
Snell et al. 2017) and logistic regression (C = 100). Texts also without any example: the network's own zero-shot, from
the classes' names. Nothing is chosen by anything: neither the heads nor the sentence that a class is looked for by were
tried against others here, and the test is the sample's own. The interval is that of every comparison
(`evidence.effects`), over test examples and draws.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.performance_page import ROOT, parser, publish, table
from engines import api, paths, registry
from engines.adaptation.linear import unit_length
from engines.classification.fit import ClassificationStudy
from engines.contract import Strategy
from engines.evidence.ranking import Aside
from engines.evidence.scores import Accuracies

SHOTS = (1, 2, 5, 10, 20)
DRAWS, SEED, C = 20, 0, 100.0
SAMPLES = (("text.sentiment", "films"), ("text.sentiment", "products"), ("vision.classification", "photographs"))
FILE = paths.showcase() / "shots.json"
PAGE = ROOT / "docs/few_labels/kinds.md"
Head = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def prototypes(x: np.ndarray, labels: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """int64 (M,): the class whose mean, of length 1, is nearest. x (N, D), asked (M, D): of length 1."""
    means = unit_length(np.stack([x[labels == c].mean(0) for c in range(labels.max() + 1)]))
    found: np.ndarray = (asked @ means.T).argmax(1)
    return found


def logistic(x: np.ndarray, labels: np.ndarray, asked: np.ndarray) -> np.ndarray:
    found: np.ndarray = LogisticRegression(C=C, max_iter=2000).fit(x, labels).predict(asked)
    return found


HEADS: dict[str, Head] = {"prototypes": prototypes, "logistic regression": logistic}


def draws(labels: np.ndarray, shots: int) -> list[np.ndarray]:
    """Positions of `shots` examples a class, drawn anew each time; the first of a larger draw are a smaller one."""
    found = []
    for draw in range(DRAWS):
        order = np.random.default_rng((SEED, draw)).permutation(len(labels))
        found.append(np.concatenate([order[labels[order] == c][:shots] for c in range(labels.max() + 1)]))
    return found


def point(labels: np.ndarray, right: list[np.ndarray], shots: int) -> dict[str, Any]:
    found = Accuracies(labels, right).estimate(learnt_from=shots * len(np.unique(labels)))
    values = {name: round(float(getattr(found, name)), 4) for name in ("value", "low", "high")}
    return {"shots": shots, **values, "n": found.n, "draws": len(right)}


def study_of(task: str, data: Path, strategy: Strategy, aside: Path) -> ClassificationStudy[Any, Any]:
    study = registry.task(task).open(api.recipe(task, data, strategy=strategy), Aside(aside))
    assert isinstance(study, ClassificationStudy)
    return study


def measured(task: str, name: str, aside: Path) -> dict[str, Any]:
    info, began = registry.task(task).info, time.monotonic()
    sample = next(sample for sample in registry.task(task).samples() if sample.name == name)
    data = api.make_sample(task, name, aside / name)
    study = study_of(task, data, Strategy.FEATURES, aside)
    parts = [study.features(part) for part in ("train", "validation", "test")]
    seen = [(unit_length(part.values), part.targets) for part in parts if part is not None]
    x, labels = (np.concatenate(rows) for rows in zip(*seen[:2], strict=True))
    asked, truth = seen[2]
    lines: dict[str, list[dict[str, Any]]] = {head: [] for head in HEADS}
    for shots in SHOTS:
        if np.bincount(labels).min() < shots:
            continue
        for head, answers in HEADS.items():
            right = [(answers(x[own], labels[own], asked) == truth).astype(float) for own in draws(labels, shots)]
            lines[head].append(point(truth, right, shots))
    found: dict[str, Any] = {"task": task, "sample": name, "title": sample.title, "unit": info.unit}
    found |= {"model": study.card.name, "model_title": study.card.title, "classes": len(np.unique(truth))}
    if Strategy.ZERO_SHOT in info.strategies and not registry.task(task).lacks(Strategy.ZERO_SHOT, study.card):
        named = study_of(task, data, Strategy.ZERO_SHOT, aside)
        trial = named.trial(Strategy.ZERO_SHOT)
        right = [(trial.logits.argmax(1) == trial.labels).astype(float)]
        found["zero_shot"] = point(trial.labels, right, 0) | {"asked": named.settings.hypothesis}
    print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    return found | {"lines": lines}


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--only", choices=[name for _, name in SAMPLES])
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as aside:
        samples = [measured(t, name, Path(aside)) for t, name in SAMPLES if given.only in {None, name}]
    found = {"seed": SEED, "draws": DRAWS, "C": C, "samples": samples}
    write = given.write and not given.only
    if write:
        FILE.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    publish(markdown(found), write=write, page=PAGE)


def markdown(found: dict[str, Any]) -> str:
    """A table: a row a sample and a way to learn, a column a number of labels."""
    rows = []
    for sample in found["samples"]:
        of = f"{sample['title']}, {sample['model_title']}"
        ways = {"from names alone": [sample["zero_shot"]]} if "zero_shot" in sample else {}
        for name, own in {**ways, **sample["lines"]}.items():
            said = {point["shots"]: f"{point['value']:.3f} ({point['low']:.3f}–{point['high']:.3f})" for point in own}
            rows.append((of, name, str(own[0]["n"]), *(said.get(shots, "–") for shots in (0, *SHOTS))))
    header = ("sample, network", "learnt by", "test", *(f"{shots} a class" for shots in (0, *SHOTS)))
    return f"Balanced accuracy, with its 95 % interval.\n\n{table(header, rows)}"


if __name__ == "__main__":
    main()
