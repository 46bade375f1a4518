"""What became of each file: tried as an upload among good examples, in a process whose time and memory are watched.

    python -m tests.hostile.trial TASK EACH SEED [--quick]

tries each kind EACH times, one that takes seconds once (with --quick, never), and writes a JSON line a file: kind,
outcome, seconds, worked, grown, lost.
"""

from __future__ import annotations

import json
import os
import re
import resource
import sys
import tempfile
import time
import traceback
from pathlib import Path
from random import Random
from typing import Any

from engines import api
from engines.contract import InputError
from tests.hostile.every import KINDS, rng_of
from tests.hostile.kinds import Kind
from tests.hostile.pictures import drawn
from tests.hostile.sounds import spoken

GOOD = 8


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
    idle = _memory_from_now()
    began, worked, lost = time.perf_counter(), _worked(), 0
    try:
        report = api.check(task, data)
        outcome = "read"
        lost = 0 if kind.whole else max(GOOD - report.n_examples, 0)
    except InputError:
        outcome, lost = "refused", 0 if kind.whole else GOOD
    except Exception as error:
        outcome = type(error).__name__
        traceback.print_exc()
    return {
        "kind": kind.name,
        "seed": seed,
        "outcome": outcome,
        "seconds": time.perf_counter() - began,
        "worked": _worked() - worked,
        "grown": _most_memory() - idle,
        "lost": lost,
    }


def _memory_from_now() -> float:
    """What this process has now, in MiB; from here on the most of it is counted anew: making the file, and the files
    before it, may have taken more."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _most_memory() -> float:
    return _status("VmHWM")


def _status(field: str) -> float:
    found = re.search(rf"^{field}:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found, field
    return int(found[1]) / 1024


def _worked() -> float:
    """Seconds of the processor that this process, its threads and its children have had so far."""
    mine, theirs = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return mine.ru_utime + mine.ru_stime + theirs.ru_utime + theirs.ru_stime


def main(task: str, each: int, first: int, quick: bool) -> None:
    for kind in KINDS.values():
        if task not in kind.tasks or (quick and kind.slow):
            continue
        for seed in range(first, first + (1 if kind.slow else each)):
            with tempfile.TemporaryDirectory() as folder:
                found = tried(kind, task, seed, Path(folder) / "brought")
            print(json.dumps(found), flush=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"HEADSTART_HOME": home, "HEADSTART_PUBLIC": "1"}
        main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:] == ["--quick"])
