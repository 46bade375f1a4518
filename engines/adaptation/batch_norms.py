"""Adapting a network's batch norms to a new domain: AdaBN and TENT. Experimental: see docs/few_labels/new_domain.md."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from engines.training.examples import Examples
from engines.training.staged import Staged

BATCH = 32
STEPS = 5
RATE = 1e-3
"""Of TENT, as its authors have it for small batches."""


def norms(network: Staged) -> list[_BatchNorm]:
    """The batch norms of a network that keep statistics."""
    return [own for own in network.model.modules() if isinstance(own, _BatchNorm) and own.track_running_stats]


def state(network: Staged) -> dict[str, Tensor]:
    """A copy of all that these methods may change, by the model's own names."""
    own = {id(module) for module in norms(network)}
    names = [name for name, module in network.model.named_modules() if id(module) in own]
    whole = network.model.state_dict()
    return {name: tensor.detach().clone() for name, tensor in whole.items() if name.rpartition(".")[0] in names}


def take_statistics(network: Staged, examples: Examples, device: torch.device) -> None:
    """Every batch norm gets the mean and variance of these examples (AdaBN, Li et al. 2017), in place: averages over
    batches, each with the same weight."""
    network.eval()
    found = norms(network)
    momenta = [module.momentum for module in found]
    for module in found:
        module.reset_running_stats()
        module.momentum = None
        module.train()
    with torch.no_grad():
        for indices in _batches(len(examples)):
            network.run(examples.plain(indices).to(device), 0, len(network.stages))
    for module, momentum in zip(found, momenta, strict=True):
        module.momentum = momentum
        module.eval()


def make_sure(network: Staged, examples: Examples, device: torch.device, seed: int) -> None:
    """STEPS steps by which the batch norms' scales and shifts make the network surer of its answers (TENT, Wang et al.
    2021), in place. Statistics are those of each batch while it learns, and of all examples afterwards."""
    network.eval()
    found = norms(network)
    learning = [p for module in found for p in (module.weight, module.bias) if isinstance(p, nn.Parameter)]
    was = [(p, p.requires_grad) for p in network.model.parameters()]
    for parameter, _ in was:
        parameter.requires_grad_(False)
    for parameter in learning:
        parameter.requires_grad_(True)
    optimizer = torch.optim.Adam(learning, lr=RATE)
    generator = torch.Generator().manual_seed(seed)
    for module in found:
        module.train()
    for _ in range(STEPS):
        indices = torch.randperm(len(examples), generator=generator)[:BATCH]
        shares = network(examples.plain(indices).to(device)).log_softmax(1)
        loss = -(shares.exp() * shares).sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for parameter, learns in was:
        parameter.requires_grad_(learns)
    take_statistics(network, examples, device)


def _batches(n: int) -> list[Tensor]:
    """Positions in order, about BATCH together: no last batch of one, of which there is no variance."""
    return list(torch.arange(n).tensor_split(max(1, n // BATCH)))
