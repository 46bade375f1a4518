"""Adapters that learn beside weights in 8 bits: what is tested, asked and taken home is the same network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from engines import api
from engines.contract import InputError
from engines.runs import RunFolder
from engines.text.generative import model_files
from engines.text.models.eight_bits import EightBits
from tests import tiny_text, tiny_writers

pytestmark = pytest.mark.usefixtures("one_thread")
SHORT = {"epochs": 2, "lora_rank": 2, "forgetting": False, "mixed_precision": "no", "eight_bits": True}


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    models = tmp_path / "models"
    models.mkdir()
    tiny_text.write_gpt(models)
    tiny_text.write_llama(models)
    monkeypatch.setenv("HEADSTART_MODELS", str(models))
    return tiny_writers.write_chats(tmp_path / "data")


def recipe(data: Path, strategy: str = "lora", model: str = "tiny-llama", **settings: Any) -> Any:
    return api.recipe("text.generation", data, model=model, strategy=strategy, settings=SHORT | settings)


def test_a_run_beside_them_from_start_to_export(data: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    run = tmp_path / "run"
    result = api.fit(recipe(data), run)
    losses = [row["train_loss"] for row in rows(run)]
    assert losses[-1] < losses[0]
    loaded: Any = model_files.load(api.task("text.generation"), run)
    held = [each for each in loaded.model.modules() if isinstance(each, EightBits)]
    assert len(held) == 7 * len(loaded.network.model.model.layers)
    assert result.trainable_parameters < result.parameters / 10
    api.export(run, tmp_path / "home", "safetensors")
    home = AutoModelForCausalLM.from_pretrained(tmp_path / "home").eval()
    ids = torch.tensor([[3, 5, 7, 11]])
    with torch.no_grad():
        assert torch.allclose(home(ids).logits, loaded.model(ids).logits, atol=1e-4)
    with pytest.raises(InputError, match="held in 8 bits, which the script does not"):
        api.export(run, tmp_path / "script", "script")


def rows(run: Path) -> list[dict[str, Any]]:
    return [event.data for event in RunFolder(run).events() if event.kind == "epoch"]


@pytest.mark.parametrize(
    ("strategy", "model", "sentence"),
    [
        ("full", "tiny-llama", "with 'full' there are no adapters that learn beside frozen weights"),
        ("lora", "tiny-gpt", "this network has no linear layers of the usual kind"),
    ],
)
def test_what_cannot_be_held_so_says_so(data: Path, tmp_path: Path, strategy: str, model: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        api.fit(recipe(data, strategy, model), tmp_path / "run")
