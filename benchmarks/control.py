"""What crossing the gap costs in real steps, and how fast it learns: the tables of docs/control.md.

    python benchmarks/control.py gap [--targets NAME …] [--strategies NAME …] [--model NAME] [--seeds 3] [--episodes 20]
                                    [--out FILE]
    python benchmarks/control.py scratch [--targets NAME …] [--seeds 3] [--times 4] [--out FILE]
    python benchmarks/control.py speed

`gap`: each strategy on a sample target with its usual budget, judged beside the policy as it came. `scratch`: a policy
from random weights on the same robot, until it gets as far or has used `--times` the budget. `speed`: environment steps
a CPU second against plain Stable-Baselines3, interleaved, one thread. Results are JSON lines.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch

from benchmarks.forecasting import Quiet
from engines.contract import Strategy
from engines.control import catalogue, samples
from engines.control.agents import pretrained, pretraining
from engines.control.policy.settings import ControlSettings
from engines.control.policy.training import train
from engines.control.policy.training.replicate import TrainSpec
from engines.control.simulation import environment
from engines.control.simulation.target import Target

SPEED_STEPS = 1_500


def spec_of(
    target: Target, strategy: str, folder: str, seeds: int, model: str | None = None, episodes: int = 20
) -> TrainSpec:
    """What is taught, on the usual budget."""
    settings = ControlSettings(repeats=seeds, episodes=episodes)
    kept, source = (
        pretrained.find(model or catalogue.suggested(target.robot.name)[0]),
        pretraining.of_robot(target.robot.name),
    )
    assert kept is not None
    assert source is not None
    budget = settings.real_steps_for(target.robot.name, Strategy(strategy))
    run, repeats = Quiet(Path(folder)), tuple(range(seeds))
    return TrainSpec(target, Strategy(strategy), source, kept, settings, 0, run, budget, repeats)


def gap(
    name: str, target: Target, strategy: str, seeds: int, model: str | None = None, episodes: int = 20
) -> dict[str, Any]:
    """One strategy on one target: return before and after, over seeds and episodes."""
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        given = spec_of(target, strategy, folder, seeds, model, episodes)
        before = train.returns(train.judge(given, [given.source_policy()] * seeds, "checking"))
        learnt = train.learn(given, "transfer")
        after = train.returns(train.judge(given, train.policies(given, learnt), "testing"))
    kept, found, apart = before.estimate(), after.estimate(), after.minus(before)
    return {
        "target": name,
        "model": given.kept.folder.name,
        "strategy": strategy,
        "seeds": seeds,
        "episodes": episodes,
        "before": [kept.value, kept.low, kept.high],
        "after": [found.value, found.low, found.high],
        "difference": [apart.value, apart.low, apart.high],
        "by_seed": [round(float(each.mean()), 1) for each in after.outcomes],
        "real_steps": max(replicate.real_steps for replicate in learnt.replicates),
        "cpu_seconds": round((time.process_time() - began) / seeds, 1),
    }


def scratch(name: str, target: Target, seeds: int, times: int) -> dict[str, Any]:
    """The curve of a policy from random weights, in legs of half the budget."""
    with tempfile.TemporaryDirectory() as folder:
        given = spec_of(target, "scratch", folder, seeds)
        settings = replace(given.settings, epochs=2 * times)
        longer = replace(given, real_steps=times * given.real_steps, settings=settings)
        history = train.learn(longer, "scratch").progress.history
    curve = [{key: row[key] for key in ("real_steps", "mean", "low", "high")} for row in history]
    return {"target": name, "strategy": "scratch", "seeds": seeds, "curve": curve}


def speed() -> list[dict[str, Any]]:
    """Environment steps a CPU second: plain Stable-Baselines3, ours alike, and ours with environments side by side."""
    from stable_baselines3 import SAC

    from engines.control.simulation.robots import ROBOTS

    target = Target(ROBOTS["pendulum"])
    source = replace(pretraining.SOURCES["pendulum"], warm_up=100)
    slower = replace(source, updates=0.5)
    plain: dict[str, Any] = {"learning_rate": 1e-3, "gamma": 0.98, "learning_starts": 100}
    plain["policy_kwargs"] = {"net_arch": [64, 64]}
    ways = {
        "plain Stable-Baselines3": lambda: SAC("MlpPolicy", "Pendulum-v1", seed=0, device="cpu", **plain),
        "ours, one environment, an update a step": lambda: pretrained.learner(
            source, environment.many(target, 1, 0), buffer_size=SPEED_STEPS, seed=0
        ),
        "ours, four environments, an update a step": lambda: pretrained.learner(
            source, environment.many(target, 4, 0), buffer_size=SPEED_STEPS, seed=0
        ),
        "ours, eight environments, an update every second step": lambda: pretrained.learner(
            slower, environment.many(target, 8, 0), buffer_size=SPEED_STEPS, seed=0
        ),
    }
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(3):
        for way, make in ways.items():
            algorithm = make()
            began = time.process_time()
            algorithm.learn(SPEED_STEPS)
            taken[way].append(SPEED_STEPS / (time.process_time() - began))
    first = max(taken["plain Stable-Baselines3"])
    return [
        {"way": way, "steps_a_second": round(max(t)), "times": round(max(t) / first, 2)} for way, t in taken.items()
    ]


def targets(names: list[str]) -> dict[str, Target]:
    """Sample targets by name; without names all of those a policy is carried for."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for sample in samples.samples():
            if names and sample.name not in names:
                continue
            path = samples.make_sample(sample.name, Path(folder))
            if path.suffix == ".json" and catalogue.suggested(Target.read(path).robot.name):
                found[sample.name] = Target.read(path)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("gap", "scratch", "speed"))
    parser.add_argument("--targets", nargs="*", default=[])
    parser.add_argument("--strategies", nargs="*", default=["identified", "randomised", "full", "features"])
    parser.add_argument("--model", help="the source policy; by default the robot's nominal one")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--episodes", type=int, default=20, help="that each seed is judged on")
    parser.add_argument("--times", type=int, default=4)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.what == "speed":
        rows = iter(speed())
    elif given.what == "scratch":
        rows = (scratch(name, target, given.seeds, given.times) for name, target in targets(given.targets).items())
    else:
        pairs = [(name, target, way) for name, target in targets(given.targets).items() for way in given.strategies]
        rows = (
            gap(name, target, way, given.seeds, given.model, given.episodes)
            for name, target, way in pairs
            if way != "identified" or target.robot.settable
        )
    for row in rows:
        print(json.dumps(row), flush=True)
        if given.out:
            with given.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
