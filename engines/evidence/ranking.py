"""Which model, and which depth of it, fits somebody's data: asked before anything is trained, on a few examples of the
training part. The test part is never looked at."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from engines import weights
from engines.contract import InputError, ModelCard, Problem, Progress, Recipe, Run, Scores, Study, Task
from engines.evidence.transferability import Sketch, balanced_mean, probe_right, ranked
from engines.messages import _

TRACK_RECORD = Path(__file__).with_name("track_record.json")
"""Written by benchmarks/transferability.py."""
MOST_EXAMPLES = 300
UNPLACED = _(
    "How far your data lie from what it learnt on is not said: that is read off a network's batch "
    "norms, and this one has none, or was not measured on sets to compare with."
)
ENOUGH_SECONDS = 40.0
"""A model that would not have looked at all examples by then is left out: an answer is wanted within a minute."""


class Aside:
    """A `contract.Run` that is none: what a question needs lies in a folder that is soon gone, and of what happens only
    how far it is is told. Whoever has asked may leave: then `progress` raises, at the latest when the work goes on."""

    def __init__(self, path: Path, progress: Progress | None = None, phase: str | None = "ranking"):
        """Only how far it is in that `phase` is told; None for every phase."""
        self.path = path
        self._progress, self._phase = progress, phase
        self._at = 0, 1

    def emit(self, kind: str, **data: Any) -> None:
        """How far it is; nobody reads the rest."""
        if kind == "progress" and self._phase in {None, data["phase"]}:
            self._at = data["done"], data["total"]
            self.check_cancelled()

    def write(self, name: str, text: str) -> Path:
        (self.path / name).parent.mkdir(parents=True, exist_ok=True)
        (self.path / name).write_text(text, encoding="utf-8")
        return self.path / name

    def check_cancelled(self) -> None:
        if self._progress:
            self._progress(*self._at)


@dataclass(frozen=True)
class Candidate:
    """A network as far as one of its stages."""

    model: str
    depth: int
    """Stages that its features have gone through."""
    stages: int
    """Of the whole network."""
    features: np.ndarray
    """float (N, D), of the same examples for all candidates."""

    @property
    def whole(self) -> bool:
        return self.depth == self.stages


def here(task: Task, named: Sequence[str] = ()) -> list[ModelCard]:
    """The models whose weights are on this machine, the cheapest first: those of the catalogue, or those `named`.

    Raises InputError where there is none, and for a named one that is not here.
    """
    cards = [task.describe(name) for name in named] or [card for card in task.models() if weights.find(card)]
    away = [card.name for card in cards if not weights.find(card)]
    if away or not cards:
        what = _("model {away}", away=away[0]) if away else task.info.name
        found = _("its weights are not on this machine") if away else _("no model is on this machine")
        raise InputError(
            Problem(what, found, _("accepted: a model that `models` says is here; `prefetch` brings them"))
        )
    return sorted(cards, key=lambda card: sum(stage.macs for stage in card.stages))


def opened(task: Task, recipe: Recipe, cards: Sequence[ModelCard], run: Run) -> Iterator[tuple[ModelCard, Study]]:
    """Each model with the recipe's data as it reads them; how many are done is told. Raises InputError, Cancelled."""
    for done, card in enumerate(cards):
        run.emit("progress", phase="ranking", done=done, total=len(cards))
        yield card, task.open(replace(recipe, model=card.name), run)
    run.emit("progress", phase="ranking", done=len(cards), total=len(cards))


def some(n: int, most: int, seed: int) -> list[int]:
    """At most so many of n positions, drawn by the seed, ascending."""
    drawn: list[int] = np.sort(np.random.default_rng(seed).permutation(n)[:most]).tolist()
    return drawn


def by_features(
    candidates: Sequence[Candidate],
    random: Callable[[str], Sequence[np.ndarray]],
    labels: np.ndarray,
    groups: np.ndarray,
    *,
    seed: int,
) -> dict[str, Any]:
    """Orders what frozen networks see (see `transferability.ranked`) and says which accuracy and gain to expect.

    `random` is asked for what the first one's network sees with random weights, behind each stage. Answers `models`,
    best first: name, depth, score (the share of the other candidates that it is ahead of, on average over the three
    scores, in [0, 1]) with low and high, rank, told_apart (from the first), the three scores and, of each model's best
    depth and whole network, `expected` and, of the first model's, `gain`.
    """
    found = ranked([Sketch(one.features, labels, groups, seed) for one in candidates])
    many = max(1, len(candidates) - 1)
    firsts: dict[str, int] = {}
    for position in found.order.tolist():
        firsts.setdefault(candidates[position].model, position)
    best = candidates[found.order[0]].model
    by_chance = dict(enumerate(random(best), start=1))
    rows = []
    for place, position in enumerate(found.order.tolist(), start=1):
        one, spread = candidates[position], 1.96 * found.errors[position]
        score, low, high = (1 - (found.mean[position] + by - 1) / many for by in (0.0, spread, -spread))
        row = {
            "name": one.model,
            "depth": one.depth,
            "stages": one.stages,
            "score": float(score),
            "low": float(max(0.0, low)),
            "high": float(min(1.0, high)),
            "rank": place,
            "told_apart": bool(found.apart[position]),
            **dict(zip(("knn", "logme", "nleep"), found.scores[position].tolist(), strict=True)),
            "expected": None,
            "gain": None,
        }
        if one.whole or firsts[one.model] == position:
            beside = by_chance.get(one.depth) if one.model == best else None
            row |= forecast(one.features, beside, labels, groups, seed=seed)
        rows.append(row)
    return {"models": rows, "expected": rows[0]["expected"], "gain": rows[0]["gain"], "by": "features"}


