"""Small untrained policies, in run folders as a finished run leaves them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engines.contract import Recipe, Strategy
from engines.control.agents import model_files
from engines.control.agents.numpy_policy import Policy
from engines.control.simulation import environment
from engines.control.simulation.target import Target
from engines.runs import RunFolder


def untrained(target: Target, *, seed: int = 0, kind: str | None = None, widths: tuple[int, ...] = (16, 16)) -> Any:
    """A SAC or DQN with random weights that fits the robot."""
    import stable_baselines3

    made = getattr(stable_baselines3, kind or ("DQN" if target.robot.discrete else "SAC"))
    env = environment.make(target, seed=0)
    return made("MlpPolicy", env, seed=seed, buffer_size=1, device="cpu", policy_kwargs={"net_arch": list(widths)})


def correction(target: Target, source: Policy, limit: float) -> Any:
    """A SAC with random weights that corrects `source`."""
    import stable_baselines3

    from engines.control.simulation.residual_env import Corrected

    env = Corrected(environment.many(target, 1, 0), source, limit)
    return stable_baselines3.SAC(
        "MlpPolicy", env, seed=3, buffer_size=1, device="cpu", policy_kwargs={"net_arch": [8, 8]}
    )


def finished(path: Path, target: Target, algorithms: list[Any], *, episodes: int = 2, **more: Any) -> RunFolder:
    """A run folder that holds these policies, one a repeat, as a finished run does; `more` as for `keeping.save`."""
    run = RunFolder.create(Recipe("control.policy", "robot.json", target.robot.name, Strategy.FULL), path)
    config: dict[str, Any] = {"robot": target.robot.name, "target": target.to_dict(), "episodes": episodes}
    config["seeds"] = [7 + repeat for repeat in range(len(algorithms))]
    for repeat, algorithm in enumerate(algorithms):
        model_files.save(algorithm, path / "model", config, repeat=repeat, **more)
    run.write("README.md", "# A policy\n")
    return run


def returns(run: RunFolder) -> Mapping[str, float]:
    """What world.play says of each episode of that run."""
    config = model_files.read(run.path / "model")
    target = Target.parse(config["target"])
    found = {}
    for repeat, seed in enumerate(config["seeds"]):
        played = environment.play(model_files.load(run.path / "model", repeat), target, config["episodes"], seed)
        found |= {f"seed {repeat}, episode {number}": float(total) for number, total in enumerate(played.returns)}
    return found
