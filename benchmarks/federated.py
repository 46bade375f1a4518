"""What is it worth to join where data may not be brought together, and what does it cost?

    python benchmarks/federated.py [--seeds 3] [--rounds 20] [--scratch-rounds 20] [--keep DIR] [--write]
                                   [--only sums|rounds] [--parts head,photographs:2,reviews:1] [--round-seeds 3]

The Tux Paint photographs (four uneven classes), 4-fold cross-validation, and of the sample of film reviews 200 to learn
from and 150 to test on. Each seed draws folds and a division among five sites by a Dirichlet distribution with α 100, 1
and .1. Sums (`engines/federated/ridge.py`, λ by leaving one site out), class means alone, each site alone, all in one
place; with noise; under masks; ten sites united and timed. Rounds: FedAvg at α .1 from the pretrained network and from
random weights, everything learning, and of the head alone.

Means over seeds of the balanced accuracy, with a 95 % interval over examples and seeds, as anywhere in Headstart; of
rounds, where each seed draws another test, means and the least and the most of any seed, and each seed's intervals.
`--keep` is a folder for what each part gave, to go on from another time. `--write` puts the tables into
docs/federated.md.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedKFold

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.performance_page import ROOT, parser, publish, table
from engines import registry
from engines.api import federating
from engines.classification.study.clients import divide
from engines.contract import Estimate, Features, Recipe, Strategy
from engines.evidence.scores import Accuracies
from engines.federated import merge, opening, ridge, several, site_file
from engines.federated.masking import masks
from engines.federated.noise import Noise, noisy
from engines.federated.statistics import of_site, union
from engines.runs import RunFolder

SITES, FOLDS = 5, 4
ALPHAS = (100.0, 1.0, 0.1)
EPSILONS = (1.0, 3.0, 8.0)
LENGTH, DELTA = 20.0, 1e-3
REVIEWS = {"train": 200, "test": 150}


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--rounds", type=int, default=20)
    arguments.add_argument("--scratch-rounds", type=int, default=20, help="of whole networks, which takes the longest")
    arguments.add_argument("--round-seeds", type=int, default=3, help="of the rounds")
    arguments.add_argument("--keep", type=Path, help="a folder for what each part gave, to go on from another time")
    arguments.add_argument(
        "--parts", default="head,photographs,reviews", help="of the rounds, with commas between; name:2 for 2 seeds"
    )
    arguments.add_argument("--only", choices=("sums", "rounds"), help="one half of it")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        keep = given.keep or Path(scratch)
        keep.mkdir(parents=True, exist_ok=True)
        os.environ["HEADSTART_HOME"] = str(keep / "home")
        if given.only != "rounds":
            seen = kept(keep / "features.json", lambda: photographs_seen(keep))
            sums = kept(keep / f"sums-{given.seeds}.json", lambda: in_sums(seen, given.seeds))
            publish(sums_text(sums), write=given.write, page=ROOT / "docs/federated.md", part="sums")
        if given.only != "sums":
            found: dict[str, list[dict[str, Any]]] = {}
            for part in given.parts.split(","):
                name, _unused, seeds = part.partition(":")
                count = given.rounds if name == "head" else given.scratch_rounds
                for seed in range(int(seeds or given.round_seeds)):
                    path = keep / f"rounds-{name}-{count}{f'-{seed}' if seed else ''}.json"
                    found.setdefault(name, []).append(kept(path, partial(in_rounds, keep, name, count, seed)))
            publish(rounds_text(found), write=given.write, page=ROOT / "docs/federated.md", part="rounds")


def kept(path: Path, make: Callable[[], Any]) -> Any:
    """What was made another time, else now."""
    if not path.exists():
        path.write_text(json.dumps(make()), encoding="utf-8")
    return json.loads(path.read_text(encoding="utf-8"))


# --- sums -----------------------------------------------------------------------------------------


def photographs_seen(keep: Path) -> dict[str, Any]:
    """What the frozen EfficientNet-Lite0 sees of every photograph, and their classes."""
    task = registry.task("vision.classification")
    data = task.make_sample("photographs", keep / "photographs")
    recipe = Recipe(task.info.name, str(data), task.info.default_model, Strategy.FEATURES)
    run = RunFolder.create(recipe, keep / "looking")
    study = opening.opened(task, recipe, run, data)
    seen = opening.seen(study)
    return {"features": seen.values.tolist(), "labels": seen.targets.tolist(), "classes": study.prepared.classes}


def in_sums(seen: dict[str, Any], seeds: int) -> dict[str, Any]:
    """By arm, of each seed whether each photograph was named correctly by what had not seen it; and what it took."""
    features = np.array(seen["features"], dtype=np.float32)
    labels, classes = np.array(seen["labels"]), seen["classes"]
    right: dict[str, list[list[float]]] = {}
    strengths: dict[str, list[float]] = {}
    apart = 0.0
    for seed in range(seeds):
        outcome: dict[str, np.ndarray] = {}
        for learnt, tested in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(features, labels):
            asked = Features(features[tested], labels[tested])

            def put(
                arm: str, values: np.ndarray, at: np.ndarray = tested, into: dict[str, np.ndarray] = outcome
            ) -> None:
                into.setdefault(arm, np.zeros(len(labels)))[at] = values

            for alpha in ALPHAS:
                parts = divide(labels[learnt], [str(i) for i in learnt], SITES, alpha, seed)
                sites = [of_site(features[learnt[part]], labels[learnt[part]], classes) for part in parts]
                how, everything = ridge.chosen(sites), union(sites)
                head = ridge.solver(everything)(how.value)
                put(f"sums {alpha:g}", merge.right(head, classes, asked))
                put(f"means {alpha:g}", merge.right(ridge.class_means(everything), classes, asked))
                own = [merge.right(merge.own_head(one), classes, asked, next(iter(one))) for one in sites]
                put(f"alone {alpha:g}", np.mean(own, axis=0))
                strengths.setdefault(f"{alpha:g}", []).append(how.value)
                one_place = ridge.solver(of_site(features[learnt], labels[learnt], classes))(how.value)
                apart = max(apart, float(np.abs(one_place.answers(asked.values) - head.answers(asked.values)).max()))
                put(f"central {alpha:g}", merge.right(one_place, classes, asked))
                if alpha == ALPHAS[-1]:
                    total = under_masks(sites, classes, features.shape[1])
                    strength = ridge.cross_validated(total).value
                    strengths.setdefault("masks", []).append(strength)
                    put("masks", merge.right(ridge.solver(total)(strength), classes, asked))
                if alpha != ALPHAS[1]:
                    continue
                for epsilon in EPSILONS:
                    rng = np.random.default_rng([seed, int(epsilon)])
                    hidden = [
                        {
                            name: noisy(
                                features[learnt[part]][labels[learnt[part]] == number],
                                Noise(epsilon, DELTA, LENGTH),
                                rng,
                                means_alone=True,
                            )
                            for number, name in enumerate(classes)
                            if (labels[learnt[part]] == number).any()
                        }
                        for part in parts
                    ]
                    put(f"noise {epsilon:g}", merge.right(ridge.class_means(union(hidden)), classes, asked))
        for arm, values in outcome.items():
            right.setdefault(arm, []).append(values.tolist())
    return {
        "labels": labels.tolist(),
        "right": right,
        "strengths": strengths,
        "apart": apart,
        **timed(features, labels, classes),
    }


def under_masks(sites: list[dict[str, Any]], classes: list[str], width: int) -> dict[str, Any]:
    """What sites know together where their sums were masked: masks are gone from it, steps are not."""
    files = [masks.in_steps(one, classes, width, "scatter", len(sites)) for one in sites]
    return masks.united(files, classes, width, "scatter")


def timed(features: np.ndarray, labels: np.ndarray, classes: list[str]) -> dict[str, Any]:
    """Ten sites' files read, checked and united, and their bytes."""
    parts = divide(labels, [str(i) for i in range(len(labels))], 10, 1.0, 0)
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for number, part in enumerate(parts):
            manifest = site_file.Manifest(
                "vision.classification", "net", "0" * 64, "224", features.shape[1], "scatter", str(number)
            )
            paths.append(Path(folder) / f"{number}.npz")
            site_file.write(paths[-1], manifest, of_site(features[part], labels[part], classes))
        began = time.perf_counter()
        sites, _notes = several.read_all(paths)
        known = [site.known for site in sites]
        ridge.solver(union(known))(ridge.chosen(known).value)
        seconds = time.perf_counter() - began
        return {
            "ten_seconds": seconds,
            "ten_bytes": [path.stat().st_size for path in paths],
            "load": os.getloadavg()[0],
            "masked_bytes": 8 * len(classes) * masks.numbers(features.shape[1], "scatter"),
        }


