"""What a reader that trusts its file makes of it: pandas, Pillow, zipfile and their like, called as their first page
shows. Each file is read in a process of its own, so that what it takes is taken from that process.

    python -m tests.hostile.plain VARIATIONS SEED

A kind that breaks none of these is no proof of anything; `benchmarks/hostile.py` says which these are.
"""

from __future__ import annotations

import json
import math
import os
import re
import resource
import signal
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random
from typing import Any

import h5py
import mujoco
import numpy as np
import pandas as pd
import soundfile
from PIL import Image, ImageOps
from safetensors.numpy import load_file

from tests.hostile.every import KINDS, rng_of
from tests.hostile.kinds import Kind, Plain

SECONDS, BYTES = 10, 1 << 30
PICTURES = {".png", ".jpg", ".jpeg", ".gif", ".tif", ".bmp", ".webp", ".avif", ".ppm"}
HARMFUL = re.compile(r"^[=+@\t\r-](?![\d.])|<\w+[^>]*>|javascript:|[\u202a-\u202e\u2066-\u2069]|^.{250,}$", re.DOTALL)
"""A formula, markup, an address that is code, writing turned round, a name too long for any disk."""
RATES = range(4_000, 400_000)
"""Samples a second that a recording of speech may have."""


class Wrong(Exception):
    """It was read, and what was read is not what is in it, or harms whoever is shown it."""


def found(kind: Kind, rngs: Iterable[Random]) -> Plain:
    """What became of a plain reader of such files: of the first that broke it, or 'reads' where none did."""
    return next((outcome for rng in rngs if (outcome := done(kind, rng)) != "reads"), "reads")


def done(kind: Kind, rng: Random) -> Plain:
    """What became of a plain reader of one such file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"upload{kind.ending}"
        path.write_bytes(kind.make(rng))
        child = os.fork()
        if not child:
            _read(path)
        return _watched(child, Path(folder))


def _read(path: Path) -> None:
    """Ends the process with what became of it as its exit status, an index into STATUS."""
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(null, stream)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    in_use = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (in_use + BYTES + (512 << 20),) * 2)  # what is promised is not yet used
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        READERS[path.suffix](path)
        outcome: Plain = "reads"
    except Wrong:
        outcome = "wrong"
    except BaseException as error:
        outcome = "memory" if isinstance(error, MemoryError) or "llocat" in str(error) else "raises"
    if (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10 > BYTES:
        outcome = "memory"
    os._exit(STATUS.index(outcome))


STATUS: tuple[Plain, ...] = ("reads", "wrong", "memory", "raises")


def _watched(child: int, folder: Path) -> Plain:
    """How the reader ended; it is stopped where it fills the disk, or lasts long without working."""
    deadline = time.monotonic() + 6 * SECONDS
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            break
        full = (
            sum(file.stat().st_blocks << 9 for file in folder.glob("out/**/*")) > BYTES
            if (folder / "out").exists()
            else 0
        )
        if full or time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return "disk" if full else "time"
        time.sleep(0.05)
    if os.WIFEXITED(status):
        return STATUS[os.WEXITSTATUS(status)]
    return "time" if os.WTERMSIG(status) in {signal.SIGXCPU, signal.SIGKILL} else "dies"


# --- readers ----------------------------------------------------------------------------------------


def picture(path: Path) -> None:
    ImageOps.exif_transpose(Image.open(path)).convert("RGB")


def archive(path: Path) -> None:
    """Unpacks it, and reads the pictures in each class's folder."""
    out = path.parent / "out"
    with zipfile.ZipFile(path) as source:
        source.extractall(out)
    for file in out.rglob("*"):
        if file.suffix.lower() in PICTURES:
            picture(file)
    if {each.name for each in out.iterdir()} - {"cat", "dog"}:
        raise Wrong


def _harmless(frame: pd.DataFrame) -> None:
    """Raises Wrong for a table that does not hold the columns of its kind, or what must not be shown as it is."""
    if len({"text", "label", "ds", "y", "reward"} & set(frame.columns)) < 2:
        raise Wrong
    for column in frame.columns:
        if frame[column].isna().any():
            raise Wrong
        if pd.api.types.is_float_dtype(frame[column]):
            if not math.isfinite(float(frame[column].abs().sum())):
                raise Wrong
        elif frame[column].map(lambda cell: bool(HARMFUL.search(str(cell)) or len(str(cell)) > 100_000)).any():
            raise Wrong
    if "ds" in frame.columns:
        frame.assign(ds=pd.to_datetime(frame["ds"]), y=pd.to_numeric(frame["y"])).set_index("ds").resample("D").mean()


def arrays(path: Path) -> None:
    with np.load(path) as found:
        for name in found.files:
            found[name].sum()


def sound(path: Path) -> None:
    samples, rate = soundfile.read(path)
    if rate not in RATES or not len(samples) or not math.isfinite(float(np.abs(samples).sum())) or samples.ndim > 2:
        raise Wrong


def weights(path: Path) -> None:
    load_file(path)


def notebook(path: Path) -> None:
    cells = json.loads(path.read_text())["cells"]
    for cell in cells:
        for output in cell["outputs"]:
            if any(HARMFUL.search("".join(lines)) for lines in output["data"].values()):
                raise Wrong


def target(path: Path) -> None:
    found = json.loads(path.read_text())
    if not all(math.isfinite(value) for value in found["physics"].values()) or not math.isfinite(found["action_gain"]):
        raise Wrong


def robot(path: Path) -> None:
    model = mujoco.MjModel.from_xml_path(str(path))
    state = mujoco.MjData(model)
    for _ in range(20):
        mujoco.mj_step(model, state)
    if not np.isfinite(state.qpos).all():
        raise Wrong
    if any(HARMFUL.search(model.body(number).name) for number in range(model.nbody)):
        raise Wrong


def hdf5(path: Path) -> None:
    with h5py.File(path) as found:
        list(found)


READERS: dict[str, Callable[[Path], Any]] = {
    **dict.fromkeys(PICTURES, picture),
    **dict.fromkeys((".wav", ".flac", ".ogg", ".mp3"), sound),
    ".zip": archive,
    ".npz": arrays,
    ".csv": lambda path: _harmless(pd.read_csv(path)),
    ".xlsx": lambda path: _harmless(pd.read_excel(path)),
    ".parquet": lambda path: _harmless(pd.read_parquet(path)),
    ".jsonl": lambda path: _harmless(pd.read_json(path, lines=True)),
    ".json": target,
    ".xml": robot,
    ".hdf5": hdf5,
    ".safetensors": weights,
    ".ipynb": notebook,
}


def main(variations: int, first: int) -> None:
    """A JSON line a kind: its name, and what it did to a plain reader; with 0 variations, what it says that it does."""
    for kind in KINDS.values():
        rngs = [rng_of(kind, seed) for seed in range(first, first + (1 if kind.slow else variations))]
        print(json.dumps([kind.name, found(kind, rngs) if variations else kind.plain]), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
