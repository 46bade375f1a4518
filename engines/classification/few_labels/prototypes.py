"""Nearest class mean on frozen features: a new example gets the class whose mean it points towards.

Snell, Swersky & Zemel 2017, 'Prototypical networks for few-shot learning', with the cosine in place of the Euclidean
distance, on features that were not trained for it. Nothing is trained: a class is the mean of its examples' features,
each of length 1. How sure an answer is, is a temperature that is fitted by leaving one example out at a time.

From ENOUGH examples a class a logistic regression on the same features does better; `fitted` then gives that. Features
are brought to length 1 and never standardised: a standard deviation of a few examples is mostly noise.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from engines.adaptation.linear import unit_length
from engines.contract import Strategy
from engines.evidence import calibration
from engines.messages import _
from engines.training import checkpoint, strategies, transfer
from engines.training.activation_cache import Cached
from engines.training.loop import predict
from engines.training.transfer import TrainOutcome, TrainSpec

ENOUGH = 10
"""Examples of each class from which the logistic regression is offered."""
REGULARISATION = 100.0
"""scikit-learn's C of that regression: the best of those tried from 10 a class on (docs/few_labels.md)."""
UNKNOWN_TEMPERATURE = 0.05
"""Of cosines, where no class has two examples to find it by."""
PARTS = 10
"""In which the logistic regression is tested on what it has not seen: leaving one out would fit it anew each time."""


# --- on features ----------------------------------------------------------------------------------


def class_means(features: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """float64 (C, D), each of length 1, of features float (N, D) and labels int (N,); zeros for a class without any."""
    return unit_length(np.eye(classes)[labels].T @ unit_length(features))


def one_left_out(features: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """float64 (N, C): the cosine of each example with each class, whose mean is taken without it. -1 for its own class
    where it is the only one there."""
    seen = unit_length(features)
    sums = np.eye(classes)[labels].T @ seen
    cosines: np.ndarray = seen @ unit_length(sums).T
    others = sums[labels] - seen
    alone = np.bincount(labels, minlength=classes)[labels] < 2
    own = np.where(alone, -1.0, (seen * unit_length(others)).sum(1))
    cosines[np.arange(len(labels)), labels] = own
    return cosines


def temperature(features: np.ndarray, labels: np.ndarray, classes: int) -> float:
    """With which softmax(cosines / temperature) is likeliest to have made the labels of the examples left out."""
    known = np.bincount(labels, minlength=classes)[labels] > 1
    if not known.any():
        return UNKNOWN_TEMPERATURE
    return calibration.temperature(one_left_out(features, labels, classes)[known], labels[known])


@dataclass(frozen=True)
class FewShotHead:
    """What answers on features of length 1."""

    method: Literal["prototypes", "logistic regression"]
    weight: np.ndarray
    """float64 (C, D)"""
    bias: np.ndarray
    """float64 (C,)"""

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """float64 (N, C) of features float (N, D)."""
        return calibration.probabilities(unit_length(features) @ self.weight.T + self.bias)


def fitted(features: np.ndarray, labels: np.ndarray, classes: int) -> FewShotHead:
    """Prototypes, or from ENOUGH examples of each class a logistic regression. Every class has an example."""
    if np.bincount(labels, minlength=classes).min() >= ENOUGH:
        return _regression(features, labels, classes)
    means = class_means(features, labels, classes)
    return FewShotHead("prototypes", means / temperature(features, labels, classes), np.zeros(classes))


def _regression(features: np.ndarray, labels: np.ndarray, classes: int) -> FewShotHead:
    from sklearn.linear_model import LogisticRegression

    found = LogisticRegression(C=REGULARISATION, max_iter=1000).fit(unit_length(features), labels)
    weight, bias = found.coef_, found.intercept_
    if classes == 2:  # one row says how much likelier the second is
        weight, bias = np.vstack([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    return FewShotHead("logistic regression", weight, bias)


def answers_left_out(features: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """int64 (N,): the class that each example is given by what has learnt from others: by `one_left_out`, or by
    regressions on nine tenths of the examples, where `fitted` gives one."""
    if np.bincount(labels, minlength=classes).min() < ENOUGH:
        return one_left_out(features, labels, classes).argmax(1)
    from sklearn.model_selection import StratifiedKFold

    answers = np.zeros(len(labels), dtype=np.int64)
    for others, tested in StratifiedKFold(PARTS, shuffle=True, random_state=0).split(features, labels):
        head = _regression(features[others], labels[others], classes)
        answers[tested] = head.probabilities(features[tested]).argmax(1)
    return answers


# --- as a strategy of a run -----------------------------------------------------------------------


def learn(
    lesson: TrainSpec,
    strategy: Strategy,
    *,
    series: str = "transfer",
    chosen: Tensor | None = None,
    checked: Tensor | None = None,
) -> TrainOutcome:
    """As `transfer.learn`, and with strategy 'prototypes' by class means, of the examples as they are."""
    if strategy is not Strategy.PROTOTYPES:
        return transfer.learn(lesson, strategy, series=series, chosen=chosen, checked=checked)
    began = time.monotonic()
    network = lesson.build(True).to(lesson.on.device)
    strategies.apply(network, Strategy.FEATURES, lesson.settings)
    whole = transfer.features(lesson, network, lesson.training, views=1)
    seen = whole if chosen is None else whole.subset(chosen)
    held_out = None
    if checked is not None:
        held_out = whole.subset(checked)
    elif lesson.validation is not None:
        held_out = transfer.features(lesson, network, lesson.validation, views=1)
    lesson.run.emit("phase", name="head", title=_("Averaging each class"), series=series)
    set_head(network.head(), seen, lesson.classes)
    logits = None
    if held_out is not None:
        logits = predict(network, network.boundary, held_out, lesson.on.device)
        if lesson.settings.refit:
            set_head(network.head(), seen.joined(held_out), lesson.classes)
    return TrainOutcome(
        network, checkpoint.Progress(), transfer.trainable(network), time.monotonic() - began, held_out=logits
    )


def set_head(head: nn.Linear, seen: Cached, classes: int) -> None:
    """Makes the head answer by class means, in place.

    It reads features x as they are: the class with the largest x · mean is the one with the largest cosine, for the
    length of x is the same for all of them. The logits are cosines / temperature for an x of the examples' mean length.
    """
    features, labels = seen.activations[:, 0].numpy(), seen.labels.numpy()
    length = 1 / temperature(features, labels, classes) / float(np.linalg.norm(features, axis=1).mean())
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(length * class_means(features, labels, classes)))
        head.bias.zero_()


def mean_length(head: nn.Linear) -> float:
    """How long `set_head` has made every class mean."""
    return float(head.weight.detach().norm(dim=1).max())
