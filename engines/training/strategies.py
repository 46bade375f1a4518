"""What each strategy freezes, adapts and how fast its parts learn."""

from __future__ import annotations

import math
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from torch import nn

from engines.contract import Strategy
from engines.training.settings import TrainSettings
from engines.training.staged import Staged

GRADUAL = {Strategy.PARTIAL, Strategy.FULL}
"""Where stages may begin to learn one after another."""


def apply(network: Staged, strategy: Strategy, settings: TrainSettings) -> None:
    """Freezes what the strategy freezes, in place, and sets `network.boundary`.

    Batch-norm statistics keep their pretrained values unless everything is learnt from scratch: a few small
    batches estimate them worse than ImageNet did, and what is cached must not drift.
    """
    stages = len(network.stages)
    network.boundary = strategy.boundary(stages, settings.blocks)
    network.keep_statistics = strategy is not Strategy.SCRATCH
    if strategy is Strategy.LORA:
        add_adapters(network, settings.lora_rank)
    else:
        for parameter in network.model.parameters():
            parameter.requires_grad = network.boundary == 0
        for stage in network.stages[network.boundary :]:
            for parameter in stage.parameters():
                parameter.requires_grad = True
    for parameter in network.head().parameters():
        parameter.requires_grad = True


def add_adapters(network: Staged, rank: int) -> None:
    """Low-rank adapters (Hu et al. 2021) beside every linear and every ungrouped convolution below the head; not within
    torch's own MultiheadAttention, which takes its last layer's weights and would pass by what stands beside it."""
    head = network.head()
    modules = {name: module for name, module in network.model.named_modules() if module is not head}
    transposed = [name for name, module in modules.items() if type(module).__name__ == "Conv1D"]  # GPT-2's linear
    targets = transposed or [
        name
        for name, module in modules.items()
        if isinstance(module, nn.Linear) or (isinstance(module, nn.Conv2d) and module.groups == 1)
        if not isinstance(module, nn.modules.linear.NonDynamicallyQuantizableLinear)
    ]
    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=targets, fan_in_fan_out=bool(transposed))
    network.adapters = (get_peft_model(network.model, config),)


def merge_adapters(network: Staged) -> None:
    """Adds the adapters into the weights they stand beside, so that the model is an ordinary one again."""
    for adapted in network.adapters:
        network.model = adapted.merge_and_unload()
    network.adapters = ()


def first_learning(stages: int, boundary: int, epoch: int, epochs: int) -> int:
    """Gradual unfreezing (Howard & Ruder 2018, section 3.3): the first stage that learns in `epoch`, counted from 0.

    The last stage learns from the first epoch on, and one more with every further epoch; several at a time where not
    all would learn for half of the epochs otherwise.
    """
    at_once = math.ceil((stages - boundary) / max(1, epochs // 2))
    return max(boundary, stages - (epoch + 1) * at_once)


def hold_still(parameters: dict[str, Any]) -> None:
    """An optimiser's group takes no step: neither weights nor the optimiser's memory of them change."""
    for parameter in parameters["params"]:
        parameter.grad = None


def schedule(step: int, steps: int) -> float:
    """Learning-rate factor in [0, 1]: linear over the first tenth, then half a cosine down to 0."""
    warm_up = max(1, steps // 10)
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))


def lead(optimiser: torch.optim.Optimizer, rates: list[float], share: float, first_stage: int) -> None:
    """Sets `share` of the peak rates; stages before `first_stage` hold still."""
    for options, rate in zip(optimiser.param_groups, rates, strict=True):
        options["lr"] = rate * share
        if options["stage"] < first_stage:
            hold_still(options)


def parameter_groups(
    network: Staged, strategy: Strategy, learning_rate: float, settings: TrainSettings
) -> list[dict[str, Any]]:
    """Optimiser groups with discriminative learning rates (Howard & Ruder 2018): a pretrained stage learns
    `layer_decay` times as fast as the one above it. Biases and norms are not pulled towards zero."""
    pretrained = strategy in {Strategy.PARTIAL, Strategy.FULL}
    decay = settings.layer_decay if pretrained else 1.0
    owner = {id(p): i for i, stage in enumerate(network.stages) for p in stage.parameters()}
    owner |= {id(p): len(network.stages) for p in network.head().parameters()}
    groups: dict[tuple[int, bool], dict[str, Any]] = {}
    for parameter in network.trainable().values():
        stage = owner.get(id(parameter), 0)  # neither in a stage nor the head: a position code, added to the input
        decayed = parameter.ndim > 1
        rate = learning_rate * decay ** (len(network.stages) - stage)
        group = groups.setdefault(
            (stage, decayed),
            {"params": [], "lr": rate, "weight_decay": settings.weight_decay if decayed else 0.0, "stage": stage},
        )
        group["params"].append(parameter)
    return list(groups.values())
