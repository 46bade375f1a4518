"""Batches that processes make ahead: the same ones whatever their number, and on a processor none are."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor

from engines.training.card import feeding, room
from engines.training.card.feeding import Feed, moved, size_of
from engines.training.loop import train
from engines.training.settings import TrainSettings
from engines.training.tokens import Tokens
from tests.training import toys
from tests.training.toys import Notebook, Rows

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
forks = pytest.mark.skipif(sys.platform != "linux", reason="where processes are forked")


@dataclass
class Slow(Rows):
    made_slowly = True


def slow(n: int) -> Slow:
    rows = toys.rows(n)
    return Slow(rows.inputs, rows.labels, noise=1.0)


def epochs_of(feed: Feed, drawn: list[Tensor]) -> list[Tensor]:
    made = (feed.epoch(drawn, torch.Generator().manual_seed(0), 3, "head", epoch) for epoch in (0, 1))
    found = [torch.cat([inputs for inputs, _ in epoch]) for epoch in made]
    feed.close()
    return found


@forks
def test_any_number_of_processes_makes_the_same_batches_in_the_same_order() -> None:
    rows, drawn = slow(10), list(torch.randperm(10).split(3))
    one, two = (epochs_of(Feed(rows, CPU, 3, processes=processes), drawn) for processes in (1, 2))
    for first, second in zip(one, two, strict=True):
        assert torch.equal(first, second)
        assert float((first - rows.inputs[torch.cat(drawn)]).abs().max()) < 6  # those examples, varied
    assert not torch.equal(*one)


def test_on_a_processor_batches_are_drawn_by_the_epochs_own_generator() -> None:
    rows, drawn = slow(10), list(torch.arange(10).split(4))
    feed = Feed(rows, CPU, 4)
    assert feed.processes == 0
    generator = torch.Generator().manual_seed(7)
    expected = [rows.varied(indices, generator) for indices in drawn]
    made = list(feed.epoch(drawn, torch.Generator().manual_seed(7), "whatever"))
    assert all(torch.equal(own.inputs, other) for own, other in zip(made, expected, strict=True))
    assert torch.equal(torch.cat([own.targets for own in made]), rows.labels)


def test_a_card_is_fed_by_processes_as_the_rule_says(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[object, ...]] = []

    def rule(*given: object, **named: object) -> int:
        told.append((*given[::2], named["a_batch"]))
        return 2

    monkeypatch.setattr(room, "workers", rule)
    monkeypatch.setattr(feeding, "_loader", lambda *_: None)
    assert Feed(slow(10), torch.device("cuda"), 4).processes == 2
    assert Feed(toys.rows(10), torch.device("cuda"), 4).processes == 0  # vectors in memory are made at once
    assert told == [("cuda", 3, 4 * 4 * 4)]


@forks
def test_a_run_that_is_fed_repeats_itself_and_goes_on_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeding, "_processes", lambda *_: 2)
    settings = TrainSettings(batch_size=4, label_smoothing=0.0, device="cpu", mixed_precision="no")
    losses = []
    for name, stops in (("whole", None), ("again", None), ("stopped", 1.0)):
        run = Notebook(tmp_path / name)
        for limit in (stops, None) if stops else (None,):
            done = train(
                toys.staged(),
                toys.plan(epochs=3),
                slow(10),
                None,
                TrainSettings(**{**vars(settings), "max_seconds": limit and 1e-9}),
                run=run,
                accelerator=toys.on_cpu(),
                loss=torch.nn.functional.cross_entropy,
                metric=None,
                unit="rows",
                seed=0,
            )
        losses.append([row["train_loss"] for row in done.history])
    assert losses[0] == losses[1] == losses[2]
    assert len(losses[0]) == 3


def test_everything_in_a_batch_is_counted() -> None:
    assert size_of((torch.zeros(3), [torch.zeros(2, dtype=torch.uint8), "no tensor"])) == 14
    assert size_of(Tokens.padded([[torch.zeros(2, dtype=torch.int64)]])) == 2 * 8 + 2 + 8


def test_what_is_not_pinned_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    monkeypatch.setattr(Tensor, "to", lambda own, _, non_blocking=False: seen.append(non_blocking) or own)
    monkeypatch.setattr(Tensor, "is_pinned", lambda own: len(own) == 2)
    for n, device in ((2, "cuda"), (3, "cuda"), (2, "cpu")):
        moved(torch.zeros(n), torch.device(device))
    assert seen == [True, False, False]
