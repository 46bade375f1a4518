"""Testing on every example: in turn each part of the data is kept aside, and a network learns from the others.

With few examples, a test of a quarter of them is rough. Here each is tested once, by a network that has not seen it;
the model that is kept has learnt from all of them. What is measured is the recipe on (K - 1) / K of the data: a little
less than what the kept model is worth. The interval takes the answers for one test, though the networks behind them
share most of what they learnt from (no unbiased estimate of that is known: Bengio & Grandvalet 2004).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from engines.classification.few_labels import prototypes
from engines.classification.prepared import Prepared
from engines.contract import Estimate, InputError, Problem, Recipe, Run, Strategy, TaskInfo
from engines.data.folds import MOST, alone, by_itself, draw, most
from engines.data.splits import split
from engines.evidence import calibration
from engines.messages import _
from engines.reporting import wording
from engines.training.checkpoint import Progress
from engines.training.settings import TrainSettings
from engines.training.transfer import TrainOutcome, TrainSpec
from engines.trial_runs import QuietRun

P = TypeVar("P", bound=Prepared)
Answers = Callable[[TrainSpec, TrainOutcome, Tensor], np.ndarray]
"""(lesson, learnt, positions among its examples int64 (M,)) -> logits float32 (M, C)."""


@dataclass(frozen=True)
class Fold:
    """Who learns, chooses and tests; positions among all examples, int64 (N,)."""

    chosen: Tensor
    checked: Tensor | None
    tested: Tensor


@dataclass
class OfFolds:
    """What is left to say of the networks of all folds."""

    temperatures: np.ndarray
    """float (N, 1): of each example, that of the network which answered it (see `evidence.calibration`)."""
    progress: Progress
    """How the first of them went."""
    halved: int
    """How often batches were halved, at most, because memory ran out."""
    rates: list[float]
    """Peak learning rates, given or found."""
    seconds: float


def folded(prepared: P, recipe: Recipe, settings: TrainSettings) -> tuple[P, list[Fold], Fold]:
    """The data with all of them in their test part; `settings.folds` folds; and the one that tests nothing, by which
    the model that is kept learns.

    Classes are spread evenly and exact copies stay together. What is all that there is of its class is tested in no
    fold and trains in every one. What a person put right moves nothing else. Raises InputError where the data allow no
    such folds.
    """
    if recipe.test is not None or prepared.has_own_test:
        found = _("these data say themselves what is tested on")
        raise InputError(Problem(_("setting folds"), found, _("accepted: 0, or data without a test part of their own")))
    everything = np.sort(np.concatenate(list(prepared.parts.values())))
    labels = prepared.examples.labels.numpy()[everything]
    all_groups, as_they_came = prepared.groups, prepared.came_as
    groups = [all_groups[i] for i in everything]
    folds, carried = settings.folds or 0, min(most(labels, groups), MOST)
    if not 2 <= folds <= carried:
        accepted = (
            _("0, or 2 to {carried}, the largest class's size", carried=carried)
            if carried >= 2
            else _("0, or more examples")
        )
        raise InputError(
            Problem(_("setting folds"), _("found {folds}", folds=folds), _("accepted: {accepted}", accepted=accepted))
        )
    # drawn among those as well that a person has dropped, by the classes that all of them came with
    drawn = np.sort(np.concatenate([everything, prepared.dropped]))
    came_as = np.unique([as_they_came[i] for i in drawn], return_inverse=True)[1].tolist()
    drawn_groups = [all_groups[i] for i in drawn]
    place = np.full(drawn.max() + 1, -1)
    place[everything] = np.arange(len(everything))
    tests = np.append(~alone(labels, groups), False)  # that of -1: what was dropped

    def fold(tested: np.ndarray) -> Fold:
        others = np.setdiff1d(np.arange(len(drawn)), tested)
        parts = np.array(
            split(
                [str(came_as[i]) for i in others],
                [drawn_groups[i] for i in others],
                validation=settings.validation_fraction,
                test=0.0,
                seed=recipe.seed,
            )
        )
        at, of_others = place[drawn[tested]], place[drawn[others]]
        checks = of_others[(parts == "validation") & tests[of_others]]
        is_tested = np.isin(np.arange(len(everything)), at[tests[at]])
        chosen = np.flatnonzero(~is_tested & ~np.isin(np.arange(len(everything)), checks))
        checked = torch.from_numpy(np.sort(checks)) if len(checks) else None
        return Fold(torch.from_numpy(chosen), checked, torch.from_numpy(np.flatnonzero(is_tested)))

    each = [fold(tested) for tested in draw(came_as, drawn_groups, folds, recipe.seed)]
    whole = fold(np.arange(0))
    parts = _parts(everything, whole) | {"test": everything}
    each = [fold for fold in each if len(fold.tested)]
    return replace(prepared, parts=parts, folds=[_parts(everything, fold) for fold in each]), each, whole


def _parts(everything: np.ndarray, fold: Fold) -> dict[str, np.ndarray]:
    checked = everything[:0] if fold.checked is None else everything[fold.checked.numpy()]
    return {"train": everything[fold.chosen.numpy()], "validation": checked, "test": everything[fold.tested.numpy()]}


def tested_in(folds: list[Fold]) -> np.ndarray:
    """The positions int64 (M,) of what is tested in one of the folds."""
    return np.sort(np.concatenate([fold.tested.numpy() for fold in folds]))


def answers_of_folds(
    lesson: TrainSpec,
    strategy: Strategy,
    folds: list[Fold],
    run: Run,
    answers: Answers,
    *,
    series: str,
    reported: bool = False,
) -> tuple[np.ndarray, OfFolds]:
    """Logits float32 (N, C) on the lesson's examples, each by the network of the fold that tested it, and how it went.

    What no fold of these tests is NaN. Where it is `reported`, the first network's training is told; of the others
    only how many are done. Raises Cancelled; a resumed run goes on in the fold where it stopped.
    """
    assert folds
    began = time.monotonic()
    made = np.full((len(lesson.training), lesson.classes), np.nan, dtype=np.float32)
    temperatures = np.ones((len(made), 1))
    rates, halved = [], 0
    first: Progress | None = None
    for number, fold in enumerate(folds, 1):
        if reported and number == 2:
            run.emit("phase", name="folds", title=_("The same in other folds"), series=series)
        own = (
            lesson
            if reported and number == 1
            else replace(lesson, run=QuietRun(run, f"checkpoint/{series}-fold-{number}"))
        )
        learnt = prototypes.learn(own, strategy, series=series, chosen=fold.chosen, checked=fold.checked)
        made[fold.tested.numpy()] = answers(own, learnt, fold.tested)
        if learnt.held_out is not None and fold.checked is not None:
            held_out = learnt.held_out.numpy(), lesson.training.labels[fold.checked].numpy()
            temperatures[fold.tested.numpy()] = calibration.temperature(*held_out)
        rates.append(learnt.learning_rate)
        halved, first = max(halved, learnt.progress.halved), first or learnt.progress
        left = (time.monotonic() - began) / number * (len(folds) - number)
        run.emit("progress", phase="folds", done=number, total=len(folds), unit="folds", seconds_left=round(left, 1))
    assert first
    return made, OfFolds(temperatures, first, halved, rates, time.monotonic() - began)


# --- by itself, and in words -----------------------------------------------------------------------


def carried_folds(prepared: Prepared, recipe: Recipe) -> int:
    """In how many folds these data are tested by themselves, where they do not say what is tested on."""
    if recipe.test is not None or prepared.has_own_test:
        return 0
    used = np.sort(np.concatenate(list(prepared.parts.values())))
    groups = prepared.groups
    return by_itself(prepared.examples.labels.numpy()[used].tolist(), [groups[i] for i in used])


def in_each_fold(answers: Callable[[P], np.ndarray], prepared: P) -> np.ndarray:
    """The classes int64 (N,) that one of `free_baselines` gives the test examples; in folds, having learnt from
    the others as the networks did."""
    if not prepared.folds:
        return answers(prepared)
    made = np.zeros(len(prepared.parts["test"]), dtype=np.int64)
    for parts in prepared.folds:
        made[np.searchsorted(prepared.parts["test"], parts["test"])] = answers(replace(prepared, parts=parts, folds=[]))
    return made


def few_to_test(tests: int, of: int, unit: str, folds: int) -> str:
    """What is said of a small test; `folds` would test all `of`, 0 where the task knows none."""
    better = _("; with folds={folds} each of the {of} is tested", folds=folds, of=of) if folds else ""
    return _("Only {tests} {unit} test here, so the interval is wide{better}.", tests=tests, unit=unit, better=better)


def in_folds(folds: int, n: int, unit: str) -> str:
    return _(
        "Tested in {folds} folds: each of the {n:,} {unit} by a network that had not seen "
        "it. The model that is kept learnt from all of them. These networks share most of "
        "what they learnt from, which the interval does not know.",
        folds=folds,
        n=n,
        unit=unit,
    )


def compared_on_some(n: int, of: int, there: Estimate, info: TaskInfo) -> str:
    value = wording.value(info.metric, there.value)
    return _(
        "Training from scratch takes long, so it was compared on {n:,} of the {of:,} {unit}, "
        "those of the first folds; on these the run itself reaches {value}.",
        n=n,
        of=of,
        unit=info.unit,
        value=value,
    )


def card_in_folds(folds: int, unit: str) -> dict[str, str]:
    """What model card and report say otherwise of a run in folds."""
    return {
        "tested_on": _(
            "{unit} (each by a network that had not seen it, in {folds} folds; this model has seen all)",
            unit=unit,
            folds=folds,
        )
    }
