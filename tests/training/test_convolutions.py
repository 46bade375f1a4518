"""Convolutions merged with what is behind them: the same function, the same gradients, the plain network untouched."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engines.contract import Strategy
from engines.training import convolutions, strategies
from engines.training.convolutions import Convolution, Merged, merged
from engines.training.settings import TrainSettings
from engines.vision.models import backbones


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def with_statistics(model: nn.Module) -> nn.Module:
    """The model in evaluation mode, its batch norms with statistics and weights such as training leaves."""
    dice = torch.Generator().manual_seed(0)
    for norm in model.modules():
        if isinstance(norm, nn.modules.batchnorm._BatchNorm):
            for tensor, low, high in (
                (norm.running_mean, -0.5, 0.5),
                (norm.running_var, 0.5, 2.0),
                (norm.weight, 0.5, 1.5),
                (norm.bias, -0.5, 0.5),
            ):
                with torch.no_grad():
                    tensor.uniform_(low, high, generator=dice)
    return model.eval()


def layers(*convolution: Any, after: tuple[nn.Module, ...] = (), **more: Any) -> nn.Sequential:
    torch.manual_seed(0)
    conv = nn.Conv2d(*convolution, **more)
    return with_statistics(nn.Sequential(conv, *after))  # type: ignore[return-value]


def gradients(model: nn.Module, x: Tensor, mode: Any = None) -> list[Tensor]:
    """Output, then the gradient of the input and of every parameter."""
    x = x.clone().requires_grad_()
    with mode or nullcontext():
        y = model(x)
    loss = (y.float() * numbers(*y.shape, seed=1)).sum()
    return [y.float(), *torch.autograd.grad(loss, [x, *model.parameters()])]


def assert_alike(found: list[Tensor], expected: list[Tensor], tolerance: float = 1e-5) -> None:
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert (a - b).abs().max() <= tolerance * b.abs().max()


@pytest.mark.parametrize("channels", [(6, 24), (24, 6)])
@pytest.mark.parametrize("more", [{}, {"bias": False}, {"stride": 2}, {"padding": 1}, {"groups": 2}])
def test_pointwise_filters_learn_the_same(channels: tuple[int, int], more: dict[str, Any]) -> None:
    model = layers(*channels, 1, after=(nn.BatchNorm2d(channels[1]),), **more)
    x = numbers(3, channels[0], 7, 5)
    mode = merged(model, x[:1])
    assert len(mode.behind) == 1
    for layout in (torch.contiguous_format, torch.channels_last):
        own = x.contiguous(memory_format=layout)
        assert_alike(gradients(model, own, mode), gradients(model, x))


DEPTHWISE = [
    (5, 1, 2),
    (5, 2, 2),
    (5, 2, 0),
    (7, 1, 3),
    (4, 1, 1),
    (6, 2, 3),
    (3, 2, 1),
    (3, 1, 0),
    (3, 1, 3),
    (5, 1, 5),
]


@pytest.mark.parametrize(("size", "stride", "padding"), DEPTHWISE)
def test_depthwise_filters_of_every_width_learn_the_same(size: int, stride: int, padding: int) -> None:
    x = numbers(3, 16, 12, 12)
    for bias in (True, False):
        model = layers(16, 16, size, stride=stride, padding=padding, groups=16, bias=bias)
        assert_alike(gradients(model, x, Merged({})), gradients(model, x))


@pytest.mark.parametrize("activation", [nn.ReLU6(), nn.ReLU(inplace=True), nn.Hardtanh(-0.5, 0.75), nn.SiLU()])
@pytest.mark.parametrize(
    "more", [{}, {"bias": False}, {"groups": 16}, {"groups": 4, "stride": 2}, {"dilation": 2, "groups": 16}]
)
def test_a_convolution_its_norm_and_its_activation_are_one(activation: nn.Module, more: dict[str, Any]) -> None:
    model = layers(16, 16, 3, padding=1, after=(nn.BatchNorm2d(16), activation), **more)
    x = numbers(4, 16, 9, 9)
    mode = merged(model, x[:1])
    ((behind,),) = [mode.behind.values()]
    assert (behind.between is None) == isinstance(activation, nn.SiLU)
    assert_alike(gradients(model, x, mode), gradients(model, x))


def test_as_many_groups_as_filters_are_not_yet_depthwise() -> None:
    model = layers(16, 8, 5, padding=2, groups=8, after=(nn.BatchNorm2d(8),))
    x = numbers(2, 16, 9, 9)
    mode = merged(model, x[:1])
    assert len(mode.behind) == 1
    assert_alike(gradients(model, x, mode), gradients(model, x))


def test_gradients_are_those_of_finite_differences() -> None:
    shapes = (4, 1, 5, 5), (4,), (4,), (4,)
    weight, bias, gamma, beta = (numbers(*s, seed=i).double().requires_grad_() for i, s in enumerate(shapes))
    x = numbers(2, 4, 6, 6).double().requires_grad_()
    frozen = numbers(4, seed=5).double(), numbers(4, seed=6).double()
    how = ((1, 1), (2, 2), (1, 1), 4)

    def function(*given: Tensor) -> Tensor:
        y: Tensor = Convolution.apply(*given, frozen, how, None)
        return y

    assert torch.autograd.gradcheck(function, (x, weight, bias, gamma, beta), fast_mode=True)


@pytest.mark.parametrize("name", ["test_resnet", "test_efficientnet", "tf_efficientnet_lite0"])
def test_a_whole_network_learns_the_same(name: str) -> None:
    torch.manual_seed(0)
    network = backbones.staged(with_statistics(timm.create_model(name, num_classes=3)))
    network.model.requires_grad_(True)
    x = numbers(2, 3, 64, 64)
    names = list(network.model.state_dict())
    expected = gradients(network, x)
    with network.learning_fast(lambda: x[:1]):
        assert isinstance(network.faster, Merged)
        assert len(network.faster.behind) == 0, "its statistics are not kept"
    network.keep_statistics = True
    norms = sum(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    with network.learning_fast(lambda: x[:1]):
        assert len(network.faster.behind) == norms > 5  # type: ignore[attr-defined]
        assert_alike(gradients(network, x), expected, 1e-4)
        with torch.autocast("cpu", torch.bfloat16):
            assert_alike(gradients(network, x)[:1], expected[:1], 0.1)
    assert isinstance(network.faster, nullcontext)
    assert list(network.model.state_dict()) == names


def test_in_bfloat16_under_autocast_only() -> None:
    model = layers(16, 16, 5, padding=2, groups=16, after=(nn.BatchNorm2d(16),))  # an activation's edge would jump
    x = numbers(4, 16, 9, 9)
    mode = merged(model, x[:1])
    with mode, torch.autocast("cpu", torch.bfloat16):
        assert model(x).dtype == torch.bfloat16
    assert gradients(model, x, mode)[0].dtype == torch.float32
    with torch.autocast("cpu", torch.bfloat16):
        half = gradients(model, x, mode)
    assert {tensor.dtype for tensor in half[1:]} == {torch.float32}, "weights and their gradients stay whole"
    assert_alike(half, gradients(model, x), 0.03)


@pytest.mark.skipif(not convolutions.IN_ONE_PASS, reason="this processor or this PyTorch has no bfloat16 in oneDNN")
@pytest.mark.parametrize("between", [None, (0.0, 6.0), (0.0, float("inf")), (-0.5, 0.75)])
@pytest.mark.parametrize(
    ("size", "how"),
    [(1, ((1, 1), (0, 0), (1, 1), 1)), (1, ((2, 2), (0, 0), (1, 1), 1)), (3, ((1, 1), (1, 1), (1, 1), 16))],
)
def test_in_one_pass_is_cut_off_as_in_two(size: int, how: tuple[Any, ...], between: tuple[float, float] | None) -> None:
    x, w = numbers(2, 16, 6, 5).bfloat16(), numbers(16, 16 // how[3], size, size, seed=1).bfloat16()
    shift = numbers(16, seed=2).bfloat16()
    expected = torch.conv2d(x, w, shift, *how).float()
    expected = expected.clamp(*between) if between else expected
    for layout in (torch.contiguous_format, torch.channels_last):
        found = convolutions.cut_convolution(x.contiguous(memory_format=layout), w, shift, how, between)
        assert found.dtype == torch.bfloat16
        assert_alike([found.float()], [expected], 0.01)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_mean_of_a_map_hands_on_one_number_a_map(dtype: torch.dtype) -> None:
    model, x = nn.AdaptiveAvgPool2d(1), numbers(2, 5, 3, 4).to(dtype)
    assert_alike(gradients(model, x, Merged({})), gradients(model, x), 1e-6 if dtype == torch.float32 else 0.01)


class Crossed(nn.Module):
    """Two of its layers read the same convolution, so that a norm merged into it would be seen twice."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        return F.relu(self.norm(y)) + y


