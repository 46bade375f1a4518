"""Errors, intervals, rankings and the sentences made of them, on small numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.forecasting import baselines, calibrating, measures, telling
from engines.forecasting.network import QUANTILES
from engines.forecasting.preparing import scale


def cases(truth: list[list[float]], scales: list[float], series: tuple[int, ...] = ()) -> measures.Tested:
    n = len(truth)
    turns = list(range(10, 10 + n))
    return measures.Tested(np.array(series or [0] * n), np.array(turns), np.array(truth, dtype=float), np.array(scales))


def flat(*medians: list[float]) -> np.ndarray:
    """Forecasts (F, H, 9) whose quantiles lie one apart around these medians."""
    return np.array(medians, dtype=float)[:, :, None] + np.arange(-4, 5)


def test_mase_of_known_numbers() -> None:
    case = cases([[1, 2], [3, np.nan], [np.nan, np.nan], [5, 5]], [2, 1, 1, np.nan])
    found = measures.mase(flat([2, 4], [1, 9], [0, 0], [0, 0]), case)
    assert found[:2].tolist() == [0.75, 2.0]  # (1 + 2) / 2 / 2; what was not observed does not count
    assert np.isnan(found[2:]).all()  # nothing observed; a series that never changed


def test_smape_of_known_numbers() -> None:
    found = measures.smape(flat([1, 0], [-1, 0]), cases([[3, 0], [1, np.nan]], [1, 1]))
    assert found.tolist() == [0.5, 2.0]  # (2·2/4 + 0) / 2; opposite signs are as wrong as can be


def test_quantile_loss_of_known_numbers() -> None:
    forecast = np.zeros((1, 1, 9))
    assert measures.quantile_loss(forecast, np.array([[1.0]]))[0] == pytest.approx(2 * np.mean(QUANTILES))
    assert measures.quantile_loss(forecast, np.array([[np.nan]]))[0] == 0


def test_coverage_counts_the_ends() -> None:
    found = measures.covered(flat([0, 0, 0, 0]), np.array([[-4.0, 4, 4.1, np.nan]]))
    assert found[0, :3].tolist() == [1, 1, 0]
    assert np.isnan(found[0, 3])


def test_a_scale_is_the_seasonal_naives_error_and_never_zero() -> None:
    assert scale(np.array([1.0, 5, 2, 7]), 2) == 1.5
    assert scale(np.array([1.0, 5, 1, 5]), 2) == 4  # a season without error: the step's
    assert scale(np.full(9, 3.0), 4) == 1
    assert scale(np.array([1.0, np.nan, 4.0]), 1) == 1


# --- certainty ------------------------------------------------------------------------------------


def test_an_estimate_is_the_weighted_mean_within_its_interval() -> None:
    case = cases([[0.0]] * 4, [1] * 4, (0, 0, 1, 1))
    counts = measures.resampled(case)
    found = measures.estimate(np.array([1.0, 2, 3, np.nan]), np.array([1.0, 1, 2, 5]), counts, 7)
    assert found.value == pytest.approx((1 + 2 + 6) / 4)
    assert found.low <= found.value <= found.high
    assert found.n == 7
    assert (
        measures.estimate(np.ones(4), None, counts, 4).low == 1 == measures.estimate(np.ones(4), None, counts, 4).high
    )


def test_series_and_points_in_time_are_drawn_together() -> None:
    """Forecasts of one series, or from one point in time, come and go together."""
    case = measures.Tested(np.array([0, 0, 1, 1]), np.array([5, 9, 2, 6]), np.zeros((4, 1)), np.ones(4))
    counts = measures.resampled(case)
    assert counts.shape == (measures.DRAWS, 4)
    assert counts.mean() == pytest.approx(1, abs=0.1)
    assert (counts[:, 0] * counts[:, 3] == counts[:, 1] * counts[:, 2]).all()


def test_a_ranking_that_is_no_chance_and_one_that_is() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.1, (3, 30))
    clear = measures.ranking({"a": 1 + noise[0], "b": 2 + noise[1], "c": 3 + noise[2]})
    assert [row["model"] for row in clear["rows"]] == ["a", "b", "c"]
    assert [row["rank"] for row in clear["rows"]] == [1, 2, 3]
    assert clear["friedman_p"] < 1e-9
    assert clear["rows"][0]["p"] is None
    assert all(row["p"] < 1e-6 for row in clear["rows"][1:])
    same = measures.ranking({"a": noise[0], "b": noise[1], "c": noise[2]})
    assert same["friedman_p"] > 0.05
    alike = measures.ranking({"a": np.ones(5), "b": np.ones(5)})
    assert alike["rows"][1]["p"] == 1.0
    assert measures.ranking({"a": np.array([1.0]), "b": np.array([2.0])})["friedman_p"] is None


# --- intervals that hold --------------------------------------------------------------------------


def test_scores_are_half_widths() -> None:
    found = calibrating.scores(flat([0.0]), np.array([[2.0]]), np.array([3]), np.array([20]))
    assert found.ratios[0].tolist() == [0.5, 2 / 3, 1, 2]
    assert (found.series[0], found.times[0]) == (3, 20)


def test_only_what_is_known_at_an_origin_corrects_it() -> None:
    ratios = np.repeat(np.array([[1.0] * 4, [9.0] * 4]), 40, axis=0)
    known = calibrating.Scores(ratios, np.zeros(80, dtype=int), np.arange(80))
    assert calibrating.factors(known, 0, 1, before=40).tolist() == [1, 1, 1, 1]
    assert calibrating.factors(known, 0, 1, before=80)[0] == 9
    assert calibrating.factors(known, 0, 1, before=0).tolist() == [1, 1, 1, 1]  # nothing is known: as they came
    assert calibrating.factors(known, 7, 1, before=40).tolist() == [1, 1, 1, 1]  # a new series: from the others


def test_few_independent_errors_make_wider_intervals() -> None:
    ratios = np.repeat(np.arange(1.0, 101)[:, None], 4, axis=1)
    known = calibrating.Scores(ratios, np.zeros(100, dtype=int), np.arange(100))
    assert calibrating.factors(known, 0, 1)[0] == pytest.approx(80, abs=1)
    assert calibrating.factors(known, 0, 50)[0] == 100  # four half-horizons: the widest there was


def test_widening_moves_pairs_and_not_the_median() -> None:
    found = calibrating.widened(flat([10.0])[0], np.array([2.0, 1, 1, 0.5]))
    assert found[0].tolist() == [2, 7, 8, 9.5, 10, 10.5, 12, 13, 18]
    both = calibrating.widened(flat([10.0], [0.0]), np.array([[2.0, 1, 1, 1], [1, 1, 1, 1]]))
    assert both[:, 0, 0].tolist() == [2, -4]


@settings(max_examples=25, deadline=None)
@given(st.floats(0.1, 10), st.integers(0, 1000))
def test_intervals_of_any_wrong_width_hold_eighty_per_cent_once_corrected(width: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    forecast = np.arange(-4, 5) * width + np.zeros((800, 1, 1))
    truth = rng.normal(0, 1, (800, 1))
    half = calibrating.scores(forecast[:400], truth[:400], np.zeros(400, int), np.arange(400))
    corrected = calibrating.widened(forecast[400:], calibrating.factors(half, 0, 1)[None].repeat(400, 0))
    assert np.nanmean(measures.covered(corrected, truth[400:])) == pytest.approx(0.8, abs=0.09)


# --- baselines ------------------------------------------------------------------------------------


def test_seasonal_naive_repeats_the_last_season() -> None:
    context = np.array([1.0, 2, 3, 4, 5, 6])
    found = baselines.seasonal_naive(context, 7, 3)
    assert found[:, 4].tolist() == [4, 5, 6, 4, 5, 6, 4]
    width = found[:, -1] - found[:, 0]
    assert width[3] / width[0] == pytest.approx(np.sqrt(2))
    assert baselines.random_walk(context, 2)[:, 4].tolist() == [6, 6]


@pytest.mark.parametrize("name", baselines.STATISTICAL)
def test_the_classical_methods_answer_in_order_whatever_they_are_given(name: str) -> None:
    rng = np.random.default_rng(0)
    seasonal = 10 + 3 * np.sin(2 * np.pi * np.arange(60) / 12) + rng.normal(0, 0.3, 60)
    gappy = seasonal.copy()
    gappy[[3, 30, 59]] = np.nan
    for context in (seasonal, gappy, np.full(20, 7.0), np.array([1.0, 2.0, 3.0]), seasonal[:14]):
        found = baselines.statistical(name, context, 6, 12)
        assert found.shape == (6, 9)
        assert np.isfinite(found).all()
        assert (np.diff(found, axis=1) >= -1e-9).all()


def test_gaps_are_filled_along_a_line() -> None:
    assert baselines.filled(np.array([np.nan, 1, np.nan, 3, np.nan])).tolist() == [1, 2, 3, 3]


# --- sentences ------------------------------------------------------------------------------------


def test_the_sentence_says_by_how_much_and_how_often() -> None:
    values = {"own": 0.88, "seasonal_naive": 1.0, "auto_ets": 0.95}
    assert telling.headline("full", values, (8, 10)) == "Fine-tuned beats seasonal naive by 12% (8 of 10 origins)."


def test_the_sentence_says_what_is_better_still() -> None:
    found = telling.headline("partial", {"own": 0.8, "seasonal_naive": 1.0, "theta": 0.6}, (9, 10))
    assert found.endswith("Theta is better still: its error is 25% smaller.")


def test_when_nothing_beats_seasonal_naive_it_says_use_it() -> None:
    values = {"own": 1.3, "seasonal_naive": 1.0, "auto_ets": 1.1}
    assert telling.headline("full", values, (2, 10)) == "Nothing here beats seasonal naive: use it."


def test_a_loss_is_said_as_a_loss() -> None:
    found = telling.headline("full", {"own": 1.2, "seasonal_naive": 1.0, "theta": 0.9}, (3, 10))
    assert found.startswith("Fine-tuned does not beat seasonal naive: its error is 20% larger (3 of 10 origins won).")


def test_points_in_time_are_won_on_average_over_the_series() -> None:
    case = measures.Tested(np.array([0, 0, 1, 1]), np.array([5, 9, 2, 6]), np.zeros((4, 1)), np.ones(4))
    assert telling.turn(case).tolist() == [1, 0, 1, 0]
    assert telling.won(np.array([1.0, 1, 1, 1]), np.array([2.0, 0, 0.5, 0.5]), case) == (1, 2)


def test_prices_are_known_by_their_columns_and_compared_with_a_random_walk() -> None:
    assert telling.prices({"values": ["price"], "series": None})
    assert telling.prices({"values": ["y"], "series": "ticker"})
    assert not telling.prices({"values": ["temp"], "series": "city"})
    case = cases([[1.0, 3.0], [1.0, 1.0]], [1, 1])
    found = telling.about_prices(np.array([[2.0, 2.5], [2.0, 2.5]]), case, np.array([2.0, 2.0]), 1.0, 1.2)
    assert (found["right"], found["n"]) == (1, 2)
    assert "no better than a random walk" in found["text"]


def test_residuals_of_known_numbers() -> None:
    truth = np.array([[1.0, 2.0], [1.0, np.nan]])
    found = telling.residuals(np.zeros((2, 2)), truth, np.ones(2), np.zeros((2, 2, 9)))
    assert (found["n"], found["bias"]) == (3, pytest.approx(4 / 3))
    assert found["places"] == [0] * 9 + [3]  # above all nine quantiles
    assert sum(found["histogram"]["counts"]) >= 2
    assert found["memory"] is None
