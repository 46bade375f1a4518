"""Which sensors a policy listens to."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engines.attribution import faithfulness
from engines.contract import InputError, Problem, Task
from engines.control.agents import model_files
from engines.control.agents.numpy_policy import Policy
from engines.control.agents.torch_policy import PolicyNetwork
from engines.control.policy.predict import Controller, in_words, told
from engines.control.simulation import environment
from engines.control.simulation.target import Target
from engines.messages import _
from engines.runs import RunFolder

METHOD = _("Integrated gradients")
STEPS = 128
STATES = 256
"""States that the mean over a run's episodes is taken of."""
EPISODES = 4
OF_AN_EPISODE = 50  # states, about
MOST_ROWS = 200


def attributions(policy: Policy, observations: np.ndarray, usual: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What each sensor adds to each action, compared with the `usual` reading of all of them.

    Integrated gradients (Sundararajan, Taly & Yan 2017) on the straight line from `usual` (width,) to each of the
    observations (B, width); of an action as a share of its limit, of a choice (DQN) of how far its value is above the
    mean of all. Returns float64 (B, actions, width), and how far their sums are from the change that they explain, as a
    share of it, float64 (B, actions).
    """
    from captum.attr import IntegratedGradients

    network = PolicyNetwork(policy).double()

    def answer(seen: Tensor) -> Tensor:
        found = network.outputs(seen)  # (B, actions)
        return found - found.mean(1, keepdim=True) if policy.discrete else found

    seen = torch.from_numpy(np.asarray(observations, dtype=np.float64))
    start = torch.from_numpy(np.asarray(usual, dtype=np.float64))[None].expand_as(seen)
    with torch.no_grad():
        change = answer(seen) - answer(start)  # (B, actions)
    method, found = IntegratedGradients(answer), []
    for action in range(change.shape[1]):
        shares = method.attribute(seen, start, target=action, n_steps=STEPS, internal_batch_size=4096)
        found.append(shares.detach())
    added = torch.stack(found, 1)  # (B, actions, width)
    off = (added.sum(2) - change).abs() / change.abs().clamp_min(1e-3)
    return added.numpy(), off.numpy()


def saliency(policy: Policy, target: Target, *, seed: int) -> dict[str, Any]:
    """How much each sensor moves the policy on that robot: the mean size of its share over the states it gets into.

    'observations': names, 'scores': one each, 'usual': the mean reading, which all are compared with, 'method',
    'completeness_error' (share, of all states together), 'states': how many, 'faithfulness': see `tested`.
    """
    visited = environment.play(policy, target, EPISODES, seed, keep=STATES).visited
    if not len(visited):  # every episode was over at once
        visited = environment.play(policy, target, EPISODES, seed, keep=EPISODES * target.robot.steps).visited
    usual = visited.mean(0)
    added, off = attributions(policy, visited, usual)
    size = np.abs(added).sum(2)  # (B, actions)
    return {
        "observations": [name for name, _ in target.robot.observations],
        "scores": [float(score) for score in np.abs(added).mean((0, 1))],
        "usual": [float(value) for value in usual],
        "method": METHOD,
        "completeness_error": float((off * size).sum() / max(float(size.sum()), 1e-12)),
        "states": len(visited),
        "faithfulness": tested(policy, visited, usual, np.abs(added).mean((0, 1))),
    }


def tested(policy: Policy, observations: np.ndarray, usual: np.ndarray, scores: np.ndarray) -> dict[str, Any] | None:
    """Whether the actions in these states (B, width) follow the sensors' scores (width,) more than how widely each
    sensor ranges: `attribution.faithfulness`, where a sensor is taken away by its `usual` reading (width,)."""

    def answer(seen: np.ndarray) -> np.ndarray:
        found = policy.outputs(seen)  # (B, actions)
        return found - found.mean(1, keepdims=True) if policy.discrete else found

    states = usual[None].repeat(len(observations), 0)
    whole = answer(observations)
    change = float(np.abs(whole - answer(states)).mean())

    def score(removed: np.ndarray) -> np.ndarray:
        found = [answer(np.where(away, states, observations)) - whole for away in removed]
        return faithfulness.closeness(np.abs(found).mean((1, 2)), change)

    return faithfulness.tested(score, scores, np.ptp(observations, axis=0), named=_("range of the reading"))


def explain(
    task: Task, run: Path, data: Path, out: Path, *, method: str | None = None, example: str | None = None
) -> list[dict[str, Any]]:
    """What each sensor added to the action, for each observation in a table: see `attributions`.

    Rows {'file', 'label', 'method', 'explained': which action, 'tokens': sensors, 'scores': their shares of it,
    'completeness_error'}; of several actions the largest is explained. Where `data` are a target, or with the `example`
    'seed 0, episode 3' of the run's own test, a row an episode: the mean size of the shares over its states. No
    pictures. Raises InputError when nothing can be explained.
    """
    if method not in {None, "integrated-gradients"}:
        raise InputError(Problem("method", _("found {method!r}", method=method), _("accepted: integrated-gradients")))
    out.mkdir(parents=True, exist_ok=True)
    controller = Controller(run)
    if example is not None:
        return [_of_episode(controller, run, example)]
    if data.suffix.lower() == ".json":
        return [_averaged(controller, controller.policy, row, seed) for row, seed in controller.episodes(data)]
    names, observations, skipped = controller.read(data)
    if len(names) > MOST_ROWS:
        found = _("it holds {names:,} observations", names=len(names))
        raise InputError(
            Problem(data.name, found, _("accepted: {most_rows} at most are explained at once", most_rows=MOST_ROWS))
        )
    added, off = attributions(controller.policy, observations, _usual(run, controller))
    sensors = [name for name, _ in controller.robot.observations]
    rows: list[dict[str, Any]] = told(skipped)
    strongest = controller.policy.outputs(observations)
    strongest = strongest if controller.policy.discrete else np.abs(strongest)
    for i, (name, which) in enumerate(zip(names, strongest.argmax(1), strict=True)):
        label = in_words(controller.robot, controller.policy(observations[i : i + 1])[0])
        rows.append(
            {
                "file": name,
                "label": label,
                "method": METHOD,
                "explained": controller.robot.actions[which],
                "tokens": sensors,
                "scores": [float(share) for share in added[i, which]],
                "completeness_error": float(off[i, which]),
            }
        )
    return rows


def _usual(run: Path, controller: Controller) -> np.ndarray:
    """The mean reading of the sensors where the run was judged, or while it is not known the zero of each."""
    result = RunFolder(run).result
    known = result and result.details.get("saliency")
    return np.array(known["usual"]) if known else np.zeros(controller.robot.width)


def _of_episode(controller: Controller, run: Path, example: str) -> dict[str, Any]:
    config = controller.config
    found = re.fullmatch(r"seed (\d+), episode (\d+)", example)
    if not found or int(found[1]) >= len(config["seeds"]) or int(found[2]) >= config["episodes"]:
        raise InputError(
            Problem(example, _("there is no such episode in the run"), _("accepted: e.g. seed 0, episode 3"))
        )
    policy = model_files.load(run / "model", int(found[1]))
    seed = environment.episode_seed(config["seeds"][int(found[1])], int(found[2]))
    row = {"file": example, "target": Target.parse(config["target"])}
    return _averaged(controller, policy, row, seed)


def _averaged(controller: Controller, policy: Policy, row: dict[str, Any], seed: int) -> dict[str, Any]:
    """The mean size of the shares over the states of the episode that starts from `seed`."""
    visited, total = controller.replay(policy, row.pop("target"), seed)
    chosen = visited[:: max(1, len(visited) // OF_AN_EPISODE)]
    added, off = attributions(policy, chosen, chosen.mean(0))
    size, scores = np.abs(added).sum(2), np.abs(added).mean((0, 1))
    return {
        **row,
        "label": _("return {total:.1f}", total=total),
        "method": METHOD,
        "explained": _("all actions"),
        "tokens": [name for name, _ in controller.robot.observations],
        "scores": scores.tolist(),
        "completeness_error": float((off * size).sum() / max(float(size.sum()), 1e-12)),
        "faithfulness": tested(policy, chosen, chosen.mean(0), scores),
    }
