"""Which versions a run was made with."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

LIBRARIES = (
    "torch",
    "torchvision",
    "timm",
    "transformers",
    "peft",
    "accelerate",
    "numpy",
    "pillow",
    "scikit-learn",
    "gymnasium",
    "stable-baselines3",
    "mujoco",
)


def installed() -> dict[str, str]:
    """Python's and the libraries' versions, those that are installed."""
    found = {"python": platform.python_version()}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found
