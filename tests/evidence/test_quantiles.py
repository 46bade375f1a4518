"""Quantiles without SciPy, against SciPy's."""

from __future__ import annotations

import pytest
from scipy.special import ndtri, stdtrit

from engines.evidence.quantiles import normal, student


@pytest.mark.parametrize("df", [3, 4, 6.5, 10, 61, 1000])
def test_students_quantile_is_right_to_a_fifth_of_a_percent(df: float) -> None:
    assert student(df, 0.975) == pytest.approx(stdtrit(df, 0.975), rel=0.002)


def test_the_normal_quantile_is_exact() -> None:
    assert normal(0.8) == pytest.approx(ndtri(0.8), abs=1e-12)
