"""What the command line prints: lines for people, one JSON object for scripts."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from engines import api
from engines.contract import Event, Result, TaskInfo
from engines.messages import _
from engines.reporting import adapting, comparisons, wording
from engines.runs import RunFolder
from engines.search import told
from engines.search.board import Tried


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
            print(
                _("\r{verb} {done:,} of {total:,}", verb=verb, done=done, total=total),
                end="\n" if done == total else "",
                file=sys.stderr,
                flush=True,
            )

    return progress


def echo(event: Event) -> None:
    """Prints a run's event for people as it comes (standard error)."""
    if line := line_of(event):
        print(line, file=sys.stderr, flush=True)


def answered(row: Mapping[str, Any]) -> str:
    """What a model says of one example."""
    if "ds" in row:
        return _(
            "{ds} {value:.6g} ({low:.6g} to {high:.6g})",
            ds=row["ds"],
            value=row["value"],
            low=row["low"],
            high=row["high"],
        )
    sure = f"{row['confidence']:.1%}" if "confidence" in row else ""
    said = filter(None, (row.get("label"), sure, f"({row['note']})" if "note" in row else ""))
    return " ".join(said) if "label" in row else _("left out: {error}", error=row.get("error"))


def what_mattered(row: dict[str, Any]) -> str:
    """Where its picture lies, or the words that added most, or why there is neither."""
    if "tokens" not in row:
        return str(row.get("picture") or row["error"])
    ranked = sorted(zip(row["tokens"], row["scores"], strict=True), key=lambda pair: -abs(pair[1]))
    return f"{row['label']}: " + ", ".join(f"{token} {score:+.2f}" for token, score in ranked[:5])


def ranking(found: Mapping[str, Any]) -> list[str]:
    """The models of an answer of `rank`, a line each; ~ before those that cannot be told apart from the first."""
    by_features = found["by"] == "features"
    lines = [_("     model                        block   score (95 % interval)") + _("   expect") * by_features]
    for row in found["models"]:
        sure = "~" if row["rank"] > 1 and not row["told_apart"] else " "
        depth = _("{depth} of {stages}", depth=row["depth"], stages=row["stages"]) if row["depth"] else ""
        line = f"{row['rank']:>3} {sure} {row['name']:<26} {depth:>8}   "
        line += _("{score:.3f} ({low:.3f} to {high:.3f})", score=row["score"], low=row["low"], high=row["high"])
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
            return _("note: {message}", message=data["message"])
        case "trial":
            return told.line(Tried.of(data), None)
        case "progress" if data["done"] == data["total"] or data.get("phase") == "comparing":
            rate = _(", {rate:,} a second", rate=data["rate"]) if "rate" in data else ""
            return _(
                "  {done:,} of {total:,} {unit}{rate}",
                done=data["done"],
                total=data["total"],
                unit=data["unit"],
                rate=rate,
            )
        case "epoch" if data["epoch"] % max(1, data["epochs"] // 12) == 0:
            checked = (
                _(", validation loss {validation_loss:.4f}", validation_loss=data["validation_loss"])
                if "validation_loss" in data
                else ""
            )
            rate = f"{data['rate']:,.0f} {data['unit']}/s"
            return _(
                "  epoch {epoch}/{epochs}: loss {train_loss:.4f}{checked}, {rate}",
                epoch=data["epoch"],
                epochs=data["epochs"],
                train_loss=data["train_loss"],
                checked=checked,
                rate=rate,
            )
    return None


def about_target(found: Mapping[str, Any], info: TaskInfo) -> list[str]:
    """What `check` says of data of a new domain, a line each."""
    lines = [
        _(
            "new domain: {n:,} {unit}; {title}. {why}",
            n=found["n"],
            unit=info.unit,
            title=found["title"],
            why=found["why"],
        ),
        *found["notes"],
    ]
    return [
        *lines,
        *(_("left out: {where} {reason}", where=entry["where"], reason=entry["reason"]) for entry in found["skipped"]),
    ]


def summary(result: Result) -> str:
    interval = _("(95 % interval {low:.3f} to {high:.3f})", low=result.low, high=result.high)
    folds = _(" in {folds} folds", folds=result.details["folds"]) if result.details.get("folds") else ""
    rests_on = _(
        "on {n_test:,} test examples{folds}, {seconds:.0f} s", n_test=result.n_test, folds=folds, seconds=result.seconds
    )
    lines = [f"{result.metric} {result.value:.3f} {interval} {rests_on}"]
    lines += [
        _(
            "  baseline {name}: {value:.3f}{on_some}",
            name=name,
            value=value,
            on_some=wording.on_some(result.baseline_details.get(name)),
        )
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
        within, error = _("within it") if found.within else _("outside it"), found.expected_error
        lines.append(
            _(
                "Foretold {expected:.3f} ± {error:.3f}; it came to {value:.3f}, {within}.",
                expected=found.expected,
                error=error,
                value=found.value,
                within=within,
            )
        )
        if found.gain is not None and found.measured_gain is not None:
            gain = f"{found.gain:+.3f} ± {found.gain_error:.3f}"
            lines.append(
                _("Gain foretold {gain}; measured {measured_gain:+.3f}.", gain=gain, measured_gain=found.measured_gain)
            )
        cost = result.details.get("cost") or {}
        if cost.get("said"):
            lines.append(_("Said to take {said:.0f} s; it took {took:.0f} s.", said=cost["said"], took=cost["took"]))
    return lines
