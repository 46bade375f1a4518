"""What transfer was worth on the samples of every domain, whatever that is: the table of docs/evidence.md.

    python benchmarks/evidence.py [--run] [--only NAME …] [--seeds 5] [--keep DIR] [--write]

Reads what the recorded runs of the showcase were compared with, and the comparisons in benchmarks/comparisons.
`--run` first makes those that are not there yet: samples of each domain by the task's usual model and strategy against
its rival, on all there is to learn from, over up to `--seeds`: a comparison ends when it is decided. The folders are
kept in `--keep`, so that a stopped one goes on. `--write` puts the tables into docs/evidence.md.

A word that was never said is named, with the test that it would take.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.performance_page import ROOT, parser, publish, table
from engines import api, paths, registry
from engines.evidence.verdict import POINTS, needed
from engines.reporting import collected, wording
from engines.reporting.collected import Line
from engines.runs import RunFolder

PAGE = ROOT / "docs/evidence.md"
COMPARISONS = ROOT / "benchmarks/comparisons"
HEADS = ("domain", "sample", "against", "difference", "interval", "said", "tested on", "seeds", "shows from")
NETWORKS = (
    "recorded runs: one seed each, or judged before intervals covered seeds. They tell which of two networks"
    " is better, not which way of training is."
)
LEARNT_FROM = 300
"""Labels by which the test that a word would take is reckoned."""


@dataclass(frozen=True)
class Comparison:
    """A comparison that stands for its domain."""

    task: str
    sample: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        return COMPARISONS / f"{self.sample}.json"


RUNS = (
    Comparison("vision.classification", "photographs"),
    Comparison("vision.classification", "digits", {"flip": False}),
    Comparison("text.sentiment", "films"),
    Comparison("text.generation", "conversations"),
    Comparison("speech.transcription", "scottish"),
    Comparison("speech.speaker", "voices"),
    Comparison("forecasting.forecast", "passengers"),
    Comparison("control.policy", "invertedpendulum-long"),
)


def main() -> int:
    given = arguments().parse_args()
    if given.run:
        with kept(given.keep) as folder:
            for comparison in RUNS:
                if not comparison.file.is_file() and (not given.only or comparison.sample in given.only):
                    run(comparison, folder, given.seeds)
    publish(told([*compared(COMPARISONS), *recorded()]), write=given.write, page=PAGE)
    return 0


def arguments() -> argparse.ArgumentParser:
    found = parser(__doc__)
    found.add_argument("--run", action="store_true", help="make the comparisons that are not there yet")
    found.add_argument("--only", nargs="+", default=[], help="of these samples alone")
    found.add_argument("--seeds", type=int, default=5)
    found.add_argument("--keep", type=Path, help="where the runs lie while they go on; a fresh folder by default")
    return found


def kept(folder: Path | None) -> AbstractContextManager[Path | str]:
    return nullcontext(folder) if folder else tempfile.TemporaryDirectory()


def run(comparison: Comparison, folder: Path | str, seeds: int) -> None:
    """Makes one and keeps what it came to, without a word of where it was made."""
    data = registry.task(comparison.task).make_sample(comparison.sample, Path(folder) / "samples" / comparison.sample)
    recipe = api.recipe(comparison.task, data, settings=comparison.settings)
    found = api.compare(recipe, Path(folder) / comparison.sample, [], seeds)
    COMPARISONS.mkdir(exist_ok=True)
    whole = {"sample": comparison.sample, **found}
    comparison.file.write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def compared(folder: Path) -> Iterator[Line]:
    """The comparisons that were made over several seeds."""
    for file in sorted(folder.glob("*.json")):
        found = json.loads(file.read_text(encoding="utf-8"))
        info = registry.task(found["task"]).info
        verdict = collected.of_comparison(found)
        yield Line("", found["sample"], info.domain, info.name, info.metric, found["strategy"], verdict)


def recorded() -> Iterator[Line]:
    """What the runs of the showcase were compared with."""
    for entry in json.loads((paths.showcase() / "index.json").read_text(encoding="utf-8")):
        yield from collected.lines(RunFolder(paths.showcase() / entry["id"]), registry.task(entry["task"]).info)


def told(lines: Iterable[Line]) -> str:
    """Both tables, and what was never said."""
    known = list(lines)
    training, networks = ([line for line in known if line.of_training == kind] for kind in (True, False))
    ways = table(HEADS, [row(line) for line in training]) if training else "None is here yet."
    pairs = table(HEADS, [row(line) for line in networks])
    return "\n\n".join(
        [
            f"### Ways of training\n\nComparisons over several seeds: {len(training)}.\n\n{ways}",
            f"### Two networks\n\n{len(networks)} comparisons of {NETWORKS}\n\n{pairs}",
            f"### What was never said\n\n{never(training)}",
        ]
    )


def row(line: Line) -> tuple[str, ...]:
    value, between = line.difference
    d, verdict = line.verdict.difference, line.verdict
    said = line.word.replace("_", " ") if line.of_training else wording.SAID[verdict.side]
    metric = f"{value} {wording.within(line.metric.title)}, {wording.direction(line.metric)}"
    against = wording.other(verdict)
    return line.domain, line.title, against, metric, between, said, f"{d.n:,}", str(d.seeds), line.shows


def never(training: list[Line]) -> str:
    """Each word that no comparison of ways of training came to, with the test by which it could."""
    said = collected.spread(training)
    missing = [word.replace("_", " ") for word in collected.WORDS if not said[word]]
    if not missing:
        return "Each of the four words was said at least once."
    tests = [f"- over {seeds} seeds: {_test(seeds)}" for seeds in (3, 5, 10, 20)]
    known = f"learnt from {LEARNT_FROM} labels, seeds that differ as usual"
    found = [
        f"Of the comparisons over several seeds ({len(training)}), none came to **{'**, **'.join(missing)}**.",
        f"A difference of {100 * POINTS:.0f} points, the smallest worth having, shows ({known})\n",
        *tests,
    ]
    for line in training:
        if line.verdict.side == "unclear" and (examples := enough(line)) is not None:
            so_far = f"{line.title} was undecided with {line.verdict.difference.n:,} test examples"
            would = f"about {_rounded(examples)} would show {100 * POINTS:.0f} points"
            found.append(f"\n{so_far}; were seeds all alike, {would}.")
    return "\n".join(found)


def _test(seeds: int) -> str:
    examples = needed(POINTS, seeds=seeds, learnt_from=LEARNT_FROM)
    return "with no number of test examples" if examples is None else f"with about {_rounded(examples)} test examples"


def _rounded(examples: int) -> str:
    """To two digits: it is reckoned from what is usual, not measured."""
    return f"{float(f'{examples:.2g}'):,.0f}"


def enough(line: Line) -> int | None:
    """Test examples with which POINTS would show, were everything else the same; None of a metric that is no share.
    A difference's deviation falls with the root of the examples; that of the seeds does not, so it may take more."""
    if not wording.is_share(line.metric) or not math.isfinite(line.verdict.smallest):
        return None
    return math.ceil(line.verdict.difference.n * (line.verdict.smallest / POINTS) ** 2)


if __name__ == "__main__":
    sys.exit(main())
