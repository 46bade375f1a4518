"""Errors, intervals, rankings and the sentences made of them, on small numbers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.evidence import bootstrap
from engines.forecasting.forecast import metrics, model_files, summary
from engines.forecasting.forecast.prepare import scale
from engines.forecasting.models import baselines, catalogue, conformal
from engines.forecasting.models.fracast import QUANTILES


def cases(truth: list[list[float]], scales: list[float], series: tuple[int, ...] = ()) -> metrics.Tested:
    n = len(truth)
    turns = list(range(10, 10 + n))
    return metrics.Tested(np.array(series or [0] * n), np.array(turns), np.array(truth, dtype=float), np.array(scales))


def flat(*medians: list[float]) -> np.ndarray:
    """Forecasts (F, H, 9) whose quantiles lie one apart around these medians."""
    return np.array(medians, dtype=float)[:, :, None] + np.arange(-4, 5)


def test_mase_of_known_numbers() -> None:
    case = cases([[1, 2], [3, np.nan], [np.nan, np.nan], [5, 5]], [2, 1, 1, np.nan])
    found = metrics.mase(flat([2, 4], [1, 9], [0, 0], [0, 0]), case)
    assert found[:2].tolist() == [0.75, 2.0]  # (1 + 2) / 2 / 2; what was not observed does not count
    assert np.isnan(found[2:]).all()  # nothing observed; a series that never changed


def test_smape_of_known_numbers() -> None:
    found = metrics.smape(flat([1, 0], [-1, 0]), cases([[3, 0], [1, np.nan]], [1, 1]))
    assert found.tolist() == [0.5, 2.0]  # (2·2/4 + 0) / 2; opposite signs are as wrong as can be


def test_quantile_loss_of_known_numbers() -> None:
    forecast = np.zeros((1, 1, 9))
    assert metrics.quantile_loss(forecast, np.array([[1.0]]))[0] == pytest.approx(2 * np.mean(QUANTILES))
    assert metrics.quantile_loss(forecast, np.array([[np.nan]]))[0] == 0


def test_coverage_counts_the_ends() -> None:
    found = metrics.covered(flat([0, 0, 0, 0]), np.array([[-4.0, 4, 4.1, np.nan]]))
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
    counts = metrics.resampled(case)
    found = bootstrap.mean(np.array([1.0, 2, 3, np.nan]), np.array([1.0, 1, 2, 5]), counts, 7)
    assert found.value == pytest.approx((1 + 2 + 6) / 4)
    assert found.low <= found.value <= found.high
    assert found.n == 7
    assert bootstrap.mean(np.ones(4), None, counts, 4).low == 1 == bootstrap.mean(np.ones(4), None, counts, 4).high


def test_series_and_points_in_time_are_drawn_together() -> None:
    """Forecasts of one series, or from one point in time, come and go together."""
    case = metrics.Tested(np.array([0, 0, 1, 1]), np.array([5, 9, 2, 6]), np.zeros((4, 1)), np.ones(4))
    counts = metrics.resampled(case)
    assert counts.shape == (metrics.DRAWS, 4)
    assert counts.mean() == pytest.approx(1, abs=0.1)
    assert (counts[:, 0] * counts[:, 3] == counts[:, 1] * counts[:, 2]).all()


def test_a_ranking_that_is_no_chance_and_one_that_is() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.1, (3, 30))
    clear = metrics.ranking({"a": 1 + noise[0], "b": 2 + noise[1], "c": 3 + noise[2]})
    assert [row["model"] for row in clear["rows"]] == ["a", "b", "c"]
    assert [row["rank"] for row in clear["rows"]] == [1, 2, 3]
    assert clear["friedman_p"] < 1e-9
    assert clear["rows"][0]["p"] is None
    assert all(row["p"] < 1e-6 for row in clear["rows"][1:])
    same = metrics.ranking({"a": noise[0], "b": noise[1], "c": noise[2]})
    assert same["friedman_p"] > 0.05
    alike = metrics.ranking({"a": np.ones(5), "b": np.ones(5)})
    assert alike["rows"][1]["p"] == 1.0
    assert metrics.ranking({"a": np.array([1.0]), "b": np.array([2.0])})["friedman_p"] is None


# --- intervals that hold --------------------------------------------------------------------------


def test_scores_are_half_widths() -> None:
    found = conformal.scores(flat([0.0]), np.array([[2.0]]), np.array([3]), np.array([20]))
    assert found.ratios[0].tolist() == [0.5, 2 / 3, 1, 2]
    assert (found.series[0], found.times[0]) == (3, 20)


def test_only_what_is_known_at_an_origin_corrects_it() -> None:
    ratios = np.repeat(np.array([[1.0] * 4, [9.0] * 4]), 40, axis=0)
    known = conformal.Scores(ratios, np.zeros(80, dtype=int), np.arange(80))
    assert conformal.factors(known, 0, 1, before=40).tolist() == [1, 1, 1, 1]
    assert conformal.factors(known, 0, 1, before=80)[0] == 9
    assert conformal.factors(known, 0, 1, before=0).tolist() == [1, 1, 1, 1]  # nothing is known: as they came
    assert conformal.factors(known, 7, 1, before=40).tolist() == [1, 1, 1, 1]  # a new series: from the others


def test_few_independent_errors_make_wider_intervals() -> None:
    ratios = np.repeat(np.arange(1.0, 101)[:, None], 4, axis=1)
    known = conformal.Scores(ratios, np.zeros(100, dtype=int), np.arange(100))
    assert conformal.factors(known, 0, 1)[0] == pytest.approx(80, abs=1)
    assert conformal.factors(known, 0, 50)[0] == 100  # four half-horizons: the widest there was


def test_widening_moves_pairs_and_not_the_median() -> None:
    found = conformal.widened(flat([10.0])[0], np.array([2.0, 1, 1, 0.5]))
    assert found[0].tolist() == [2, 7, 8, 9.5, 10, 10.5, 12, 13, 18]
    both = conformal.widened(flat([10.0], [0.0]), np.array([[2.0, 1, 1, 1], [1, 1, 1, 1]]))
    assert both[:, 0, 0].tolist() == [2, -4]


@settings(max_examples=25, deadline=None)
@given(st.floats(0.1, 10), st.integers(0, 1000))
def test_intervals_of_any_wrong_width_hold_eighty_per_cent_once_corrected(width: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    forecast = np.arange(-4, 5) * width + np.zeros((800, 1, 1))
    truth = rng.normal(0, 1, (800, 1))
    half = conformal.scores(forecast[:400], truth[:400], np.zeros(400, int), np.arange(400))
    corrected = conformal.widened(forecast[400:], conformal.factors(half, 0, 1)[None].repeat(400, 0))
    assert np.nanmean(metrics.covered(corrected, truth[400:])) == pytest.approx(0.8, abs=0.09)


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
        found, _ = baselines.statistical(name, context, 6, 12)
        assert found.shape == (6, 9)
        assert np.isfinite(found).all()
        assert (np.diff(found, axis=1) >= -1e-9).all()


@pytest.mark.parametrize("answer", [None, np.nan])
def test_a_classical_method_that_fails_says_so(answer: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing:
        def forecast(self, h: int, level: list[int], **given: np.ndarray) -> dict[str, np.ndarray]:
            if answer is None:
                raise ZeroDivisionError
            return {name: np.full(h, answer) for name in ("mean", *(f"{s}-{n}" for s in ("lo", "hi") for n in level))}

    monkeypatch.setattr(baselines, "_model", lambda *_: Failing())
    context = np.arange(40.0)
    found, fitted = baselines.statistical("auto_arima", context, 6, 12)
    assert not fitted
    assert np.array_equal(found, baselines.seasonal_naive(context, 6, 12))
    assert baselines.statistical("auto_arima", np.full(40, 7.0), 6, 12)[1], "a flat series leaves nothing to fit"


def test_gaps_are_filled_along_a_line() -> None:
    assert baselines.filled(np.array([np.nan, 1, np.nan, 3, np.nan])).tolist() == [1, 2, 3, 3]


# --- sentences ------------------------------------------------------------------------------------


def test_the_sentence_says_by_how_much_and_how_often() -> None:
    values = {"own": 0.88, "seasonal_naive": 1.0, "auto_ets": 0.95}
    assert (
        summary.headline("full", values, (8, 10))
        == "Fine-tuned beats seasonal naive by 12% (at 8 of 10 points in time)."
    )


def test_the_sentence_says_what_is_better_still() -> None:
    found = summary.headline("partial", {"own": 0.8, "seasonal_naive": 1.0, "theta": 0.6}, (9, 10))
    assert found.endswith("Theta is better still: its error is 25% smaller.")


def test_it_says_where_a_baseline_is_another_one() -> None:
    assert summary.not_fitted("auto_arima", 2, 12) == (
        "AutoARIMA could not be fitted on 2 of 12 forecasts: there it is the seasonal naive."
    )


def test_when_nothing_beats_seasonal_naive_it_says_use_it() -> None:
    values = {"own": 1.3, "seasonal_naive": 1.0, "auto_ets": 1.1}
    assert summary.headline("full", values, (2, 10)) == "Nothing here beats seasonal naive: use it."


def test_a_loss_is_said_as_a_loss() -> None:
    found = summary.headline("full", {"own": 1.2, "seasonal_naive": 1.0, "theta": 0.9}, (3, 10))
    assert found.startswith(
        "Fine-tuned does not beat seasonal naive: its error is 20% larger (smaller at 3 of 10 points in time)."
    )


def test_points_in_time_are_won_on_average_over_the_series() -> None:
    case = metrics.Tested(np.array([0, 0, 1, 1]), np.array([5, 9, 2, 6]), np.zeros((4, 1)), np.ones(4))
    assert summary.turn(case).tolist() == [1, 0, 1, 0]
    assert summary.won(np.array([1.0, 1, 1, 1]), np.array([2.0, 0, 0.5, 0.5]), case) == (1, 2)


def test_prices_are_known_by_their_columns_and_compared_with_a_random_walk() -> None:
    assert summary.prices({"values": ["price"], "ids": []})
    assert summary.prices({"values": ["y"], "ids": ["ticker"]})
    assert not summary.prices({"values": ["temp"], "ids": ["city"]})
    case = cases([[1.0, 3.0], [1.0, 1.0]], [1, 1])
    found = summary.about_prices(np.array([[2.0, 2.5], [2.0, 2.5]]), case, np.array([2.0, 2.0]), 1.0, 1.2)
    assert (found["right"], found["n"]) == (1, 2)
    assert "no better than a random walk" in found["text"]


def test_residuals_of_known_numbers() -> None:
    truth = np.array([[1.0, 2.0], [1.0, np.nan]])
    found = summary.residuals(np.zeros((2, 2)), truth, np.ones(2), np.zeros((2, 2, 9)))
    assert (found["n"], found["bias"]) == (3, pytest.approx(4 / 3))
    assert found["places"] == [0] * 9 + [3]  # above all nine quantiles
    assert sum(found["histogram"]["counts"]) >= 2
    assert found["memory"] is None


@pytest.mark.parametrize(("effect", "horizon"), [(None, 7), ("known", 24)])
def test_the_lines_to_take_home_forecast_as_far_as_the_run(effect: Any, horizon: int) -> None:
    known: Any = SimpleNamespace(horizon=horizon, effects=[effect], table=SimpleNamespace(names=["shop"]))
    lines = model_files.snippet(catalogue.FRACAST, known, [0])
    assert f"fh=range(1, {horizon + 1})" in lines
    assert ('series="shop"' in lines) == (effect is not None)
