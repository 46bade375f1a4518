"""The learning-rate test: it leaves no trace in the network, and its suggestion lies where the loss falls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from engines.contract import Cancelled, Strategy
from engines.training import cost, rate_finder, strategies, transfer
from engines.training.settings import TrainSettings
from engines.training.staged import Staged
from tests.training import toys
from tests.training.card import pretend
from tests.training.toys import Notebook

pytestmark = pytest.mark.usefixtures("one_thread")

SETTINGS = TrainSettings(batch_size=8, label_smoothing=0.0, device="cpu", mixed_precision="no")


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([5, 5, 4, 3, 2, 1, 2, 9], 1e-4),  # falls from the second to the sixth: the middle of these is the fourth
        ([3, 2, 1, 0], 1e-6),
        ([1, 2, 3], 1e-7),
        ([1], 1e-7),
    ],
)
def test_the_valley(losses: list[float], expected: float) -> None:
    rates = [10.0 ** (i - 7) for i in range(len(losses))]
    assert rate_finder.valley(rates, losses) == pytest.approx(expected)


def found(run: Any, network: Staged, steps: int = 300, settings: TrainSettings = SETTINGS) -> float:
    strategies.apply(network, Strategy.SCRATCH, settings)
    return rate_finder.find(
        network,
        Strategy.SCRATCH,
        toys.rows(40),
        settings,
        loss=F.cross_entropy,
        run=run,
        accelerator=toys.on_cpu(),
        seed=5,
        phase="scratch",
        steps=steps,
    )


def test_it_leaves_no_trace_and_tells_its_curve(tmp_path: Path) -> None:
    run, network = Notebook(tmp_path), toys.staged()
    before = {name: tensor.clone() for name, tensor in network.model.state_dict().items()}
    rate = found(run, network)
    after = network.model.state_dict()
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items()), "batch norm's statistics too"
    assert found(Notebook(tmp_path), toys.staged()) == rate
    (search,) = [data for kind, data in run.events if kind == "search"]
    assert (search["phase"], search["learning_rate"]) == ("scratch", rate)
    rates, losses = zip(*search["points"], strict=True)
    assert list(rates) == sorted(rates)
    assert rates[0] == pytest.approx(rate_finder.LOWEST)
    assert rate_finder.LOWEST < rate < rates[losses.index(min(losses))], "before the loss is at its least"
    assert 1e-4 < rate < 1
    (note,) = [data["message"] for kind, data in run.events if kind == "note"]
    assert note == f"The learning-rate test suggests {rate:g} ({len(rates)} steps)."


def test_a_card_is_looked_at_now_and_then_and_suggests_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_finder, "HIGHEST", 1e3)  # it diverges before
    run, there = Notebook(tmp_path), Notebook(tmp_path)
    rate = found(run, toys.staged())
    with pretend.card(monkeypatch) as card:
        network = toys.staged()
        strategies.apply(network, Strategy.SCRATCH, SETTINGS)
        on: Any = pretend.Prepared()
        whose: dict[str, Any] = {"loss": F.cross_entropy, "run": there, "accelerator": on, "seed": 5, "steps": 300}
        again = rate_finder.find(network, Strategy.SCRATCH, toys.rows(40), SETTINGS, phase="scratch", **whose)
    assert again == rate
    (here,), (told,) = ([data["points"] for kind, data in each.events if kind == "search"] for each in (run, there))
    assert told == here
    assert len(here) < cost.MOST_SEARCH_STEPS, "it ends where the loss rises"
    looks = -(-len(here) // rate_finder.LOOKS) + 1
    weights = len(network.model.state_dict())
    assert card.seen.total() <= looks + weights


def test_a_loss_that_fails_on_numbers_that_are_none_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two looks a network goes on with whatever it has become."""
    losses = iter([2.0, 1.5, 1.0, float("nan")])

    def fails(outputs: Tensor, labels: Tensor) -> Tensor:
        del labels
        return outputs.sum() * 0 + next(losses)

    curve = rate_finder.Curve()
    curve.steps = [torch.tensor(value) for value in (2.0, 1.5, float("inf"), 1.0)]
    assert curve.ends()
    assert len(curve.losses) == 2
    with pretend.card(monkeypatch):
        network = toys.staged().to(pretend.CARD)
        strategies.apply(network, Strategy.SCRATCH, SETTINGS)
        on: Any = pretend.Prepared()
        run = Notebook(tmp_path)
        told = rate_finder.losses_at(
            [1e-6] * 9, network, Strategy.SCRATCH, toys.rows(40), SETTINGS, fails, run, on, (5, "scratch")
        )
    assert told == pytest.approx([2.0, 1.7475, 1.4933], abs=1e-3)


@pytest.mark.parametrize(("steps", "tried"), [(9, 40), (180, 60), (5000, 100)])
def test_it_is_in_proportion_to_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int, tried: int
) -> None:
    monkeypatch.setattr(rate_finder, "HIGHEST", 1e-5)  # nothing diverges
    run = Notebook(tmp_path)
    found(run, toys.staged(), steps)
    assert [len(data["points"]) for kind, data in run.events if kind == "search"] == [tried]


def test_it_can_be_cancelled(tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        found(Notebook(tmp_path, cancel_after=0), toys.staged())


def test_what_was_found_is_trained_with_and_kept_for_a_resume(tmp_path: Path) -> None:
    settings = TrainSettings(batch_size=8, epochs=2, find_learning_rate=True, device="cpu", mixed_precision="no")

    def learnt(run: Notebook) -> transfer.TrainOutcome:
        return transfer.learn(toys.lesson(run, toys.rows(40), toys.rows(10, seed=1), settings), Strategy.SCRATCH)

    whole = Notebook(tmp_path / "whole")
    (rate,) = {data["learning_rate"] for kind, data in (learnt(whole), whole.events)[1] if kind == "search"}
    run = Notebook(tmp_path / "stopped", cancel_after=1)
    with pytest.raises(Cancelled):
        learnt(run)
    run.cancel_after = None
    again = learnt(run)
    assert again.learning_rate == rate != settings.learning_rate_for(Strategy.SCRATCH)
    assert len([1 for kind, _ in run.events if kind == "search"]) == 1
    assert [row["train_loss"] for row in run.epochs()] == [row["train_loss"] for row in whole.epochs()]


def test_a_rate_that_is_given_is_not_looked_for(tmp_path: Path) -> None:
    settings = TrainSettings(
        batch_size=8, epochs=1, find_learning_rate=True, learning_rate=1e-3, device="cpu", mixed_precision="no"
    )
    run = Notebook(tmp_path)
    transfer.learn(toys.lesson(run, toys.rows(40), toys.rows(10, seed=1), settings), Strategy.SCRATCH)
    assert "search" not in {kind for kind, _ in run.events}
