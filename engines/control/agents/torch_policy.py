"""A trained policy as a network that gradients flow through and that ONNX takes; it answers as `acting.Policy`."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from engines.control.agents.numpy_policy import Policy

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh}


class PolicyNetwork(nn.Module):
    """Observations (B, width) -> the actions of a policy, in float32 unless it is made double."""

    low: Tensor
    high: Tensor

    def __init__(self, policy: Policy):
        super().__init__()
        self.discrete, self.limit = policy.discrete, policy.limit
        parts: list[nn.Module] = []
        for weight, bias in policy.layers:
            linear = nn.Linear(weight.shape[1], weight.shape[0])
            with torch.no_grad():
                linear.weight.copy_(torch.from_numpy(weight))
                linear.bias.copy_(torch.from_numpy(bias))
            parts += [linear, ACTIVATIONS[policy.activation]()]
        self.layers = nn.Sequential(*parts[:-1])
        self.sees_action = policy.source is not None and policy.layers[0][0].shape[1] > policy.width
        self.source = PolicyNetwork(policy.source) if policy.source is not None else None
        if policy.low is not None and policy.high is not None:
            self.register_buffer("low", torch.from_numpy(policy.low))
            self.register_buffer("high", torch.from_numpy(policy.high))

    def outputs(self, observations: Tensor) -> Tensor:
        """(B, actions): each action in [-1, 1], or (DQN) the value of each choice."""
        if self.source is None:
            found = self.layers(observations)
            return cast(Tensor, found if self.discrete else torch.tanh(found))
        base = self.source.outputs(observations)
        seen = torch.cat([observations, base], dim=1) if self.sees_action else observations
        return torch.clamp(base + self.limit * torch.tanh(self.layers(seen)), -1.0, 1.0)

    def forward(self, observations: Tensor) -> Tensor:
        """(B, actions) in the robot's own units, or (DQN) the value of each choice."""
        found = self.outputs(observations)
        return found if self.discrete else self.low + 0.5 * (found + 1.0) * (self.high - self.low)
