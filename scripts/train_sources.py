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
from engines.control.agents import model_files, pretrained
from engines.control.agents.pretraining import SOURCES, Source
from engines.control.simulation import environment
from engines.control.simulation.robots import ROBOTS
from engines.control.simulation.target import Target
from engines.evidence.scores import Returns

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
    env = environment.many(target, source.environments, SEED, randomise=source.randomise)
    learner = pretrained.learner(source, env, buffer_size=source.steps, seed=SEED)
    best, best_return, chosen_at = None, -np.inf, 0
    looked_at = int(np.clip(4_000 // robot.steps, 5, 20))
    for look in range(1, LOOKS + 1):
        pretrained.explore(learner, max(0.05, 1 - 2 * (look - 1) / LOOKS))
        learner.learn(source.steps // LOOKS, reset_num_timesteps=look == 1)
        played = environment.play(model_files.of(learner), target, looked_at, SEED + 1, randomise=source.randomise)
        print(f"{source.name}: {learner.num_timesteps:,} steps, return {played.mean:.1f}", flush=True)
        if 2 * look > LOOKS and played.mean >= best_return:
            state = {name: value.clone() for name, value in learner.policy.state_dict().items()}
            best, best_return, chosen_at = state, played.mean, learner.num_timesteps
    assert best is not None
    learner.policy.load_state_dict(best)
    act = model_files.of(learner)
    in_nominal = environment.play(act, target, EPISODES, SEED + 2)
    own = environment.play(act, target, EPISODES, SEED + 2, randomise=source.randomise)
    folder = pretrained.FOLDER / source.name
    model_files.save(learner, folder, {"robot": robot.name, "model": source.name})
    known = Returns([in_nominal.returns]).estimate()
    spread = float(in_nominal.returns.std(ddof=1))
    card: dict[str, object] = {
        "robot": robot.name,
        "algorithm": source.algorithm,
        "steps": chosen_at,
        "seed": SEED,
        "episodes": EPISODES,
        "seconds": round(time.monotonic() - began, 1),
        "return": {"value": in_nominal.mean, "low": known.low, "high": known.high, "sd": spread},
        "randomise": {name: list(bounds) for name, bounds in source.randomise.items()},
    }
    if source.randomise:
        redrawn = Returns([own.returns]).estimate()
        card["return_randomised"] = {"value": own.mean, "low": redrawn.low, "high": redrawn.high}
    if source.algorithm == "SAC":
        card["temperature"] = float(learner.log_ent_coef.detach().exp())  # type: ignore[attr-defined]  # SAC has one
    card["sha256"] = weights.sha256(folder / "policy.safetensors")
    (folder / "card.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    seen = pretrained.experienced(learner)
    total = len(seen["rewards"])
    rows = np.sort(np.random.default_rng(SEED).choice(np.arange(total // 2, total), KEPT, replace=False))
    np.savez_compressed(folder / "replay.npz", **{name: seen[name][rows].astype(np.float32) for name in seen})
    return card


def main(names: list[str]) -> None:
    torch.set_num_threads(1)
    for name in names or list(SOURCES):
        print(name, json.dumps(train(SOURCES[name])), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
