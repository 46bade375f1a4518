"""Which method adapts, decided by the task and the number of targets alone, before anything is seen of them. Light."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engines.contract import InputError, Problem, setting
from engines.messages import _, told

RULE = "rule"
NONE = "none"
FEWEST = 30
MOST = 2000
"""Targets that are used; of more, so many are drawn by the seed."""
MEASURED = Path(__file__).with_name("measured.json")
"""What the methods gained and lost, by task: benchmarks/adaptation.py writes it."""


@dataclass(frozen=True)
class Method:
    """A way to adapt."""

    name: str
    title: str
    does: str
    """In one sentence."""
    least: int
    """Targets below which it is refused."""
    experimental: bool = False
    norms: bool = False
    """Whether it changes a network's batch norms, and needs some."""
    writes: bool = False
    """Whether it is for a model that writes, rather than one that tells classes apart."""


METHODS = {
    method.name: method
    for method in (
        Method(
            "self-training",
            "Self-training",
            _(
                "The new domain is scaled halfway to one of its own, and the head is fitted anew: on the "
                "labelled data and on the surer half of its own answers there (Lee 2013)."
            ),
            FEWEST,
        ),
        Method(
            "t3a",
            "T3A",
            _("Each class becomes the mean of what the model is surest of in the new domain (Iwasawa & Matsuo 2021)."),
            FEWEST,
        ),
        Method(
            "label-prior",
            _("Label prior"),
            _(
                "How often each class occurs in the new domain is estimated from the answers, and the answers "
                "follow it (Saerens et al. 2002)."
            ),
            FEWEST,
            experimental=True,
        ),
        Method(
            "coral",
            "CORAL",
            _(
                "The features of the labelled data are given the mean and covariance of the new domain, and the "
                "head is fitted anew (Sun et al. 2016)."
            ),
            FEWEST,
            experimental=True,
        ),
        Method(
            "adabn",
            "AdaBN",
            _("Batch norms take the statistics of the new domain (Li et al. 2017)."),
            FEWEST,
            experimental=True,
            norms=True,
        ),
        Method(
            "tent",
            "TENT",
            _("As AdaBN, and then the batch norms learn to be sure of their answers (Wang et al. 2021)."),
            FEWEST,
            experimental=True,
            norms=True,
        ),
        Method(
            "pseudo-labels",
            _("Pseudo-labels"),
            _(
                "The model writes down the new domain itself, and learns from the half of it that it is surest of, "
                "beside the labelled data (Kahn et al. 2020)."
            ),
            FEWEST,
            experimental=True,
            writes=True,
        ),
    )
}


def adapt_setting(*, writes: bool = False) -> str:
    """The setting by which a person chooses otherwise than the rule; `writes` as of `Method`."""
    return setting(
        RULE,
        _("With a target, how the model is adapted to it; by default a rule that was fixed before anything was seen"),
        title=_("Adapt to the new domain by"),
        group="data",
        choices=(RULE, NONE, *(name for name, method in METHODS.items() if method.writes == writes)),
    )


@dataclass(frozen=True)
class Choice:
    """The method of a run, and why that one."""

    method: str
    """A name in METHODS, or 'none'."""
    why: str
    """A sentence."""

    @property
    def title(self) -> str:
        return told(METHODS)[self.method].title if self.method in METHODS else _("No adaptation")


def choose(asked: str, n: int, by_rule: tuple[str, ...], unit: str) -> Choice:
    """The method for `n` targets: the one that was asked for, or the first of the task's (`TaskInfo.adapts_by`) that
    has enough of them. Raises InputError where there are too few for the one that was asked for."""
    if asked == NONE:
        return Choice(NONE, _("You asked for none: the model stays as it learnt."))
    if asked != RULE:
        method = told(METHODS)[asked]
        if n < method.least:
            others = [
                name
                for name, other in told(METHODS).items()
                if other.least <= n and not other.experimental and other.writes == method.writes
            ]
            accepted = _(
                "accepted: {least} {unit} or more, or adapt={value}",
                least=method.least,
                unit=unit,
                value=_(" or adapt=").join([*others, NONE]),
            )
            raise InputError(
                Problem("--target", _("{n} {unit}, too few for {title}", n=n, unit=unit, title=method.title), accepted)
            )
        return Choice(asked, _("You asked for it."))
    for name in by_rule:
        if n >= told(METHODS)[name].least:
            return Choice(
                name,
                _(
                    "By a rule fixed before: what did best on {unit}, from {least} of them.",
                    unit=unit,
                    least=told(METHODS)[name].least,
                ),
            )
    if not by_rule:
        why = _("By a rule fixed before: on {unit}, no method gained for sure in what was measured.", unit=unit)
        return Choice(NONE, why)
    least = min(told(METHODS)[name].least for name in by_rule)
    why = _(
        "Only {n} {unit} in the new domain: it takes {least} to adapt to it, so the model stays as it learnt.",
        n=n,
        unit=unit,
        least=least,
    )
    return Choice(NONE, why)


def require_none(asked: str) -> None:
    """Raises InputError where a method is asked for and there is no target."""
    if asked not in {RULE, NONE}:
        found, accepted = _("there is no target to adapt to"), _("accepted: with --target")
        raise InputError(Problem(_("setting adapt"), found, accepted))


@functools.cache
def measured(task: str) -> dict[str, Any]:
    """What the benchmark found of a task: 'shifts', 'seeds', 'methods' (name -> mean, low, high and worst gain, as
    shares), 'estimate' (the mean and worst error of the estimated accuracy; not of a model that writes) and 'errors',
    where gains are changes of an error rate; empty where it was not measured."""
    if not MEASURED.is_file():
        return {}
    found: dict[str, Any] = json.loads(MEASURED.read_text(encoding="utf-8")).get(task, {})
    return found


def record(task: str, method: str) -> str:
    """What a method came to in what was measured of a task, as a sentence; '' where nothing was."""
    known = measured(task)
    found = known.get("methods", {}).get(method)
    if not found:
        return ""
    title = told(METHODS)[method].title
    mean, low, high, worst = (100 * found[name] for name in ("mean", "low", "high", "worst"))
    if known.get("errors"):
        return _(
            "{title} in {shifts} measured shifts: {mean:+.1f} points of error rate on average (95 % interval "
            "{low:+.1f} to {high:+.1f}; fewer is better), {worst:+.1f} at worst.",
            title=title,
            shifts=known["shifts"],
            mean=mean,
            low=low,
            high=high,
            worst=worst,
        )
    return _(
        "{title} in {shifts} measured shifts: {mean:+.1f} points on average (95 % interval "
        "{low:+.1f} to {high:+.1f}), {worst:+.1f} at worst.",
        title=title,
        shifts=known["shifts"],
        mean=mean,
        low=low,
        high=high,
        worst=worst,
    )
