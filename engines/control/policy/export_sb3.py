"""A run's policy as Stable-Baselines3 saves one: a zip that `SAC.load` or `DQN.load` reads."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.contract import Task
from engines.control.agents import model_files
from engines.control.agents.numpy_policy import Policy
from engines.control.policy.usage import write as usage
from engines.control.simulation.target import Target
from engines.exports import bundle
from engines.messages import _
from engines.runs import refusal

if TYPE_CHECKING:
    from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

TOLERANCE = 1e-5
"""Largest difference of an action, as a share of its limit."""
PROBES = 64


def export(task: Task, run: Path, out: Path) -> Path:
    """policy.zip with target.json, a script that asks it, model card and recipe, as a folder or a zip.

    Before it is handed out it is loaded again, and has to act as the run's policy does. Raises InputError when the run
    holds no policy, or that fails.
    """
    folder = run / "model"
    config, policy = model_files.read(folder), model_files.load(folder)
    made = model_files.algorithm(folder) if policy.source is None else corrected(config, folder, policy)
    with bundle.parcel(out) as place:
        _save(made, place / "policy.zip")
        # unpickled here, the classes of a corrected policy would replace those that they were pickled from
        own = {} if policy.source is None else {"policy_class": made.policy_class, "policy_kwargs": made.policy_kwargs}
        require_same(type(made).load(place / "policy.zip", device="cpu", custom_objects=own), policy, run)
        target = Target.parse(config["target"])
        (place / "target.json").write_text(target.to_json(), encoding="utf-8")
        usage.write(place, target.robot, run, algorithm=config["algorithm"])
        bundle.papers(place, run, usage.how(target.robot))
    return out


def corrected(config: dict[str, Any], folder: Path, policy: Policy) -> OffPolicyAlgorithm:
    """A SAC that plays source and correction together."""
    import cloudpickle
    from safetensors.torch import load_file

    from engines.control.agents import residual_policy as own

    source = policy.source
    assert source is not None
    assert source.low is not None
    assert source.high is not None
    cloudpickle.register_pickle_by_value(own)
    space, width = config["observation"], policy.width
    whole = config | {
        "observation": {"dtype": space["dtype"], "low": space["low"][:width], "high": space["high"][:width]},
        "action": {"dtype": "float32", "low": source.low.tolist(), "high": source.high.tolist()},
    }
    extractor = {
        "actions": len(source.low),
        "widths": [len(bias) for _, bias in source.layers[:-1]],
        "activation": source.activation,
    }
    made = model_files.build(
        whole,
        own.CorrectedPolicy,
        limit=policy.limit,
        features_extractor_class=own.WithSource,
        features_extractor_kwargs=extractor,
    )
    state = load_file(folder / "policy.safetensors")
    known = {name: value for name, value in state.items() if not name.startswith("source.")}
    for name in made.policy.state_dict():
        if ".features_extractor.source." in name:  # actor, critic and its target each have one; layers are 0, 2, 4, …
            _, _, layer, part = name.rsplit(".", 3)
            known[name] = state[f"source.{int(layer) // 2}.{part}"]
    made.policy.load_state_dict(known)
    return made


def _save(made: OffPolicyAlgorithm, path: Path) -> None:
    """As `made.save` does, with no date in it, and not in whose folders code lay: the same policy makes the same file
    everywhere."""
    from engines.control.agents import residual_policy

    plain = io.BytesIO()
    with without_place(residual_policy):
        made.save(plain)
    with zipfile.ZipFile(plain) as found, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in found.namelist():
            archive.writestr(zipfile.ZipInfo(name), found.read(name), zipfile.ZIP_DEFLATED)


@contextmanager
def without_place(module: ModuleType) -> Iterator[None]:
    """Meanwhile neither `module` nor the methods of its classes say which file they are from: a pickle would tell."""
    kinds = [kind for kind in vars(module).values() if isinstance(kind, type) and kind.__module__ == module.__name__]
    methods = [method for kind in kinds for method in vars(kind).values() if isinstance(method, FunctionType)]
    place, codes = module.__file__, [method.__code__ for method in methods]
    name = f"{module.__name__.rpartition('.')[2]}.py"
    try:
        module.__file__ = name
        for method in methods:
            method.__code__ = method.__code__.replace(co_filename=name)
        yield
    finally:
        module.__file__ = place
        for method, code in zip(methods, codes, strict=True):
            method.__code__ = code


def require_same(made: OffPolicyAlgorithm, policy: Policy, run: Path) -> None:
    """Raises InputError where the loaded policy acts otherwise."""
    seen = np.random.default_rng(0).normal(size=(PROBES, policy.width)).astype(np.float32)
    answer, expected = made.predict(seen, deterministic=True)[0], policy(seen)
    span = 1.0 if policy.high is None or policy.low is None else policy.high - policy.low
    if not np.all(np.abs(answer - expected) <= TOLERANCE * span):
        found = _("what Stable-Baselines3 loads again acts otherwise than the run's policy")
        raise refusal(run, found, _("accepted: the formats onnx and script"))
