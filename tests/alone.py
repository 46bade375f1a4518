"""Runs exported scripts where Headstart cannot be seen, without importing torch anew for each.

A server process that has imported the libraries, and nothing else, forks a process for each script: what a script costs
is then its own work, not the five seconds of `import torch, transformers`.
"""

from __future__ import annotations

import importlib.abc
import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest

OURS = ("engines", "ui", "tests", "templates")
LIBRARIES = ["torch", "torchaudio", "torchvision", "timm", "peft", "transformers.modeling_utils", "pandas", "pyarrow"]

BEFORE = "import sys, warnings\nsys.path.insert(0, '.')\nwarnings.simplefilter('ignore')\n"
"""What `python -W ignore -c` does by itself."""

_processes = multiprocessing.get_context("forkserver" if hasattr(os, "fork") else "spawn")
if hasattr(os, "fork"):
    _processes.set_forkserver_preload(LIBRARIES)


def printed(lines: str, cwd: Path) -> str:
    """What `python -W ignore -c LINES` prints in `cwd`. A failure of theirs is one of the test."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "lines.py"
        script.write_text(
            f"import sys, warnings\nsys.path.insert(0, '.')\nwarnings.simplefilter('ignore')\n{lines}", "utf-8"
        )
        ended = run(script, cwd=cwd)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def run(script: Path, *arguments: object, cwd: Path, timeout: float = 240) -> subprocess.CompletedProcess[str]:
    """`python -I SCRIPT ARGUMENTS` in `cwd`: exit status and all that was printed."""
    words = [str(script), *map(str, arguments)]
    with tempfile.TemporaryDirectory() as folder:
        process = _processes.Process(target=_execute, args=(words, cwd, Path(folder)))
        with pytest.MonkeyPatch.context() as patch:  # a test of pages leaves app.py there: a child would run it
            patch.setitem(sys.modules, "__main__", ModuleType("__main__"))
            process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(words, timeout)
        said = [(Path(folder) / name).read_text(encoding="utf-8") for name in ("stdout", "stderr")]
    return subprocess.CompletedProcess(words, process.exitcode, *said)


class _Nowhere(importlib.abc.MetaPathFinder):
    """Headstart is installed where the tests run; where a model is carried home it is not."""

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> None:
        del path, target
        if name.partition(".")[0] in OURS:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def _execute(words: list[str], cwd: Path, folder: Path) -> None:
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT), number)
    sys.stdout, sys.stderr = os.fdopen(1, "w", encoding="utf-8"), os.fdopen(2, "w", encoding="utf-8")
    for name in [name for name in sys.modules if name.partition(".")[0] in OURS]:
        del sys.modules[name]
    sys.meta_path.insert(0, _Nowhere())
    os.chdir(cwd)
    sys.argv = words
    status: object = 0
    try:
        runpy.run_path(words[0], run_name="__main__")
    except SystemExit as stop:
        status = stop.code
    except BaseException:
        traceback.print_exc()
        status = 1
    if isinstance(status, str):
        print(status, file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status if isinstance(status, int) else 1 if status else 0)
