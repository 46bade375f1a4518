"""Class means on frozen features: exact on small numbers, and alike whoever computes them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from engines.adaptation.linear import unit_length
from engines.classification.few_labels import prototypes
from engines.training.activation_cache import Cached

FEATURES = np.array([[2.0, 0.0], [0.0, 1.0], [0.0, 3.0], [4.0, 3.0]])
LABELS = np.array([0, 1, 1, 0])


def clouds(each: int, classes: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features (N, 8) that are easy to tell apart, of any length."""
    chance, labels = np.random.default_rng(seed), np.repeat(np.arange(classes), each)
    seen = np.eye(8)[labels] + 0.15 * chance.normal(size=(len(labels), 8))
    return seen * chance.uniform(0.5, 20, (len(labels), 1)), labels


def test_a_class_is_the_direction_of_its_mean() -> None:
    means = prototypes.class_means(FEATURES, LABELS, 3)
    first = np.array([1.8, 0.6])  # [1, 0] + [0.8, 0.6]
    assert means[0] == pytest.approx(first / np.hypot(*first))
    assert means[1] == pytest.approx([0, 1])
    assert means[2] == pytest.approx([0, 0])


def test_one_is_left_out_of_its_own_mean_alone() -> None:
    cosines = prototypes.one_left_out(FEATURES, LABELS, 2)
    assert cosines[0] == pytest.approx([0.8, 0.0])  # its class is [4, 3] without it
    assert cosines[3] == pytest.approx([0.8, 0.6])
    assert cosines[1] == pytest.approx([0.6 / np.hypot(1.8, 0.6), 1.0])
    alone = prototypes.one_left_out(FEATURES[:3], LABELS[:3], 2)
    assert alone[0, 0] == -1.0


@given(st.integers(2, 5), st.integers(2, 4), st.integers(0, 50))
def test_leaving_one_out_is_the_mean_without_it(each: int, classes: int, seed: int) -> None:
    features, labels = clouds(each, classes, seed)
    found = prototypes.one_left_out(features, labels, classes)
    for at in range(len(labels)):
        others = np.arange(len(labels)) != at
        means = prototypes.class_means(features[others], labels[others], classes)
        assert found[at] == pytest.approx(unit_length(features[at]) @ means.T)


def test_prototypes_below_ten_a_class_and_a_regression_from_there() -> None:
    few, enough = prototypes.fitted(*clouds(9), 3), prototypes.fitted(*clouds(10), 3)
    assert (few.method, enough.method) == ("prototypes", "logistic regression")
    asked, labels = clouds(20, seed=1)
    for head in (few, enough):
        probabilities = head.probabilities(asked)
        assert probabilities.sum(1) == pytest.approx(1)
        assert (probabilities.argmax(1) == labels).mean() > 0.95
        assert head.probabilities(asked * 7) == pytest.approx(probabilities), "their length says nothing"


def test_a_regression_on_two_classes_is_scikit_learns() -> None:
    from sklearn.linear_model import LogisticRegression

    features, labels = clouds(10, 2)
    seen = unit_length(features)
    theirs = LogisticRegression(C=100, max_iter=1000).fit(seen, labels).predict_proba(seen)
    assert prototypes.fitted(features, labels, 2).probabilities(features) == pytest.approx(theirs)


@pytest.mark.parametrize("each", [2, 10])
def test_what_is_left_out_is_answered_by_others(each: int) -> None:
    features, labels = clouds(each)
    features[0] = 5 * np.eye(8)[2]  # one that was put into the wrong class
    answers = prototypes.answers_left_out(features, labels, 3)
    assert answers[0] == 2
    assert (answers[1:] == labels[1:]).mean() > 0.9


def test_one_example_a_class_has_no_temperature_of_its_own() -> None:
    assert prototypes.temperature(FEATURES[:2], LABELS[:2], 2) == prototypes.UNKNOWN_TEMPERATURE


def test_a_linear_head_gives_the_class_of_the_largest_cosine() -> None:
    features, labels = clouds(4)
    head = nn.Linear(8, 3)
    seen = Cached(torch.from_numpy(features).float()[:, None], torch.from_numpy(labels), "x")
    prototypes.set_head(head, seen, 3)
    asked = clouds(50, seed=2)[0]
    cosines = unit_length(asked) @ prototypes.class_means(features, labels, 3).T
    with torch.no_grad():
        logits = head(torch.from_numpy(asked).float()).numpy()
    assert (logits.argmax(1) == cosines.argmax(1)).all()
    assert head.bias.tolist() == [0, 0, 0]
    assert prototypes.mean_length(head) == pytest.approx(head.weight[1].norm().item(), rel=1e-5)
