"""Checkpoints: whole or not there, whatever happens between two writes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from engines.jobs import failures
from engines.training import checkpoint
from engines.training.checkpoint import Progress


def saved(folder: Path, epoch: int, *, best: bool = True) -> None:
    weights, before = (
        {"head.weight": torch.full((2, 3), float(value)), "head.bias": torch.zeros(2)} for value in (epoch, epoch - 1)
    )
    progress = Progress(epoch, best_epoch=epoch if best else epoch - 1, history=[{"epoch": epoch, "train_loss": 0.5}])
    checkpoint.save(
        folder, progress, weights, {"state": {0: {"step": torch.tensor(epoch)}}}, best=weights if best else before
    )


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    folder = tmp_path / "head"
    assert checkpoint.load(folder) is None
    saved(folder, 1)
    saved(folder, 2, best=False)
    found = checkpoint.load(folder)
    assert found is not None
    progress, weights, optimiser = found
    assert progress == Progress(2, 1, history=[{"epoch": 2, "train_loss": 0.5}])
    assert torch.equal(weights["head.weight"], torch.full((2, 3), 2.0))
    assert optimiser["state"][0]["step"] == 2
    assert torch.equal(checkpoint.best(folder)["head.weight"], torch.full((2, 3), 1.0))
    assert [path.name for path in tmp_path.iterdir()] == ["head"]


@pytest.mark.parametrize("file", ["progress.json", "newest.safetensors", "best.safetensors", "optimiser.pt"])
@pytest.mark.parametrize("damage", ["gone", "empty", "cut short", "garbage", "other content"])
def test_a_damaged_checkpoint_is_none(tmp_path: Path, file: str, damage: str) -> None:
    saved(tmp_path / "head", 1)
    path = tmp_path / "head" / file
    whole = path.read_bytes()
    path.unlink()
    if damage != "gone":
        path.write_bytes(
            {
                "empty": b"",
                "cut short": whole[: len(whole) // 2],
                "garbage": b"\x80\x02garbage",
                "other content": b"[1, 2]",
            }[damage]
        )
    assert checkpoint.load(tmp_path / "head") is None
    saved(tmp_path / "head", 1)  # and training starts over in its place
    assert checkpoint.load(tmp_path / "head") is not None


def test_killed_between_the_two_renames(tmp_path: Path) -> None:
    """The old checkpoint stands aside and the new one has not taken its name: the old one counts, and goes on."""
    folder = tmp_path / "head"
    saved(folder, 1)
    folder.rename(tmp_path / "head.old")
    shutil.copytree(tmp_path / "head.old", tmp_path / "head.partial")
    found = checkpoint.load(folder)
    assert found is not None
    assert found[0].epoch == 1
    assert torch.equal(checkpoint.best(folder)["head.weight"], torch.full((2, 3), 1.0))
    saved(folder, 2, best=False)
    assert torch.equal(checkpoint.best(folder)["head.weight"], torch.full((2, 3), 1.0))
    assert [path.name for path in tmp_path.iterdir()] == ["head"]


def test_an_optimiser_state_with_code_in_it_is_refused(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "ran",))  # type: ignore[return-value]

    saved(tmp_path / "head", 1)
    torch.save({"state": Evil()}, tmp_path / "head" / "optimiser.pt")
    assert checkpoint.load(tmp_path / "head") is None
    assert not (tmp_path / "ran").exists()


def test_what_takes_long_to_save_is_saved_less_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("engines.training.checkpoint.time.monotonic", lambda: now[0])
    monkeypatch.setattr(checkpoint, "save", lambda *_given, **_more: now.__setitem__(0, now[0] + 1.0))
    layer = torch.nn.Linear(2, 2)
    kept = checkpoint.Kept(tmp_path, 99, Progress(1), {}, torch.optim.AdamW(layer.parameters()), {}, 0)
    kept.save()
    assert (kept.at, kept.took) == (1.0, 1.0)
    now[0] = 20.9
    assert not kept.is_due
    now[0] = 21.0
    assert kept.is_due, "a second of twenty"


# --- a full disk ----------------------------------------------------------------------------------


@pytest.mark.parametrize("large", ["weights", "optimiser"])
def test_a_full_disk_leaves_the_last_checkpoint_whole(small_disk: Path, large: str) -> None:
    folder, small, big = small_disk / "head", {"a": torch.zeros(2)}, {"a": torch.zeros(1 << 20)}
    checkpoint.save(folder, Progress(1, 1), small, {"state": small}, best=small)
    sizes = (big, small) if large == "weights" else (small, big)
    with pytest.raises(Exception) as caught:
        checkpoint.save(folder, Progress(2, 2), sizes[0], {"state": sizes[1]}, best=small)
    assert failures.disk_is_full(caught.value), repr(caught.value)
    found = checkpoint.load(folder)
    assert found is not None
    assert found[0].epoch == 1
    assert [path.name for path in small_disk.iterdir()] == ["head"], "what was half written takes no space"
