"""The Headstart on this machine, and files as Flower sends them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
from flwr.app import ArrayRecord

PYTHON = Path("Scripts/python.exe" if os.name == "nt" else "bin/python")


def command(python: str = "") -> list[str]:
    """What starts `headstart federate` here: that Python's, or that of the .venv beside this environment."""
    found = Path(python) if python else Path(sys.prefix).parent / ".venv" / PYTHON
    if not found.is_file():
        raise FileNotFoundError(f"There is no Headstart at {found}: name its Python.")
    return [str(found), "-m", "engines", "federate"]


def packed(path: Path) -> ArrayRecord:
    return ArrayRecord([np.frombuffer(path.read_bytes(), dtype=np.uint8)])


def unpacked(record: ArrayRecord, path: Path) -> Path:
    (array,) = record.to_numpy_ndarrays()
    path.write_bytes(array.astype(np.uint8).tobytes())
    return path
