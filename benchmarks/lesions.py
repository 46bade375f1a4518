"""How bright must a lesion be, before 100 pictures teach a network to find it?

    python benchmarks/lesions.py [--seeds 3] [--ratios 5,10,15,20,30] [--keep DIR] [--write]

Slices of one real head, warped and noisy, with **synthetic** lesions (`engines/vision/medical/lesions.py`): 100
pictures of 50 "patients" to learn from, ten of whom choose, and 120 of 60 others to test on; every second patient has a
lesion. One anatomy lies under all of them, so this measures brightness, not other people's heads. Each seed draws its
own patients and trains its own networks. EfficientNet-Lite0 with `features`, `partial` and from scratch, for lesions of
several contrast-to-noise ratios. Area under the ROC curve, its mean over seeds, with a 95 % bootstrap over patients.

**The point that counts was fixed before anything was trained**: REPORTED. Rose (1948; Burgess 1999, "The Rose model,
revisited") asks for a signal of 5 times the noise, before a person sees it with certainty; here signal is the lesion's
brightness above white matter, and noise that of a pixel, as a contrast-to-noise ratio of MRI is defined. That counts
neither what many pixels together give, nor the brain's own grey and white, between which a lesion has to be told.

The pointing game (Zhang et al. 2018): of the lesions that were found, how often the highest point of Grad-CAM lies
within the lesion's box, and how often within 15 pixels of it.
"""

from __future__ import annotations

import functools
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.performance_page import ROOT, parser, publish, table
from engines import lifecycle, registry
from engines.classification import diagnostics
from engines.contract import Recipe, Strategy
from engines.runs import RunFolder
from engines.training import devices
from engines.vision.classification import explain
from engines.vision.classification.predict import Classifier
from engines.vision.medical import lesions

REPORTED = 5.0
"""The contrast-to-noise ratio at which the result is told: Rose's. Not to be moved."""
RATIOS = (REPORTED, 10.0, 15.0, 20.0, 30.0)
FROM_SCRATCH = (REPORTED, 30.0)
LEARNT, CHOOSING, TESTED = 40, 10, 60
"""Patients, of two slices each."""
COMPARED = (Strategy.FEATURES, Strategy.PARTIAL, Strategy.SCRATCH)
TARGET, POINTING = 0.95, 0.70
NEAR = 15
"""Pixels, of 224."""


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--seeds", type=int, default=3)
    usual = ",".join(f"{ratio:g}" for ratio in RATIOS)
    arguments.add_argument("--ratios", default=usual, help="without 5 they have a table of their own")
    arguments.add_argument("--scratch-seconds", type=int, default=120)
    arguments.add_argument("--keep", type=Path, help="a folder for what each run gave, to go on from another time")
    given = arguments.parse_args()
    devices.keep_freed_memory()
    found: dict[tuple[str, float], list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["HEADSTART_HOME"] = f"{scratch}/home"
        keep = given.keep or Path(scratch) / "keep"
        keep.mkdir(parents=True, exist_ok=True)
        for ratio in map(float, given.ratios.split(",")):
            for seed in range(given.seeds):
                for strategy in strategies(ratio):
                    kept = keep / f"{ratio:g}-{seed}-{strategy}.json"
                    if not kept.exists():
                        answer = run(Path(scratch), ratio, seed, strategy, given.scratch_seconds)
                        kept.write_text(json.dumps(answer), encoding="utf-8")
                    found.setdefault((strategy, ratio), []).append(json.loads(kept.read_text(encoding="utf-8")))
                    print(kept.stem, round(auroc(found[strategy, ratio][-1]), 3), file=sys.stderr, flush=True)
    part = "" if REPORTED in ratios(found) else "brighter"
    publish(report(found, given.scratch_seconds), write=given.write, page=ROOT / "docs/medical.md", part=part)


def strategies(ratio: float) -> list[Strategy]:
    return [Strategy.FEATURES, Strategy.PARTIAL, *([Strategy.SCRATCH] if ratio in FROM_SCRATCH else [])]


def run(scratch: Path, ratio: float, seed: int, strategy: Strategy, seconds: int) -> dict[str, Any]:
    """What one network says of its test: patient, is it ill, how likely it is said to be; where it points."""
    data = scratch / f"lesions-{ratio:g}-{seed}"
    if not data.exists():
        lesions.write(data, cnr=ratio, patients={"train": LEARNT, "validation": CHOOSING, "test": TESTED}, seed=seed)
    task = registry.task("vision.classification")
    settings: dict[str, Any] = {"max_seconds": seconds} if strategy is Strategy.SCRATCH else {}
    recipe = Recipe(task.info.name, str(data), task.info.default_model, strategy, seed=seed, settings=settings)
    folder = RunFolder.create(recipe, scratch / f"run-{ratio:g}-{seed}-{strategy}")
    began = time.monotonic()
    result = lifecycle.fit(task, recipe, folder)
    took = time.monotonic() - began
    rows = pq.read_table(folder.path / "predictions.parquet").to_pylist()
    return {
        "ill": [row["label"] == "lesion" for row in rows],
        "says": [row["p_lesion"] for row in rows],
        "patients": [row["file"].rpartition("/")[2].partition("-slice")[0] for row in rows],
        "seconds": took,
        "load": os.getloadavg()[1],
        "epochs": result.epochs,
        "n_train": result.n_train + result.n_validation,
        "pointing": [] if strategy is Strategy.SCRATCH else pointing(folder.path, data, rows),
    }


def pointing(run: Path, data: Path, rows: list[dict[str, Any]]) -> list[float]:
    """Of each lesion that was found: how many pixels outside its box Grad-CAM's highest point lies; 0 is inside."""
    boxes = json.loads((data / lesions.BOXES).read_text(encoding="utf-8"))
    classifier = Classifier(run)
    found = []
    for row in rows:
        if not row["label"] == row["predicted"] == "lesion":
            continue
        path = next(data.rglob(row["file"].rpartition("/")[2]))
        left, top, right, bottom = boxes[path.relative_to(data).as_posix()]
        heat, _how = explain.attribution(classifier, classifier.inputs(path), classifier.classes.index("lesion"), None)
        y, x = np.unravel_index(int(heat.argmax()), heat.shape)
        across, down = max(left - x, 0, x - right + 1), max(top - y, 0, y - bottom + 1)
        found.append(float(np.hypot(across, down)))
    return found


def auroc(answer: dict[str, Any]) -> float:
    return float(areas(answer)[0])


@functools.cache
def _areas(ill: tuple[bool, ...], says: tuple[float, ...], patients: tuple[str, ...]) -> np.ndarray:
    return diagnostics.auroc(np.array(ill), np.array(says), np.unique(patients, return_inverse=True)[1])


def areas(answer: dict[str, Any]) -> np.ndarray:
    """The area, then that of each draw of patients."""
    return _areas(tuple(answer["ill"]), tuple(answer["says"]), tuple(answer["patients"]))


def interval(answers: list[dict[str, Any]]) -> tuple[float, float]:
    """95 % of the mean over seeds, each with draws of its own test's patients."""
    draws = np.mean([np.roll(areas(answer)[1:], 37 * seed) for seed, answer in enumerate(answers)], axis=0)
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)


