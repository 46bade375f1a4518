"""What a recording keeps of a model: enough to have it whole again, and no more."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from engines.training import learnt_weights
from engines.training.learnt_weights import LEARNT, WHOLE, completed, keep_folder_alone


def came(folder: Path) -> None:
    """The model as it came: two matrices, a vector, and a file beside."""
    generator = torch.Generator().manual_seed(0)
    names = {"a": (40, 30), "b": (40, 30), "bias": (40,)}
    save_file({name: torch.randn(shape, generator=generator) for name, shape in names.items()}, folder / WHOLE)
    (folder / "tokenizer.json").write_text("{}", encoding="utf-8")


def learnt(folder: Path) -> dict[str, torch.Tensor]:
    """The same after adapters of rank 2 on `a`, a step on the bias, and a head that it had not."""
    folder.mkdir()
    came(folder)
    state = load_file(folder / WHOLE)
    generator = torch.Generator().manual_seed(1)
    left, right = torch.randn(40, 2, generator=generator), torch.randn(2, 30, generator=generator)
    state |= {"a": state["a"] + left @ right, "bias": state["bias"] + 1, "head": torch.ones(3, 40)}
    save_file(state, folder / WHOLE)
    (folder / "config.json").write_text('{"own": 1}', encoding="utf-8")
    return state


def test_only_what_learnt_is_kept_and_the_model_is_whole_again(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    state = learnt(folder)
    keep_folder_alone(folder, came)
    assert {file.name for file in folder.iterdir()} == {LEARNT, "config.json"}
    kept = load_file(folder / LEARNT)
    assert {name: tuple(tensor.shape) for name, tensor in kept.items()} == {
        "a" + learnt_weights.LEFT: (40, 2),
        "a" + learnt_weights.RIGHT: (2, 30),
        "bias": (40,),
        "head": (3, 40),
    }
    again = completed(folder, came)
    assert {file.name for file in again.iterdir() if not file.name.startswith(".")} == {
        WHOLE,
        "config.json",
        "tokenizer.json",
    }
    found = load_file(again / WHOLE)
    assert found.keys() == state.keys()
    for name in ("b", "bias", "head"):
        assert torch.equal(found[name], state[name])
    torch.testing.assert_close(found["a"], state["a"], atol=1e-5, rtol=0)
    assert completed(folder, came) == again, "made once"


def test_a_whole_model_is_its_own_folder(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    learnt(folder)
    assert completed(folder, came) == folder
