"""What continued pretraining gains: masked words of unlabelled texts before anything is learnt from labels.

    python benchmarks/masked_words.py [--texts 1000] [--passes 1] [--seeds 3] [--downloads DIR] [--gains FILE]
        [--told] [--write]

The film and product reviews that come with Headstart, and of each so many other snippets of their source (the source
archive of vaderSentiment 0.5) without their ratings. `text.sentiment` as the product runs it: all-MiniLM-L6-v2, a head
alone on 20, 60 and 160 labels, and all of it on 160; with `masked_words` and without, the same seeds, labels and test
(300 texts). Seeds draw the labels, the masks and the order. Intervals are the house's own, over test texts and seeds.
Nothing was chosen by these numbers.
"""

from __future__ import annotations

import csv
import html
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.performance_page import ROOT, parser, publish, table
from engines import api, registry
from engines.contract import Strategy
from engines.evidence.ranking import Aside
from engines.evidence.scores import Accuracies
from engines.text.duplicates import group_of
from scripts.elmo_corpus import VADER, fetched, vader_rows

TASK = "text.sentiment"
PAGE = ROOT / "docs/few_labels/pretraining.md"
DOMAINS = {"films": "movieReviewSnippets", "products": "amazonReviewSnippets"}
TRIALS = ((Strategy.FEATURES, 20), (Strategy.FEATURES, 60), (Strategy.FEATURES, 160), (Strategy.FULL, 160))


def with_others(name: str, downloads: Path, folder: Path, n: int) -> Path:
    """The sample, and below it `n` other texts of its source without a class."""
    with api.make_sample(TASK, name, folder / "samples").open(encoding="utf-8", newline="") as file:
        (header, *rows) = csv.reader(file, delimiter="\t")
    known = {group_of(row[0]) for row in rows}
    source = dict(vader_rows(fetched(downloads, VADER, "--no-binary", ":all:")))[DOMAINS[name]]
    texts = [" ".join(html.unescape(text).split()) for _, text in source]
    others = [text for text in dict.fromkeys(texts) if text and group_of(text) not in known]
    chosen = np.random.default_rng(0).permutation(len(others))[:n]
    part = header.index("split")
    rows += [[others[i], *("train" if at == part else "" for at in range(1, len(header)))] for i in chosen]
    path = folder / f"{name}.tsv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter="\t").writerows([header, *rows])
    return path


def measured(name: str, data: Path, strategy: Strategy, seed: int, passes: int, folder: Path) -> list[dict[str, Any]]:
    """A row a trial: which test texts were named rightly, with it and without."""
    studies = []
    for own in (0, passes):
        recipe = api.recipe(TASK, data, strategy=strategy, seed=seed, settings={"masked_words": own})
        studies.append(registry.task(TASK).open(recipe, Aside(folder / f"{name} {seed} {own}")))
    found: list[dict[str, Any]] = []
    for budget in [budget for own, budget in TRIALS if own is strategy]:
        row: dict[str, Any] = {"domain": name, "seed": seed, "strategy": str(strategy), "labels": budget}
        for how, study in zip(("without", "with"), studies, strict=True):
            aside = Aside(folder / f"{name} {seed} {strategy} {budget} {how}")
            scores = study.trial(strategy, seed=seed, run=aside, budget=budget).scores
            assert isinstance(scores, Accuracies)
            row |= {how: scores.outcomes[0].tolist(), "truth": scores.labels.tolist()}
            row["texts"] = study.reads_on and len(study.reads_on.texts)  # type: ignore[attr-defined]
            print(name, seed, strategy, budget, how, round(scores.estimate().value, 3), file=sys.stderr, flush=True)
        found.append(row)
    return found


def told(rows: list[dict[str, Any]], passes: int) -> str:
    lines = []
    for name in DOMAINS:
        for strategy, labels in TRIALS:
            own = [r for r in rows if (r["domain"], r["strategy"], r["labels"]) == (name, str(strategy), labels)]
            if not own:
                continue
            before, after = (
                Accuracies(np.array(own[0]["truth"]), [np.array(row[how]) for row in own])
                for how in ("without", "with")
            )
            gain = after.minus(before)
            between = "{:+.1f} ({:+.1f} to {:+.1f})".format(*(100 * x for x in (gain.value, gain.low, gain.high)))
            way = "a head alone" if strategy is Strategy.FEATURES else "all of the network"
            estimates = [f"{scores.estimate().value:.3f}" for scores in (before, after)]
            lines.append((name, str(own[0]["texts"]), way, str(labels), str(len(own)), *estimates, between))
    head = ("reviews", "texts read", "what learns", "labels", "seeds", "without", "with", "points (95 % interval)")
    said = f"Balanced accuracy on 300 test texts; passes over the texts that are read: {passes}."
    return f"{said}\n\n{table(head, lines)}"


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--texts", type=int, default=1000)
    arguments.add_argument("--passes", type=int, default=1)
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--downloads", type=Path, help="folder with the package, or for it")
    arguments.add_argument("--gains", type=Path, help="a JSON file in which what is finished is kept")
    arguments.add_argument("--told", action="store_true", help="measure nothing: tell what that file holds")
    given = arguments.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    rows: list[dict[str, Any]] = []
    if given.gains and given.gains.is_file():
        rows = json.loads(given.gains.read_text(encoding="utf-8"))
    done = {(row["domain"], row["seed"], row["strategy"]) for row in rows}
    strategies = dict.fromkeys(strategy for strategy, _ in TRIALS)
    wanted = [(name, seed, how) for how in strategies for seed in range(given.seeds) for name in DOMAINS]
    wanted = [] if given.told else [one for one in wanted if one not in done]
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["HEADSTART_HOME"] = f"{scratch}/home"
        downloads = given.downloads or Path(scratch, "downloads")
        downloads.mkdir(parents=True, exist_ok=True)
        data = {name: with_others(name, downloads, Path(scratch), given.texts) for name in DOMAINS if wanted}
        for name, seed, strategy in wanted:
            rows += measured(name, data[name], strategy, seed, given.passes, Path(scratch))
            if given.gains:
                given.gains.write_text(json.dumps(rows), encoding="utf-8")
    publish(told(rows, given.passes), write=given.write, page=PAGE)


if __name__ == "__main__":
    main()
