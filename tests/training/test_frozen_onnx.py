"""The frozen part through ONNX Runtime: for much work, on a processor, and only with PyTorch's own numbers."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from engines import paths
from engines.contract import Strategy
from engines.training import frozen_onnx, strategies, transfer
from engines.training.settings import TrainSettings
from engines.training.staged import Staged
from engines.vision.classification.settings import VisionSettings
from tests.training import toys
from tests.training.toys import Notebook

CPU = torch.device("cpu")
SETTINGS = TrainSettings(epochs=2, device="cpu", mixed_precision="no", views=2)


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_HOME", str(tmp_path / "home"))


def frozen(boundary: int = 2, **options: Any) -> Staged:
    network = toys.staged(**options)
    strategies.apply(network, Strategy.PARTIAL, replace(SETTINGS, blocks=2 - boundary or 1))
    network.boundary = boundary
    return network.eval()


def prepared() -> list[Path]:
    return sorted(paths.cache().glob("*.onnx"))


def notes(run: Notebook) -> list[str]:
    return [data["message"] for kind, data in run.events if kind == "note"]


@pytest.mark.parametrize(
    ("setting", "passes", "device", "expected"),
    [
        ("auto", 1999, "cpu", "torch"),
        ("auto", 2000, "cpu", "onnx"),
        ("onnx", 1, "cpu", "onnx"),
        ("torch", 10**6, "cpu", "torch"),
        ("auto", 10**6, "cuda", "torch"),
        ("onnx", 10**6, "cuda", "torch"),
    ],
)
def test_the_amount_of_work_and_the_device_decide(setting: str, passes: int, device: str, expected: str) -> None:
    assert frozen_onnx.engine(setting, passes, torch.device(device)) == expected
    assert VisionSettings.parse({"frozen_part": setting}).frozen_part == setting


@pytest.mark.parametrize("boundary", [1, 2])
@pytest.mark.parametrize("threads", [1, 2])
def test_it_gives_the_numbers_of_pytorch(tmp_path: Path, boundary: int, threads: int) -> None:
    network, inputs, before = frozen(boundary), toys.rows(9).inputs, torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        through = frozen_onnx.forward(network, inputs[:4], weights="toy", run=Notebook(tmp_path))
        assert through is not None
        with torch.no_grad():
            expected = network.run(inputs, 0, boundary).numpy()
        np.testing.assert_allclose(through(inputs), expected, atol=1e-6)
        one_by_one = np.concatenate([through(one[None]) for one in inputs])
        assert np.array_equal(through(inputs), one_by_one), "neighbours make no difference, to the last bit"
    finally:
        torch.set_num_threads(before)


def test_a_model_is_prepared_once(tmp_path: Path) -> None:
    run, inputs = Notebook(tmp_path), toys.rows(4).inputs
    for _ in range(2):
        frozen_onnx.forward(frozen(), inputs, weights="toy", run=run)
    assert len(prepared()) == 1
    assert [data["title"] for kind, data in run.events if kind == "phase"] == [
        "Preparing the frozen part for ONNX Runtime"
    ]
    frozen_onnx.forward(frozen(), inputs, weights="others", run=run)
    frozen_onnx.forward(frozen(1), inputs, weights="toy", run=run)
    assert len(prepared()) == 3


def test_other_numbers_are_not_taken(tmp_path: Path) -> None:
    """What was prepared belongs to another network: the comparison finds it, and says so."""
    run, inputs = Notebook(tmp_path), toys.rows(4).inputs
    assert frozen_onnx.forward(frozen(seed=0), inputs, weights="toy", run=run) is not None
    assert frozen_onnx.forward(frozen(seed=1), inputs, weights="toy", run=run) is None
    assert notes(run)[0].startswith("The frozen part runs through PyTorch, not ONNX Runtime: its numbers differ by ")


def test_a_damaged_file_is_left_aside_and_made_anew(tmp_path: Path) -> None:
    run, inputs = Notebook(tmp_path), toys.rows(4).inputs
    frozen_onnx.forward(frozen(), inputs, weights="toy", run=run)
    prepared()[0].write_bytes(b"damaged")
    assert frozen_onnx.forward(frozen(), inputs, weights="toy", run=run) is None
    assert notes(run) == ["The frozen part runs through PyTorch, not ONNX Runtime: ONNX Runtime cannot run it."]
    assert frozen_onnx.forward(frozen(), inputs, weights="toy", run=run) is not None


def test_a_network_that_cannot_be_written(tmp_path: Path) -> None:
    network, run = frozen(), Notebook(tmp_path)

    def undecided(x: Tensor) -> Tensor:
        return x * 2 if x.sum() > 0 else x

    network.stages[1] = replace(network.stages[1], run=undecided)
    assert frozen_onnx.forward(network, toys.rows(4).inputs, weights="toy", run=run) is None
    assert notes(run) == [
        "The frozen part runs through PyTorch, not ONNX Runtime: the network cannot be written as ONNX."
    ]
    assert prepared() == []


def test_a_run_learns_the_same_from_either(tmp_path: Path) -> None:
    found = []
    for number, engine in enumerate(("torch", "onnx", "onnx")):
        chosen = type("Settings", (TrainSettings,), {"frozen_part": engine})(**vars(SETTINGS))
        lesson = toys.lesson(Notebook(tmp_path / str(number)), toys.rows(22), None, chosen)
        found.append(transfer.learn(lesson, Strategy.FEATURES).progress.history)
    assert len(prepared()) == 1
    assert len(list(paths.cache().glob("*.npy"))) == 2, "filed apart: one engine's numbers are never the other's"
    assert found[1] == found[2]
    for ours, theirs in zip(found[0], found[1], strict=True):
        assert ours["train_loss"] == pytest.approx(theirs["train_loss"], abs=1e-5)


def later(inputs: Tensor, seed: int = 0) -> frozen_onnx.Later:
    return frozen_onnx.Later(partial(toys.staged, seed=seed), frozen(seed=seed), inputs, weights="toy")


def test_whoever_cannot_wait_is_answered_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    # a new process begins by importing the main file of this one: with pages' tests before, Streamlit put an app there
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))
    inputs = toys.rows(4).inputs
    first = later(inputs)
    expected = first(inputs)
    assert prepared() == []
    waiting = first.begin()
    assert waiting is not None
    assert first.begin() is None, "it is written once"
    assert np.array_equal(first(inputs), expected), "PyTorch answers while it is being written"
    waiting.join()
    assert len(prepared()) == 1
    assert first.at_once
    np.testing.assert_allclose(first(inputs), expected, atol=1e-6)

    again = later(inputs)
    assert again.at_once, "what was written before is found"
    assert np.array_equal(again(inputs), first(inputs))
    assert not later(inputs, seed=1).at_once, "of another network: its numbers differ, and PyTorch goes on"

    prepared()[0].write_bytes(b"damaged")
    damaged = later(inputs)
    assert not damaged.at_once
    assert np.array_equal(damaged(inputs), expected)
    assert prepared() == []
