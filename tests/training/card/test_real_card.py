"""What only a card can show, by the parts of benchmarks/gpu.py, each in a process that sees it: others see none."""

from __future__ import annotations

import pytest

from benchmarks import gpu

pytestmark = pytest.mark.gpu


@pytest.fixture(autouse=True)
def seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")


def test_a_card_computes() -> None:
    assert gpu.alone("probe")[0] == ("computes on", "cuda", "cuda")


def test_its_losses_are_those_of_the_processor() -> None:
    rows = gpu.alone("parity")
    assert rows
    assert {what: found for what, found, wanted in rows if float(found) > float(wanted)} == {}


def test_a_resumed_run_ends_near_an_undisturbed_one() -> None:
    ((_, apart, _),) = gpu.alone("resume")
    assert float(apart) < 1e-2


def test_batches_are_halved_where_its_memory_does_not_suffice() -> None:
    ((_, said, _),) = gpu.alone("memory")
    assert said.endswith("loss finite")
    assert not said.startswith("0 times")


def test_the_server_takes_none_of_its_memory() -> None:
    ((_, taken, _),) = gpu.alone("server")
    assert taken == "0 MiB"
