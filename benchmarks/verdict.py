"""How often does the verdict err? The tables behind docs/evidence/verdict.md.

    python benchmarks/verdict.py [--repeats 600] [--comparisons 200] [--write]

`simulated`: two learners whose difference is known, on 150 items that are unequally hard, their seeds varying by 0, 3
and 6 points an arm. `itself`: one learner against itself on other draws of real features, 20 and 60 labels: whatever it
calls is false. `shuffled`: labels without meaning, a network's features against those of the same network with random
weights. All follow the product: looks after 2 to 6 seeds. The sets are others than those on which the usual seed
variance was read off: Tux Paint's stamps of other folders than the sample's (EfficientNet-Lite0), and scikit-learn's
breast cancer, wine and digits with the features that they come with (against random projections of them).
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import norm
from sklearn import datasets
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.performance_page import ROOT, replaced, table
from engines import api
from engines.contract import BALANCED_ACCURACY, Verdict
from engines.evidence import budgets
from engines.evidence.effects import LOOKS_LEVEL
from engines.evidence.scores import Accuracies
from engines.evidence.verdict import compared
from engines.runs import RunFolder
from engines.vision import samples

PAGE = ROOT / "docs" / "evidence" / "verdict.md"
ITEMS, CLASSES, MOST_SEEDS = 150, 3, 6
SIDE_SHARE = 0.6
"""Of what decides whether an item is named rightly, the part that is the item's own and the same for every network."""
STAMPS = ("plants", "seasonal", "symbols", "town", "vehicles")
LABELS = (20, 60)
Arm = Callable[[int], np.ndarray]
"""(seed) -> float (N,): which test items it names rightly."""


def judged(labels: np.ndarray, ours: Arm, theirs: Arm, learnt_from: int) -> Verdict:
    """The product's way: another seed until it is decided, 6 at most."""
    mine, other = [ours(0)], [theirs(0)]
    for seed in range(1, MOST_SEEDS):
        mine.append(ours(seed))
        other.append(theirs(seed))
        sides = Accuracies(labels, mine), Accuracies(labels, other)
        found = compared(sides[0], sides[1], "scratch", BALANCED_ACCURACY, learnt_from=learnt_from, level=LOOKS_LEVEL)
        if found.side != "unclear":
            break
    return found


# --- simulated ------------------------------------------------------------------------------------


def simulated(repeats: int) -> str:
    rows = []
    labels = np.arange(ITEMS) % CLASSES
    for sd in (0.0, 0.03, 0.06):
        for seeds in (1, 3, 5, None):
            called, held, used, words = {0.0: 0, 0.1: 0}, 0, [], 0
            for gain in called:
                for repeat in range(repeats):
                    rng = np.random.default_rng([repeat, int(100 * sd), int(100 * gain)])
                    ours, theirs = _pair(rng, gain, sd)
                    if seeds is None:
                        found = judged(labels, ours, theirs, 100)
                    else:
                        mine, other = (Accuracies(labels, [a(s) for s in range(seeds)]) for a in (ours, theirs))
                        found = compared(mine, other, "scratch", BALANCED_ACCURACY, learnt_from=100)
                    called[gain] += found.side in {"better", "worse"}
                    held += found.difference.low <= gain <= found.difference.high
                    if gain and seeds is None:
                        used.append(found.difference.seeds)
                    words += found.verdict is not None
            assert words in {0, 2 * repeats}, "one seed says no word"
            how = "looks after 2 to 6" if seeds is None else str(seeds)
            mean = f"{np.mean(used):.1f}" if used else "–"
            false, power = called[0.0] / repeats, called[0.1] / repeats
            rows.append((f"{100 * sd:.0f}", how, f"{false:.1%}", f"{power:.0%}", f"{held / 2 / repeats:.1%}", mean))
    header = ("seed sd an arm, points", "seeds", "false calls", "a true +10 found", "coverage", "seeds used at +10")
    how = f"{ITEMS} items in {CLASSES} classes, {repeats} repetitions a cell and truth, base .65."
    return f"{table(header, rows)}\n\n{how}"


def _pair(rng: np.random.Generator, gain: float, sd: float) -> tuple[Arm, Arm]:
    hard = rng.normal(size=ITEMS)

    def arm(mean: float) -> Arm:
        kept: dict[int, np.ndarray] = {}

        def answers(seed: int) -> np.ndarray:
            if seed not in kept:
                level = norm.ppf(np.clip(mean + rng.normal() * sd, 0.02, 0.98))
                own = rng.normal(size=ITEMS)
                kept[seed] = (level + np.sqrt(SIDE_SHARE) * hard + np.sqrt(1 - SIDE_SHARE) * own > 0).astype(float)
            return kept[seed]

        return answers

    return arm(0.65 + gain), arm(0.65)