def forecast(
    features: np.ndarray, random: np.ndarray | None, labels: np.ndarray, groups: np.ndarray, *, seed: int
) -> dict[str, Any]:
    """`expected`: the balanced accuracy of a probe, cross-validated; `gain`: how much better it is than a probe of the
    same network with random weights, on the same examples. Each a value and its error, half of a 95 % interval."""
    right = probe_right(features, labels, groups, seed=seed).astype(float)
    gain = None
    if random is not None:
        gain = asdict(balanced_mean(right - probe_right(random, labels, groups, seed=seed), labels, groups))
    return {"expected": asdict(balanced_mean(right, labels, groups)), "gain": gain}


def as_they_came(
    task: Task,
    recipe: Recipe,
    cards: Sequence[ModelCard],
    run: Run,
    measure: Callable[[ModelCard, Any], tuple[Scores, dict[str, Any]]],
) -> dict[str, Any]:
    """Orders models by what each does before it has learnt. `measure` is asked of each, with the task's own study of
    the data as it reads them: its scores, on the same examples for all, and what is told of these, 'n' among it."""
    found: dict[str, Scores] = {}
    about: dict[str, Any] = {}
    for card, study in opened(task, recipe, cards, run):
        found[card.name], told = measure(card, study)
        about = {"unit": task.info.unit, "sha256": study.sha256, **told}
    return by_scores(found, higher_is_better=task.info.metric.higher_is_better) | about


def by_scores(found: Mapping[str, Scores], *, higher_is_better: bool) -> dict[str, Any]:
    """Orders models by how well each does as it came, on the same examples: `models` as in `by_features`, the score
    being the metric. What a model will do once it has learnt is not foretold. Raises InputError where no metric can be
    told."""
    estimates = {name: scores.estimate() for name, scores in found.items()}
    known = [name for name, estimate in estimates.items() if np.isfinite(estimate.value)]
    if not known:
        what = _("no model's metric can be told on these training examples")
        raise InputError(Problem("data", what, _("accepted: more of them, or such as differ")))
    names = sorted(known, key=lambda name: estimates[name].value, reverse=higher_is_better)
    rows = []
    for place, name in enumerate(names, start=1):
        estimate = estimates[name]
        behind = found[name].minus(found[names[0]]) if place > 1 else None
        apart = behind is not None and (behind.low > 0 or behind.high < 0)
        rows.append(
            {
                "name": name,
                "depth": None,
                "score": estimate.value,
                "low": estimate.low,
                "high": estimate.high,
                "rank": place,
                "told_apart": apart,
            }
        )
    left_out = [name for name in found if name not in known]
    return {"models": rows, "expected": None, "gain": None, "mismatch": None, "by": "metric", "left_out": left_out}


def together(rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The first of the rows, and those that cannot be told apart from it."""
    return [row for row in rows if row["rank"] == 1 or not row["told_apart"]]


def title(row: Mapping[str, Any]) -> str:
    """'EfficientNet-Lite0 at block 5'; of a whole network its title alone."""
    name = str(row.get("title") or row["name"])
    return (
        name
        if row["depth"] in {None, row.get("stages")}
        else _("{name} at block {depth}", name=name, depth=row["depth"])
    )


def track_record(task: str) -> str:
    """How the order by features did on our own sets, where that was measured, for whoever is about to follow it."""
    kept = json.loads(TRACK_RECORD.read_text(encoding="utf-8"))
    if task not in kept:
        return _("How good such an order is was not measured for this task.")
    measured = kept[task]
    return _(
        "On {sets} sets of our own, the first of such an order was {regret:g} points below "
        "the best on average and {worst:g} at worst (Spearman {spearman:.2f}).",
        sets=measured["sets"],
        regret=measured["regret"],
        worst=measured["worst"],
        spearman=measured["spearman"],
    )


def sentences(found: Mapping[str, Any]) -> list[str]:
    """What an answer of `rank` comes to, for a person."""
    rows = found["models"]
    tied = together(rows)
    first, unit = title(rows[0]), f"{found['n']} {found['unit']}"
    said = []
    if len(rows) == 1:
        said.append(_("Only {first} is here to be asked.", first=first))
    elif len(tied) == len(rows):
        said.append(_("On {unit} these {rows} can't be told apart.", unit=unit, rows=len(rows)))
    elif len(tied) > 1:
        others = ", ".join(title(row) for row in tied[1:6]) + (_(" and others") if len(tied) > 6 else "")
        said.append(
            _(
                "{first} comes first, but on {unit} it can't be told apart from {others}.",
                first=first,
                unit=unit,
                others=others,
            )
        )
    else:
        said.append(_("{first} comes first, and {unit} suffice to tell it from all others.", first=first, unit=unit))
    if expected := found["expected"]:
        said.append(
            _(
                "With its features frozen, expect a balanced accuracy of about {value:.2f} ± {error:.2f}.",
                value=expected["value"],
                error=expected["error"],
            )
        )
    if gain := found["gain"]:
        worth = _("more") if gain["value"] > 0 else _("less")
        clear = abs(gain["value"]) > gain["error"]
        said.append(
            _(
                "That is {value:.0f} ± {error:.0f} points {worth} than the same network gives with "
                "random weights{which_may_be}.",
                value=100 * abs(gain["value"]),
                error=100 * gain["error"],
                worth=worth,
                which_may_be="" if clear else _(", which may be nothing"),
            )
        )
    if mismatch := found["mismatch"]:
        said.append(mismatch["said"])
    elif found["by"] == "features":
        said.append(UNPLACED)
    if found["by"] == "features" and len(rows) > 1:
        said.append(track_record(found["task"]))
    return said
