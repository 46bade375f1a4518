"""The training loop on networks of two layers: exact rates, exact stopping, exact resuming."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from engines.contract import Cancelled, InputError, Strategy
from engines.training import checkpoint, strategies
from engines.training.checkpoint import Progress
from engines.training.loop import Plan, predict, train
from engines.training.settings import TrainSettings
from engines.training.staged import Staged
from engines.training.strategies import schedule
from tests.training import toys
from tests.training.toys import Notebook, Rows

pytestmark = pytest.mark.usefixtures("one_thread")

SETTINGS = TrainSettings(batch_size=8, label_smoothing=0.0, device="cpu", mixed_precision="no")


def fitted(
    run: Notebook,
    settings: TrainSettings = SETTINGS,
    *,
    network: Staged | None = None,
    plan: Plan | None = None,
    examples: Rows | None = None,
    validation: Rows | None = None,
    loss: Any = F.cross_entropy,
    metric: Any = toys.accuracy,
) -> tuple[Staged, Progress]:
    network = toys.staged() if network is None else network
    plan = plan or toys.plan()
    strategies.apply(network, plan.strategy, settings)
    progress = train(
        network,
        plan,
        examples or toys.rows(22),
        validation,
        settings,
        loss=loss,
        metric=metric,
        run=run,
        accelerator=toys.on_cpu(),
        seed=5,
        unit="rows",
    )
    return network, progress


class Scripted:
    """A loss that answers from a list where nothing is learnt (validation), and truly where something is."""

    def __init__(self, *losses: float):
        self.losses = list(losses)

    def __call__(self, logits: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(logits, labels) if logits.requires_grad else torch.tensor(self.losses.pop(0))


# --- learning rates -------------------------------------------------------------------------------


def test_schedule() -> None:
    assert [schedule(step, 100) for step in (0, 4, 9, 10)] == [0.1, 0.5, 1.0, 1.0]
    assert schedule(55, 100) == pytest.approx(0.5)
    assert schedule(99, 100) == pytest.approx(0.5 * (1 + math.cos(math.pi * 89 / 90)))
    assert schedule(0, 1) == 1.0
    assert all(0 <= schedule(step, steps) <= 1 for steps in range(1, 40) for step in range(steps))


def test_the_learning_rate_follows_the_schedule(tmp_path: Path) -> None:
    """22 rows in batches of 8 are 3 steps an epoch, 12 in all; an epoch's row has the rate of its last step."""
    run = Notebook(tmp_path)
    fitted(run)
    assert [row["learning_rate"] for row in run.epochs()] == [
        pytest.approx(0.01 * schedule(step, 12), abs=1e-6) for step in (2, 5, 8, 11)
    ]


# --- batches --------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [22, 24, 17])
def test_accumulated_batches_equal_the_large_batch(tmp_path: Path, n: int) -> None:
    """Also where classes are weighted and uneven, and where the last step of an epoch has fewer examples."""
    examples = toys.rows(n)
    examples.labels = (torch.arange(n) % 4 == 0).long()  # one in four
    whole, pieces = Notebook(tmp_path / "whole"), Notebook(tmp_path / "pieces")
    for run, batch, accumulation in ((whole, 8, 1), (pieces, 2, 4)):
        settings = replace(SETTINGS, batch_size=batch, gradient_accumulation=accumulation)
        loss = toys.lesson(run, examples, None, settings).loss(examples.labels)
        fitted(run, settings, plan=toys.plan(strategy=Strategy.FULL), examples=examples, loss=loss)
    for one, other in zip(whole.epochs(), pieces.epochs(), strict=True):
        assert one["train_loss"] == pytest.approx(other["train_loss"], abs=1e-6)
        assert one["learning_rate"] == other["learning_rate"]
    assert whole.epochs()[-1]["train_loss"] < whole.epochs()[0]["train_loss"]


def test_every_example_is_seen_once_an_epoch_in_another_order(tmp_path: Path) -> None:
    orders: list[list[int]] = [[]]

    class Watched(Rows):
        def varied(self, indices: Tensor, generator: torch.Generator) -> Tensor:
            orders[-1] += indices.tolist()
            if len(orders[-1]) == 22:
                orders.append([])
            return super().varied(indices, generator)

    given = toys.rows(22)
    fitted(Notebook(tmp_path), examples=Watched(given.inputs, given.labels))
    assert [sorted(order) for order in orders[:4]] == [list(range(22))] * 4
    assert len({tuple(order) for order in orders[:4]}) == 4


# --- the best epoch -------------------------------------------------------------------------------


