"""What a comparison says, in sentences: looks while it goes on, what it rests on, and how to repeat it."""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Sequence
from typing import Any

from engines.contract import Estimate, Metric, Recipe, Side, TaskInfo
from engines.contract.recipe import QUOTING
from engines.messages import _, told
from engines.reporting import wording
from ui.comparisons.figures import Course, held
from ui.comparisons.found import Arm, Asked, Point
from ui.page import words

DECIDED: dict[Side, str] = {
    "better": _("That decides it: no further seed is needed."),
    "worse": _("That decides it: no further seed is needed."),
    "close": _("They are about as good: no further seed is needed."),
}
FINE = 0.1  # a narrower interval is told to a tenth of a point
NO_COURSES = _("Nothing was validated while it learnt, so there is no curve to compare.")


def look(metric: Metric, data: dict[str, Any], most: int) -> str:
    """'After 3 seeds: +8 points, between +1 and +15. Not decided yet: another seed follows, up to 5.'"""
    d, seeds = data["difference"], int(data["seeds"])
    value, low, high = _signed(metric, d)
    said = _(
        "After {seeds} seeds: {value}{points}, between {low} and {high}.",
        seeds=seeds,
        value=value,
        points=_(" points") * wording.is_share(metric),
        low=low,
        high=high,
    )
    if decided := told(DECIDED).get(data["side"]):
        return f"{said} {decided}"
    return (
        _("{said} Not decided yet: another seed follows, up to {most}.", said=said, most=most)
        if seeds < most
        else _("{said} Not decided.", said=said)
    )


def _signed(metric: Metric, d: dict[str, Any]) -> tuple[str, str, str]:
    """Value, low and high of a difference, to as many digits as its interval tells: '+8', '+1', '+15'."""
    form = ".0f" if d["high"] - d["low"] >= FINE else ".1f"

    def said(name: str) -> str:
        return words.signed(100 * d[name], form) if wording.is_share(metric) else words.difference(metric, d[name])

    return said("value"), said("low"), said("high")


def rests_on(metric: Metric, found: dict[str, Any]) -> str:
    """'98.3 % interval +1 to +15 points, higher is better · 62 test examples, 3 seeds of at most 5, which decided it
    · …', and the smallest difference that such a comparison shows."""
    d = Estimate(**found["difference"])
    _unused, low, high = _signed(metric, found["difference"])
    stopped = _(", which decided it") if found.get("stopped_early") else ""
    asked = found.get("seeds_asked") or d.seeds
    of = (
        _("{seeds} of at most {asked}", seeds=wording.seeds(d.seeds), asked=asked)
        if asked > d.seeds
        else wording.seeds(d.seeds)
    )
    interval = _("{low} to {high}{points}", low=low, high=high, points=_(" points") * wording.is_share(metric))
    parts = [
        _(
            "{level:.3g} % interval {interval}, {direction}",
            level=100 * found["level"],
            interval=interval,
            direction=wording.direction(metric),
        )
    ]
    parts.append(_("{n:,} test examples, {of}{stopped}", n=d.n, of=of, stopped=stopped))
    if found["side"] != "unclear":  # else it is said above
        parts.append(
            _(
                "such a comparison shows differences from about {amount}",
                amount=wording.amount(metric, found["smallest"]),
            )
        )
    return " · ".join(parts)


def convergence(metric: Metric, arms: Sequence[Arm], courses: Sequence[Course]) -> str:
    """How far each arm was after its first epoch, and where it was best: a picture of the validation examples."""
    said = []
    for arm in arms:
        own = [course for course in courses if course["strategy"] == arm.name and course["values"]]
        if own:
            epochs, means, _unused, _unused2 = held(own)
            best = (max if metric.higher_is_better else min)(range(len(means)), key=means.__getitem__)
            first, most = (words.metric(metric, means[place]) for place in (0, best))
            said.append(
                _(
                    "{title}: {first} after epoch {epochs:,}, best {most} at epoch {best:,}",
                    title=arm.title,
                    first=first,
                    epochs=epochs[0],
                    most=most,
                    best=epochs[best],
                )
            )
    if not said:
        return told(NO_COURSES)
    text = "; ".join(said)
    return _(
        "{text}{text2}. Validation examples, means over seeds: a picture, not a verdict.",
        text=text[0].upper(),
        text2=text[1:],
    )


def saved(what: str, text: str) -> str:
    """'**Labels saved:** about 40 photographs …', from a sentence of comparison.json."""
    return f"**{what}:** {words.plain(text[:1].lower())}{words.plain(text[1:])}"


def command(recipe: Recipe, asked: Asked, points: Sequence[Point]) -> str:
    """The line that repeats it, without where the data lie: that is the key to an upload."""
    budgets = asked.budgets or tuple(sorted({int(point["budget"]) for point in points}))
    settings = {name: value for name, value in recipe.settings.items() if name not in QUOTING}
    line = ["python", "-m", "engines", "compare", recipe.task, "--data", "YOUR_DATA"]
    line += ["--test", "YOUR_TEST_DATA"] if recipe.test else []
    line += ["--model", recipe.model, "--strategy", str(recipe.strategy)]
    line += ["--budgets", ",".join(map(str, budgets))] if budgets else []
    line += ["--seeds", str(asked.seeds), "--seed", str(recipe.seed)]
    line += [word for name, value in sorted(settings.items()) for word in ("--set", f"{name}={value}")]
    return _("{line} --out comparison", line=shlex.join(line))


def by_budget(info: TaskInfo, arms: Sequence[Arm], points: Sequence[Point], unit: str) -> list[dict[str, Any]]:
    """A row a budget, a column an arm: the mean with its interval."""
    rows = []
    for budget in sorted({point["budget"] for point in points}):
        own = {point["strategy"]: point for point in points if point["budget"] == budget}
        cells = {arm.title: _cell(info.metric, own[arm.name]) for arm in arms if arm.name in own}
        rows.append({unit: budget, **cells})
    return rows


def _cell(metric: Metric, point: Point) -> str:
    """Narrow enough to stand beside a plot: '70 % (63 – 76)'."""
    value = words.metric(metric, point["mean"], 0)
    if point.get("low") is None:
        return f"{value} ({wording.seeds(point['seeds'])})"
    if wording.is_share(metric):
        return f"{value} ({100 * point['low']:.0f} – {100 * point['high']:.0f})"
    return f"{value} ({words.interval(metric, point['low'], point['high'])})"


def seconds(arms: Sequence[Arm], points: Sequence[Point], unit: str) -> list[dict[str, Any]]:
    """A row a budget, a column an arm: how long one training took."""
    rows = []
    for budget in sorted({point["budget"] for point in points}):
        own = {p["strategy"]: p["seconds"] for p in points if p["budget"] == budget and p.get("seconds")}
        rows.append({unit: budget, **{a.title: words.duration(own[a.name]) for a in arms if a.name in own}})
    return rows


def as_csv(info: TaskInfo, arms: Sequence[Arm], points: Sequence[Point], unit: str) -> str:
    """All points as they are, a row a budget and arm; `values` has one number a seed."""
    titles = {arm.name: arm.title for arm in arms}
    columns = ["budget", "unit", "strategy", "called", "metric", "mean", "low", "high", "seeds", "values", "seconds"]
    text = io.StringIO()
    table = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    table.writeheader()
    for point in points:
        named = {"unit": unit, "called": titles[point["strategy"]], "metric": info.metric.name}
        table.writerow({**point, **named, "values": " ".join(map(str, point["values"]))})
    return text.getvalue()
