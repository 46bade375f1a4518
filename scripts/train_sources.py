"""Trains the policies that come with the project: python -m scripts.train_sources NAME … (without names: all).

Writes engines/control/carried/NAME: weights, some of the experience, and a card that says what 100 episodes in the
simulator give. One thread, one seed.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import torch

from engines import weights
from engines.control import keeping, policies, world
from engines.control.judging import interval
from engines.control.robots import ROBOTS
from engines.control.sources import SOURCES, Source
from engines.control.target import Target

SEED = 0
LOOKS = 10
"""Times that the policy is looked at while it learns; the best of the second half is kept."""
EPISODES = 100
KEPT = 4_000
"""Transitions that are kept, drawn from the second half of the experience."""


def train(source: Source) -> dict[str, object]:
    """Trains, judges and writes the policy; returns its card."""
    began = time.monotonic()
    robot = ROBOTS[source.robot]
    target = Target(robot)
    env = world.many(target, source.environments, SEED, randomise=source.randomise)
    learner = policies.learner(source, env, buffer_size=source.steps, seed=SEED, warm_up=source.warm_up)
    best, best_return, chosen_at = None, -np.inf, 0
    looked_at = int(np.clip(4_000 // robot.steps, 5, 20))
    for look in range(1, LOOKS + 1):
        policies.explore(learner, max(0.05, 1 - 2 * (look - 1) / LOOKS))
        learner.learn(source.steps // LOOKS, reset_num_timesteps=look == 1)
        played = world.play(keeping.of(learner), target, looked_at, SEED + 1, randomise=source.randomise)
        print(f"{source.name}: {learner.num_timesteps:,} steps, return {played.mean:.1f}", flush=True)
        if 2 * look > LOOKS and played.mean >= best_return:
            state = {name: value.clone() for name, value in learner.policy.state_dict().items()}
            best, best_return, chosen_at = state, played.mean, learner.num_timesteps
    assert best is not None
    learner.policy.load_state_dict(best)
    act = keeping.of(learner)
    in_nominal = world.play(act, target, EPISODES, SEED + 2)
    own = world.play(act, target, EPISODES, SEED + 2, randomise=source.randomise)
    folder = policies.FOLDER / source.name
    keeping.save(learner, folder, {"robot": robot.name, "model": source.name})
    low, high = interval([in_nominal.returns])
    card: dict[str, object] = {
        "robot": robot.name, "algorithm": source.algorithm, "steps": chosen_at, "seed": SEED, "episodes": EPISODES,
        "seconds": round(time.monotonic() - began, 1),
        "return": {"value": in_nominal.mean, "low": low, "high": high, "sd": float(in_nominal.returns.std(ddof=1))},
        "randomise": {name: list(bounds) for name, bounds in source.randomise.items()},
    }  # fmt: skip
    if source.randomise:
        low, high = interval([own.returns])
        card["return_randomised"] = {"value": own.mean, "low": low, "high": high}
    if source.algorithm == "SAC":
        card["temperature"] = float(learner.log_ent_coef.detach().exp())  # type: ignore[attr-defined]
    card["sha256"] = weights.sha256(folder / "policy.safetensors")
    (folder / "card.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    known = policies.experienced(learner)
    total = len(known["rewards"])
    rows = np.sort(np.random.default_rng(SEED).choice(np.arange(total // 2, total), KEPT, replace=False))
    np.savez_compressed(folder / "replay.npz", **{name: known[name][rows].astype(np.float32) for name in known})
    return card


def main(names: list[str]) -> None:
    torch.set_num_threads(1)
    for name in names or list(SOURCES):
        print(name, json.dumps(train(SOURCES[name])), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