def test_early_stopping_keeps_the_best_epoch(tmp_path: Path) -> None:
    """Validation losses 5 3 4 4 2 6 6 6: with patience 3 it stops after epoch 8 and goes back to epoch 5."""
    network, heads = toys.staged(), []

    def metric(logits: Tensor, labels: Tensor) -> float:
        heads.append(network.head().weight.detach().clone())  # once for training, once for validation
        return toys.accuracy(logits, labels)

    run = Notebook(tmp_path)
    loss = Scripted(5, 3, 4, 4, 2, 6, 6, 6, 1)
    settings = replace(SETTINGS, patience=3)
    _, progress = fitted(
        run,
        settings,
        network=network,
        plan=toys.plan(epochs=20),
        validation=toys.rows(6, seed=1),
        loss=loss,
        metric=metric,
    )
    assert (progress.epoch, progress.best_epoch, progress.best_loss) == (8, 5, 2)
    assert loss.losses == [1]
    assert [row["best_epoch"] for row in run.epochs()] == [1, 2, 2, 2, 5, 5, 5, 5]
    assert [row["validation_loss"] for row in progress.history] == [5, 3, 4, 4, 2, 6, 6, 6]
    assert torch.equal(network.head().weight, heads[2 * 5 - 1])
    assert not torch.equal(network.head().weight, heads[-1])
    assert not network.training


@pytest.mark.parametrize(("epochs", "patience"), [(4, 3), (12, 3), (16, 4), (60, 15)])
def test_patience_by_default_is_a_quarter_and_three_at_least(epochs: int, patience: int) -> None:
    assert TrainSettings().patience_for(epochs) == patience


def test_without_validation_the_last_epoch_is_the_best(tmp_path: Path) -> None:
    run = Notebook(tmp_path)
    _, progress = fitted(run)
    assert (progress.epoch, progress.best_epoch) == (4, 4)
    assert all("validation_loss" not in row for row in run.epochs())


def test_stop_after_ends_early_on_the_same_course(tmp_path: Path) -> None:
    whole, part = Notebook(tmp_path / "whole"), Notebook(tmp_path / "part")
    fitted(whole)
    fitted(part, plan=toys.plan(stop_after=2))
    assert [row["train_loss"] for row in part.epochs()] == [row["train_loss"] for row in whole.epochs()[:2]]
    assert part.epochs()[-1]["seconds_left"] == 0


def test_time_is_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 10_000, 10))
    monkeypatch.setattr("engines.training.loop.time.monotonic", lambda: float(next(clock)))
    _, progress = fitted(Notebook(tmp_path), replace(SETTINGS, max_seconds=15.0), plan=toys.plan(epochs=50))
    assert progress.epoch < 3


def test_a_rate_that_breaks_the_training_down_is_named(tmp_path: Path) -> None:
    examples = toys.rows(22)
    examples.inputs[3] = float("inf")
    with pytest.raises(InputError, match=r"setting learning_rate: with 0.01 the loss is no longer a number in epoch 1"):
        fitted(Notebook(tmp_path), examples=examples)


# --- going on -------------------------------------------------------------------------------------


@pytest.mark.parametrize("stops", [[1], [3], [1, 2, 3]])
def test_a_stopped_run_ends_where_an_undisturbed_one_does(tmp_path: Path, stops: list[int]) -> None:
    """Order, augmentation, dropout, batch-norm statistics, optimiser and schedule all go on."""
    options: dict[str, Any] = {"validation": toys.rows(6, seed=1), "examples": toys.rows(22, noise=0.5)}
    undisturbed, expected = fitted(Notebook(tmp_path / "undisturbed"), network=toys.staged(dropout=0.5), **options)
    total = 0
    for epochs in stops:
        run = Notebook(tmp_path / "run", cancel_after=epochs - total)
        with pytest.raises(Cancelled):
            fitted(run, network=toys.staged(dropout=0.5, seed=total), **options)  # 0 at first, then whatever
        total = epochs
    last = Notebook(tmp_path / "run")
    network, progress = fitted(last, network=toys.staged(dropout=0.5, seed=9), **options)
    assert len(last.epochs()) == 4 - total
    assert progress.history == expected.history
    for name, tensor in undisturbed.model.state_dict().items():
        assert torch.equal(tensor, network.model.state_dict()[name]), name


