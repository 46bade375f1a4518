"""A trained policy as one ONNX file, handed out only when it acts as the policy itself does."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import torch

from engines.control import keeping, world
from engines.control.acting import Policy
from engines.control.network import PolicyNetwork
from engines.control.target import Target
from engines.export import onnx
from engines.export.parcel import parcel

INSTEAD = "accepted: the formats sb3 and script"
STATES = 256

SNIPPET = """\
import numpy, onnxruntime
session = onnxruntime.InferenceSession("policy.onnx")
observations = numpy.load("observations.npy")  # float32 (N, {width}), in the order of config.json
print(session.run(None, {{"observations": observations}})[0]{choice}.tolist())
"""

USE = """

## This export

`usage.py` shows how to ask policy.onnx: it takes float32 `observations` (N, {width}) and gives `{output}`
(N, {actions}){meaning}. Names and units are in `config.json`. Before this file was handed out, its answers were
compared with PyTorch's on {states} states of the robot: the largest difference was {error:.0e}.
"""


def export(run: Path, out: Path) -> Path:
    """policy.onnx with the names of what goes in and comes out, model card and lines that use it: a folder or a zip.

    Raises InputError when the run holds no policy, and when onnxruntime's answers differ from torch's.
    """
    folder = run / "model"
    config, policy = keeping.read(folder), keeping.load(folder)
    target = Target.parse(config["target"])
    network, output = PolicyNetwork(policy).eval(), "values" if policy.discrete else "actions"
    seen = states(policy, target)
    with parcel(out) as place:
        onnx.write(
            network, {"observations": seen[:2]}, place / "policy.onnx", run,
            sizes=[{0: torch.export.Dim("n")}], output=output,
        )  # fmt: skip
        batches = [{"observations": seen}, {"observations": seen[:1]}]
        error = onnx.largest_difference(network, batches, place / "policy.onnx", run, output=output, accepted=INSTEAD)
        names = {
            "robot": target.robot.title,
            "observations": [{"name": name, "unit": unit} for name, unit in target.robot.observations],
            output: list(target.robot.actions),
            "target": target.to_dict(),
        }
        (place / "config.json").write_text(json.dumps(names, indent=1, ensure_ascii=False), encoding="utf-8")
        choice = ".argmax(1)" if policy.discrete else ""
        (place / "usage.py").write_text(SNIPPET.format(width=policy.width, choice=choice), encoding="utf-8")
        use = USE.format(
            width=policy.width, output=output, actions=len(target.robot.actions), states=len(seen), error=error,
            meaning=", the worth of each choice: take the largest" if policy.discrete else " in the robot's own units",
        )  # fmt: skip
        (place / "README.md").write_text((run / "README.md").read_text(encoding="utf-8") + use, encoding="utf-8")
        shutil.copyfile(run / "recipe.json", place / "recipe.json")
    return out


def states(policy: Policy, target: Target) -> torch.Tensor:
    """float32 (N, width), N > 1: what the robot sees when the policy drives it."""
    visited = world.play(policy, target, 2, 0, keep=STATES).visited
    start = world.make(target, seed=0).reset(seed=0)[0]
    return torch.from_numpy(np.concatenate([[start, start], visited]).astype(np.float32))
