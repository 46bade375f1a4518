"""Memory that does not suffice: half as many examples at a time, the same learning, and a sentence at one example."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engines.contract import Cancelled, InputError, Strategy
from engines.jobs import failures
from engines.training import memory, rate_finder, strategies
from engines.training.checkpoint import Progress
from engines.training.loop import predict, train
from engines.training.settings import TrainSettings
from engines.training.staged import Staged
from tests.training import toys
from tests.training.toys import Notebook

pytestmark = pytest.mark.usefixtures("one_thread")

SETTINGS = TrainSettings(batch_size=8, label_smoothing=0.0, device="cpu", mixed_precision="no", patience=9)
ON_THE_PROCESSOR = "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: not enough memory: you tried"
WAYS = {
    "card": lambda: torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    "processor": lambda: RuntimeError(ON_THE_PROCESSOR),
    "Linux": lambda: RuntimeError(ON_THE_PROCESSOR.replace("not enough memory", "can't allocate memory")),
    "Python": lambda: MemoryError(),
}


class Narrow(nn.Module):
    """Room for so many rows at once while it learns, and for three times as many while it does not.

    With `from_batch`, only from that batch on, counted over all of the training.
    """

    def __init__(self, room: int, way: str, from_batch: int = 0):
        super().__init__()
        self.inner, self.room, self.way, self.left = toys.TwoStages(), room, way, from_batch
        self.seen: list[int] = []

    def check(self, x: Tensor) -> Tensor:
        self.seen.append(len(x))
        self.left -= 1
        if self.left < 0 and len(x) > self.room * (1 if self.training else 3):
            raise WAYS[self.way]()
        return x


def staged(room: int, way: str = "card", from_batch: int = 0) -> tuple[Staged, Narrow]:
    torch.manual_seed(0)
    model = Narrow(room, way, from_batch)
    inner = model.inner
    stages = [
        toys.StageModule("first", lambda x: inner.first(model.check(x)), lambda: (inner.first,)),
        toys.StageModule("second", lambda x: inner.second(x), lambda: (inner.second,)),
    ]
    return Staged(model, stages, lambda: inner.head), model


def fitted(run: Notebook, network: Staged, settings: TrainSettings = SETTINGS, epochs: int = 3) -> Progress:
    plan = toys.plan(strategy=Strategy.FULL, epochs=epochs)
    strategies.apply(network, plan.strategy, settings)
    return train(
        network,
        plan,
        toys.rows(22),
        toys.rows(10, seed=1),
        settings,
        loss=F.cross_entropy,
        metric=toys.accuracy,
        run=run,
        accelerator=toys.on_cpu(),
        seed=5,
        unit="rows",
    )


def notes(run: Notebook) -> list[str]:
    return [data["message"] for kind, data in run.events if kind == "note"]


@pytest.mark.parametrize("way", WAYS)
def test_batches_are_halved_and_gathered_and_it_learns_the_same(tmp_path: Path, way: str) -> None:
    run, narrow = Notebook(tmp_path / "narrow"), staged(3, way)
    progress = fitted(run, narrow[0])
    assert notes(run) == [
        "Memory ran out: on with 4 at a time, and 2 such batches a step.",
        "Memory ran out: on with 2 at a time, and 4 such batches a step.",
    ]
    assert progress.halved == 2
    assert [row["epoch"] for row in run.epochs()] == [1, 2, 3]
    wide, _ = staged(100)
    undisturbed = fitted(Notebook(tmp_path / "wide"), wide)
    for ours, theirs in zip(progress.history, undisturbed.history, strict=True):
        assert ours["train_loss"] == pytest.approx(theirs["train_loss"], abs=1e-5)
        assert ours["validation_loss"] == pytest.approx(theirs["validation_loss"], abs=1e-5)


def test_it_goes_on_from_the_last_whole_epoch(tmp_path: Path) -> None:
    """Three batches and a validation an epoch: memory runs out in the second batch of the second epoch."""
    run, (network, _) = Notebook(tmp_path), staged(4, "processor", from_batch=5)
    fitted(run, network)
    assert [row["epoch"] for row in run.epochs()] == [1, 2, 3]
    assert notes(run) == [
        "Memory ran out: on with 4 at a time, and 2 such batches a step.",
        "Resumed scratch after epoch 1.",
    ]


def test_a_card_that_is_full_for_a_moment_costs_no_smaller_batches(tmp_path: Path) -> None:
    run, (network, model) = Notebook(tmp_path), staged(4)
    told = iter([WAYS["card"]()])

    def full_once(x: Tensor) -> Tensor:
        model.seen.append(len(x))
        if error := next(told, None):
            raise error
        return x

    model.check = full_once  # type: ignore[method-assign]
    assert fitted(run, network).halved == 0
    assert notes(run) == []


def test_a_resumed_run_keeps_to_the_smaller_batches(tmp_path: Path) -> None:
    whole = Notebook(tmp_path / "whole")
    fitted(whole, staged(4)[0])
    run = Notebook(tmp_path / "stopped", cancel_after=1)
    with pytest.raises(Cancelled):
        fitted(run, staged(4)[0])
    run.cancel_after = None
    roomy, model = staged(100)  # the other programs were closed meanwhile
    fitted(run, roomy)
    assert max(model.seen[:2]) == 4
    assert [row["train_loss"] for row in run.epochs()] == [row["train_loss"] for row in whole.epochs()]


def test_at_one_example_there_is_a_sentence(tmp_path: Path) -> None:
    run, (network, _) = Notebook(tmp_path), staged(0)
    with pytest.raises(InputError, match=r"^memory: there is not enough memory for this network, even with one"):
        fitted(run, network)
    assert len(notes(run)) == 3  # 4, 2, 1


def test_another_error_stays_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(WAYS, "bug", lambda: RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        fitted(Notebook(tmp_path), staged(3, "bug")[0])


def test_the_learning_rate_is_looked_for_in_smaller_batches(tmp_path: Path) -> None:
    network, model = staged(4)
    strategies.apply(network, Strategy.FULL, SETTINGS)
    before = [parameter.clone() for parameter in network.parameters()]
    rate = rate_finder.find(
        network,
        Strategy.FULL,
        toys.rows(22),
        SETTINGS,
        loss=F.cross_entropy,
        run=Notebook(tmp_path),
        accelerator=toys.on_cpu(),
        seed=5,
        phase="full",
        steps=9,
    )
    assert model.seen[0] == model.seen[1] == SETTINGS.batch_size > 4 == max(model.seen[2:])
    assert rate_finder.LOWEST < rate < rate_finder.HIGHEST
    assert all(map(torch.equal, before, network.parameters()))


def test_predictions_are_made_in_smaller_batches() -> None:
    network, model = staged(4, "processor")
    found = predict(network.eval(), 0, toys.rows(30), torch.device("cpu"))
    assert max(model.seen) > 12 >= max(model.seen[-3:])
    assert torch.allclose(found, predict(staged(100)[0].eval(), 0, toys.rows(30), torch.device("cpu")), atol=1e-6)


@pytest.mark.parametrize(
    ("size", "group", "times", "expected"),
    [(32, 1, 1, (16, 2)), (32, 2, 5, (1, 64)), (5, 1, 1, (2, 2)), (1, 4, 3, (1, 4))],
)
def test_a_step_keeps_its_examples(size: int, group: int, times: int, expected: tuple[int, int]) -> None:
    found = memory.halved(TrainSettings(batch_size=size, gradient_accumulation=group), times)
    assert (found.batch_size, found.gradient_accumulation) == expected


@pytest.mark.parametrize(
    "words",
    [
        "CUDA error: out of memory",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "CUDA driver error: CUDA_ERROR_OUT_OF_MEMORY",
        "MPS backend out of memory (MPS allocated: 8.85 GB)",
    ],
)
def test_lack_of_memory_in_all_the_words_of_cards(words: str) -> None:
    assert memory.on_card(RuntimeError(words))
    assert memory.ran_out(RuntimeError(words))
    assert failures.sentence(RuntimeError(words), "worker.log").startswith("The graphics card ran out of memory")


def test_what_is_no_lack_of_memory() -> None:
    others: list[Any] = [ValueError("out of memory"), KeyError("a"), RuntimeError("shapes")]
    assert not any(map(memory.ran_out, others))
