"""Two processes that train one network together come to the numbers of one, and nothing is left of them."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engines.contract import Strategy
from engines.training.parallel import group
from tests.training import toys
from tests.training.together import CASES, every_case, trained

pytestmark = pytest.mark.usefixtures("one_thread")
CLOSE = 1e-5


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Any]:
    """Rank -> case -> what that process came to."""
    context, place = multiprocessing.get_context("spawn"), tmp_path_factory.mktemp("together")
    answers = context.Queue()
    processes = [context.Process(target=every_case, args=(rank, place, answers)) for rank in range(2)]
    for process in processes:
        process.start()
    try:
        return dict(answers.get(timeout=100) for _ in processes)
    finally:
        for process in processes:
            process.join(20)
            process.kill()


@pytest.mark.parametrize("case", CASES)
def test_two_processes_come_to_the_numbers_of_one(case: str, together: dict[int, Any], tmp_path: Path) -> None:
    alone, first, second = trained(case, tmp_path), together[0][case], together[1][case]
    assert len(first["history"]) == 3
    for one, other in zip(alone["history"], first["history"], strict=True):
        assert one.keys() == other.keys()
        assert all(other[name] == pytest.approx(one[name], abs=CLOSE) for name in one)
    assert all(np.allclose(first["state"][name], own, atol=CLOSE) for name, own in alone["state"].items())
    assert all(np.array_equal(second["state"][name], own) for name, own in first["state"].items()), "no one drifts"
    assert (Path(first["at"]) / "checkpoint").is_dir()
    assert not (Path(second["at"]) / "checkpoint").exists(), "the first one keeps"


def test_alone_nothing_is_divided() -> None:
    rows, drawn = toys.rows(4), [torch.tensor([2, 0]), torch.tensor([1, 3])]
    shares = group.shares(rows, drawn, [2.0, 2.0])
    assert shares.made is drawn
    assert shares.own is drawn
    assert group.told(lambda: "said") == "said"
    assert group.total(1.5) == 1.5
    assert group.in_turn(drawn) == drawn
    assert group.shared(toys.staged(), Strategy.SCRATCH)
