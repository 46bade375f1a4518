"""How far data are from what a network learnt on, by hand and on the scale of known sets."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
import torch
from torch import nn

from engines.evidence import mismatch
from engines.evidence.mismatch import batch_norm_gap, placed, symmetric_kl


def test_symmetric_kl_by_hand() -> None:
    """N(0, 1) and N(1, 1): (1/2 + 1/2) / 2. N(0, 1) and N(0, 4): (ln 2 + 1/8 - 1/2 - ln 2 + 2 - 1/2) / 2."""
    zero, one = torch.zeros(1), torch.ones(1)
    assert float(symmetric_kl(zero, one, one, one)) == pytest.approx(0.5, abs=1e-4)
    assert float(symmetric_kl(zero, one, zero, 4 * one)) == pytest.approx((1 / 8 + 2 - 1) / 2, abs=1e-4)
    assert float(symmetric_kl(zero, one, zero, one)) == pytest.approx(0, abs=1e-6)


def test_the_gap_of_what_a_batch_norm_knows_is_nothing_and_grows_with_what_it_does_not() -> None:
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(3, momentum=None)
    known = torch.randn(64, 3, 8, 8) * torch.tensor([1.0, 2.0, 3.0]).view(1, 3, 1, 1)
    norm.train()(known)
    norm.eval()
    gaps = []
    for x in (known, known + 1, 3 * known):
        with batch_norm_gap(norm) as gap:
            norm(x[:32])
            norm(x[32:])
        gaps.append(gap())
    assert gaps[0] == pytest.approx(0, abs=1e-3)
    assert gaps[1] == pytest.approx((1 + 1 / 4 + 1 / 9) / 3 / 2, abs=0.05)
    assert gaps[2] > gaps[1]
    assert not norm._forward_pre_hooks


def test_a_network_without_batch_norms_has_no_gap() -> None:
    with batch_norm_gap(nn.LayerNorm(3)) as gap:
        pass
    assert gap() is None


@pytest.fixture
def scale(monkeypatch: pytest.MonkeyPatch) -> None:
    known: Mapping[str, Mapping[str, Mapping[str, float]]] = {"gap": {"net": {"digits": 3.0, "photographs": 1.0}}}
    monkeypatch.setattr(mismatch, "known_sets", lambda: known)


@pytest.mark.usefixtures("scale")
@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.5, "Measured from home, your data are nearer than all that we know, 'photographs' included."),
        (1.04, "Measured from home, your data are about as far as 'photographs'."),
        (2.0, "Measured from home, your data are further than 'photographs' and nearer than 'digits'."),
        (9.0, "Measured from home, your data are further than all that we know, 'digits' included."),
    ],
)
def test_a_mismatch_is_told_between_known_sets(value: float, said: str) -> None:
    found = placed(value, "gap", "net", source="home")
    assert found is not None
    assert found["said"] == said
    assert [row["name"] for row in found["scale"]] == ["photographs", "digits"]


@pytest.mark.usefixtures("scale")
def test_nothing_is_said_without_a_value_or_a_scale() -> None:
    assert placed(None, "gap", "net", source="home") is None
    assert placed(math.nan, "gap", "net", source="home") is None
    assert placed(1.0, "gap", "another net", source="home") is None
    assert placed(1.0, "season", "net", source="home") is None


def test_the_kept_scales_are_numbers_of_at_least_two_sets() -> None:
    kept = mismatch.known_sets()
    assert set(kept) == {"batch_norm_gap", "lack_of_season", "physics"}
    for of in kept.values():
        for values in of.values():
            assert len(values) >= 2
            assert all(value >= 0 for value in values.values())
