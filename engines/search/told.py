"""What a search came to, in sentences. Light: pages and the command line say it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from engines.contract import Metric
from engines.messages import _, _n
from engines.reporting import wording
from engines.search.board import Tried

FASTER = 1.5
"""From which factor on it is said that one of the two took longer."""


def named(row: Mapping[str, Any], but: Mapping[str, Any] | None = None) -> str:
    """'lora on minilm', with its settings; those that are as in `but` are left out."""
    known = {} if but is None else but["settings"]
    own = {name: value for name, value in row["settings"].items() if name not in known or known[name] != value}
    settings = ", ".join(f"{name} {_short(value)}" for name, value in own.items())
    if settings:
        return _("{strategy} on {model} with {settings}", **_of(row), settings=settings)
    return _("{strategy} on {model}", **_of(row))


def line(tried: Tried, metric: Metric | None) -> str:
    """A trial on one line; without its metric numbers are as they are."""
    name = named(dataclasses.asdict(tried))
    if tried.value is None or tried.low is None or tried.high is None:
        return _("  {name}: {why} ({seconds:.1f} s)", name=name, why=tried.why.rstrip("."), seconds=tried.seconds)
    value, low, high = (
        f"{number:.3f}" if metric is None else wording.value(metric, number)
        for number in (tried.value, tried.low, tried.high)
    )
    return _(
        "  {name}: {value} (95 % interval {low} to {high}), {seconds:.1f} s",
        name=name,
        value=value,
        low=low,
        high=high,
        seconds=tried.seconds,
    )


def sentence(found: Mapping[str, Any], metric: Metric) -> str:
    """Why the winner was chosen: 'lora on minilm: +2.1 points over the default (95 % interval -0.4 to +4.8): within
    noise. The default was 3 times as fast.' `found` is the answer of a search."""
    best, default, d = found["best"], found["default"], found["difference"]
    if found["kept_default"]:
        others = _n("one other trial", "{n} other trials", max(0, found["trials"] - 1))
        own = {"named": named(default), "trials": others, "n": found["chosen_on"]}
        if found["confirmed"] is None:
            return _(
                "The default, {named}, stays: none of {trials} was better on the {n:,} examples that choose.", **own
            )
        return _(
            "The default, {named}, stays: the best of {trials} was no further ahead on the {n:,} examples that choose "
            "than the luckiest of equals usually is.",
            **own,
        )
    told = {"named": named(best, default), "signed": _signed(metric, d["value"]), "judged": judged(found, metric)}
    told["interval"] = _(
        "95 % interval {low} to {high}, {n:,} test examples, {seeds}; {better}",
        low=_number(metric, d["low"]),
        high=_number(metric, d["high"]),
        n=d["n"],
        seeds=wording.seeds(d["seeds"]),
        better=wording.direction(metric),
    )
    if metric.higher_is_better:
        said = _("{named}: {signed} over the default ({interval}): {judged}.", **told)
    else:
        said = _("{named}: {signed} against the default ({interval}): {judged}.", **told)
    return " ".join(filter(None, (said, _pace(best, default))))


def judged(found: Mapping[str, Any], metric: Metric) -> str:
    """What may be said of the winner."""
    d = found["difference"]
    low, high = (d["low"], d["high"]) if metric.higher_is_better else (-d["high"], -d["low"])
    if found["improved"]:
        return _("better than the default")
    if low > 0 and found["too_few"]:
        return _("ahead, but {why}", why=found["too_few"])
    if low > 0:
        return _("ahead on the test, but not surely where it was chosen, so nothing is claimed")
    return _("worse than the default") if high < 0 else _("within noise")


def _pace(best: Mapping[str, Any], default: Mapping[str, Any]) -> str:
    ours, theirs = max(best["seconds"], 0.1), max(default["seconds"], 0.1)
    if ours >= FASTER * theirs:
        return _("The default was {times:.1f} times as fast.", times=ours / theirs)
    return _("It was {times:.1f} times as fast as the default.", times=theirs / ours) if theirs >= FASTER * ours else ""


def test_seen(found: Mapping[str, Any]) -> str:
    """How the test was used."""
    return _(
        "{trials} were compared on {chosen:,} examples that choose. The {tested:,} test examples were looked at "
        "once, at the end, by the winner and the default together.",
        trials=_n("one trial", "{n} trials", found["trials"]),
        chosen=found["chosen_on"],
        tested=found["difference"]["n"],
    )


def dropped(found: Mapping[str, Any]) -> str:
    """How many trials did not come to the end, and why; empty where all did."""
    counts = {
        ending: sum(row["ending"] == ending for row in found["tried"]) for ending in ("dropped", "slow", "refused")
    }
    parts = [
        _("{n} dropped early, as others were better after as many passes", n=counts["dropped"]),
        _("{n} too slow for the time", n=counts["slow"]),
        _("{n} refused by the data or the model", n=counts["refused"]),
    ]
    said = [part for part, n in zip(parts, counts.values(), strict=True) if n]
    return _("Not finished: {said}.", said="; ".join(said)) if said else ""


def _of(row: Mapping[str, Any]) -> dict[str, str]:
    return {"strategy": str(row["strategy"]), "model": str(row["model"])}


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _number(metric: Metric, number: float) -> str:
    return f"{number * 100:+.1f}" if wording.is_share(metric) else f"{number:+.3g}"


def _signed(metric: Metric, number: float) -> str:
    own = _number(metric, number)
    return _("{points} points", points=own) if wording.is_share(metric) else f"{own} {metric.title}"
