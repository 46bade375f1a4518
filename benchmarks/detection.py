"""How well does a detector learn from 160 pictures, and what does it save to run once what is frozen?

    python benchmarks/detection.py [--seeds 3] [--scratch] [--head] [--keep DIR] [--write]
    python benchmarks/detection.py budgets [--seeds 3] [--keep DIR] [--write]
    python benchmarks/detection.py timed [--asked 1000] [--keep DIR] [--write]
    python benchmarks/detection.py ranked [--keep DIR] [--write]
    python benchmarks/detection.py resized [--seeds 3] [--keep DIR] [--write]

The sample `scenes`, a fixed set of composites (synthetic: what is tested is pasted from other objects on other
photographs than what is learnt from), 160 pictures to learn from, 200 to test on. The default recipe (the last two
blocks of an ImageNet network, pyramid and head) for each seed; with `--head` the head alone on frozen maps; with
`--scratch`, in the first seed's run, the same network from random weights with as much computation.

`budgets`: pyramid and head on frozen maps against the same network from random weights with as much computation, given
20, 40, 80 and 160 of the pictures, at each seed; and how soon each stood where the other ended. A comparison as the app
makes it (`engines compare`).

`timed`, in processor seconds of one thread: an epoch of the head behind maps that are kept against one that runs the
frozen part for every picture anew, with the losses of both; and things found by the recorded run on pictures, one at a
time, against decoding them and one forward pass alone.

`ranked`: the order of `engines rank` over the networks that are here, beside the mAP that each came to with pyramid and
head on its frozen maps, seed 0.

`resized`: the default recipe with pictures in varied sizes (`scale_jitter`) and without, judged on the validation
pictures of each seed, which are drawn anew for it; the test is not looked at.

`--keep` goes on with the runs that are there. `--write` puts each one's tables into docs/detection.md.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import kendalltau

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.performance_page import ROOT, busy, parser, publish, table
from engines import api, lifecycle, registry
from engines.contract import Recipe, Result, Strategy
from engines.runs import RunFolder
from engines.training import strategies
from engines.training.examples import batches, paired
from engines.vision.detection import fit, prepare, train
from engines.vision.detection.networks.loss import Cost, mean_places
from engines.vision.detection.predict import Finder

TASK, SAMPLE, MODEL = "vision.detection", "scenes", "tf_efficientnet_lite0"
TIMED = 64
"""Pictures of an epoch that is timed."""
TURNS = 10
"""In which things are found, and pictures passed forward, against the clock."""
BUDGETS = (20, 40, 80, 160)
JITTER = 0.3


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("part", nargs="?", default="", choices=("", "budgets", "timed", "ranked", "resized"))
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--scratch", action="store_true", help="also from random weights, beside the first seed")
    arguments.add_argument("--head", action="store_true", help="also the head alone")
    arguments.add_argument("--keep", type=Path, default=None, help="where the runs are kept")
    arguments.add_argument(
        "--asked", type=int, default=1000, help="pictures that things are found on against the clock"
    )
    given = arguments.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as made:
        keep = given.keep or Path(made)
        os.environ.setdefault("HEADSTART_HOME", str(keep / "home"))
        data = registry.task(TASK).make_sample(SAMPLE, keep / "samples")
        if given.part == "budgets":
            text = by_budget(keep, data, given.seeds)
        elif given.part == "timed":
            text = timed(keep, data, given.asked)
        elif given.part == "ranked":
            text = ranked(keep, data)
        elif given.part == "resized":
            text = resized(keep, data, given.seeds)
        else:
            rows = [
                run(keep, data, Strategy.PARTIAL, seed, baseline=given.scratch and seed == 0)
                for seed in range(given.seeds)
            ]
            text = told(rows, run(keep, data, Strategy.FEATURES, 0, baseline=False) if given.head else None)
    publish(text, write=given.write, page=ROOT / "docs" / "detection.md", part=given.part)


def by_budget(keep: Path, data: Path, seeds: int) -> str:
    """The comparison at each budget: a row each, and what was saved."""
    recipe = Recipe(TASK, str(data), MODEL, Strategy.FEATURES)
    path = keep / "budgets"
    folder = RunFolder(path) if path.is_dir() else RunFolder.create(recipe, path)
    found = lifecycle.compare(registry.task(TASK), recipe, folder, BUDGETS, seeds)
    rows = []
    for budget in BUDGETS:
        own = {point["strategy"]: point for point in found["points"] if point["budget"] == budget}
        cells = [f"{p['mean']:.3f} ({', '.join(f'{v:.3f}' for v in p['values'])})" for p in own.values()]
        took = [f"{point['seconds']:.0f}" for point in own.values() if point["seconds"] is not None]
        rows.append((str(budget), *cells, " and ".join(took)))
    names = [point["strategy"] for point in found["points"] if point["budget"] == BUDGETS[0]]
    header = ("pictures", *(f"{name}: mAP@.5 (each seed)" for name in names), "wall seconds of each training")
    said = " ".join(str(found[name]) for name in ("labels_saved_text", "time_saved_text") if found.get(name))
    return f"{table(header, rows)}\n\n{said} The machine was shared: {busy()}."


def run(keep: Path, data: Path, strategy: Strategy, seed: int, *, baseline: bool, model: str = MODEL) -> dict[str, Any]:
    """The result of a run, trained where it is not kept, with its processor seconds and the load while it ran."""
    path = keep / (f"{strategy}-{seed}" if model == MODEL else f"{model}-{strategy}-{seed}")
    if (path / "measured.json").is_file():
        known: dict[str, Any] = json.loads((path / "measured.json").read_text(encoding="utf-8"))
        return known
    settings = {"baseline": "scratch"} if baseline else {}
    recipe = Recipe(TASK, str(data), model, strategy, seed=seed, settings=settings)
    folder = RunFolder(path) if path.is_dir() else RunFolder.create(recipe, path)
    began, wall = time.process_time(), time.monotonic()
    result: Result = lifecycle.fit(registry.task(TASK), recipe, folder)
    scratch = result.baseline_details.get("scratch", {})
    found = {
        "seed": seed,
        "strategy": str(strategy),
        "map50": [result.value, result.low, result.high],
        "map": [getattr(result.metrics["map"], name) for name in ("value", "low", "high")],
        "scratch": [result.baselines["scratch"], scratch["low"], scratch["high"]] if scratch else None,
        "scratch_epochs": scratch.get("epochs"),
        "usual_boxes": result.baselines["usual_boxes"],
        "epochs": [result.epochs, result.best_epoch],
        "cpu": time.process_time() - began,
        "wall": time.monotonic() - wall,
        "load": os.getloadavg()[1],
        "n": [result.n_train, result.n_validation, result.n_test],
        "per_class": {row["class"]: row["ap50"] for row in result.details["per_class"]},
    }
    (path / "measured.json").write_text(json.dumps(found), encoding="utf-8")
    print(found, flush=True)
    return found


def ranked(keep: Path, data: Path) -> str:
    """How `engines rank` orders the networks that are here, and the mAP that each then came to."""
    order = api.rank(TASK, data)
    rows, learnt = [], []
    for row in order["models"]:
        found = run(keep, data, Strategy.FEATURES, 0, baseline=False, model=row["name"])
        learnt.append(found["map50"][0])
        score = f"{row['score']:.2f} ({row['low']:.2f} to {row['high']:.2f})"
        rows.append((row["name"], score, share(found["map50"]), share(found["map"]), f"{found['cpu']:.0f}"))
    agreed = kendalltau([row["score"] for row in order["models"]], learnt).statistic
    lost = max(learnt) - learnt[0]
    header = ("network, in the order of `rank`", "score", "mAP@.5", "mAP@.5:.95", "processor seconds")
    return (
        f"{table(header, rows)}\n\nKendall's τ between the score and mAP@.5 is {agreed:.2f}, of {len(rows)} networks; "
        f"who takes the first one loses {lost:.3f} to the best of them. One seed, {order['n']} boxes, one data set "
        f"(synthetic composites); {order['seconds']:.0f} s for the order."
    )


def resized(keep: Path, data: Path, seeds: int) -> str:
    """The best validation mAP of each seed, with `JITTER` and without."""
    rows, gains = [], []
    for seed in range(seeds):
        best = []
        for jitter in (0.0, JITTER):
            recipe = Recipe(TASK, str(data), MODEL, Strategy.PARTIAL, seed=seed, settings={"scale_jitter": jitter})
            file = keep / f"resized-{jitter}-{seed}.json"
            if not file.is_file():
                folder = RunFolder.create(recipe, keep / f"resized-{jitter}-{seed}")
                study = registry.task(TASK).open(recipe, folder)
                assert isinstance(study, fit.DetectionStudy)
                at = [study.prepared.opened.at(part) for part in ("train", "validation")]
                began = time.process_time()
                outcome = train.learn(study.train_spec(study.settings, seed, folder, *at), Strategy.PARTIAL)
                chosen = outcome.progress.history[outcome.progress.best_epoch - 1]
                file.write_text(json.dumps([chosen, time.process_time() - began, len(at[1])]), encoding="utf-8")
            best.append(json.loads(file.read_text(encoding="utf-8")))
        (plain, before, n), (varied, after, _n) = best
        gains.append(varied["validation_metric"] - plain["validation_metric"])
        cells = [f"{one['validation_metric']:.3f} ({one['validation_loss']:.3f})" for one in (plain, varied)]
        rows.append((str(seed), str(n), *cells, f"{before:.0f} and {after:.0f}"))
    header = (
        "seed",
        "validation pictures",
        "as they are: mAP@.5 (loss)",
        f"`scale_jitter` {JITTER}",
        "processor seconds",
    )
    mean, spread = float(np.mean(gains)), float(np.std(gains, ddof=1)) if len(gains) > 1 else 0.0
    return (
        f"{table(header, rows)}\n\nThe mean difference of mAP@.5 is {mean:+.3f}; its standard deviation over "
        f"{len(gains)} seeds {spread:.3f}. Of the pass with the least validation loss, on validation pictures, not on "
        "the test."
    )


def told(rows: list[dict[str, Any]], head: dict[str, Any] | None) -> str:
    lines = [
        (f"last two blocks, pyramid and head, seed {row['seed']}", share(row["map50"]), share(row["map"]), spent(row))
        for row in rows
    ]
    if head:
        lines.append(("pyramid and head alone, seed 0", share(head["map50"]), share(head["map"]), spent(head)))
    first = rows[0]
    if first["scratch"]:
        passes = f"(in the run of seed 0; {first['scratch_epochs']} passes)"
        lines.append(("from random weights, as much computation", share(first["scratch"]), "", passes))
    lines.append(("the usual boxes, without looking", f"{first['usual_boxes']:.3f}", "", ""))
    mean = {name: sum(row[name][0] for row in rows) / len(rows) for name in ("map50", "map")}
    n_train, n_validation, n_test = first["n"]
    loads = [row["load"] for row in [*rows, *([head] if head else [])]]
    return (
        f"Measured by `benchmarks/detection.py`, one thread on a machine shared at a load of {min(loads):.0f} to "
        f"{max(loads):.0f}: {n_train} pictures learnt from, {n_validation} chosen by, {n_test} tested on; 95 % "
        f"intervals over test pictures. Mean of {len(rows)} seeds: **mAP@.5 {mean['map50']:.3f}**, mAP@.5:.95 "
        f"{mean['map']:.3f}. The pictures are synthetic composites.\n\n"
        + table(
            ("start, what learns", "mAP@.5", "mAP@.5:.95", "processor and wall seconds, comparison included"), lines
        )
        + "\n\nAverage precision at .5 by class, seed 0: "
        + ", ".join(f"{name} {value:.2f}" for name, value in first["per_class"].items())
        + "."
    )


def share(found: list[float]) -> str:
    return f"{found[0]:.3f} ({found[1]:.3f} to {found[2]:.3f})"


def spent(row: dict[str, Any]) -> str:
    return f"{row['cpu']:.0f} and {row['wall']:.0f}"


def timed(keep: Path, data: Path, asked: int) -> str:
    """An epoch with kept maps against one without, and finding against decoding and a forward pass."""
    recipe = Recipe(TASK, str(data), MODEL, Strategy.FEATURES)
    folder = keep / "timed"
    watched = RunFolder(folder) if folder.is_dir() else RunFolder.create(recipe, folder)
    study = registry.task(TASK).open(recipe, watched)
    assert isinstance(study, fit.DetectionStudy)
    chosen = study.prepared.opened.at("train")[:TIMED]
    spec = study.train_spec(study.settings, 0, watched, chosen, chosen[:0])
    pictures, epochs = spec.training, []
    for kept in (True, False):
        network = spec.build(True)
        strategies.apply(network, Strategy.FEATURES, study.settings)
        examples: Any = train.behind(spec, network, pictures, varied=True) if kept else pictures
        epochs.append(an_epoch(network, examples, pictures, kept=kept))
    (with_maps, losses), (without, again) = epochs
    finder = Finder(ROOT / "showcase" / "recorded_scenes_seed_0")
    known = [picture.path for picture in study.prepared.opened.pictures]
    paths = [known[i % len(known)] for i in range(asked)]
    ways = (finder.find, lambda path: finder.model(finder.inputs(path)[0]))
    seconds = [0.0, 0.0]
    with torch.no_grad():
        for ask in ways:
            ask(paths[0])
        for turn in range(TURNS):  # in turns: whatever else the machine does, it does to both
            for which, ask in enumerate(ways):
                began = time.process_time()
                for path in paths[turn::TURNS]:
                    ask(path)
                seconds[which] += time.process_time() - began
    rates = [len(paths) / own for own in seconds]
    apart = max(abs(a - b) for a, b in zip(losses, again, strict=True))
    return table(
        ("processor seconds, one thread", "", ""),
        [
            (f"an epoch of {TIMED} pictures, frozen maps kept", f"{with_maps:.2f}", f"{without / with_maps:.1f} times"),
            (
                f"the same, the frozen part run each time; largest difference of a loss {apart:.0e}",
                f"{without:.2f}",
                "",
            ),
            (
                f"{asked:,} pictures found things on, a second",
                f"{rates[0]:.1f}",
                f"{rates[0] / rates[1]:.2f} of the rate",
            ),
            ("decoded and passed forward alone, a second", f"{rates[1]:.1f}", ""),
        ],
    )


def an_epoch(
    network: Any, examples: prepare.Behind | prepare.Pictures, pictures: prepare.Pictures, *, kept: bool
) -> tuple[float, list[float]]:
    """Processor seconds, and the loss of each batch."""
    loss = Cost(pictures.size, mean_places(pictures.boxes, pictures.size), torch.device("cpu"))
    optimiser = torch.optim.AdamW(network.trainable().values(), lr=2e-3)
    dice, losses = torch.Generator().manual_seed(0), []
    network.train()
    began = time.process_time()
    for indices in batches(examples, 8, dice):
        inputs, targets = paired(examples, indices, dice)
        if not kept:
            with torch.no_grad():
                inputs = network.run(inputs, 0, network.boundary)
        value = loss(network(inputs, network.boundary), targets)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        losses.append(float(value.detach()))
    return time.process_time() - began, losses


if __name__ == "__main__":
    main()
