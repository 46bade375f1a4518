"""Which variation, mixing and looks at test time hold up on small data? The sweep behind docs/decisions/006-presets.md.

    python benchmarks/presets.py [--seeds 3] [--only features|full] [--sample NAME] [--keep DIR]

The samples photographs and digits, EfficientNet-Lite0. The test part of each is put aside and never looked at; the rest
is cross-validated, each part by a network that learnt from the others and was stopped by a share of those. Choices are
compared with the default on the same examples, paired, over seeds. Prints one table a strategy, as Markdown.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


from engines import registry
from engines.classification.cross_validation import answers_of_folds, folded
from engines.contract import Recipe, Strategy
from engines.evidence.scores import Accuracies
from engines.runs import RunFolder
from engines.training.transfer import TrainOutcome, TrainSpec
from engines.vision.classification.fit import VisionStudy
from engines.vision.classification.settings import VisionSettings

TASK = registry.task("vision.classification")
SAMPLES: dict[str, dict[str, Any]] = {"photographs": {}, "digits": {"flip": False}}
"""Sample -> settings without which it makes no sense: a mirrored digit is none."""
CHOICES: dict[Strategy, dict[str, dict[str, Any]]] = {
    Strategy.FEATURES: {
        "light (default)": {},
        "none": {"augment": "none"},
        "strong": {"augment": "strong"},
        "randaugment": {"augment": "randaugment"},
        "light, test_time flip": {"test_time": "flip"},
        "light, test_time five-crop": {"test_time": "five-crop"},
    },
    Strategy.FULL: {
        "light (default)": {},
        "randaugment": {"augment": "randaugment"},
        "mixup": {"mix": "mixup"},
        "cutmix": {"mix": "cutmix"},
    },
}
FOLDS = {Strategy.FEATURES: 3, Strategy.FULL: 2}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--only", choices=("features", "full"))
    arguments.add_argument("--sample", choices=tuple(SAMPLES))
    arguments.add_argument("--keep", type=Path, help="a folder for what each training gave, to go on from another time")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        keep = (given.keep or Path(scratch)).absolute()
        os.environ["HEADSTART_HOME"] = str(keep / "home")
        for strategy, choices in CHOICES.items():
            seeds = range(given.seeds)
            samples = [name for name in SAMPLES if given.sample in {None, name}]
            if given.only not in {None, strategy}:
                continue
            for seed, sample, name in itertools.product(seeds, samples, choices):
                known(keep, sample, strategy, name, seed)
            print(f"\n{strategy}: {FOLDS[strategy]} folds, {words(len(seeds))}\n")
            print("| sample | choice | balanced accuracy | difference to the default |\n| --- | --- | --- | --- |")
            for sample in samples:
                print("\n".join(table(keep, sample, strategy, seeds)), flush=True)


def words(seeds: int) -> str:
    return "one seed" if seeds == 1 else f"{seeds} seeds"


def known(keep: Path, sample: str, strategy: Strategy, name: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """What `outcome` gives, now or from before."""
    path = keep / f"{sample}-{strategy}-{name}-{seed}.npz".replace(" ", "_")
    if not path.exists():
        began = time.process_time()
        keep.mkdir(parents=True, exist_ok=True)
        data = TASK.make_sample(sample, keep / sample)
        labels, right = outcome(keep, data, sample, strategy, CHOICES[strategy][name], seed)
        np.savez(path, labels=labels, right=right)
        print(f"{path.stem}: {time.process_time() - began:.0f} CPU s", file=sys.stderr, flush=True)
    found = np.load(path)
    return found["labels"], found["right"]


def table(keep: Path, sample: str, strategy: Strategy, seeds: range) -> list[str]:
    """A row for each choice."""
    rows = []
    default: list[np.ndarray] = []
    for name in CHOICES[strategy]:
        outcomes = [known(keep, sample, strategy, name, seed) for seed in seeds]
        labels, right_of = outcomes[0][0], [right for _, right in outcomes]
        value = Accuracies(labels, right_of).estimate()
        row = f"| {sample} ({len(labels)}) | {name} | {value.value:.3f} ({value.low:.3f} to {value.high:.3f}) |"
        if default:
            d = Accuracies(labels, right_of).minus(Accuracies(labels, default))
            row += f" {d.value * 100:+.1f} points ({d.low * 100:+.1f} to {d.high * 100:+.1f}) |"
        else:
            default, row = right_of, f"{row} |"
        rows.append(row)
    return rows


def outcome(
    scratch: Path, data: Path, sample: str, strategy: Strategy, changes: dict[str, Any], seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Labels int (N,) and whether each was named rightly, bool (N,), of all but the test part, which seed 0 draws."""
    given = {**SAMPLES[sample], **changes, "folds": FOLDS[strategy]}
    settings = VisionSettings.parse(given)
    recipe = Recipe(TASK.info.name, str(data), TASK.info.default_model, strategy, settings=settings.changed())
    with tempfile.TemporaryDirectory(dir=scratch) as place:
        run = RunFolder.create(recipe, Path(place) / "run")
        study = VisionStudy(TASK, recipe, replace(settings, folds=0), run)
        known = replace(study.prepared, parts={**study.prepared.parts, "test": study.prepared.parts["test"][:0]})
        study.prepared, folds, _ = folded(known, replace(recipe, seed=seed), settings)
        everything = study.prepared.part("test")

        def answers(spec: TrainSpec, learnt: TrainOutcome, at: Tensor) -> np.ndarray:
            return study.answered(spec, learnt, everything, at)

        spec = replace(study.train_spec(settings, seed, run), training=everything, validation=None)
        logits, _ = answers_of_folds(spec, strategy, folds, run, answers, series="transfer")
    labels = study.labels
    return labels, logits.argmax(1) == labels


if __name__ == "__main__":
    main()
