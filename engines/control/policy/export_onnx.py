"""A trained policy as one ONNX file, handed out only when it acts as the policy itself does."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from engines.contract import Task
from engines.control.agents import model_files
from engines.control.agents.numpy_policy import Policy
from engines.control.agents.torch_policy import PolicyNetwork
from engines.control.policy.usage import write as usage
from engines.control.simulation import environment
from engines.control.simulation.target import Target
from engines.exports import bundle, onnx
from engines.messages import _

INSTEAD = _("accepted: the formats sb3 and script")
STATES = 256

USE = _("""\
{how}

policy.onnx takes float32 `observations` (N, {width}) and gives `{output}`
(N, {actions}){meaning}. Names and units are in `config.json`. Before this file was handed out, its answers were
compared with PyTorch's on {states} states of the robot: the largest difference was {error:.0e}.
""")


def export(task: Task, run: Path, out: Path) -> Path:
    """policy.onnx with the names of what goes in and comes out, model card, recipe and a script that asks it.

    Raises InputError when the run holds no policy, and when onnxruntime's answers differ from torch's.
    """
    folder = run / "model"
    config, policy = model_files.read(folder), model_files.load(folder)
    target = Target.parse(config["target"])
    network, output = PolicyNetwork(policy).eval(), "values" if policy.discrete else "actions"
    seen = states(policy, target)
    with bundle.parcel(out) as place:
        onnx.write(
            network,
            {"observations": seen[:2]},
            place / "policy.onnx",
            run,
            sizes=[{0: torch.export.Dim("n")}],
            output=output,
        )
        batches = [{"observations": seen}, {"observations": seen[:1]}]
        error = onnx.largest_difference(network, batches, place / "policy.onnx", run, output=output, accepted=INSTEAD)
        names = {
            "robot": target.robot.title,
            "observations": [{"name": name, "unit": unit} for name, unit in target.robot.observations],
            output: list(target.robot.actions),
            "target": target.to_dict(),
        }
        (place / "config.json").write_text(json.dumps(names, indent=1, ensure_ascii=False), encoding="utf-8")
        usage.write(place, target.robot, run, algorithm=None)
        use = USE.format(
            how=usage.how(target.robot),
            width=policy.width,
            output=output,
            actions=len(target.robot.actions),
            states=len(seen),
            error=error,
            meaning=_(", the worth of each choice: take the largest")
            if policy.discrete
            else _(" in the robot's own units"),
        )
        bundle.papers(place, run, use, load=onnx.load_lines("policy.onnx"))
    return out


def states(policy: Policy, target: Target) -> torch.Tensor:
    """float32 (N, width), N > 1: what the robot sees when the policy drives it."""
    visited = environment.play(policy, target, 2, 0, keep=STATES).visited
    start = environment.make(target, seed=0).reset(seed=0)[0]
    return torch.from_numpy(np.concatenate([[start, start], visited]).astype(np.float32))
