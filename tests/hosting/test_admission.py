"""Whether a visitor may start one more run."""

from __future__ import annotations

import pytest

from engines.contract import InputError, Job, Recipe
from engines.contract.strategies import Strategy
from engines.hosting import admission, limits, usage

JOB = Job(Recipe("vision.classification", "/data", "a", Strategy.FEATURES, None), owner="ann")


@pytest.fixture(autouse=True)
def public(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_PUBLIC", "yes")


def test_so_many_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_VISITOR_RUNS", "2")
    for _ in range(2):
        admission.admit(JOB, 0)
    with pytest.raises(InputError, match="you have started 2 today, as many as a visitor may here"):
        admission.admit(JOB, 0)
    assert usage.spent("ann", "runs") == 2
    assert usage.visitors_today() == 1


def test_so_many_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_VISITOR_RUNS_AT_ONCE", "3")
    admission.admit(JOB, 2)
    with pytest.raises(InputError, match="3 of your runs wait or train already"):
        admission.admit(JOB, 3)


def test_nobodys_run_is_refused() -> None:
    with pytest.raises(InputError, match="this browser keeps no cookie"):
        admission.admit(Job(JOB.recipe), 0)


def test_so_many_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_RUN_EXAMPLES", "100")
    admission.require_few(100, "photographs")
    with pytest.raises(InputError, match="there are 101 photographs to learn from; up to 100 on this host"):
        admission.require_few(101, "photographs")


@pytest.mark.parametrize("said", ["", "0", "no", "False"])
def test_at_home_nothing_is_limited(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setenv("HEADSTART_PUBLIC", said)
    monkeypatch.setenv("HEADSTART_VISITOR_RUNS", "1")
    for _ in range(3):
        admission.admit(Job(JOB.recipe), 99)
    assert not limits.public()


def test_no_limit_is_said_with_0(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HEADSTART_VISITOR_RUNS", "HEADSTART_VISITOR_RUNS_AT_ONCE", "HEADSTART_RUN_EXAMPLES"):
        monkeypatch.setenv(name, "0")
    for _ in range(50):
        admission.admit(JOB, 99)
    admission.require_few(10**9, "photographs")
