"""What became of each file: tried as an upload among good examples, in a process whose time and memory are watched.

python -m tests.hostile.trial TASK FOLDER EACH SEED     a JSON line a file: kind, outcome, seconds, grown, lost
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
import traceback
import zlib
from pathlib import Path
from random import Random
from typing import Any

from engines import api
from engines.contract import InputError
from tests.hostile import archives, pictures, sounds, tables  # noqa: F401  # each registers its kinds
from tests.hostile.kinds import KINDS, Kind
from tests.hostile.pictures import drawn
from tests.hostile.sounds import spoken

GOOD = 8


def rng_of(kind: Kind, seed: int) -> Random:
    return Random(zlib.crc32(kind.name.encode()) + seed)


def brought(kind: Kind, task: str, rng: Random, folder: Path) -> Path:
    """The upload: the hostile file, alone or beside good examples."""
    content = kind.make(rng)
    folder.mkdir(parents=True)
    if kind.whole:
        (folder / f"upload{kind.ending}").write_bytes(content)
        return folder / f"upload{kind.ending}"
    if task.startswith("vision."):
        for n in range(GOOD):
            path = folder / ("cat", "dog")[n % 2] / f"{n}.png"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(drawn(rng))
        (folder / "cat" / f"hostile{kind.ending}").write_bytes(content)
        return folder
    lines = ["file_name,transcription,speaker"]
    for n in range(GOOD):
        (folder / f"{n}.wav").write_bytes(spoken(rng))
        lines.append(f"{n}.wav,good words {'abcdefgh'[n]},{'ab'[n % 2]}")
    (folder / f"hostile{kind.ending}").write_bytes(content)
    lines.append(f"hostile{kind.ending},words,a")
    (folder / "metadata.csv").write_text("\n".join(lines))
    return folder


def tried(kind: Kind, task: str, seed: int, folder: Path) -> dict[str, Any]:
    """outcome: 'refused' (a sentence), 'read', or the name of what was raised; `lost`: good examples that were not
    found, where the file lay among such."""
    data = brought(kind, task, rng_of(kind, seed), folder)
    before, began, lost = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter(), 0
    try:
        report = api.check(task, data)
        outcome = "read"
        lost = 0 if kind.whole else max(GOOD - report.n_examples, 0)
    except InputError:
        outcome, lost = "refused", 0 if kind.whole else GOOD
    except Exception as error:
        outcome = type(error).__name__
        traceback.print_exc()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    seconds = time.perf_counter() - began
    return {"kind": kind.name, "seed": seed, "outcome": outcome, "seconds": seconds, "grown": grown, "lost": lost}


def main(task: str, each: int, first: int, quick: bool) -> None:
    for kind in KINDS.values():
        if task not in kind.tasks or (quick and kind.slow):
            continue
        for seed in range(first, first + each):
            with tempfile.TemporaryDirectory() as folder:
                found = tried(kind, task, seed, Path(folder) / "brought")
            print(json.dumps(found), flush=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        os.environ["HEADSTART_HOME"] = home
        main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:] == ["--quick"])