# --- real features --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Set:
    """Features float (N, D) that somebody's network or instrument gave, those of nobody, and classes int (N,)."""

    features: np.ndarray
    random: np.ndarray
    labels: np.ndarray


def sets() -> dict[str, Set]:
    found = {"stamps": _stamps()}
    for name, load in (
        ("breast cancer", datasets.load_breast_cancer),
        ("wine", datasets.load_wine),
        ("digits", datasets.load_digits),
    ):
        values, labels = load(return_X_y=True)
        values = StandardScaler().fit_transform(values)
        rng = np.random.default_rng(0)
        projected = np.maximum(values @ rng.normal(size=(values.shape[1], 4)) / np.sqrt(values.shape[1]), 0)
        found[name] = Set(values, projected, labels)
    return found


def _stamps() -> Set:
    place = samples.stamps_folder()
    if place is None:
        raise SystemExit("Tux Paint's stamps are not on this computer")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HEADSTART_HOME"] = f"{folder}/home"
        data = Path(folder) / "stamps"
        for label in STAMPS:
            (data / label).mkdir(parents=True)
            for picture in sorted((place / label).rglob("*.png")):
                if not picture.stem.endswith("_mirror"):
                    shutil.copyfile(picture, data / label / "-".join(picture.relative_to(place / label).parts))
        recipe = api.recipe("vision.classification", data, strategy="features", settings={"augment": "none"})
        study = api.task(recipe.task).open(recipe, RunFolder.create(recipe, Path(folder) / "run"))
        parts = ("train", "validation", "test")
        seen = [[study.features(part, pretrained=known) for part in parts] for known in (True, False)]
        known, random = (np.concatenate([one.values for one in each if one]) for each in seen)
        return Set(known, random, np.concatenate([one.targets for one in seen[0] if one]))


def arm(values: np.ndarray, labels: np.ndarray, tested: np.ndarray, budget: int, draw: int) -> Arm:
    """A logistic regression on so many labels, drawn by the seed among those that are not tested on."""
    rest = np.setdiff1d(np.arange(len(labels)), tested)

    def answers(seed: int) -> np.ndarray:
        chosen = rest[budgets.drawn(labels[rest].tolist(), budget, 1000 * draw + seed)]
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # it is a stand-in, and the same on both sides
            model.fit(values[chosen], labels[chosen])
        right: np.ndarray = (model.predict(values[tested]) == labels[tested]).astype(float)
        return right

    return answers


def real(comparisons: int, known: dict[str, Set], *, shuffled: bool) -> str:
    rows = []
    each = -(-comparisons // (len(known) * len(LABELS)))
    total = false = 0
    for name, one in known.items():
        for budget in LABELS:
            called = 0
            for repeat in range(each):
                rng = np.random.default_rng([repeat, budget])
                labels = rng.permutation(one.labels) if shuffled else one.labels
                tested = _test(labels, rng)
                ours = arm(one.features, labels, tested, budget, 2 * repeat)
                theirs = arm(one.random if shuffled else one.features, labels, tested, budget, 2 * repeat + 1)
                called += judged(labels[tested], ours, theirs, budget).side in {"better", "worse"}
            rows.append((name, str(budget), str(each), str(called)))
            total, false = total + each, false + called
    header = ("set", "labels", "comparisons", "called pays or hurts")
    return f"{table(header, rows)}\n\n{false} of {total}: {false / total:.1%}."


def _test(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Up to 150 items to test on, as many a class as there are, at most a third of each."""
    kinds = np.unique(labels)
    share = [rng.permutation(np.flatnonzero(labels == kind)) for kind in kinds]
    return np.sort(np.concatenate([own[: min(ITEMS // len(kinds), len(own) // 3)] for own in share]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=600, help="of each simulated cell")
    parser.add_argument("--comparisons", type=int, default=200, help="of a learner with itself; half as many shuffled")
    parser.add_argument("--write", action="store_true", help="into the page")
    given = parser.parse_args()
    known = sets()
    itself = real(given.comparisons, known, shuffled=False)
    shuffled = real(given.comparisons // 2, known, shuffled=True)
    command = f"`benchmarks/verdict.py --repeats {given.repeats} --comparisons {given.comparisons}`"
    said = (
        f"{command}\n\n### A learner with itself\n\n{itself}\n\n### Labels without meaning\n\n{shuffled}\n\n"
        f"### Simulated\n\n{simulated(given.repeats)}"
    )
    print(said)
    if given.write:
        PAGE.write_text(replaced(PAGE.read_text(encoding="utf-8"), "verdict.py", said), encoding="utf-8")


if __name__ == "__main__":
    main()
