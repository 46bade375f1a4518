"""Importing what every run needs before anybody asks for it."""

from __future__ import annotations

import importlib
import os
import sys
import threading

ANSWERING = (
    "numpy",
    "PIL.Image",
    "torch",
    "torchvision.transforms.v2",
    "timm",
    "safetensors.torch",
    "pandas",
    "pyarrow",
    "sklearn.metrics",
)
TRAINING = ("accelerate", "peft", "tensorboardX.event_file_writer")


def start_importing(names: tuple[str, ...]) -> threading.Thread:
    """Imports these in a thread; join it before importing any of them elsewhere."""
    thread = threading.Thread(target=_import_all, args=(names,), name="imports", daemon=True)
    thread.start()
    return thread


def _import_all(names: tuple[str, ...]) -> None:
    for name in names:
        try:
            importlib.import_module(name)
        except Exception as error:  # a missing or broken one is for the task that needs it to report
            print(f"{name} could not be imported ahead of time: {error}", file=sys.stderr)
    print(f"process {os.getpid()} has its libraries")
