"""Which block should the head read? Features at every depth, on samples of each domain that classifies.

    python benchmarks/depth.py [--samples photographs,digits,digits-64,films,voices] [--seeds 3] [--keep DIR] [--write]

The default recipe (`features`, the default model) with the head behind each of the network's blocks in turn, five-fold
cross-validated within the training part of the split that seed 0 draws: its test part is not looked at. Seeds draw the
folds, the order and the variants. The depth that does best there is then trained on that training part as a run trains
it, and so is the head on the whole network; both are tested once, on the test part, and compared example by example.
`digits-64` are the digits seen at 64 × 64 pixels.

Gives balanced accuracy with its 95 % interval over examples and seeds. `--write` puts the tables into the page of each
domain; `--keep` is a folder for what each sample gave, to go on from another time.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.performance_page import ROOT, parser, publish, table
from engines import registry
from engines.classification.cross_validation import Fold, answers_of_folds
from engines.classification.fit import ClassificationStudy
from engines.contract import Estimate, Recipe, Strategy
from engines.data.folds import draw
from engines.data.splits import split
from engines.evidence.scores import Accuracies
from engines.runs import RunFolder
from engines.training import devices, transfer
from engines.trial_runs import QuietRun

TASKS = {
    "photographs": "vision.classification",
    "digits": "vision.classification",
    "digits-64": "vision.classification",
    "films": "text.sentiment",
    "voices": "speech.speaker",
}
SETTINGS: dict[str, dict[str, Any]] = {"digits-64": {"image_size": 64}}
FOLDS = 5


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--samples", default=",".join(TASKS))
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--keep", type=Path, help="a folder for what each sample gave")
    given = arguments.parse_args()
    devices.keep_freed_memory()
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["HEADSTART_HOME"] = f"{scratch}/home"
        for name in given.samples.split(","):
            kept = given.keep and given.keep / f"{name}-{given.seeds}.json"
            if kept and kept.is_file():
                found[name] = json.loads(kept.read_text(encoding="utf-8"))
                continue
            found[name] = measured(name, range(given.seeds), Path(scratch) / name)
            if kept:
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_text(json.dumps(found[name]), encoding="utf-8")
    for domain in dict.fromkeys(TASKS[name].partition(".")[0] for name in found):
        own = {name: one for name, one in found.items() if TASKS[name].startswith(f"{domain}.")}
        publish(report(own, given.seeds), write=given.write, page=ROOT / f"docs/{domain}.md")


def measured(name: str, seeds: range, scratch: Path) -> dict[str, Any]:
    """What each depth of the sample's default network is worth: 'stages' (their names), 'rows' (estimates), 'n', and
    of the depth that is chosen 'depth', 'n_test', 'tested', 'whole' and 'difference' (estimates)."""
    task = registry.task(TASKS[name])
    data, settings = task.make_sample(name.partition("-")[0], scratch / "data"), SETTINGS.get(name, {})
    recipe = Recipe(
        task.info.name, str(data), task.info.default_model, Strategy.FEATURES, settings={"folds": 0, **settings}
    )
    run = RunFolder.create(recipe, scratch / "run")
    study = task.open(recipe, run)
    assert isinstance(study, ClassificationStudy)
    stages = [stage.name for stage in study.card.stages]
    scores = {depth: cross_validated(study, depth, seeds, run) for depth in range(1, len(stages) + 1)}
    rows = [scores[depth].estimate() for depth in scores]
    for depth, row in zip(scores, rows, strict=True):
        print(f"{name}, depth {depth}: {row.value:.3f}", file=sys.stderr, flush=True)
    best = 1 + int(np.argmax([row.value for row in rows]))
    ours, whole = tested(study, best, seeds, run), tested(study, len(stages), seeds, run)
    return {
        "stages": stages,
        "model": study.card.title,
        "unit": study.info.unit,
        "n": scores[1].n,
        "rows": [asdict(row) for row in rows],
        "depth": best,
        "n_test": ours.n,
        "tested": asdict(ours.estimate()),
        "whole": asdict(whole.estimate()),
        "difference": asdict(ours.minus(whole, learnt_from=scores[1].n)),
    }


def cross_validated(study: ClassificationStudy[Any, Any], depth: int, seeds: range, run: RunFolder) -> Accuracies:
    """Of the training part, each example by a head that had not seen it."""
    prepared, settings = study.prepared, replace(study.settings, depth=depth)
    own = np.sort(np.concatenate([prepared.parts["train"], prepared.parts["validation"]]))
    examples = replace(prepared, parts={"own": own}).part("own")
    labels, right = examples.labels.numpy(), []
    groups = [prepared.groups[i] for i in own]
    for seed in seeds:
        spec = replace(study.train_spec(settings, seed, run), training=examples, validation=None)
        logits, _ = answers_of_folds(
            spec,
            Strategy.FEATURES,
            folds(labels, groups, settings.validation_fraction, seed),
            run,
            lambda of, outcome, at: transfer.logits(of, outcome, examples, at),
            series=f"depth-{depth}-seed-{seed}",
        )
        right.append(np.where(np.isfinite(logits[:, 0]), logits.argmax(1) == labels, np.nan))
    return Accuracies(labels, right)


def folds(labels: np.ndarray, groups: list[str], validation: float, seed: int) -> list[Fold]:
    """As a run's folds are drawn (see `cross_validation.folded`), among these examples alone."""
    found = []
    for tested in draw(labels.tolist(), groups, FOLDS, seed):
        others = np.setdiff1d(np.arange(len(labels)), tested)
        parts = np.array(
            split(
                [str(labels[i]) for i in others], [groups[i] for i in others], validation=validation, test=0, seed=seed
            )
        )
        chosen, checked = others[parts == "train"], others[parts == "validation"]
        found.append(Fold(*map(torch.from_numpy, (chosen, checked, tested))))
    return found