def test_what_would_come_out_otherwise_is_left_alone() -> None:
    model = with_statistics(Crossed())
    x = numbers(2, 3, 8, 8)
    mode = merged(model, x[:1])
    assert mode.behind == {}
    assert torch.equal(gradients(model, x, mode)[0], gradients(model, x)[0])


def test_what_is_frozen_gets_no_gradient() -> None:
    model = layers(16, 16, 5, padding=2, groups=16, after=(nn.BatchNorm2d(16), nn.ReLU6()))
    model.requires_grad_(False)
    x = numbers(2, 16, 9, 9).requires_grad_()
    with merged(model, x[:1]):
        y = model(x)
    (dx,) = torch.autograd.grad(y.sum(), x)
    (expected,) = torch.autograd.grad(model(x).sum(), x)
    assert_alike([dx], [expected])


@pytest.mark.parametrize(
    ("modules", "gains"),
    [
        ([nn.Linear(2, 2)], False),
        ([nn.Conv2d(2, 2, 1)], False),
        ([nn.Conv2d(2, 2, 1, groups=2)], True),
        ([nn.Linear(2, 2), nn.Sequential(nn.BatchNorm2d(2))], True),
    ],
)
def test_where_there_is_something_to_gain(modules: list[nn.Module], gains: bool) -> None:
    assert convolutions.gain(modules) == gains


def test_a_head_alone_and_a_transformer_run_as_ever() -> None:
    def fast(name: str, strategy: Strategy) -> Any:
        network = backbones.staged(timm.create_model(name, num_classes=3))
        strategies.apply(network, strategy, TrainSettings())
        with network.learning_fast(unasked):
            return network.faster

    unasked: Callable[[], Tensor] = lambda: pytest.fail("no example is needed")  # noqa: E731
    assert isinstance(fast("test_resnet", Strategy.FEATURES), nullcontext)
    assert isinstance(fast("test_vit", Strategy.FULL), nullcontext)
