"""What the command line prints: lines for people, one JSON object for scripts."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from engines import api
from engines.contract import Event, Result, TaskInfo
from engines.reporting import adapting, comparisons, wording
from engines.runs import RunFolder


def say(line: str, as_json: bool) -> None:
    """A line for people: with --json standard output is for the object alone."""
    print(line, file=sys.stderr if as_json else sys.stdout)


def answer(found: Mapping[str, Any], as_json: bool) -> None:
    """The one JSON object that scripts read, as the last line."""
    if as_json:
        print(json.dumps(found, ensure_ascii=False))


def bar(verb: str) -> Callable[[int, int], None]:
    def progress(done: int, total: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{verb} {done:,} of {total:,}", end="\n" if done == total else "", file=sys.stderr, flush=True)

    return progress


def echo(event: Event) -> None:
    """Prints a run's event for people as it comes (standard error)."""
    if line := line_of(event):
        print(line, file=sys.stderr, flush=True)


def answered(row: Mapping[str, Any]) -> str:
    """What a model says of one example."""
    if "ds" in row:
        return f"{row['ds']} {row['value']:.6g} ({row['low']:.6g} to {row['high']:.6g})"
    sure = f"{row['confidence']:.1%}" if "confidence" in row else ""
    said = filter(None, (row.get("label"), sure, f"({row['note']})" if "note" in row else ""))
    return " ".join(said) if "label" in row else f"left out: {row.get('error')}"


def what_mattered(row: dict[str, Any]) -> str:
    """Where its picture lies, or the words that added most, or why there is neither."""
    if "tokens" not in row:
        return str(row.get("picture") or row["error"])
    ranked = sorted(zip(row["tokens"], row["scores"], strict=True), key=lambda pair: -abs(pair[1]))
    return f"{row['label']}: " + ", ".join(f"{token} {score:+.2f}" for token, score in ranked[:5])


def ranking(found: Mapping[str, Any]) -> list[str]:
    """The models of an answer of `rank`, a line each; ~ before those that cannot be told apart from the first."""
    by_features = found["by"] == "features"
    lines = ["     model                        block   score (95 % interval)" + "   expect" * by_features]
    for row in found["models"]:
        sure = "~" if row["rank"] > 1 and not row["told_apart"] else " "
        depth = f"{row['depth']} of {row['stages']}" if row["depth"] else ""
        line = f"{row['rank']:>3} {sure} {row['name']:<26} {depth:>8}   "
        line += f"{row['score']:.3f} ({row['low']:.3f} to {row['high']:.3f})"
        expected = row.get("expected")
        lines.append(line + (f"   {expected['value']:.2f} ± {expected['error']:.2f}" if expected else ""))
    return lines


def line_of(event: Event) -> str | None:
    """One line with units for an event a person would want to read, else None."""
    data = event.data
    match event.kind:
        case "phase":
            return f"{data['title']} …"
        case "note":
            return f"note: {data['message']}"
        case "progress" if data["done"] == data["total"] or data.get("phase") == "comparing":
            rate = f", {data['rate']:,} a second" if "rate" in data else ""
            return f"  {data['done']:,} of {data['total']:,} {data['unit']}{rate}"
        case "epoch" if data["epoch"] % max(1, data["epochs"] // 12) == 0:
            checked = f", validation loss {data['validation_loss']:.4f}" if "validation_loss" in data else ""
            rate = f"{data['rate']:,.0f} {data['unit']}/s"
            return f"  epoch {data['epoch']}/{data['epochs']}: loss {data['train_loss']:.4f}{checked}, {rate}"
    return None


def about_target(found: Mapping[str, Any], info: TaskInfo) -> list[str]:
    """What `check` says of data of a new domain, a line each."""
    lines = [f"new domain: {found['n']:,} {info.unit}; {found['title']}. {found['why']}", *found["notes"]]
    return [*lines, *(f"left out: {entry['where']} {entry['reason']}" for entry in found["skipped"])]


def summary(result: Result) -> str:
    interval = f"(95 % interval {result.low:.3f} to {result.high:.3f})"
    folds = f" in {result.details['folds']} folds" if result.details.get("folds") else ""
    rests_on = f"on {result.n_test:,} test examples{folds}, {result.seconds:.0f} s"
    lines = [f"{result.metric} {result.value:.3f} {interval} {rests_on}"]
    lines += [
        f"  baseline {name}: {value:.3f}{wording.on_some(result.baseline_details.get(name))}"
        for name, value in result.baselines.items()
    ]
    metric = api.task(result.task).info.metric
    lines += [f"  {wording.sentence(verdict, metric, result.strategy)}" for verdict in comparisons.told(result)]
    lines += [f"  {line}" for line in adapting.sentences(result, metric)]
    return "\n".join(lines)


def grade(run: Path, result: Result) -> list[str]:
    """What was foretold of a run, beside what came; nothing where nothing was."""
    from engines.evidence import graded

    lines = []
    if found := graded.graded(RunFolder(run)):
        within, error = "within it" if found.within else "outside it", found.expected_error
        lines.append(f"Foretold {found.expected:.3f} ± {error:.3f}; it came to {found.value:.3f}, {within}.")
        if found.gain is not None and found.measured_gain is not None:
            gain = f"{found.gain:+.3f} ± {found.gain_error:.3f}"
            lines.append(f"Gain foretold {gain}; measured {found.measured_gain:+.3f}.")
        cost = result.details.get("cost") or {}
        if cost.get("said"):
            lines.append(f"Said to take {cost['said']:.0f} s; it took {cost['took']:.0f} s.")
    return lines