def tested(study: ClassificationStudy[Any, Any], depth: int, seeds: range, run: RunFolder) -> Accuracies:
    """On the test part, by a head that learnt from the whole training part."""
    labels, right = study.prepared.labels("test"), []
    for seed in seeds:
        quiet = QuietRun(run, f"checkpoint/tested-{depth}-{seed}")
        spec = study.train_spec(replace(study.settings, depth=depth), seed, quiet)
        outcome = transfer.learn(spec, Strategy.FEATURES)
        right.append((transfer.logits(spec, outcome, study.prepared.part("test")).argmax(1) == labels).astype(float))
    return Accuracies(labels, right)


def report(found: dict[str, dict[str, Any]], seeds: int) -> str:
    """A table for each network, a row a depth and a column a sample, and what the chosen depth did in the test."""
    first = next(iter(found.values()))
    header = ("`depth`", "last block read", *(f"{name}, {one['n']} {one['unit']}" for name, one in found.items()))
    rows = []
    for number, stage in enumerate(first["stages"], 1):
        cells = [said(Estimate(**one["rows"][number - 1]), best=one["depth"] == number) for one in found.values()]
        rows.append((str(number) if number < len(first["stages"]) else "0 (all)", stage, *cells))
    told = []
    for name, one in found.items():
        own, whole, apart = (Estimate(**one[what]) for what in ("tested", "whole", "difference"))
        if one["depth"] == len(one["stages"]):
            told.append(
                f"On {name} the whole network was chosen: {own.value:.3f} on the {one['n_test']} test {one['unit']}."
            )
            continue
        on = f"{one['n_test']} test {one['unit']}"
        told.append(
            f"On {name} depth {one['depth']} was chosen: {own.value:.3f} on the {on}, and the whole network "
            f"{whole.value:.3f}, {100 * apart.value:+.1f} points ({100 * apart.low:+.1f} to {100 * apart.high:+.1f})."
        )
    how = (
        f"{first['model']}, balanced accuracy and its 95 % interval, {FOLDS}-fold cross-validation within the training "
        f"part, {seeds} seeds; bold is the best of a column. {' '.join(told)}"
    )
    return f"{table(header, rows)}\n\n{how}"


def said(estimate: Estimate, *, best: bool) -> str:
    value = f"{estimate.value:.3f}"
    return f"{f'**{value}**' if best else value} ({estimate.low:.3f} to {estimate.high:.3f})"


if __name__ == "__main__":
    main()
