"""What a trained policy does, in numpy: the part of it that plays, without the part that learnt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {"relu": lambda x: np.maximum(x, 0.0), "tanh": np.tanh}

DECIMALS = 6

Layers = tuple[tuple[np.ndarray, np.ndarray], ...]
"""Weight (outputs, inputs) and bias (outputs,) of each linear layer, from the input, float64."""


def perceptron(layers: Layers, activation: str, x: np.ndarray) -> np.ndarray:
    """The output (B, outputs) of linear layers with `activation` between them. x: float64 (B, inputs)."""
    bend = ACTIVATIONS[activation]
    for weight, bias in layers[:-1]:
        x = bend(x @ weight.T + bias)  # (B, width)
    weight, bias = layers[-1]
    return x @ weight.T + bias


@dataclass(frozen=True)
class Policy:
    """The deterministic policy of SAC or DQN.

    It computes in float64 and rounds each action, as a share of its limit, to DECIMALS: so the answer to an observation
    does not depend on which others are asked with it, on the number of threads, or on the library that multiplies.
    """

    layers: Layers
    activation: str
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    """float32 (actions,): the bounds of each action. None: the outputs are values of choices (DQN)."""
    source: Policy | None = None
    limit: float = 0.0
    """With a `source` the layers are a correction of it: action = source + `limit` × correction, both in [-1, 1]."""

    @property
    def discrete(self) -> bool:
        return self.low is None

    @property
    def width(self) -> int:
        """Numbers in an observation."""
        return self.source.width if self.source is not None else self.layers[0][0].shape[1]

    def outputs(self, observations: np.ndarray) -> np.ndarray:
        """float64 (B, actions): each action in [-1, 1], or (DQN) the value of each choice."""
        seen = np.asarray(observations, dtype=np.float32).astype(np.float64)  # what float32 networks were trained on
        if self.source is None:
            found = perceptron(self.layers, self.activation, seen)
            return found if self.discrete else np.round(np.tanh(found), DECIMALS)
        base = self.source.outputs(observations)
        if self.layers[0][0].shape[1] > seen.shape[1]:  # the correction sees what the source would do
            seen = np.concatenate([seen, base], axis=1)
        wanted = base + self.limit * np.tanh(perceptron(self.layers, self.activation, seen))
        return np.round(np.clip(wanted, -1.0, 1.0), DECIMALS)

    def __call__(self, observations: np.ndarray) -> np.ndarray:
        """observations (B, width) -> actions: float32 (B, actions) within their bounds, or int64 (B,) of choices."""
        found = self.outputs(observations)
        if self.low is None or self.high is None:
            return found.argmax(axis=1)
        low, high = self.low.astype(np.float64), self.high.astype(np.float64)
        return (low + 0.5 * (found + 1.0) * (high - low)).astype(np.float32)

    def arrays(self) -> dict[str, Any]:
        """All of it, as arrays for one NPZ file; `from_arrays` is the way back."""
        found: dict[str, Any] = {"activation": np.array(self.activation), "limit": np.array(self.limit)}
        for number, (weight, bias) in enumerate(self.layers):
            found |= {f"weight_{number}": weight.astype(np.float32), f"bias_{number}": bias.astype(np.float32)}
        if self.low is not None and self.high is not None:
            found |= {"low": self.low, "high": self.high}
        if self.source is not None:
            found |= {f"source_{name}": value for name, value in self.source.arrays().items()}
        return found


def from_arrays(found: Mapping[str, np.ndarray]) -> Policy:
    """The policy whose `arrays` these are."""
    count = sum(name.startswith("weight_") for name in found)
    layers = ((found[f"weight_{n}"].astype(np.float64), found[f"bias_{n}"].astype(np.float64)) for n in range(count))
    source = {name.removeprefix("source_"): found[name] for name in found if name.startswith("source_")}
    return Policy(
        tuple(layers),
        str(found["activation"]),
        found.get("low"),
        found.get("high"),
        from_arrays(source) if source else None,
        float(found["limit"]),
    )