class Kept:
    """Notes after which epochs a checkpoint is written."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.epochs: list[int] = []
        save = checkpoint.save

        def noted(folder: Path, progress: Progress, *given: Any, **options: Any) -> None:
            self.epochs.append(progress.epoch)
            save(folder, progress, *given, **options)

        monkeypatch.setattr(checkpoint, "save", noted)


@pytest.mark.parametrize(("every", "expected"), [(3600.0, [1, 6]), (0.0, [1, 2, 3, 4, 5, 6])])
def test_short_epochs_share_a_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every: float, expected: list[int]
) -> None:
    monkeypatch.setattr(checkpoint, "SAVE_EVERY", every)
    monkeypatch.setattr(checkpoint, "SHARE", float("inf"))
    kept = Kept(monkeypatch)
    fitted(Notebook(tmp_path), plan=toys.plan(epochs=6))
    assert kept.epochs == expected, "the first, those that are due, and the last"


def test_a_cancel_writes_the_last_whole_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept(monkeypatch)
    with pytest.raises(Cancelled):
        fitted(Notebook(tmp_path, cancel_after=3), plan=toys.plan(epochs=6))
    assert kept.epochs == [1, 3]
    found = checkpoint.load(tmp_path / "checkpoint" / "scratch")
    assert found is not None
    assert (found[0].epoch, len(found[0].history)) == (3, 3)


def test_the_best_weights_are_kept_though_their_epoch_has_no_checkpoint(tmp_path: Path) -> None:
    losses = (3.0, 2.0, 1.0, 2.0, 3.0, 4.0)
    settings, checks = replace(SETTINGS, patience=50), toys.rows(6, seed=1)
    network, progress = fitted(
        Notebook(tmp_path / "one"), settings, plan=toys.plan(epochs=6), validation=checks, loss=Scripted(*losses)
    )
    assert progress.best_epoch == 3
    until = toys.plan(epochs=6, stop_after=3)
    best, _ = fitted(Notebook(tmp_path / "two"), settings, plan=until, validation=checks, loss=Scripted(*losses))
    for name, tensor in network.model.state_dict().items():
        assert torch.equal(tensor, best.model.state_dict()[name]), name
    for name, tensor in checkpoint.best(tmp_path / "one" / "checkpoint" / "scratch").items():
        assert torch.equal(tensor, best.model.state_dict()[name]), name


def test_a_finished_phase_is_not_trained_again(tmp_path: Path) -> None:
    network, expected = fitted(Notebook(tmp_path))
    again = Notebook(tmp_path)
    other, progress = fitted(again, network=toys.staged(seed=7))
    assert again.epochs() == []
    assert progress == expected
    assert torch.equal(other.head().weight, network.head().weight)


def test_another_seed_takes_another_course(tmp_path: Path) -> None:
    one, other = Notebook(tmp_path / "one"), Notebook(tmp_path / "other")
    network = toys.staged()
    strategies.apply(network, Strategy.SCRATCH, SETTINGS)
    fitted(one)
    train(
        network,
        toys.plan(),
        toys.rows(22),
        None,
        SETTINGS,
        loss=F.cross_entropy,
        metric=toys.accuracy,
        run=other,
        accelerator=toys.on_cpu(),
        seed=6,
        unit="rows",
    )
    assert one.epochs()[0]["train_loss"] != other.epochs()[0]["train_loss"]


def test_predict_is_the_network_in_evaluation_mode() -> None:
    network, examples = toys.staged(dropout=0.5), toys.rows(70)
    logits = predict(network, 0, examples, torch.device("cpu"), batch=32)
    network.eval()
    torch.testing.assert_close(logits, network(examples.inputs).detach())


def test_a_damaged_checkpoint_is_told_and_training_starts_over(tmp_path: Path) -> None:
    _, whole = fitted(Notebook(tmp_path / "whole"))
    run = Notebook(tmp_path / "damaged", cancel_after=2)
    with pytest.raises(Cancelled):
        fitted(run)
    (run.path / "checkpoint" / "scratch" / "newest.safetensors").write_bytes(b"half of it")
    run.cancel_after = None
    _, progress = fitted(run)
    (note,) = [data["message"] for kind, data in run.events if kind == "note"]
    assert note == "The checkpoint of scratch is damaged: this part starts over."
    assert [row["train_loss"] for row in progress.history] == [row["train_loss"] for row in whole.history]


class HostReads(TorchDispatchMode):
    """Counts what makes the processor wait for a card: numbers that are read, and shapes that depend on values."""

    WAITS = ("_local_scalar_dense", "nonzero", "_unique", "unique", "bincount")

    def __init__(self) -> None:
        super().__init__()
        self.seen: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = str(func).removeprefix("aten.").split(".")[0]
        if name.startswith(self.WAITS):
            self.seen[name] += 1
        return func(*args, **(kwargs or {}))


def test_a_card_is_waited_for_by_the_epoch_and_not_by_the_step(tmp_path: Path) -> None:
    reads = []
    for size in (11, 2):  # 2 and 11 steps an epoch, validation with them
        with HostReads() as counted:
            fitted(Notebook(tmp_path / str(size)), replace(SETTINGS, batch_size=size), validation=toys.rows(10, seed=1))
        reads.append(counted.seen)
    assert reads[0] == reads[1]
