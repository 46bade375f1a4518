"""benchmarks/gpu.py measures on a machine that nobody can look at: what of it runs without a card is tried here."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from torch import nn

from benchmarks import card_memory, cards, gpu
from benchmarks.cards import beside, made, parts
from benchmarks.cards.waits import Waits
from benchmarks.performance_page import ROOT
from engines.contract import Strategy
from tests.training.card import pretend

pytestmark = pytest.mark.usefixtures("one_thread")


def test_reads_and_shapes_that_depend_on_values_are_counted() -> None:
    numbers = torch.arange(6.0)
    with Waits() as waits:
        numbers.sum().item()
        numbers[numbers > 2]
        numbers[torch.tensor([1, 2])]
        numbers.nonzero()
    assert waits.count == 3


def test_a_step_asks_a_card_nothing() -> None:
    kinds = {name: made.SMALL[name] for name in ("resnet18", "BERT, 4 layers", "GE2E")}
    rows = {what: measured for name, kind in kinds.items() for what, measured, _ in parts.questions(name, kind)}
    assert {what: measured for what, measured in rows.items() if what.endswith("a step")} == {
        f"{name}: a step": "0" for name in kinds
    }
    assert {what: measured for what, measured in rows.items() if what.endswith("besides")} == {
        f"{name}: an epoch besides": "0" for name in kinds
    }


def test_what_is_not_installed_is_named_and_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what a network needs, its own rows; of what all need, the part's."""
    assert tuple(parts.PARTS) == cards.NAMES
    hidden = (
        "import sys\nclass Hidden:\n    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in {names}:\n            raise ModuleNotFoundError('No module named ' + name)\n"
        "sys.meta_path.insert(0, Hidden())\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{ROOT}")
    (tmp_path / "sitecustomize.py").write_text(hidden.format(names=("timm", "transformers", "peft")))
    rows = {what: measured for what, measured, _ in gpu.alone("syncs")}
    assert rows["resnet18"] == "left out: No module named timm"
    assert rows["BERT, 4 layers"] == "left out: No module named transformers"
    assert rows["GE2E: a step"] == "0"
    (tmp_path / "sitecustomize.py").write_text(hidden.format(names=("accelerate",)))
    assert gpu.alone("syncs") == [("", "left out: No module named accelerate", "")]


def test_every_part_that_needs_no_card_runs_on_the_processor() -> None:
    """With networks and data small enough for a test: the code is that of the card."""
    rows = parts.busy("cpu", "test_resnet", 64, batch=4, n=8)
    assert [what for what, _, _ in rows][1:] == ["by hand, all on the card", "ours of by hand"]
    assert float(rows[-1][1]) > 0
    ((_, times, wanted),) = parts.partial("cpu", "test_resnet", 64, n=8)
    assert (float(times) > 0, wanted) == (True, "2")
    *_, (_, apart, _) = parts.halves("cpu", "test_resnet", 32, n=20, epochs=1)
    assert float(apart) < 1
    ((_, apart, _),) = parts.resume("cpu")
    assert float(apart) < 1e-2
    kinds = {
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "n_embd": 16,
        "n_layer": 1,
        "n_head": 2,
    }
    rows = beside.texts("cpu", n=4, length=8, batch=2, **kinds)
    rows += beside.workers("cpu", "test_resnet", 64, batch=4, n=8, processes=0)
    rows += beside.inference("cpu", "test_resnet", 64, n=8)
    compared = [(what, float(found), wanted) for what, found, wanted in rows if wanted]
    assert [wanted for _, _, wanted in compared] == ["0.9"] * 3 + ["0.8"] * 2
    assert all(found > 0 for _, found, _ in compared)
    ((_, share, wanted),) = beside.saving("cpu", "test_resnet", 64, n=8, epochs=3)
    assert (0 < float(share[:-1]) < 100, wanted) == (True, "5 %")
    for part in (parts.out_of_memory, parts.server_memory):
        ((_, said, _),) = part()
        assert said == "needs a card"


def test_parts_leave_nothing_on_another_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a card that is pretended, and refuses what lies elsewhere."""
    kinds = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    with pretend.card(monkeypatch):
        rows = parts.partial("auto", "test_resnet", 64, n=8)
        rows += beside.texts("auto", n=4, length=8, batch=2, **kinds)
        rows += beside.inference("auto", "test_resnet", 64, n=8)
    assert len(rows) == 1 + 2 * 3 + 2 * 3
    assert not [what for what, found, _ in rows if found.startswith("left out")]


def test_what_a_step_keeps_is_counted_to_the_byte() -> None:
    body = nn.Sequential(nn.Linear(8, 4), nn.ReLU())  # 36 numbers
    head = nn.Linear(4, 2)  # 10 numbers
    network = made.Made(
        lambda: made.whole(nn.Sequential(body, head), head, body),
        lambda n: made.Rows(torch.ones(n, 8), torch.zeros(n, dtype=torch.long)),
    )
    # its input, what the head reads, two logarithms and a label (int64): in float32
    assert card_memory.needed(network, Strategy.FULL) == (4 * 46 * 4, (8 + 4 + 2) * 4 + 8)
    assert card_memory.needed(network, Strategy.FEATURES) == (46 * 4 + 3 * 10 * 4, (4 + 2) * 4 + 8)
