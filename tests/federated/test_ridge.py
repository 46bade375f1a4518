"""The head that sites' sums give is the one that their pooled examples would, in whatever parts they lie."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from engines.classification.study.clients import divide, divide_by_owner
from engines.contract import InputError
from engines.federated import ridge
from engines.federated.statistics import ClassStatistics, half_of, of_class, of_site, together, union, whole

WIDTH, CLASSES = 24, ["ant", "bee", "cat", "dog"]


def examples(n: int = 120, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features (n, WIDTH), of which some are always 0 as behind a ReLU, and uneven labels."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(len(CLASSES), n, p=[0.5, 0.25, 0.15, 0.1])
    centres = rng.normal(size=(len(CLASSES), WIDTH))
    features = np.maximum(centres[labels] + rng.normal(size=(n, WIDTH)), 0)
    features[:, 3] = 0
    return features.astype(np.float32), labels


def central(features: np.ndarray, labels: np.ndarray, strength: float) -> ridge.Head:
    """The weighted ridge of the pooled examples, written down as its formula is."""
    count = len(CLASSES)
    weights = np.array([1 / (count * (labels == c).sum()) for c in range(count)])[labels]
    seen = features.astype(np.float64)
    middle = (weights[:, None] * seen).sum(0)
    about = seen - middle
    gram = (about * weights[:, None]).T @ about
    target = np.eye(count)[labels] - 1 / count
    penalty = strength * np.trace(gram) / WIDTH * np.eye(WIDTH)
    weight = np.linalg.solve(gram + penalty, (about * weights[:, None]).T @ target)
    return ridge.Head(CLASSES, weight, 1 / count - middle @ weight)


def sites_of(
    features: np.ndarray, labels: np.ndarray, n: int, alpha: float, seed: int
) -> list[dict[str, ClassStatistics]]:
    parts = divide(labels, [str(i) for i in range(len(labels))], n, alpha, seed)
    return [of_site(features[part], labels[part], CLASSES) for part in parts]


@pytest.mark.parametrize("alpha", [100.0, 1.0, 0.1])
@pytest.mark.parametrize("n", [2, 5, 10])
def test_sites_together_are_all_data_in_one_place(alpha: float, n: int) -> None:
    features, labels = examples()
    sites = sites_of(features, labels, n, alpha, 1)
    for strength in (1e-2, 0.1, 1.0):
        expected = central(features, labels, strength).answers(features)
        for order in (sites, sites[::-1]):
            found = ridge.solver(union(order))(strength)
            assert found.classes == CLASSES
            assert np.abs(found.answers(features) - expected).max() < 1e-6


def test_fewer_examples_than_features_are_solved_among_their_own_directions() -> None:
    features, labels = examples(16, 3)
    sites = [of_site(features[part], labels[part], CLASSES) for part in (slice(0, 8), slice(8, 16))]
    assert all(own.factor is not None for own in union(sites).values())
    expected = central(features, labels, 0.1).answers(features)
    assert np.abs(ridge.solver(union(sites))(0.1).answers(features) - expected).max() < 1e-6


def test_a_site_that_dropped_out_is_as_if_it_had_never_been() -> None:
    features, labels = examples(200, 2)
    parts = divide(labels, [str(i) for i in range(len(labels))], 4, 1.0, 0)
    sites = [of_site(features[part], labels[part], CLASSES) for part in parts]
    rest = np.concatenate(parts[1:])
    expected = central(features[rest], labels[rest], 0.1).answers(features)
    assert np.abs(ridge.solver(union(sites[1:]))(0.1).answers(features) - expected).max() < 1e-6


def test_statistics_of_a_class_are_small_and_whole() -> None:
    features, _labels = examples(40)
    few, many = of_class(features[:6]), of_class(features)
    assert few.factor is not None
    assert few.factor.shape == (6, WIDTH)
    assert many.half is not None
    assert len(many.half) == WIDTH * (WIDTH + 1) // 2
    both = together([few, of_class(features[6:])])
    assert both.n == 40
    assert both.scatter() == pytest.approx(many.scatter(), rel=1e-5, abs=1e-5)
    weight = np.random.default_rng(0).normal(size=(WIDTH, 3))
    spread = (((features - features.mean(0)) @ weight) ** 2).sum()
    assert both.spread(weight) == pytest.approx(spread, rel=1e-5)
    symmetric = many.scatter()
    assert whole(half_of(symmetric), WIDTH) == pytest.approx(symmetric)


def test_what_is_left_on_a_site_left_out_is_told_by_the_sums() -> None:
    """`chosen` finds what asking the examples themselves would find."""
    features, labels = examples(160, 5)
    parts = divide(labels, [str(i) for i in range(len(labels))], 3, 10.0, 0)
    sites = [of_site(features[part], labels[part], CLASSES) for part in parts]
    how = ridge.chosen(sites, (0.01, 1.0))
    for (_strength, error), strength in zip(how.errors, (0.01, 1.0), strict=True):
        missed = np.zeros(len(CLASSES))
        for number, part in enumerate(parts):
            others = np.concatenate([one for other, one in enumerate(parts) if other != number])
            answers = central(features[others], labels[others], strength).answers(features[part])
            wrong = ((answers - np.eye(len(CLASSES))[labels[part]]) ** 2).sum(1)
            missed += np.bincount(labels[part], weights=wrong, minlength=len(CLASSES))
        expected = float((missed / np.bincount(labels)).mean())
        assert error == pytest.approx(expected, rel=1e-5)
    assert how.value == min(how.errors, key=lambda one: one[1])[0]
    assert how.n == 160


def left_out_by_hand(features: np.ndarray, labels: np.ndarray, strength: float) -> float:
    """What each example is missed by if its head is fitted without it, weights and penalty as they are with it."""
    count = labels.max() + 1
    weights = 1 / (count * np.bincount(labels))[labels]
    about = features - (weights[:, None] * features).sum(0)
    penalty = strength * (weights[:, None] * about**2).sum() / features.shape[1]
    rows = np.hstack([features, np.ones((len(features), 1))])
    pull = penalty * np.diag([1.0] * features.shape[1] + [0.0])
    target = np.eye(count)[labels]
    missed = np.zeros(count)
    for out in range(len(labels)):
        rest = np.arange(len(labels)) != out
        gram = (rows[rest] * weights[rest, None]).T @ rows[rest] + pull
        answer = rows[out] @ np.linalg.solve(gram, (rows[rest] * weights[rest, None]).T @ target[rest])
        missed[labels[out]] += ((answer - target[out]) ** 2).sum()
    return float((missed / np.bincount(labels)).mean())


def test_of_the_total_alone_cross_validation_leaves_each_example_out() -> None:
    """Exactly where all examples of a class pull at the head alike, uneven classes or not."""
    axes = np.vstack([np.eye(4)[1:], -np.eye(4)[1:]])
    features = np.vstack([axes + 2 * np.eye(4)[0], axes - np.eye(4)[0], axes - np.eye(4)[0]]).astype(np.float32)
    labels = np.repeat([0, 1, 1], 6)
    known = of_site(features, labels, CLASSES)
    how = ridge.cross_validated(known, (0.01, 0.3, 3.0))
    for strength, error in how.errors:
        assert error == pytest.approx(left_out_by_hand(features.astype(float), labels, strength), rel=1e-6)
    assert how.value == min(how.errors, key=lambda one: one[1])[0]
    assert how.n == 18


def test_on_uneven_data_it_is_near_what_leaving_out_gives() -> None:
    features, labels = examples(160, 5)
    known = of_site(features, labels, CLASSES)
    how = ridge.cross_validated(known)
    by_hand = [left_out_by_hand(features.astype(float), labels, strength) for strength, _unused in how.errors]
    assert [error for _unused, error in how.errors] == pytest.approx(by_hand, rel=0.1)
    chosen = ridge.LAMBDAS.index(how.value)
    assert by_hand[chosen] <= 1.02 * min(by_hand)
    assert (
        ridge.cross_validated(
            of_site(features[:0], labels[:0], CLASSES) | of_site(features[:1], labels[:1], CLASSES)
        ).value
        == ridge.USUAL
    )


def test_where_no_class_is_at_two_sites_nothing_can_be_chosen() -> None:
    features, labels = examples()
    sites = [of_site(features[labels == c], labels[labels == c], CLASSES) for c in range(len(CLASSES))]
    how = ridge.chosen(sites)
    assert (how.value, how.errors, how.n) == (ridge.USUAL, [], 0)


def test_class_means_alone() -> None:
    features, labels = examples()
    known = of_site(features, labels, CLASSES, means_alone=True)
    assert not any(own.has_scatter for own in known.values())
    means = np.stack([features[labels == c].mean(0) for c in range(len(CLASSES))])
    expected = (features @ (means / np.linalg.norm(means, axis=1, keepdims=True)).T).argmax(1)
    assert (ridge.class_means(known).answers(features).argmax(1) == expected).all()


# --- who has what ---------------------------------------------------------------------------------


def shares(parts: Sequence[np.ndarray], labels: np.ndarray) -> float:
    """How much of a site's commonest class it has on average."""
    return float(np.mean([np.bincount(labels[part]).max() / len(part) for part in parts]))


