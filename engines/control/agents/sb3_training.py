"""Letting a Stable-Baselines3 algorithm learn for so many steps, so that a resumed run goes the very same way."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from stable_baselines3.common.callbacks import BaseCallback

from engines.contract import InputError, Problem, Run
from engines.control.agents import pretrained
from engines.messages import _

if TYPE_CHECKING:
    from stable_baselines3.common.vec_env import VecEnv

NEVER = 10**12
"""Episodes between two of the algorithm's own log lines."""


class Watch(BaseCallback):
    """Says how far it is, and looks whether it shall stop."""

    EVERY = 0.4

    def __init__(self, run: Run, phase: str, total: int, deadline: float | None = None):
        super().__init__()
        self.run, self.phase, self.total = run, phase, total
        self.deadline = deadline
        self.done, self.began, self.said = 0, time.monotonic(), 0.0

    def more(self, steps: int) -> None:
        """Counts steps, and says so now and then: that all are done, once. Raises Cancelled."""
        before, self.done = self.done, min(self.total, self.done + steps)
        now = time.monotonic()
        if now - self.said < self.EVERY and (before == self.total or self.done < self.total):
            return
        self.said = now
        self.run.check_cancelled()
        if before == self.total:
            return
        rate = self.done / max(now - self.began, 1e-6)
        left = round((self.total - self.done) / rate, 1)
        self.run.emit(
            "progress",
            phase=self.phase,
            done=self.done,
            total=self.total,
            unit="steps",
            rate=round(rate, 1),
            seconds_left=left,
        )

    def _on_step(self) -> bool:
        self.more(self.training_env.num_envs)
        return self.deadline is None or time.monotonic() < self.deadline


def learn(
    algorithm: Any, env: VecEnv, steps: int, seed: int, watch: Watch, *, random_share: float = 0.05, fill: int = 0
) -> float:
    """`steps` steps of `env` with the updates that follow; returns the last loss of the critics, 0 without a step.

    All that is random in it comes from `seed`, and the episode under way before is not continued: what happens depends
    on the algorithm's weights, optimisers and experience alone. The first `fill` steps are only watched, so that the
    first updates do not see a handful of transitions again and again. Raises InputError when the networks diverge.
    """
    algorithm.set_env(env, force_reset=True)
    algorithm.set_random_seed(seed)
    pretrained.explore(algorithm, random_share)
    updates = algorithm.gradient_steps
    for amount, gradient_steps in ((min(fill, steps), 0), (max(0, steps - fill), updates)):
        if amount:
            algorithm.gradient_steps = gradient_steps
            try:
                algorithm.learn(amount, callback=watch, log_interval=NEVER, reset_num_timesteps=False)
            except ValueError:
                require_numbers(algorithm)
                raise
    require_numbers(algorithm)
    algorithm.gradient_steps = updates
    env.close()
    if not steps:
        return 0.0
    known = algorithm.logger.name_to_value
    return float(known.get("train/critic_loss", known.get("train/loss", 0.0)))


def require_numbers(algorithm: Any) -> None:
    """Raises InputError when the networks have diverged."""
    if not all(bool(value.isfinite().all()) for value in algorithm.policy.state_dict().values()):
        rate = float(algorithm.lr_schedule(1.0))
        found = _("with {rate:g} what is learnt is no longer a number", rate=rate)
        raise InputError(Problem(_("setting learning_rate"), found, _("accepted: a smaller one")))


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Small networks learn fastest on one. The order of sums, and how matrices are multiplied, are the same whatever
    the process did before: reinforcement learning makes other returns of a different last digit."""
    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    torch.set_num_threads(1)
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_float32_matmul_precision(precision)