def ratios(found: dict[tuple[str, float], list[dict[str, Any]]]) -> list[float]:
    return sorted({ratio for _, ratio in found})


def report(found: dict[tuple[str, float], list[dict[str, Any]]], seconds: int) -> str:
    header = ("contrast-to-noise", "contrast, of white matter", *(f"`{name}`" for name in COMPARED))
    rows = []
    for ratio in ratios(found):
        cells = []
        for strategy in COMPARED:
            answers = found.get((strategy, ratio))
            if not answers:
                cells.append("not run")
                continue
            each = [auroc(answer) for answer in answers]
            low, high = interval(answers)
            seeds = ", ".join(f"{value:.3f}" for value in each)
            passes = ", ".join(str(answer["epochs"]) for answer in answers)
            told = f"; passes {passes}" if strategy is Strategy.SCRATCH else ""  # as many as the clock let it have
            cells.append(f"**{np.mean(each):.3f}** ({low:.3f} to {high:.3f}); seeds {seeds}{told}")
        fixed = " (fixed beforehand)" if ratio == REPORTED else ""
        rows.append((f"{ratio:g}{fixed}", f"{ratio * lesions.NOISE:.1%}", *cells))
    return f"{table(header, rows)}\n\n{sentences(found, seconds)}\n\n{pointed(found)}"


def sentences(found: dict[tuple[str, float], list[dict[str, Any]]], seconds: int) -> str:
    answers = found[Strategy.FEATURES, ratios(found)[0]]
    times = []
    for strategy in COMPARED:
        own = [a["seconds"] for (name, _), each in found.items() if name == strategy for a in each]
        times += [f"`{strategy}` {np.mean(own):.0f} s"] if own else []
    return (
        f"**Synthetic lesions.** AUROC, mean over {len(answers)} seeds with its 95 % interval over patients; "
        f"{answers[0]['n_train']} pictures of {LEARNT + CHOOSING} patients to learn from and to choose by, "
        f"{2 * TESTED} of {TESTED} others to test on, drawn anew for each seed. {at_the_point(found)}Mean wall time of "
        f"a run{busy(found)}: {', '.join(times)}; from scratch was stopped after {seconds} s."
    )


def busy(found: dict[tuple[str, float], list[dict[str, Any]]]) -> str:
    """What else the machine did, where every run noted it."""
    loads = [answer.get("load") for answers in found.values() for answer in answers]
    known = [load for load in loads if load is not None]
    return f" (load average {min(known):.0f} to {max(known):.0f})" if len(known) == len(loads) else ""


def at_the_point(found: dict[tuple[str, float], list[dict[str, Any]]]) -> str:
    """Whether the target was reached where it counts; nothing where that was not run."""
    if REPORTED not in ratios(found):
        return "The target counts at the ratio fixed beforehand, which is not among these. "
    learnt = (Strategy.FEATURES, Strategy.PARTIAL)
    best = max(float(np.mean([auroc(answer) for answer in found[s, REPORTED]])) for s in learnt)
    reached = "reached" if best >= TARGET else "**missed**"
    return f"At the ratio fixed beforehand the target of {TARGET} was {reached}: {best:.3f}. "


def pointed(found: dict[tuple[str, float], list[dict[str, Any]]]) -> str:
    rows = []
    for ratio in ratios(found):
        for strategy in (Strategy.FEATURES, Strategy.PARTIAL):
            off = np.array([value for answer in found.get((strategy, ratio), []) for value in answer["pointing"]])
            if len(off):
                inside, near = (off == 0).mean(), (off <= NEAR).mean()
                rows.append((f"{ratio:g}", f"`{strategy}`", str(len(off)), f"{inside:.0%}", f"{near:.0%}"))
    header = ("contrast-to-noise", "", "lesions found, all seeds", "in the box", f"within {NEAR} px of it")
    said = f"Pointing game with Grad-CAM on 224 × 224 pixels; the target was {POINTING:.0%} within {NEAR} px."
    return f"{table(header, rows)}\n\n{said}"


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