def shown(row: dict[str, Any]) -> str:
    return f"{row['value']:.3f} ({row['low']:.3f} to {row['high']:.3f})"


def estimate(labels: list[int], seeds: list[list[float]]) -> Estimate:
    return Accuracies(np.array(labels), [np.array(one) for one in seeds]).estimate()


def spelt(found: dict[str, Any], arm: str) -> str:
    """The λ that were chosen."""
    values = found["strengths"][arm]
    return f"{min(values):.3g}" if min(values) == max(values) else f"{min(values):.3g} to {max(values):.3g}"


def sums_text(found: dict[str, Any]) -> str:
    rows = []
    for arm, said in (
        ("central", "all in one place, ridge"),
        ("sums", "sums of 5 sites, λ by leaving one out"),
        ("means", "class means alone (FedNCM)"),
        ("alone", "each site alone"),
    ):
        cells = [estimate(found["labels"], found["right"][f"{arm} {alpha:g}"]) for alpha in ALPHAS]
        rows.append((said, *(f"{cell.value:.3f} ({cell.low:.3f} to {cell.high:.3f})" for cell in cells)))
    noise = []
    for epsilon in EPSILONS:
        cell = estimate(found["labels"], found["right"][f"noise {epsilon:g}"])
        noise.append((f"{epsilon:g}", f"{cell.value:.3f} ({cell.low:.3f} to {cell.high:.3f})"))
    n, seeds = len(found["labels"]), len(found["right"]["sums 1"])
    sizes = [size / 1e6 for size in found["ten_bytes"]]
    return "\n\n".join(
        (
            f"{n} photographs, 4 uneven classes, EfficientNet-Lite0 frozen, {FOLDS} folds, {seeds} seeds; balanced "
            f"accuracy.",
            table(("", *(f"α = {alpha:g}" for alpha in ALPHAS)), rows),
            f"Under masks, λ by generalised cross-validation of the total of five sites (α = 0.1): "
            f"{shown(asdict(estimate(found['labels'], found['right']['masks'])))}. λ was {spelt(found, 'masks')} in "
            f"{FOLDS * seeds} folds; by leaving one site out it was {spelt(found, '0.1')} (α = 0.1), "
            f"{spelt(found, '1')} (1) and {spelt(found, '100')} (100). A masked file of these has "
            f"{found['masked_bytes'] / 1e6:.1f} MB at every site.",
            f"The logits of five sites' sums and of all data in one place differ by {found['apart']:.0e} at most.",
            f"Ten sites' files ({min(sizes):.2f} to {max(sizes):.2f} MB each) were read, checked and united in "
            f"{found['ten_seconds']:.1f} s (one run, load {found['load']:.0f}).",
            f"Class means with noise (δ = {DELTA:g}, features cut to {LENGTH:g}, α = 1):",
            table(("ε of one example", "balanced accuracy"), noise),
        )
    )


