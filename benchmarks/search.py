"""What a search finds in a given time: winner and default on the test, on a sample a domain; and on shuffled labels.

    python benchmarks/search.py samples [--run] [--only TASK …]    the table of docs/search.md
    python benchmarks/search.py shuffled --searches 20             how often nothing is called something
    --write puts what was measured into docs/search.md

The samples were named before anything was measured, and no search space was tuned on them. All fifteen searches take
two and a half hours: `--run` makes those that are not there yet, one after the other, and what each found is kept in
benchmarks/searches, with the load that it ran at.
"""

from __future__ import annotations

import csv
import itertools
import json
import os
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.performance_page import publish
from engines import api
from engines.evidence.effects import Effects
from engines.evidence.intervals import share as share_of
from engines.reporting import wording
from engines.search.plan import Plan
from templates.task.settings import LENGTH

DOC = Path(__file__).resolve().parents[1] / "docs" / "search.md"
SEARCHES = Path(__file__).resolve().parent / "searches"
SAMPLES = (
    ("vision.classification", "digits"),
    ("text.sentiment", "films"),
    ("speech.speaker", "telephone"),
    ("forecasting.forecast", "co2"),
    ("control.policy", "cartpole-long"),
)
"""One a domain."""
SHUFFLED = "example.shapes"
"""The small task of templates/: its features take no time, so that many searches fit."""
EXAMPLES, CLASSES, TRIALS = 320, 4, 12


def of_samples(seconds: float, seeds: int) -> list[str]:
    """A row a sample, of the searches that are kept: the difference on the test by each seed, and over seeds."""
    lines = [
        "| sample | test | default | winner, by seed | winner − default, by seed | mean | trials | took | load |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for task, name in SAMPLES:
        files = [kept(task, name, seed, seconds) for seed in range(seeds)]
        found = [json.loads(file.read_text(encoding="utf-8")) for file in files if file.is_file()]
        lines.append(_row(task, name, found) if found else f"| {task}: {name} | not measured yet | | | | | | | |")
    return lines


def kept(task: str, name: str, seed: int, seconds: float) -> Path:
    """Where it stands what a search found."""
    return SEARCHES / f"{task.partition('.')[0]}_{name}_{seed}_{seconds:.0f}s.json"


def search(task: str, name: str, seed: int, seconds: float, folder: Path) -> None:
    """Makes one, and keeps what its table needs of it. Raises InputError where its sample cannot be made."""
    data = api.make_sample(task, name, folder / f"{task}-{name}")
    found = api.search(api.recipe(task, data, seed=seed), folder / f"{task}-{name}-{seed}", Plan(seconds))
    told = {key: found[key] for key in ("sentence", "best", "default", "difference", "improved", "trials", "seconds")}
    SEARCHES.mkdir(exist_ok=True)
    text = json.dumps({"task": task, "sample": name, "seed": seed, "load": os.getloadavg()[1], **told}, indent=2)
    kept(task, name, seed, seconds).write_text(text + "\n", encoding="utf-8")


def _row(task: str, name: str, found: Sequence[dict[str, Any]]) -> str:
    metric = api.task(task).info.metric
    share = 100 if wording.is_share(metric) else 1
    sign = 1 if metric.higher_is_better else -1
    gains = np.array([sign * share * one["difference"]["value"] for one in found])
    each = "; ".join(_difference(one, sign, share) for one in found)
    mean = f"{gains.mean():+.2f}"
    if len(gains) > 1:
        over = Effects.over_seeds(gains).interval()
        mean += f" [{over.low:+.2f}, {over.high:+.2f}]"
    winners = "; ".join(f"{one['best']['strategy']} on {one['best']['model']}" for one in found)
    default = ", ".join(wording.value(metric, one["default"]["value"]) for one in found)
    trials = ", ".join(str(one["trials"]) for one in found)
    took = ", ".join(f"{one['seconds']:.0f} s" for one in found)
    load = ", ".join(f"{one['load']:.1f}" for one in found)
    test = f"{found[0]['difference']['n']}, {metric.title}"
    return f"| {task}: {name} | {test} | {default} | {winners} | {each} | {mean} | {trials} | {took} | {load} |"


def _difference(one: dict[str, Any], sign: int, share: int) -> str:
    d = one["difference"]
    low, high = sorted((sign * share * d["low"], sign * share * d["high"]))
    claimed = " claimed" if one["improved"] else ""
    return f"{sign * share * d['value']:+.2f} [{low:+.2f}, {high:+.2f}]{claimed}"


def of_shuffled(searches: int, folder: Path) -> list[str]:
    """On labels that say nothing: how often the best of many is called better than the default."""
    claimed, ahead, trials = 0, 0, []
    for number in range(searches):
        data = _noise(folder / f"{number}.csv", number)
        recipe = api.recipe(SHUFFLED, data, seed=number, settings={"epochs": 6})
        found = api.search(recipe, folder / f"search-{number}", Plan(60, TRIALS))
        claimed += found["improved"]
        ahead += found["tried"][0]["number"] != 0
        trials.append(found["trials"])
        print(f"{number + 1} of {searches}: {claimed} claimed", flush=True)
    bounds = share_of(claimed / searches, searches)
    return [
        f"{searches} searches on shuffled labels (seeds 0 to {searches - 1}, {EXAMPLES} signals in {CLASSES} classes, "
        f"{min(trials)} to {max(trials)} trials each): an improvement was claimed **{claimed}** times "
        f"({100 * bounds.low:.0f} to {100 * bounds.high:.0f} %, 95 % interval), though in {ahead} some trial was "
        "ahead of the default where it was chosen."
    ]


def _noise(path: Path, seed: int) -> Path:
    """Signals whose classes were drawn without looking at them."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(EXAMPLES) % CLASSES)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*(f"v{n}" for n in range(LENGTH)), "label"])
        for label in labels:
            writer.writerow([*(f"{number:.4f}" for number in rng.normal(size=LENGTH)), f"class {label}"])
    return path


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("samples", "shuffled"))
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--run", action="store_true", help="make the searches that are not there yet")
    parser.add_argument("--only", nargs="*", default=[], help="of these tasks alone")
    parser.add_argument("--searches", type=int, default=20)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    os.environ["HEADSTART_EXTRA_TASKS"] = f"{SHUFFLED}=templates.task.task:Shapes"
    with tempfile.TemporaryDirectory(prefix="search-") as folder:
        if asked.what == "samples":
            for (task, name), seed in itertools.product(SAMPLES if asked.run else (), range(asked.seeds)):
                if (not asked.only or task in asked.only) and not kept(task, name, seed, asked.seconds).is_file():
                    search(task, name, seed, asked.seconds, Path(folder))
            lines = of_samples(asked.seconds, asked.seeds)
        else:
            lines = of_shuffled(asked.searches, Path(folder))
    publish("\n".join(lines), write=asked.write, page=DOC, part=asked.what)


if __name__ == "__main__":
    main()
