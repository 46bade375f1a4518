"""What lies on a card, what is read and what is computed again: the rules, in small numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engines.contract import Strategy
from engines.training import transfer
from engines.training.activation_cache import Cached
from engines.training.card import recomputed, room
from engines.training.settings import TrainSettings
from engines.training.tokens import CachedTokens
from tests.training import toys
from tests.training.toys import Notebook

pytestmark = pytest.mark.usefixtures("one_thread")

GB = 10**9
CARD = torch.device("cuda")


@pytest.mark.parametrize(
    ("size", "free", "may_halve", "place"),
    [
        (10, 30, False, "float32"),
        (11, 30, False, "streamed"),
        (11, 30, True, "bfloat16"),
        (20, 30, True, "bfloat16"),
        (21, 30, True, "streamed"),
        (1, 0, True, "streamed"),
    ],
)
def test_data_lie_on_the_card_up_to_a_third_of_what_is_free(size: int, free: int, may_halve: bool, place: str) -> None:
    assert room.residence(size, free, may_halve=may_halve) == place


@pytest.mark.parametrize(
    ("case", "again"),
    [
        ({}, False),  # 1.6 GB lie on the card, whatever they cost
        ({"size": 160 * GB}, True),  # over the limit of the cache
        ({"size": 160 * GB, "limit": 500 * GB}, True),  # 160 s to write, 480 s to read in 12 epochs, 240 s to compute
        ({"size": 160 * GB, "limit": 500 * GB, "macs": 4e10}, False),  # now 2,400 s
        ({"size": 160 * GB, "limit": 500 * GB, "macs": 4e10, "disk": 100 * GB}, True),  # which the disk does not hold
        ({"size": 160 * GB, "limit": 500 * GB, "macs": 4e10, "epochs": 3}, True),  # before four views are made
        ({"free": 0, "macs": 4e7}, True),
        ({"free": 0}, False),  # 8 s to compute and write, 4.8 s to read; 24 s to compute each time
    ],
)
def test_the_frozen_part_runs_again_where_that_is_sooner(case: dict[str, float], again: bool) -> None:
    """50,000 photographs in 4 views, 4e9 multiply-accumulates each; 500 of them where the outputs are small."""
    usual = {"size": 1_600_000_000, "macs": 4e9, "views": 4, "epochs": 12}
    usual |= {"free": 30 * GB, "disk": 1000 * GB, "limit": 10 * GB, "examples": 50_000 if "size" in case else 5_000}
    numbers = {name: value if name == "macs" else int(value) for name, value in (usual | case).items()}
    assert room.computed_again(**numbers) is again  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("device", "cores", "batches", "slow", "shared", "platform", "count"),
    [
        ("cpu", 16, 99, True, GB, "linux", 0),
        ("mps", 16, 99, True, GB, "darwin", 0),
        ("cuda", 16, 99, True, GB, "win32", 0),
        ("cuda", 16, 99, False, GB, "linux", 0),
        ("cuda", 16, 99, True, GB, "linux", 8),
        ("cuda", 4, 99, True, GB, "linux", 3),
        ("cuda", 16, 2, True, GB, "linux", 2),
        ("cuda", 16, 99, True, 64 << 20, "linux", 1),  # a container's own, which holds three batches of 10 MB twice
        ("cuda", 16, 99, True, 32 << 20, "linux", 0),
        ("cuda", 1, 99, True, GB, "linux", 0),
    ],
)
def test_processes_make_batches_where_there_is_room_for_them(
    device: str, cores: int, batches: int, slow: bool, shared: int, platform: str, count: int
) -> None:
    made = room.workers(device, cores, batches, slow=slow, shared=shared, a_batch=10_000_000, platform=platform)
    assert made == count


def test_more_at_a_time_where_nothing_is_learnt() -> None:
    assert [room.answered(torch.device(kind), 32) for kind in ("cpu", "mps", "cuda")] == [32, 128, 256]
    assert room.answered(CARD, 1000) == 1000


@pytest.mark.parametrize("half", [False, True])
def test_what_is_brought_over_in_pieces_is_the_same_in_the_same_layout(
    monkeypatch: pytest.MonkeyPatch, half: bool
) -> None:
    monkeypatch.setattr(room, "AT_ONCE", 100)
    maps = torch.randn(7, 2, 3, 2, 2).permute(0, 1, 4, 2, 3)
    there = room.brought(maps, torch.device("cpu"), half=half)
    assert there.dtype == (torch.bfloat16 if half else torch.float32)
    assert there.stride() == maps.stride()
    assert torch.equal(there, maps.to(there.dtype))


def test_what_fits_is_placed_and_what_does_not_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, bool]] = []

    def on_card(own: Cached, device: torch.device, *, half: bool = False) -> Cached:
        seen.append((device.type, half))
        return own

    monkeypatch.setattr(Cached, "on_card", on_card)
    cached = Cached(torch.zeros(10, 1, 6), torch.zeros(10).long(), "made")  # 240 bytes
    for free in (720, 719, 360, 359):
        monkeypatch.setattr(room, "free_bytes", lambda _, free=free: free)
        assert room.placed(cached, CARD, halves=True) is cached
    assert room.placed(cached, torch.device("cpu"), halves=True) is cached
    rows = toys.rows(4)
    assert room.placed(rows, CARD, halves=True) is rows  # nobody has said how
    assert room.placed(None, CARD, halves=True) is None
    assert seen == [("cuda", False), ("cuda", True), ("cuda", True)]


def test_cached_activations_are_handed_on_alike_from_anywhere() -> None:
    maps = torch.randn(5, 2, 3, 2, 2)
    cached, some = Cached(maps, torch.arange(5), "made", "light"), torch.tensor([4, 0])
    there, halves = (cached.on_card(torch.device("cpu"), half=half) for half in (False, True))
    assert halves.card_bytes * 2 == there.card_bytes == cached.card_bytes == maps.nbytes
    assert torch.equal(there.plain(some), cached.plain(some))
    assert halves.plain(some).dtype == torch.float32
    assert torch.equal(halves.plain(some), cached.plain(some).bfloat16().float())
    drawn = [own.varied(some, torch.Generator().manual_seed(0)) for own in (cached, there)]
    assert torch.equal(*drawn)
    tokens = CachedTokens(torch.randn(6, 2), [[2], [3, 1]], torch.tensor([0, 1]), "made")
    both = [own.plain(torch.tensor([1, 0])) for own in (tokens, tokens.on_card(torch.device("cpu"), half=True))]
    assert torch.equal(both[0].values, both[1].values)


# --- computed again -------------------------------------------------------------------------------


def test_what_is_computed_again_learns_what_the_cache_would_teach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = TrainSettings(epochs=4, batch_size=8, views=1, device="cpu", mixed_precision="no")
    losses = []
    for again in (False, True):
        monkeypatch.setattr(
            transfer, "is_cheaper", lambda network, *_, again=again, **__: again and network.boundary < 2
        )
        run = Notebook(tmp_path / str(again))
        spec = toys.lesson(run, toys.rows(22, seed=1), toys.rows(9, seed=2), settings)
        outcome = transfer.learn(spec, Strategy.PARTIAL)
        logits = transfer.logits(spec, outcome, toys.rows(9, seed=2))
        losses.append(([row["validation_loss"] for row in outcome.progress.history], logits))
        said = [data["message"] for kind, data in run.events if kind == "note"]
        assert any(message.startswith("Computed anew each time") for message in said) is again
    assert losses[0][0] == pytest.approx(losses[1][0], abs=1e-6)
    np.testing.assert_allclose(losses[0][1], losses[1][1], atol=1e-5)


def test_what_the_rule_is_told_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    network, told = toys.staged(), {}
    network.boundary = 1

    def rule(size: int, macs: float, **more: int) -> bool:
        told.update(more, size=size, macs=macs)
        return True

    monkeypatch.setattr(room, "computed_again", rule)
    monkeypatch.setattr(room, "free_bytes", lambda _: 99)
    card, on_cpu = torch.device("meta"), torch.device("cpu")
    measured = recomputed.measured
    monkeypatch.setattr(recomputed, "measured", lambda network, examples, _: measured(network, examples, on_cpu))
    asked, rows = {"views": 3, "name": "f" * 40}, toys.rows(22)
    settings = TrainSettings(epochs=5)
    assert recomputed.is_cheaper(network, rows, settings, device=card, **asked) is True  # type: ignore[arg-type]
    assert {name: told[name] for name in ("size", "macs", "examples", "views", "epochs", "free")} == {
        "size": 22 * 3 * 5 * 4,
        "macs": 4 * 5,
        "examples": 22,
        "views": 3,
        "epochs": 5,
        "free": 99,
    }
    assert recomputed.is_cheaper(network, rows, settings, device=on_cpu, **asked) is False  # type: ignore[arg-type]
    network.boundary = 2
    assert recomputed.is_cheaper(network, rows, settings, device=card, **asked) is False  # type: ignore[arg-type]


def test_examples_that_pass_the_whole_network_are_otherwise_themselves() -> None:
    rows = toys.rows(6)
    whole = recomputed.Recomputed(rows)
    assert (len(whole), whole.identity, whole.variation) == (6, "rows", "")
    part = whole.subset(torch.tensor([5, 1]))
    assert torch.equal(part.plain(torch.tensor([0])), rows.inputs[5:6])
    assert part.labels.tolist() == [1, 1]
    assert not hasattr(whole, "card_bytes")
    assert hasattr(recomputed.Recomputed(Cached(torch.zeros(2, 1, 3), torch.zeros(2), "made")), "card_bytes")
    assert replace(rows, noise=1.0).noise == 1.0
