"""A trained policy on disk: weights and configuration that no pickle is needed for, and the way back."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.control.agents.numpy_policy import Policy
from engines.runs import no_model

if TYPE_CHECKING:
    from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

ALGORITHMS = ("SAC", "DQN")
KEPT = ("gamma", "tau", "learning_rate", "batch_size")
"""Settings that an algorithm is built again with."""
SNIPPET = """\
from stable_baselines3 import {algorithm}
policy = {algorithm}.load("policy.zip", device="cpu")
action, _ = policy.predict(observation, deterministic=True)"""
"""Loads the exported policy and asks it, in the folder it was unpacked to; an observation has a number a sensor."""


# --- from a learner in memory ---------------------------------------------------------------------


def of(algorithm: OffPolicyAlgorithm, *, source: Policy | None = None, limit: float = 0.0) -> Policy:
    """The deterministic policy of a SAC or DQN as it stands; with `source`, of a correction of that policy."""
    config, state = _config(algorithm), _state(algorithm)
    return _policy(config, state, source=source, limit=limit)


def save(
    algorithm: OffPolicyAlgorithm,
    folder: Path,
    config: dict[str, Any],
    *,
    repeat: int = 0,
    source: Policy | None = None,
    limit: float = 0.0,
) -> None:
    """Writes policy.safetensors (the algorithm's own names) and config.json into `folder`.

    Of a further `repeat` of the same run only what plays is kept, in policy_N.safetensors. `config` is what the caller
    wants to be found beside the policy: robot, target, model, strategy.
    """
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    state = _state(algorithm)
    own = _config(algorithm)
    if repeat:
        state = {name: value for name, value in state.items() if name.startswith(own["plays"])}
    if source is not None:
        assert source.low is not None
        assert source.high is not None
        own["correction"] = {"limit": limit, "activation": source.activation}
        own["correction"] |= {"low": source.low.tolist(), "high": source.high.tolist()}
        for number, (weight, bias) in enumerate(source.layers):
            state |= {f"source.{number}.weight": _single(weight), f"source.{number}.bias": _single(bias)}
    save_file(state, folder / _file(repeat), metadata={"format": "pt"})
    if not repeat:
        text = json.dumps(own | config, indent=1, ensure_ascii=False)
        (folder / "config.json").write_text(text, encoding="utf-8")


def snippet(algorithm: str) -> str:
    """The lines that load the exported policy of SAC or DQN."""
    return SNIPPET.format(algorithm=algorithm)


def _file(repeat: int) -> str:
    return f"policy_{repeat}.safetensors" if repeat else "policy.safetensors"


def _single(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, dtype=np.float32)


def _state(algorithm: OffPolicyAlgorithm) -> dict[str, np.ndarray]:
    return {name: _single(value.detach().cpu().numpy()) for name, value in algorithm.policy.state_dict().items()}


def _config(algorithm: OffPolicyAlgorithm) -> dict[str, Any]:
    """What the algorithm and its networks are built again from."""
    names = {kind.__name__ for kind in type(algorithm).__mro__}
    name = next(known for known in ALGORITHMS if known in names)
    policy: Any = algorithm.policy
    space: Any = algorithm.observation_space
    actions: Any = algorithm.action_space
    own: dict[str, Any] = {
        "algorithm": name,
        "plays": "q_net.q_net." if name == "DQN" else "actor.",
        "net_arch": policy.net_arch,
        "activation": policy.activation_fn.__name__.lower(),
        "observation": {"dtype": str(space.dtype), "low": _bounds(space.low), "high": _bounds(space.high)},
        "gamma": float(algorithm.gamma),
        "tau": float(algorithm.tau),
        "learning_rate": float(algorithm.lr_schedule(1.0)),
        "batch_size": int(algorithm.batch_size),
    }
    if name == "DQN":
        return own | {"choices": int(actions.n)}
    own |= {"action": {"dtype": str(actions.dtype), "low": _bounds(actions.low), "high": _bounds(actions.high)}}
    if getattr(algorithm, "log_ent_coef", None) is not None:
        own["temperature"] = float(algorithm.log_ent_coef.detach().exp())  # type: ignore[attr-defined]  # SAC has one
    own["n_critics"] = policy.critic_kwargs["n_critics"]
    return own


def _bounds(values: np.ndarray) -> list[float | None]:
    """JSON has no infinity: None stands for it."""
    return [float(value) if math.isfinite(value) else None for value in values]


# --- and back -------------------------------------------------------------------------------------


def read(folder: Path) -> dict[str, Any]:
    """config.json. Raises InputError when there is no policy in `folder`, a run's model folder."""
    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise no_model(folder.parent) from None
    return config


def load(folder: Path, repeat: int = 0) -> Policy:
    """The policy in `folder`, ready to play. Raises InputError when there is none."""
    from safetensors.numpy import load_file

    config = read(folder)
    try:
        state = load_file(folder / _file(repeat))
    except FileNotFoundError:
        raise no_model(folder.parent) from None
    source, limit = None, 0.0
    if known := config.get("correction"):
        sizes = sum(name.startswith("source.") for name in state) // 2
        layers = tuple((_double(state[f"source.{n}.weight"]), _double(state[f"source.{n}.bias"])) for n in range(sizes))
        source = Policy(layers, known["activation"], _bounds_of(known, "low"), _bounds_of(known, "high"))
        limit = known["limit"]
    return _policy(config, state, source=source, limit=limit)


def repeats(folder: Path) -> list[Policy]:
    """The policy of every repeat of the run, the run's own first. Raises InputError when there is none."""
    found = [load(folder)]
    while (folder / _file(len(found))).is_file():
        found.append(load(folder, len(found)))
    return found


def algorithm(folder: Path) -> OffPolicyAlgorithm:
    """The SAC or DQN in `folder`, with its critics and an empty replay buffer; its optimisers start afresh.

    Of a corrected policy: the learner of the correction. Raises InputError when there is none.
    """
    from safetensors.torch import load_file

    config = read(folder)
    try:
        state = load_file(folder / _file(0))
    except FileNotFoundError:
        raise no_model(folder.parent) from None
    made = build(config)
    made.policy.load_state_dict({name: value for name, value in state.items() if not name.startswith("source.")})
    return made


def build(config: dict[str, Any], policy: Any = "MlpPolicy", **more: Any) -> OffPolicyAlgorithm:
    """A learner of that kind and size, with random weights; `more` goes to its policy. Its replay buffer holds one
    transition."""
    import gymnasium
    import stable_baselines3
    from gymnasium import spaces
    from torch import nn

    name = config["algorithm"]
    kind: Any = getattr(stable_baselines3, name)
    activation = {"relu": nn.ReLU, "tanh": nn.Tanh}[config["activation"]]
    kwargs: dict[str, Any] = {"net_arch": config["net_arch"], "activation_fn": activation, **more}
    if "n_critics" in config:
        kwargs["n_critics"] = config["n_critics"]
    settings = {key: config[key] for key in KEPT}
    if "temperature" in config:
        settings["ent_coef"] = f"auto_{config['temperature']}"
    world: gymnasium.Env[Any, Any] = gymnasium.Env()  # only what it looks like: nobody plays in it
    world.observation_space = _box(config["observation"])
    world.action_space = spaces.Discrete(config["choices"]) if "choices" in config else _box(config["action"])
    made: OffPolicyAlgorithm = kind(policy, world, buffer_size=1, device="cpu", policy_kwargs=kwargs, **settings)
    return made


def _box(known: dict[str, Any]) -> Any:
    from gymnasium import spaces

    dtype = np.dtype(known["dtype"])
    low = np.array([-np.inf if value is None else value for value in known["low"]], dtype=dtype)
    high = np.array([np.inf if value is None else value for value in known["high"]], dtype=dtype)
    return spaces.Box(low, high, dtype=dtype.type)


def _double(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, dtype=np.float64)


def _policy(config: dict[str, Any], state: dict[str, np.ndarray], *, source: Policy | None, limit: float) -> Policy:
    """Only the layers that the deterministic action comes from: not the spread of SAC's actions."""
    activation = config["activation"]
    prefix = "q_net.q_net." if config["algorithm"] == "DQN" else "actor.latent_pi."
    numbers = sorted(int(name.split(".")[2]) for name in state if name.startswith(prefix) and name.endswith(".weight"))
    layers = [(_double(state[f"{prefix}{n}.weight"]), _double(state[f"{prefix}{n}.bias"])) for n in numbers]
    if config["algorithm"] == "DQN":
        return Policy(tuple(layers), activation)
    layers.append((_double(state["actor.mu.weight"]), _double(state["actor.mu.bias"])))
    if source is not None:  # a correction is between -1 and 1; what comes of it is in the robot's units
        return Policy(tuple(layers), activation, source.low, source.high, source, limit)
    bounds = config["action"]
    return Policy(tuple(layers), activation, _bounds_of(bounds, "low"), _bounds_of(bounds, "high"))


def _bounds_of(known: dict[str, Any], end: str) -> np.ndarray:
    return np.array(known[end], dtype=np.float32)
