"""Rounds: every site learns a little from where all of them stand, and what they have learnt is averaged.

FedAvg (McMahan et al. 2017, 'Communication-efficient learning of deep networks from decentralized data') averages by
the number of examples; FedProx (Li et al. 2020, 'Federated optimization in heterogeneous networks') also holds each
site near where all stand; FedAdam (Reddi et al. 2021, 'Adaptive federated optimization') takes the average as a
gradient for Adam. Sites learn by AdamW. Only what a strategy lets learn travels; statistics of batch norms only where
they are learnt from random weights. Classes are weighed by the counts of all sites, which are sent beforehand.

A site may be lost, answer too late, or answer with what is no number: the others are used, and it is said and counted.
A round that lost all of them fails.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F

from engines.contract import InputError, Problem, Run, Strategy
from engines.federated import lost
from engines.messages import _
from engines.training import strategies
from engines.training.devices import derived_seed
from engines.training.examples import LabelledExamples, batches
from engines.training.settings import TrainSettings
from engines.training.staged import Staged

PROXIMAL = 0.01
"""FedProx's μ."""
SERVER_RATE, FIRST, SECOND, ADAPTIVITY = 1e-2, 0.9, 0.99, 1e-3
"""FedAdam's η, β₁, β₂ and τ."""
HEAD_PASSES, PASSES = 5, 1
"""Of a site over its own data in a round: of a head alone they cost nothing."""

State = dict[str, Tensor]
"""What travels: parameters that learn, by name, float32 on the CPU."""
Dropped = dict[str, list[int]]
"""'lost', 'late' and 'refused' -> the sites, from 1, whose answers are not used."""


@dataclass(frozen=True)
class Plan:
    """How the rounds go."""

    rounds: int
    algorithm: str
    """'fedavg', 'fedprox' or 'fedadam'."""
    strategy: Strategy
    rate: float
    passes: int
    seed: int
    lose: frozenset[tuple[int, int]] = frozenset()
    """(round, site), both counted from 1: answers that never come."""
    patience: float = 0.0
    """Seconds after which an answer is too late; 0: none is."""


@dataclass
class Server:
    """Where all stand after so many rounds."""

    state: State
    done: int = 0
    first: State = field(default_factory=dict)
    """FedAdam's moments."""
    second: State = field(default_factory=dict)
    curve: list[dict[str, Any]] = field(default_factory=list)
    """A row a round: round, value, low, high, lost, late, refused (sites from 1), bytes, seconds."""

    def step(self, algorithm: str, answers: Sequence[tuple[int, State]]) -> None:
        """Takes the answers of a round: (examples, state) each."""
        average = weighted(answers)
        if algorithm != "fedadam":
            self.state = average
            return
        for name, value in self.state.items():
            change = average[name] - value
            self.first[name] = FIRST * self.first.get(name, torch.zeros_like(value)) + (1 - FIRST) * change
            self.second[name] = SECOND * self.second.get(name, torch.zeros_like(value)) + (1 - SECOND) * change**2
            self.state[name] = value + SERVER_RATE * self.first[name] / (self.second[name].sqrt() + ADAPTIVITY)

    def keep(self, run: Run, series: str) -> None:
        """So that a run that stops goes on after its last whole round."""
        tensors = {
            f"{kind}/{name}": value.contiguous()
            for kind in ("state", "first", "second")
            for name, value in getattr(self, kind).items()
        }
        folder = run.path / "checkpoint"
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f".federated-{series}.partial"
        save_file(tensors, partial, metadata={"done": str(self.done), "curve": json.dumps(self.curve)})
        partial.replace(folder / f"federated-{series}.safetensors")


def resumed(run: Run, series: str, state: State) -> Server:
    """Where a run that stopped was, else the beginning."""
    path = run.path / "checkpoint" / f"federated-{series}.safetensors"
    if not path.is_file():
        return Server(state)
    from safetensors import safe_open

    tensors = load_file(path)
    parts: dict[str, State] = {"state": {}, "first": {}, "second": {}}
    for key, value in tensors.items():
        kind, _unused, name = key.partition("/")
        parts[kind][name] = value
    with safe_open(path, "pt") as file:
        told = file.metadata()
    if {name: value.shape for name, value in parts["state"].items()} != {n: v.shape for n, v in state.items()}:
        return Server(state)
    return Server(parts["state"], int(told["done"]), parts["first"], parts["second"], json.loads(told["curve"]))


def weighted(answers: Sequence[tuple[int, State]]) -> State:
    """The average of states, each by its examples."""
    total = sum(n for n, _unused in answers)
    return {
        name: sum((n / total * state[name] for n, state in answers), torch.zeros_like(value))
        for name, value in answers[0][1].items()
    }


def travelling(network: Staged) -> dict[str, Tensor]:
    """What of a network travels, as it lies in it."""
    found: dict[str, Tensor] = dict(network.trainable())
    if not network.keep_statistics:  # learnt from random weights, as everything else
        found |= {name: value for name, value in network.model.named_buffers() if value.is_floating_point()}
    return found


def taken(network: Staged) -> State:
    return {name: value.detach().float().cpu().clone() for name, value in travelling(network).items()}


def given(network: Staged, state: State) -> None:
    """Puts a state into the network."""
    with torch.no_grad():
        for name, value in travelling(network).items():
            value.copy_(state[name])


