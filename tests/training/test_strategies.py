"""What each strategy freezes and how fast its parts learn, on a network of two stages and a head."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from engines.contract import InputError, Strategy
from engines.training import strategies
from engines.training.settings import TrainSettings, require_blocks
from engines.training.staged import Staged, StageModule, check_composition
from tests.training import toys

pytestmark = pytest.mark.usefixtures("one_thread")

FIRST = {"first.0.weight", "first.0.bias", "first.1.weight", "first.1.bias"}
SECOND = {"second.0.weight", "second.0.bias", "second.1.weight", "second.1.bias"}
HEAD = {"head.weight", "head.bias"}


def applied(strategy: Strategy, network: Staged | None = None, **settings: object) -> Staged:
    network = network or toys.staged()
    strategies.apply(network, strategy, TrainSettings.parse(settings))
    return network


@pytest.mark.parametrize(
    ("strategy", "blocks", "learning"),
    [
        (Strategy.FEATURES, 1, HEAD),
        (Strategy.PARTIAL, 1, SECOND | HEAD),
        (Strategy.PARTIAL, 2, FIRST | SECOND | HEAD),
        (Strategy.FULL, 1, FIRST | SECOND | HEAD),
        (Strategy.SCRATCH, 1, FIRST | SECOND | HEAD),
    ],
)
def test_what_learns(strategy: Strategy, blocks: int, learning: set[str]) -> None:
    assert set(applied(strategy, blocks=blocks).trainable()) == learning


def test_one_strategy_after_another_leaves_nothing_of_the_first() -> None:
    network = toys.staged()
    for strategy in (Strategy.FEATURES, Strategy.FULL, Strategy.FEATURES, Strategy.PARTIAL):
        applied(strategy, network)
    assert set(network.trainable()) == SECOND | HEAD
    assert network.boundary == 1


@pytest.mark.parametrize(
    ("strategy", "modes"),
    [  # training mode of: first linear, first norm, second linear, second norm, head
        (Strategy.FEATURES, [False, False, False, False, True]),
        (Strategy.PARTIAL, [False, False, True, False, True]),
        (Strategy.FULL, [True, False, True, False, True]),
        (Strategy.SCRATCH, [True, True, True, True, True]),
    ],
)
def test_frozen_parts_and_kept_statistics_stay_in_evaluation_mode(strategy: Strategy, modes: list[bool]) -> None:
    network = applied(strategy)
    network.train()
    model = network.model
    parts = [model.first[0], model.first[1], model.second[0], model.second[1], model.head]
    assert [part.training for part in parts] == modes
    network.eval()
    assert not any(part.training for part in parts)


@pytest.mark.parametrize("strategy", [Strategy.PARTIAL, Strategy.FULL])
def test_learning_rates_fall_with_depth(strategy: Strategy) -> None:
    settings = TrainSettings(blocks=2, layer_decay=0.5, weight_decay=0.1)
    network = toys.staged()
    strategies.apply(network, strategy, settings)
    assert rates(network, strategies.parameter_groups(network, strategy, 1.0, settings)) == {
        "first.0.weight": (0.25, 0.1),
        "first.0.bias": (0.25, 0),
        "first.1.weight": (0.25, 0),
        "first.1.bias": (0.25, 0),
        "second.0.weight": (0.5, 0.1),
        "second.0.bias": (0.5, 0),
        "second.1.weight": (0.5, 0),
        "second.1.bias": (0.5, 0),
        "head.weight": (1, 0.1),
        "head.bias": (1, 0),
    }


@pytest.mark.parametrize("strategy", [Strategy.SCRATCH, Strategy.FEATURES, Strategy.LORA])
def test_what_is_not_pretrained_learns_at_one_rate(strategy: Strategy) -> None:
    network = applied(strategy)
    groups = strategies.parameter_groups(network, strategy, 0.3, TrainSettings(layer_decay=0.5))
    assert {group["lr"] for group in groups} == {0.3}
    assert len(rates(network, groups)) == len(network.trainable())


def test_a_position_code_outside_the_stages_learns_like_the_first() -> None:
    network = toys.staged()
    network.model.position = nn.Parameter(torch.zeros(1, 4))
    settings = TrainSettings(layer_decay=0.5)
    strategies.apply(network, Strategy.FULL, settings)
    groups = strategies.parameter_groups(network, Strategy.FULL, 1.0, settings)
    assert rates(network, groups)["position"] == (0.25, settings.weight_decay)


def rates(network: Staged, groups: list[dict[str, object]]) -> dict[str, tuple[float, float]]:
    """Parameter name -> (learning rate, weight decay)."""
    names = {id(parameter): name for name, parameter in network.model.named_parameters()}
    return {
        names[id(parameter)]: (group["lr"], group["weight_decay"])  # type: ignore[misc]
        for group in groups
        for parameter in group["params"]  # type: ignore[attr-defined]
    }


def test_adapters_learn_with_the_head_and_merge_into_the_weights() -> None:
    network, inputs = toys.staged(), toys.rows(6).inputs
    before = {name: tensor.clone() for name, tensor in network.model.state_dict().items()}
    untouched = network.eval()(inputs).detach()
    applied(Strategy.LORA, network, lora_rank=2)
    learning = network.trainable()
    assert sum(p.numel() for name, p in learning.items() if "lora_" in name) == 2 * (4 + 5) + 2 * (5 + 5)
    assert {name for name in learning if "lora_" not in name} == HEAD
    torch.testing.assert_close(network.eval()(inputs).detach(), untouched)  # adapters begin as nothing
    with torch.no_grad():
        for name, parameter in learning.items():
            if "lora_B" in name:
                parameter.normal_()
    adapted = network.eval()(inputs).detach()
    assert not torch.allclose(adapted, untouched)
    strategies.merge_adapters(network)
    after = network.model.state_dict()
    assert after.keys() == before.keys()
    torch.testing.assert_close(network.eval()(inputs).detach(), adapted)
    change = after["second.0.weight"] - before["second.0.weight"]
    assert torch.linalg.matrix_rank(change) == 2


def test_more_blocks_than_there_are() -> None:
    with pytest.raises(InputError, match="setting blocks: found 3; this network has 2 blocks, accepted: 1 to 2"):
        require_blocks(Strategy.PARTIAL, TrainSettings(blocks=3), stages=2)
    require_blocks(Strategy.FULL, TrainSettings(blocks=3), stages=2)


def test_stages_must_add_up_to_the_network() -> None:
    network, example = toys.staged(), toys.rows(3).inputs
    check_composition(network, example)
    network.stages[0] = StageModule("first", lambda x: network.model.first(x) + 1, network.stages[0].modules)
    with pytest.raises(ValueError, match="do not add up"):
        check_composition(network, example)


def test_a_parameter_that_modules_share_counts_once() -> None:
    shared = nn.Linear(3, 3)
    assert len(StageModule("twice", shared, lambda: (shared, nn.Sequential(shared))).parameters()) == 2
