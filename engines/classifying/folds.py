"""Testing on every example: in turn each part of the data is kept aside, and a network learns from the others.

With few examples, a test of a quarter of them is rough. Here each is tested once, by a network that has not seen it;
the model that is kept has learnt from all of them. What is measured is the recipe on (K - 1) / K of the data: a little
less than what the kept model is worth. The interval takes the answers for one test, though the networks behind them
share most of what they learnt from (no unbiased estimate of that is known: Bengio & Grandvalet 2004).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from sklearn.model_selection import StratifiedGroupKFold
from torch import Tensor

from engines.classifying.comparison import Leg
from engines.classifying.domain import Prepared
from engines.contract import InputError, Problem, Recipe, Run, Strategy
from engines.data.splits import split
from engines.training import transfer
from engines.training.settings import TrainSettings
from engines.training.transfer import Learnt, Lesson

Answers = Callable[[Lesson, Learnt, Tensor], np.ndarray]
"""(lesson, learnt, positions among its examples int64 (M,)) -> logits float32 (M, C)."""


@dataclass(frozen=True)
class Fold:
    """Who learns, chooses and tests; positions among all examples, int64 (N,)."""

    chosen: Tensor
    checked: Tensor | None
    tested: Tensor


def folded(prepared: Prepared, recipe: Recipe, settings: TrainSettings) -> tuple[Prepared, list[Fold], Fold]:
    """The data with all of them in their test part; `settings.folds` folds; and the one that tests nothing, by which
    the model that is kept learns.

    Classes are spread evenly and exact copies stay together. Raises InputError where that is impossible.
    """
    if recipe.test is not None or prepared.has_own_test:
        found = "these data say themselves what is tested on"
        raise InputError(Problem("setting folds", found, "accepted: 0, or data without a test part of their own"))
    everything = np.sort(np.concatenate(list(prepared.parts.values())))
    labels = prepared.examples.labels.numpy()[everything]
    groups = [prepared.groups[i] for i in everything]
    fewest = int(np.bincount(labels).max())
    if not 2 <= settings.folds <= fewest:
        found = f"found {settings.folds}"
        raise InputError(
            Problem("setting folds", found, f"accepted: 0, or 2 to {min(fewest, 20)}, the largest class's size")
        )
    drawn = StratifiedGroupKFold(settings.folds, shuffle=True, random_state=recipe.seed)
    folds = [
        _with_validation(labels, groups, others, tested, settings, recipe.seed)
        for others, tested in drawn.split(labels, labels, groups)
    ]
    whole = np.arange(len(everything))
    last = _with_validation(labels, groups, whole, whole[:0], settings, recipe.seed)
    parts = {
        "train": everything[last.chosen.numpy()],
        "validation": everything[last.checked.numpy()] if last.checked is not None else everything[:0],
        "test": everything,
    }
    return replace(prepared, parts=parts), folds, last


def _with_validation(
    labels: np.ndarray, groups: list[str], others: np.ndarray, tested: np.ndarray, settings: TrainSettings, seed: int
) -> Fold:
    parts = np.array(
        split(
            [str(labels[i]) for i in others], [groups[i] for i in others],
            validation=settings.validation_fraction, test=0.0, seed=seed,
        )
    )  # fmt: skip
    checked = torch.from_numpy(others[parts == "validation"])
    return Fold(torch.from_numpy(others[parts == "train"]), checked if len(checked) else None, torch.from_numpy(tested))


def answers_of_folds(
    lesson: Lesson, strategy: Strategy, folds: list[Fold], run: Run, answers: Answers, *, series: str
) -> tuple[np.ndarray, Learnt]:
    """Logits float32 (N, C) on the lesson's examples, each by the network of the fold that tested it; and the last of
    these networks.

    Where `folds` are not all of them, the other rows are NaN. Raises Cancelled; a resumed run goes on in the fold where
    it stopped.
    """
    assert folds
    made = np.full((len(lesson.training), lesson.classes), np.nan, dtype=np.float32)
    for number, fold in enumerate(folds, 1):
        own = replace(lesson, run=Leg(run, f"checkpoint/{series}-fold-{number}"))
        learnt = transfer.learn(own, strategy, series=series, chosen=fold.chosen, checked=fold.checked)
        made[fold.tested.numpy()] = answers(own, learnt, fold.tested)
        run.emit("progress", phase="folds", done=number, total=len(folds), unit="folds")
    return made, learnt
