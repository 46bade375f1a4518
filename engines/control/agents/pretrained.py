"""The policies that come with the project: built, read, and given back their experience."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.control.agents.experience import COLUMNS, Transitions
from engines.control.agents.pretraining import Source

if TYPE_CHECKING:
    from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
    from stable_baselines3.common.vec_env import VecEnv

FOLDER = Path(__file__).parents[1] / "carried"


@dataclass(frozen=True)
class Kept:
    """A source policy on disk."""

    folder: Path
    card: dict[str, Any]

    def transitions(self) -> Transitions:
        """Some of what it learnt from, in the simulator."""
        with np.load(self.folder / "replay.npz") as file:
            return {name: file[name].astype(np.float32) for name in COLUMNS}


def find(name: str) -> Kept | None:
    """The policy of that name, if it comes with the project."""
    folder = FOLDER / name
    if not (folder / "card.json").is_file():
        return None
    return Kept(folder, json.loads((folder / "card.json").read_text(encoding="utf-8")))


def learner(
    source: Source,
    env: VecEnv,
    *,
    buffer_size: int,
    seed: int,
    temperature: float | None = None,
    older: Transitions | None = None,
    share: float = 0.0,
) -> OffPolicyAlgorithm:
    """A policy of that kind with random weights, ready to learn in `env`.

    `temperature` is where SAC's entropy coefficient starts (1 unless given). With `older`, that experience is a `share`
    of every batch.
    """
    from stable_baselines3 import DQN

    from engines.control.agents.fast_sac import FUSED, QuickSAC
    from engines.control.agents.replay_mixture import Mixed

    given = dict(source.settings)
    if older is not None:
        given |= {"replay_buffer_class": Mixed, "replay_buffer_kwargs": {"older": older, "share": share}}
    kwargs: dict[str, Any] = {"net_arch": list(source.widths), "optimizer_kwargs": FUSED}
    every, steps = rhythm(source.updates, env.num_envs)
    kind: Any = {"SAC": QuickSAC, "DQN": DQN}[source.algorithm]
    if source.algorithm == "SAC":
        given["ent_coef"] = "auto" if temperature is None else f"auto_{temperature}"
    else:
        given["target_update_interval"] = env.num_envs  # slowly, but at every step
    made: OffPolicyAlgorithm = kind(
        "MlpPolicy",
        env,
        buffer_size=max(buffer_size, env.num_envs),
        learning_starts=source.warm_up,
        train_freq=every,
        gradient_steps=steps,
        policy_kwargs=kwargs,
        seed=seed,
        device="cpu",
        **given,
    )
    return made


def rhythm(updates: float, environments: int) -> tuple[int, int]:
    """After how many steps (of all environments together) how many gradient steps follow, nearest to `updates` each."""
    steps = updates * environments
    if steps >= 1:
        return 1, round(steps)
    return max(1, round(1 / steps)), 1


def load_weights(algorithm: OffPolicyAlgorithm, kept: Kept) -> None:
    """Gives `algorithm` the actor and critics of a source policy, in place."""
    from safetensors.torch import load_file

    algorithm.policy.load_state_dict(load_file(kept.folder / "policy.safetensors"))


def explore(algorithm: OffPolicyAlgorithm, share: float) -> None:
    """Which share of a DQN's actions is drawn at random from now on. SAC draws its actions anyway."""
    from stable_baselines3 import DQN

    if isinstance(algorithm, DQN):
        algorithm.exploration_schedule = lambda _: share
        algorithm.exploration_rate = share


def experienced(algorithm: OffPolicyAlgorithm) -> Transitions:
    """What is in the replay buffer, oldest first; the environments' steps one after another."""
    buffer = algorithm.replay_buffer
    assert buffer is not None
    order = np.roll(np.arange(buffer.buffer_size), -buffer.pos) if buffer.full else np.arange(buffer.pos)
    return {name: _flat(getattr(buffer, name)[order]) for name in COLUMNS}


def _flat(values: np.ndarray) -> np.ndarray:
    """(steps, environments, …) as (steps × environments, …)."""
    return values.reshape(values.shape[0] * values.shape[1], *values.shape[2:])