def test_a_small_alpha_makes_sites_unlike() -> None:
    labels = np.repeat(np.arange(4), 100)
    groups = [str(i) for i in range(400)]
    alike, unlike = (divide(labels, groups, 5, alpha, 0) for alpha in (100.0, 0.1))
    for parts in (alike, unlike):
        assert sorted(np.concatenate(parts).tolist()) == list(range(400))
        assert min(map(len, parts)) > 0
    assert shares(alike, labels) < 0.35
    assert shares(unlike, labels) > 0.6
    assert [part.tolist() for part in divide(labels, groups, 5, 0.1, 0)] == [part.tolist() for part in unlike]


def test_what_belongs_together_stays_at_one_site() -> None:
    labels = np.arange(60) % 3
    groups = [f"patient {i // 4}" for i in range(60)]
    parts = divide(labels, groups, 4, 1.0, 0)
    homes = [{groups[i] for i in part} for part in parts]
    assert sum(map(len, homes)) == 15


def test_each_owner_is_at_one_site_and_sites_are_of_like_size() -> None:
    owners = [f"patient {i // 3}" for i in range(30)] + ["", ""]
    parts = divide_by_owner(owners, 4, 0)
    assert sorted(np.concatenate(parts).tolist()) == list(range(32))
    homes = [{owners[i] for i in part} - {""} for part in parts]
    assert sum(map(len, homes)) == 10
    assert max(map(len, parts)) - min(map(len, parts)) <= 3
    again, other = divide_by_owner(owners, 4, 0), divide_by_owner(owners, 4, 1)
    assert [part.tolist() for part in again] == [part.tolist() for part in parts]
    assert [part.tolist() for part in other] != [part.tolist() for part in parts]


@pytest.mark.parametrize("owners", [["", "", "", ""], ["a", "a", "a", ""]])
def test_data_that_do_not_say_whose_they_are(owners: list[str]) -> None:
    with pytest.raises(InputError, match=r"the data name \d patients? or speakers? to divide by; accepted: one a site"):
        divide_by_owner(owners, 2, 0)


@pytest.mark.parametrize(("n", "alpha"), [(5, 0.0), (5, -1.0), (61, 1.0), (0, 1.0), (5, float("nan"))])
def test_a_division_that_cannot_be(n: int, alpha: float) -> None:
    with pytest.raises(InputError, match="accepted"):
        divide(np.arange(60) % 3, [str(i) for i in range(60)], n, alpha, 0)
