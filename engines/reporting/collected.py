"""Every comparison that runs made, as lines of one table: the page Evidence draws them, docs/evidence.md lists them.

Light: it reads result.json and comparison.json of each.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

from engines.contract import Estimate, Metric, Recipe, Result, TaskInfo, Verdict
from engines.messages import _
from engines.reporting import comparisons, wording
from engines.runs import RunFolder

WORDS = ("pays", "hurts", "no_difference", "undecided")
"""What a comparison of ways of training may come to."""


@dataclass(frozen=True)
class Line:
    """One thing against another, on one test."""

    run: str
    """The id of the run's folder."""
    title: str
    domain: str
    task: str
    metric: Metric
    strategy: str
    verdict: Verdict

    @property
    def word(self) -> str:
        """One of WORDS; 'two networks' where one seed each was compared."""
        return self.verdict.verdict or "two networks"

    @property
    def of_training(self) -> bool:
        """Whether it is about ways of training, and not only about two networks that came of them."""
        return self.verdict.scope == "training"

    @property
    def shows(self) -> str:
        """The smallest difference that a test like this one shows, in words; '–' where that is not known."""
        smallest = self.verdict.smallest
        return wording.amount(self.metric, smallest) if math.isfinite(smallest) else "–"

    @property
    def difference(self) -> tuple[str, str]:
        """The difference and its interval in words: ('+37.0 points', '+24.6 to +54.7')."""
        d, share = self.verdict.difference, wording.is_share(self.metric)
        value, low, high = (
            f"{number * 100:+.1f}" if share else format(number, "+,.0f" if abs(number) >= 1000 else "+.3g")
            for number in (d.value, d.low, d.high)
        )
        return (_("{value} points", value=value) if share else value), _("{low} to {high}", low=low, high=high)


def lines(run: RunFolder, info: TaskInfo) -> list[Line]:
    """What a run was compared with, the verdict that matters most first; nothing where it is not done."""
    recipe, result, comparison = run.recipe, run.result, run.comparison
    found = of_result(result, recipe, info) if result else []
    return found + ([_line(of_comparison(comparison), run.id, recipe, info)] if comparison else [])


def of_result(result: Result, recipe: Recipe, info: TaskInfo) -> list[Line]:
    """The run against each of its baselines that was measured with an interval."""
    found = comparisons.told(result)
    said = {verdict.against for verdict in found}
    others = (comparisons.against(result, name) for name in result.baselines if name not in said)
    found += [verdict for verdict in others if verdict is not None]
    return [_line(verdict, result.run, recipe, info) for verdict in found]


def _line(verdict: Verdict, run: str, recipe: Recipe, info: TaskInfo) -> Line:
    title = recipe.title or f"{recipe.model}, {recipe.strategy}"
    return Line(run, title, info.domain, info.name, info.metric, str(recipe.strategy), verdict)


def of_comparison(found: dict[str, Any]) -> Verdict:
    """The verdict in comparison.json (see `evidence.learning_curve.answer`)."""
    own = {field.name: found[field.name] for field in fields(Verdict) if field.name in found}
    flat = {field.name: found[field.name] for field in fields(Estimate) if field.name in found}  # as before 0.3
    return Verdict.read({"difference": flat, **own})


def spread(found: Iterable[Line]) -> dict[str, int]:
    """How often each word was said, those that never were too."""
    said = [line.word for line in found]
    return {word: said.count(word) for word in (*WORDS, "two networks")}
