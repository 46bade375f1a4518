"""Deletion and insertion: exact on a model whose truth is known, and no claim where a heuristic does as well."""

from __future__ import annotations

import numpy as np
import pytest

from engines.attribution import faithfulness
from engines.attribution.faithfulness import measure


def linear(weights: np.ndarray) -> faithfulness.Score:
    """The share of the weights that is left."""
    return lambda removed: (~removed @ weights) / weights.sum()


def test_the_areas_of_a_sum_of_four_terms_are_exact() -> None:
    """Without the largest terms .6, .3, .1 and 0 are left; with them first, 0, .4, .7, .9 and 1."""
    weights = np.array([4.0, 3.0, 2.0, 1.0])
    found = measure(linear(weights), weights, -weights, named="the reverse")
    assert found is not None
    assert found.deletion == pytest.approx((0.5 + 0.6 + 0.3 + 0.1) / 4)
    assert found.insertion == pytest.approx((0.4 + 0.7 + 0.9 + 0.5) / 4)
    assert (found.heuristic_deletion, found.heuristic_insertion) == pytest.approx((found.insertion, found.deletion))


def test_every_order_of_equal_terms_has_the_same_area() -> None:
    found = measure(linear(np.ones(20)), np.arange(20.0), np.arange(20.0)[::-1], named="the reverse")
    assert found is not None
    areas = (found.deletion, found.insertion, found.heuristic_deletion, found.heuristic_insertion, found.random)
    assert areas == pytest.approx((0.5,) * 5)
    assert found.spread == pytest.approx(0)
    assert not found.faithful


TRUTH = np.array([0.0] * 30 + [1.0, 2.0, 3.0, 4.0, 5.0, 6.0])


def test_the_true_order_is_faithful_where_the_heuristic_knows_nothing() -> None:
    found = measure(linear(TRUTH), TRUTH, np.sin(np.arange(36.0)), named="a wave")
    assert found is not None
    assert found.faithful
    assert found.deletion < found.random - found.spread < found.random + found.spread < found.insertion
    assert found.random == pytest.approx(0.5, abs=found.spread)


def test_beating_random_orders_is_not_enough() -> None:
    """A heuristic that knows as much takes the word away, and so does one that wins in insertion alone."""
    as_good = measure(linear(TRUTH), TRUTH, 2 * TRUTH, named="the same")
    assert as_good is not None
    assert not as_good.faithful
    assert as_good.deletion < as_good.random - as_good.spread
    told = faithfulness.Faithfulness(0.1, 0.6, "ink", 0.4, 0.7, 0.5, 0.05, 36, 10, 0)
    assert told.deletes
    assert not told.inserts
    assert not told.faithful


def test_a_random_attribution_is_hardly_ever_called_faithful() -> None:
    """At most 2 of 40 in both curves at once, whatever the seed of its random orders."""
    wave = np.sin(np.arange(36.0))
    drawn = [np.random.default_rng([seed, 1]).random(36) for seed in range(40)]
    found = [measure(linear(TRUTH), own, wave, named="a wave", seed=seed) for seed, own in enumerate(drawn)]
    assert sum(one is not None and one.faithful for one in found) <= 2


def test_the_same_seed_gives_the_same_numbers_and_one_unit_nothing() -> None:
    first, again, other = (measure(linear(TRUTH), TRUTH, TRUTH, named="", seed=seed) for seed in (1, 1, 2))
    assert first == again != other
    assert measure(linear(np.ones(1)), np.ones(1), np.ones(1), named="") is None


def test_closeness_is_one_at_the_same_answer_and_falls_with_the_distance() -> None:
    assert faithfulness.closeness(np.array([0.0, 2.0, -2.0]), 2.0) == pytest.approx([1, np.exp(-1), np.exp(-1)])
