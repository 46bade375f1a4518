"""Are data read as they were meant, however they are written down? Over some 240 variations whose truth is known.

    python benchmarks/reading.py [--seed 0] [--only forecasting] [--json FILE]

Each variation (benchmarks/reading_variations.py) holds the same examples as the plain one of its task, which is read
first. `check` reads it; its hash over all examples and its parts are compared with the plain one's:

    right      the same examples in the same parts, and nothing was asked
    asked      a question, naming the setting that answers it
    refused    a sentence, and nothing to answer
    misread    other examples or other parts, and no question: where nothing said so, in silence

Aims: no misreading in silence; 95 % of what is not ambiguous right without asking; at most 2 % of it refused.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.reading_variations import Variation, variations, write
from engines import api
from engines.contract import DataReport, InputError

OUTCOMES = ("right", "asked", "refused", "misread")


@dataclass(frozen=True)
class Outcome:
    """How one variation was read."""

    variation: Variation
    outcome: str
    said: str = ""


def read(variation: Variation, folder: Path) -> DataReport:
    """What `check` finds. Raises InputError."""
    return api.check(variation.task, write(variation, folder), settings=dict(variation.settings))


def judge(every: Iterable[Variation], folder: Path) -> list[Outcome]:
    """Reads them all; the first of each task and truth is what the others are held against."""
    plain: dict[tuple[str, str], DataReport] = {}
    found = []
    for number, variation in enumerate(every):
        key = (variation.task, variation.truth)
        try:
            report = read(variation, folder / f"{number:03d}")
        except InputError as error:
            asks = any(problem.where.startswith("setting ") for problem in error.problems)
            found.append(Outcome(variation, "asked" if asks else "refused", str(error)))
            continue
        truth = plain.setdefault(key, report)
        found.append(Outcome(variation, *_compared(report, truth, variation.truth.endswith("parts"))))
    return found


def _compared(report: DataReport, truth: DataReport, parts: bool) -> tuple[str, str]:
    if report.sha256 != truth.sha256:
        said = "; ".join([f"{report.n_examples} examples, classes {list(report.classes)[:5]}", *report.notes[:4]])
        return "misread", said
    if parts and report.splits["test"] != truth.splits["test"]:
        return "misread", f"parts {report.splits}, not {truth.splits}"
    return "right", ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="the beginning of a task's name")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    every = [v for v in variations(asked.seed) if v.task.startswith(asked.only)]
    with tempfile.TemporaryDirectory() as folder:
        found = judge(every, Path(folder))
    for one in found:
        if one.outcome != "right":
            mark = " (ambiguous)" if one.variation.ambiguous else ""
            print(f"{one.outcome:<8} {one.variation.task}: {one.variation.what}{mark}\n         {one.said[:300]}")
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for one in found:
        counts[one.variation.task + (", ambiguous" if one.variation.ambiguous else "")][one.outcome] += 1
    print(f"\n{'task':<36}" + "".join(f"{outcome:>9}" for outcome in OUTCOMES))
    for task, own in sorted(counts.items()):
        print(f"{task:<36}" + "".join(f"{own[outcome]:>9}" for outcome in OUTCOMES))
    if asked.json:
        rows = [{"task": o.variation.task, "what": o.variation.what, "outcome": o.outcome} for o in found]
        asked.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
