"""Which part of a picture decided: exact on models one can do by hand, and by what suits a network otherwise."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from engines import registry
from engines.attribution.attributions import integrated_gradients
from engines.contract import InputError, Recipe, Strategy
from engines.vision.classification import explain, predict
from engines.vision.images.transforms import InputFormat
from engines.vision.models import backbones

TASK = registry.task("vision.classification")


class Weighed(nn.Module):
    """Logit 0 is a weighted sum of the pixels, raised to a power; logit 1 its negative."""

    def __init__(self, weights: torch.Tensor, power: int = 1):
        super().__init__()
        self.weights, self.power = weights, power

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        value = (x * self.weights).sum((1, 2, 3)) ** self.power
        return torch.stack([value, -value], 1)


def test_integrated_gradients_of_a_weighted_sum_are_its_terms() -> None:
    """Terms 4, 2, −4 and 0: what speaks against the class is left out, the strongest is 1."""
    weights = torch.zeros(1, 3, 2, 2)
    weights[0, 0] = torch.tensor([[2.0, 1.0], [-2.0, 0.0]])
    heat, error, steps = integrated_gradients(Weighed(weights), torch.full((1, 3, 2, 2), 2.0), 0)
    assert heat == pytest.approx(np.array([[1, 0.5], [0, 0]]), abs=0.02)  # of the 99th percentile
    assert error == pytest.approx(0, abs=1e-5)
    assert steps == 32
    against, _, _ = integrated_gradients(Weighed(weights), torch.full((1, 3, 2, 2), 2.0), 1)
    assert (against > 0).tolist() == [[False, False], [True, False]]


def test_more_steps_are_taken_until_the_attributions_add_up() -> None:
    """Their sum over n steps of x^31 misses 1 by more, the fewer the steps."""
    model, inputs = Weighed(torch.full((1, 3, 1, 1), 1 / 3), power=31), torch.ones(1, 3, 1, 1)
    _, rough, few = integrated_gradients(model, inputs, 0, within=1.0)
    _, fine, many = integrated_gradients(model, inputs, 0, within=rough / 10)
    assert few == 32 < many <= 256
    assert 0 < fine < rough


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for label, colour in (("blue", (40, 90, 200)), ("red", (190, 40, 50))):
        (tmp_path / "data" / label).mkdir(parents=True)
        for number in range(5):
            noise = np.random.default_rng(number).normal(0, 30, (180, 180, 3))
            pixels = (np.array(colour) + noise).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "data" / label / f"{number}.png")
    return tmp_path / "data"


def made(model: str, run: Path) -> Path:
    """A run that holds a network nobody has taught."""
    card = backbones.describe(model)
    network = backbones.build(card, 2, pretrained=False, seed=0)
    format = InputFormat(160, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "pad")
    predict.save(run / "model", network, card, ["blue", "red"], format, temperature=1.0)
    return run


def test_a_convolutional_network_shows_its_map_or_what_is_asked_for(tmp_path: Path, pictures: Path) -> None:
    run = made("test_resnet", tmp_path / "run")
    shown = {}
    for method in (None, "grad-cam", "integrated-gradients"):
        rows = explain.explain(TASK, run, pictures / "red" / "0.png", tmp_path / str(method), method=method)
        (shown[method],) = rows
    assert [shown[m]["method"] for m in shown] == ["Grad-CAM", "Grad-CAM", "Integrated gradients"]
    plain, asked, other = (Path(row["picture"]).read_bytes() for row in shown.values())
    assert plain == asked != other
    assert 0 <= shown["integrated-gradients"]["completeness_error"] < 0.5
    assert shown[None]["faithfulness"] == shown["grad-cam"]["faithfulness"] is not None


def test_a_transformer_gets_integrated_gradients(tmp_path: Path, pictures: Path) -> None:
    run, picture = made("test_vit", tmp_path / "run"), pictures / "red" / "0.png"
    (row,) = explain.explain(TASK, run, picture, tmp_path / "out")
    assert row["method"] == "Integrated gradients"
    assert row["completeness_error"] < 0.05
    with pytest.raises(InputError, match=r"keeps no map of the picture .* accepted: integrated-gradients"):
        explain.explain(TASK, run, picture, tmp_path / "out", method="grad-cam")


def test_one_test_example_by_its_name(tmp_path: Path, pictures: Path) -> None:
    run = made("test_resnet", tmp_path / "run")
    recipe = Recipe(TASK.info.name, str(pictures), "test_resnet", Strategy.FEATURES)
    (run / "recipe.json").write_text(recipe.to_json(), encoding="utf-8")
    (row,) = explain.explain(TASK, run, pictures, tmp_path / "out", example="red/3.png")
    (same,) = explain.explain(TASK, run, pictures / "red" / "3.png", tmp_path / "alone")
    assert row["file"] == "red/3.png"
    assert Path(row["picture"]).read_bytes() == Path(same["picture"]).read_bytes()
    with pytest.raises(InputError, match=r"^red/9\.png: this picture is no longer in data; "):
        explain.explain(TASK, run, pictures, tmp_path / "out", example="red/9.png")
    with pytest.raises(InputError, match=r"^method: found 'tea leaves'; accepted: grad-cam, integrated-gradients"):
        explain.explain(TASK, run, pictures, tmp_path / "out", method="tea leaves")


def test_an_attribution_is_tested_beside_the_ink_and_random_orders() -> None:
    """The answer lies in a corner of the background: pointing there is faithful, pointing at the ink is not."""
    size = 2 * explain.CELLS
    inputs = torch.full((1, 3, size, size), 0.5)
    inputs[:, :, size // 2 :, size // 2 :] = torch.linspace(1, 2, (size // 2) ** 2).view(size // 2, -1)  # the ink
    inputs[:, :, 1:, -1] = inputs[:, :, -1, 1:] = 0.5  # so that the border's middle colour is the background's
    weights = torch.zeros(1, 3, size, size)
    weights[..., : size // 4, : size // 4] = torch.rand(
        1, 3, size // 4, size // 4, generator=torch.Generator().manual_seed(0)
    )
    classifier: Any = SimpleNamespace(model=Weighed(weights / (weights * inputs).sum()), temperature=1.0)
    true = explain.tested(classifier, inputs, 0, (inputs * weights)[0].sum(0).numpy())
    assert true is not None
    assert true["faithful"]
    assert true["units"] == explain.CELLS**2
    pointing_at_ink = explain.tested(classifier, inputs, 0, explain.ink(inputs).numpy())
    assert pointing_at_ink is not None
    assert not pointing_at_ink["faithful"]
    assert pointing_at_ink["deletion"] == pytest.approx(pointing_at_ink["heuristic_deletion"], abs=0.02)  # ties apart


def test_ink_is_the_distance_from_the_borders_middle_colour() -> None:
    inputs = torch.zeros(1, 3, 4, 4)
    inputs[0, :, 1, 1] = torch.tensor([2.0, 2.0, 1.0])
    expected = np.zeros((4, 4))
    expected[1, 1] = 3
    assert explain.ink(inputs).numpy() == pytest.approx(expected)
