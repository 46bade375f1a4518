"""What a policy is taught, and one repeat of it: everything that a stopped run needs to go on as if nothing was."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from engines.contract import ModelCard, Run, Strategy
from engines.control import catalogue
from engines.control.agents import model_files
from engines.control.agents.numpy_policy import Policy
from engines.control.agents.pretrained import COLUMNS, Kept
from engines.control.agents.pretraining import Source
from engines.control.identification.identify import Identified
from engines.control.logs.logs import Logs
from engines.control.policy.settings import ControlSettings
from engines.control.simulation.target import Target
from engines.training.devices import derived_seed

if TYPE_CHECKING:
    from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

LOG_COLUMNS = ("observations", "actions", "rewards", "next_observations", "terminated", "episodes")


@dataclass(frozen=True)
class TrainSpec:
    """What all repeats of a trial share."""

    target: Target
    """The robot that is learnt for, and on which everybody is judged."""
    strategy: Strategy
    source: Source
    """How a policy for this robot is built and trained."""
    kept: Kept
    """The source policy."""
    settings: ControlSettings
    seed: int
    run: Run
    real_steps: int
    """The budget of a repeat."""
    repeats: tuple[int, ...]
    """The numbers of the repeats, which their seeds come from."""
    logs: Logs | None = None
    """Where there are logs instead of a robot: then there is no real step but those."""
    identified: Identified | None = None
    """What the logs say."""

    @property
    def simulator(self) -> Target:
        """What the source was trained in; of somebody's own MuJoCo model: that model, nothing else changed."""
        return Target(self.target.robot, mjcf=self.target.mjcf)

    @property
    def model(self) -> ModelCard:
        """The source policy's card."""
        card = catalogue.find(self.kept.folder.name)
        assert card is not None
        return card

    @property
    def corrects(self) -> bool:
        """Whether what learns is a correction of a policy that stays as it came."""
        return self.strategy is Strategy.FEATURES and not self.target.robot.discrete

    def source_policy(self) -> Policy:
        return model_files.load(self.kept.folder)

    def seeded(self, *parts: object) -> int:
        """A seed for one purpose, the same after every resume."""
        return derived_seed(self.seed, str(self.strategy), *parts) % 2**31

    def judged_by(self, repeat: int) -> int:
        """The seed of the episodes that a repeat is judged on: the same for every contender."""
        return derived_seed("judge", self.seed, repeat) % 2**31


@dataclass
class Replicate:
    """One repeat: its learner, and what it has come to."""

    repeat: int
    algorithm: OffPolicyAlgorithm
    best: dict[str, torch.Tensor] = field(default_factory=dict)
    """The policy that would be used now (`policy.state_dict()`); empty: the source's."""
    numbers: dict[str, float] = field(default_factory=dict)
    """learning, checking (real steps), simulated (steps), best_epoch, and what the guard knows."""
    logs: Logs | None = None
    identified: dict[str, Any] | None = None
    calibrated: Target | None = None

    def count(self, name: str, more: float = 0) -> float:
        """Adds to a number, and returns it."""
        self.numbers[name] = self.numbers.get(name, 0) + more
        return self.numbers[name]

    @property
    def real_steps(self) -> int:
        return int(self.count("learning") + self.count("checking"))

    def keep(self, epoch: int) -> None:
        """The policy as it stands is the one to use."""
        self.best = {name: value.clone() for name, value in self.algorithm.policy.state_dict().items()}
        self.numbers["best_epoch"] = epoch


def state(replicate: Replicate) -> dict[str, Any]:
    """Everything that the next leg depends on, as tensors and plain values."""
    algorithm: Any = replicate.algorithm
    buffer = algorithm.replay_buffer
    used = slice(0, buffer.buffer_size if buffer.full else buffer.pos)
    known: dict[str, Any] = {
        "parameters": algorithm.get_parameters(),
        "num_timesteps": algorithm.num_timesteps,
        "buffer": {name: torch.from_numpy(getattr(buffer, name)[used].copy()) for name in COLUMNS},
        "position": buffer.pos,
        "full": buffer.full,
        "best": replicate.best,
        "numbers": dict(replicate.numbers),
        "identified": replicate.identified,
        "calibrated": replicate.calibrated.to_dict() if replicate.calibrated else None,
    }
    if getattr(algorithm, "log_ent_coef", None) is not None:
        known["log_ent_coef"] = algorithm.log_ent_coef.detach().clone()
    if replicate.logs is not None:
        known["logs"] = {name: torch.from_numpy(np.array(getattr(replicate.logs, name))) for name in LOG_COLUMNS}
    return known


def restore(replicate: Replicate, known: dict[str, Any], target: Target) -> None:
    """Puts a freshly built replicate where `state` left it."""
    algorithm: Any = replicate.algorithm
    algorithm.set_parameters(known["parameters"])
    algorithm.num_timesteps = known["num_timesteps"]
    buffer = algorithm.replay_buffer
    for name, values in known["buffer"].items():
        getattr(buffer, name)[: len(values)] = values.numpy()
    buffer.pos, buffer.full = known["position"], known["full"]
    if "log_ent_coef" in known:
        with torch.no_grad():
            algorithm.log_ent_coef.copy_(known["log_ent_coef"])
    replicate.best, replicate.numbers, replicate.identified = known["best"], known["numbers"], known["identified"]
    replicate.calibrated = Target.parse(known["calibrated"]) if known["calibrated"] else None
    if "logs" in known:
        replicate.logs = Logs(
            target.robot, **{n: values.numpy() for n, values in known["logs"].items()}, mjcf=target.mjcf
        )