def run_rounds(
    network: Staged,
    sites: int,
    plan: Plan,
    ask: Callable[[Server, int], tuple[list[tuple[int, State]], Dropped]],
    score: Callable[[], dict[str, Any]],
    run: Run,
    series: str = "transfer",
) -> Server:
    """Teaches the network, which stands after it where all stand. sites: how many; ask: the answers of a round,
    (examples, state) each, and which sites gave none; score: what is told of a round's network. Raises InputError where
    no site answers, and Cancelled."""
    server = resumed(run, series, taken(network))
    title = {"transfer": _("Learning in rounds"), "scratch": _("The same rounds from random weights")}[series]
    run.emit("phase", name="rounds", title=title, series=series)
    size = sum(value.numel() for value in server.state.values()) * 4
    while server.done < plan.rounds:
        number, began = server.done + 1, time.monotonic()
        answers, dropped = ask(server, number)
        if not answers:
            found = _("none of the {sites} sites answered: {why}", sites=sites, why=why(dropped))
            raise InputError(
                Problem(_("round {number}", number=number), found, _("accepted: one answer or more a round"))
            )
        server.step(plan.algorithm, answers)
        server.done = number
        given(network, server.state)
        row = {
            "round": number,
            **score(),
            **dropped,
            "bytes": size * (2 * sites - sum(map(len, dropped.values()))),
            "seconds": time.monotonic() - began,
        }
        server.curve.append(row)
        left = sum(one["seconds"] for one in server.curve) / len(server.curve) * (plan.rounds - number)
        run.emit("round", series=series, rounds=plan.rounds, seconds_left=round(left, 1), **row)
        server.keep(run, series)
    given(network, server.state)
    return server


def why(dropped: Dropped) -> str:
    words = {"lost": _("lost"), "late": _("too late"), "refused": _("no numbers")}
    return ", ".join(f"{words[kind]} {', '.join(map(str, who))}" for kind, who in dropped.items() if who)


def about_dropped(curve: Sequence[dict[str, Any]]) -> list[str]:
    """What to say of answers that were not used."""
    dropped = {kind: sum(len(row[kind]) for row in curve) for kind in ("lost", "late", "refused")}
    if not any(dropped.values()):
        return []
    return [
        _(
            "Answers that were not used: {lost} lost, {late} too late, {refused} that were no numbers. The "
            "others were.",
            **dropped,
        )
    ]


def here(
    network: Staged,
    sites: Sequence[LabelledExamples],
    plan: Plan,
    settings: TrainSettings,
    weights: Tensor,
    run: Run,
    device: torch.device,
) -> Callable[[Server, int], tuple[list[tuple[int, State]], Dropped]]:
    """Asks sites that all lie here. sites: their examples, seen from the network's boundary; weights: float32 (C,), of
    each class."""

    def ask(server: Server, number: int) -> tuple[list[tuple[int, State]], Dropped]:
        answers: list[tuple[int, State]] = []
        dropped: Dropped = {"lost": [], "late": [], "refused": []}
        for site, examples in enumerate(sites, 1):
            run.check_cancelled()
            if (number, site) in plan.lose or site in lost.asked(run):
                dropped["lost"].append(site)
                continue
            began = time.monotonic()
            given(network, server.state)
            learn(network, examples, plan, settings, weights, device, seed_of(plan, number, site))
            answer = taken(network)
            if plan.patience and time.monotonic() - began > plan.patience:
                dropped["late"].append(site)
            elif not is_finite(answer):
                dropped["refused"].append(site)
            else:
                answers.append((len(examples), answer))
        return answers, dropped

    return ask


def is_finite(state: State) -> bool:
    return all(bool(torch.isfinite(value).all()) for value in state.values())


def seed_of(plan: Plan, number: int, site: int) -> int:
    """Of what a site draws in a round: the same wherever it learns."""
    return derived_seed(plan.seed, f"round {number} site {site}")


def learn(
    network: Staged,
    examples: LabelledExamples,
    plan: Plan,
    settings: TrainSettings,
    weights: Tensor,
    device: torch.device,
    seed: int,
) -> None:
    """A site's passes over its own examples, from where the network stands."""
    groups = strategies.parameter_groups(network, plan.strategy, plan.rate, settings)
    optimiser = torch.optim.AdamW(groups, lr=plan.rate)
    learning = list(network.trainable().values())
    anchor = [value.detach().clone() for value in learning] if plan.algorithm == "fedprox" else []
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)  # what drops out
    weights = weights.to(device)
    network.train()
    for _unused in range(plan.passes):
        for indices in batches(examples, settings.batch_size, generator):
            if len(indices) < 2 and not network.keep_statistics and len(examples) > 1:
                continue  # a batch norm learns nothing of one example
            inputs = examples.varied(indices, generator).to(device)
            logits = network(inputs, network.boundary)
            labels = examples.labels[indices].to(device)
            loss = F.cross_entropy(
                logits, labels, weight=weights, label_smoothing=settings.label_smoothing, reduction="sum"
            ) / len(indices)
            for value, before in zip(learning, anchor, strict=bool(anchor)):
                loss = loss + PROXIMAL / 2 * (value - before).square().sum()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(learning, 1.0)
            optimiser.step()
    network.eval()


def passes_of(strategy: Strategy) -> int:
    return HEAD_PASSES if strategy is Strategy.FEATURES else PASSES
