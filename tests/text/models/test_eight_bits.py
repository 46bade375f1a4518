"""Weights in 8 bits: exact small numbers, gradients past them, and what takes their place again."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from engines.text.models import eight_bits
from engines.text.models.eight_bits import EightBits


def layer(bias: bool = True) -> nn.Linear:
    torch.manual_seed(3)
    return nn.Linear(6, 4, bias=bias)


def test_a_row_has_one_scale_and_its_largest_number_is_127() -> None:
    weight, scale = eight_bits.quantised(torch.tensor([[1.0, -0.5, 0.25], [0.0, 2.54, -0.02]]))
    assert weight.dtype is torch.int8
    assert weight.tolist() == [[127, -64, 32], [0, 127, -1]]
    assert scale.flatten().tolist() == pytest.approx([1 / 127, 0.02])
    assert torch.isfinite(eight_bits.whole(*eight_bits.quantised(torch.zeros(2, 3)), torch.float32)).all()


def test_it_is_off_by_half_a_step_at_most() -> None:
    weight = layer().weight.detach()
    again = eight_bits.whole(*eight_bits.quantised(weight), torch.float32)
    steps = weight.abs().amax(1, keepdim=True) / 127
    assert ((again - weight).abs() <= steps / 2 + 1e-7).all()


@pytest.mark.parametrize("bias", [True, False])
def test_outputs_and_gradients_are_those_of_the_ordinary_layer_that_takes_its_place(bias: bool) -> None:
    held = EightBits(layer(bias))
    ordinary = held.undone()
    x = torch.randn(5, 6, requires_grad=True)
    again = x.detach().clone().requires_grad_()
    held(x).square().sum().backward()
    ordinary(again).square().sum().backward()
    assert torch.allclose(held(x), ordinary(x), atol=1e-6)
    assert torch.allclose(x.grad, again.grad, atol=1e-5)
    assert held.weight.grad is None


def test_nothing_of_the_whole_matrix_is_kept_for_the_way_back() -> None:
    kept: list[torch.Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor) or tensor, lambda tensor: tensor):
        EightBits(layer(bias=False))(torch.randn(5, 6, requires_grad=True))
    assert [tensor.dtype for tensor in kept if tensor.numel() == 24] == [torch.int8]


def test_half_precision_is_that_of_autocast() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        assert EightBits(layer())(torch.randn(2, 6)).dtype is torch.bfloat16


def test_all_layers_but_the_one_left_out_are_held_so_and_come_back() -> None:
    model = nn.Sequential(layer(), nn.Sequential(nn.ReLU(), nn.Linear(4, 3)), nn.Linear(3, 2))
    left_out = model[2]
    assert eight_bits.apply(model, left_out) == 2
    assert [type(each).__name__ for each in (model[0], model[1][1], model[2])] == ["EightBits", "EightBits", "Linear"]
    x = torch.randn(3, 6)
    before = model(x)
    eight_bits.undo(model)
    assert type(model[0]) is nn.Linear
    assert torch.allclose(model(x), before, atol=1e-6)
