"""Soft actor-critic as Stable-Baselines3 has it, with the same updates in fewer operations.

Small networks wait for Python more than for arithmetic: what Stable-Baselines3 computes only to log it, its objects for
distributions, and the critics' gradients that the actor's loss makes and nobody uses, are left out here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from stable_baselines3 import SAC
from torch.nn import functional as F

FUSED: dict[str, Any] = {"fused": True}
"""Keyword of Adam: one operation a step instead of a dozen a parameter."""
SMALL = 1e-6
"""Keeps the logarithm of what `tanh` squeezes finite, as in Stable-Baselines3."""


class QuickSAC(SAC):
    """`stable_baselines3.SAC` (Haarnoja et al. 2018, with the temperature learnt), faster.

    Saved and loaded as SAC is. No gSDE, no n-step returns, no normalised observations, no pictures.
    """

    def _setup_model(self) -> None:
        super()._setup_model()
        assert self.log_ent_coef is not None
        self.ent_coef_optimizer = torch.optim.Adam([self.log_ent_coef], lr=self.lr_schedule(1), **FUSED)

    def train(self, gradient_steps: int, batch_size: int = 64) -> None:
        self.policy.set_training_mode(True)
        assert self.replay_buffer is not None
        assert self.ent_coef_optimizer is not None
        assert self.log_ent_coef is not None
        actor: Any = self.actor
        critic, target = self.critic, self.critic_target
        self._update_learning_rate([actor.optimizer, critic.optimizer, self.ent_coef_optimizer])
        acting = [*actor.latent_pi.parameters(), *actor.mu.parameters(), *actor.log_std.parameters()]
        judging: list[torch.Tensor] = list(critic.parameters())
        slow: list[torch.Tensor] = list(target.parameters())
        entropy = float(self.target_entropy)
        loss = torch.zeros(())
        for _ in range(gradient_steps):
            batch = self.replay_buffer.sample(batch_size)
            seen, seen_next = batch.observations.float(), batch.next_observations.float()  # (B, width)
            actions, density = drawn(actor, seen)  # (B, A), (B, 1)
            temperature = self.log_ent_coef.detach().exp()
            self.log_ent_coef.grad = -(density.detach() + entropy).mean().reshape(1)
            self.ent_coef_optimizer.step()

            with torch.no_grad():
                following, following_density = drawn(actor, seen_next)
                ahead = torch.min(*values(target, seen_next, following)) - temperature * following_density
                wanted = batch.rewards + (1 - batch.dones) * self.gamma * ahead  # (B, 1)
            first, second = values(critic, seen, batch.actions)
            loss = 0.5 * (F.mse_loss(first, wanted) + F.mse_loss(second, wanted))
            descend(loss, critic.optimizer, judging)

            worth = torch.min(*values(critic, seen, actions))
            descend((temperature * density - worth).mean(), actor.optimizer, acting)
            with torch.no_grad():
                torch._foreach_lerp_(slow, judging, self.tau)
        self._n_updates += gradient_steps
        self.logger.record("train/critic_loss", float(loss.detach()))


def drawn(actor: Any, seen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Actions (B, A) in [-1, 1] that SAC's actor draws for what is `seen` (B, width), and their log densities (B, 1):
    a normal distribution squeezed by tanh (Haarnoja et al. 2018, appendix C)."""
    latent = actor.latent_pi(seen)
    mean, log_std = actor.mu(latent), actor.log_std(latent).clamp(-20, 2)
    noise = torch.randn_like(mean)
    actions = torch.tanh(mean + log_std.exp() * noise)
    density = -0.5 * noise.square() - log_std - torch.log(1 - actions.square() + SMALL)
    return actions, density.sum(1, keepdim=True) - 0.5 * math.log(2 * math.pi) * mean.shape[1]


def values(critic: Any, seen: torch.Tensor, actions: torch.Tensor) -> list[torch.Tensor]:
    """What each of the critics makes of the actions: (B, 1) each."""
    both = torch.cat([seen, actions], dim=1)
    return [network(both) for network in critic.q_networks]


def descend(loss: torch.Tensor, optimizer: torch.optim.Optimizer, parameters: Sequence[torch.Tensor]) -> None:
    """A step of `optimizer` with the gradients of `parameters`, and of nothing else."""
    for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
        parameter.grad = gradient
    optimizer.step()
