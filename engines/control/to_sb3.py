"""A run's policy as Stable-Baselines3 saves one: a zip that `SAC.load` or `DQN.load` reads."""

from __future__ import annotations

import io
import shutil
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.control import keeping
from engines.control.acting import Policy
from engines.control.target import Target
from engines.export.parcel import parcel
from engines.runs import refusal

if TYPE_CHECKING:
    from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

TOLERANCE = 1e-5
"""Largest difference of an action, as a share of its limit."""
PROBES = 64


def export(run: Path, out: Path) -> Path:
    """policy.zip with target.json, model card and recipe, as a folder or a zip.

    Before it is handed out it is loaded again, and has to act as the run's policy does. Raises InputError when the run
    holds no policy, or that fails.
    """
    folder = run / "model"
    config, policy = keeping.read(folder), keeping.load(folder)
    made = keeping.algorithm(folder) if policy.source is None else corrected(config, folder, policy)
    with parcel(out) as place:
        _save(made, place / "policy.zip")
        # unpickled here, the classes of a corrected policy would replace those that they were pickled from
        own = {} if policy.source is None else {"policy_class": made.policy_class, "policy_kwargs": made.policy_kwargs}
        require_same(type(made).load(place / "policy.zip", device="cpu", custom_objects=own), policy, run)
        target = Target.parse(config["target"])
        (place / "target.json").write_text(target.to_json(), encoding="utf-8")
        for name in ("README.md", "recipe.json"):
            shutil.copyfile(run / name, place / name)
    return out


def corrected(config: dict[str, Any], folder: Path, policy: Policy) -> OffPolicyAlgorithm:
    """A SAC that plays source and correction together."""
    import cloudpickle
    from safetensors.torch import load_file

    from engines.control import corrected_policy as own

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
    made = keeping.build(
        whole, own.CorrectedPolicy, limit=policy.limit, features_extractor_class=own.WithSource,
        features_extractor_kwargs=extractor,
    )  # fmt: skip
    state = load_file(folder / "policy.safetensors")
    known = {name: value for name, value in state.items() if not name.startswith("source.")}
    for name in made.policy.state_dict():
        if ".features_extractor.source." in name:  # actor, critic and its target each have one; layers are 0, 2, 4, …
            _, _, layer, part = name.rsplit(".", 3)
            known[name] = state[f"source.{int(layer) // 2}.{part}"]
    made.policy.load_state_dict(known)
    return made


def _save(made: OffPolicyAlgorithm, path: Path) -> None:
    """As `made.save` does, with no date in it: the same policy makes the same file."""
    plain = io.BytesIO()
    made.save(plain)
    with zipfile.ZipFile(plain) as found, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in found.namelist():
            archive.writestr(zipfile.ZipInfo(name), found.read(name), zipfile.ZIP_DEFLATED)


def require_same(made: OffPolicyAlgorithm, policy: Policy, run: Path) -> None:
    """Raises InputError where the loaded policy acts otherwise."""
    seen = np.random.default_rng(0).normal(size=(PROBES, policy.width)).astype(np.float32)
    answer, expected = made.predict(seen, deterministic=True)[0], policy(seen)
    span = 1.0 if policy.high is None or policy.low is None else policy.high - policy.low
    if not np.all(np.abs(answer - expected) <= TOLERANCE * span):
        found = "what Stable-Baselines3 loads again acts otherwise than the run's policy"
        raise refusal(run, found, "accepted: the formats onnx and script")