# --- rounds ---------------------------------------------------------------------------------------


def in_rounds(keep: Path, name: str, count: int, seed: int) -> dict[str, Any]:
    """FedAvg at α .1: a trial's federation.json, and the seconds that it took."""
    began = time.monotonic()
    task = registry.task("text.sentiment" if name == "reviews" else "vision.classification")
    sample = "photographs" if task.info.domain == "vision" else task.samples()[0].name
    data = keep / f"sample-{sample}"
    path = task.make_sample(sample, data)
    if name == "reviews":
        path = some_reviews(path)
    strategy = Strategy.FEATURES if name == "head" else Strategy.FULL
    settings = {"image_size": 96} if name == "photographs" else {}
    recipe = Recipe(task.info.name, str(path), task.info.default_model, strategy, seed=seed, settings=settings)
    out = keep / f"run-{name}-{count}{f'-{seed}' if seed else ''}"
    found = federating.simulate(recipe, out, sites=SITES, alpha=0.1, rounds=count, scratch=name != "head")
    return found | {"seconds": time.monotonic() - began}


def some_reviews(table: Path) -> Path:
    """The first of each class to learn from and to test on: a whole network learns from all of them for an hour."""
    head, *lines = table.read_text(encoding="utf-8").splitlines(keepends=True)
    label, split = (head.rstrip().split("\t").index(name) for name in ("label", "split"))
    left = {(part, name): most // 2 for part, most in REVIEWS.items() for name in ("positive", "negative")}
    kept = []
    for line in lines:
        cells = line.rstrip("\n").split("\t")
        if left.get((cells[split], cells[label]), 0):
            left[cells[split], cells[label]] -= 1
            kept.append(line)
    table.with_name("some.tsv").write_text(head + "".join(kept), encoding="utf-8")
    return table.with_name("some.tsv")


def over_seeds(values: list[float]) -> str:
    """The mean, and of several also the least and the most."""
    if len(values) == 1:
        return f"{values[0]:.3f}"
    return f"{np.mean(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def at_round(rows: list[dict[str, Any]]) -> str:
    """Of one seed with its interval over the test examples, of several as `over_seeds`."""
    return shown(rows[0]) if len(rows) == 1 else over_seeds([row["value"] for row in rows])


def rounds_text(found: dict[str, list[dict[str, Any]]]) -> str:
    texts = []
    for name, seeds in found.items():
        first, n = seeds[0], len(seeds)
        at = [number for number in (1, 2, 5, 10, 20, 50) if number <= first["rounds"]]
        rows = [
            (said, *(at_round([one[curve][number - 1] for one in seeds]) for number in at))
            for said, curve in (("pretrained", "curve"), ("from random weights", "scratch_curve"))
            if first[curve]
        ]
        learnt = sum(row["n"] for row in first["sites"])
        alone = [float(np.mean([row["alone"]["value"] for row in one["sites"]])) for one in seeds]
        which = "one seed" if n == 1 else f"{n} seeds (mean; least to most of a seed)"
        texts.append(
            f"**{name}**: FedAvg, {first['rounds']} rounds, {SITES} sites, α = .1, strategy {first['strategy']}, "
            f"{learnt:,} examples learnt from and {first['n_test']:,} tested, {which}. "
            f"One exchange of sums: {over_seeds([one['sums']['value'] for one in seeds])}; all in one place, "
            f"same strategy: {over_seeds([one['central']['value'] for one in seeds])}; each site alone (its own head): "
            f"{over_seeds(alone)}. {first['bytes']['rounds'] / 1e6:,.1f} MB moved in rounds, "
            f"{first['bytes']['sums'] / 1e6:,.1f} MB in sums."
        )
        texts.append(table(("after rounds", *map(str, at)), rows))
        if first["scratch_curve"]:
            paired = [
                (
                    str(seed),
                    shown(one["federated"]),
                    shown(one["scratch"]),
                    shown(one["against_scratch"]),
                    shown(one["central"]),
                    shown(one["against_central"]),
                )
                for seed, one in enumerate(seeds)
            ]
            header = ("seed", "pretrained", "from random weights", "difference", "all in one place", "rounds less it")
            texts.append(f"After {first['rounds']} rounds; 95 % intervals over the test examples, differences paired:")
            texts.append(table(header, paired))
        texts.append(f"Seed 0: {first['privacy']['text']}")
    return "\n\n".join(texts)


if __name__ == "__main__":
    main()
