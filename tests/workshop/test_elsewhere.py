"""Pages and command line where there is no fork, no /proc and no limit for a process: on Windows, in part on macOS.

This machine stands in for one: the modules are not there, the functions are gone, and /proc cannot be opened. It proves
that nothing needs them to start and to answer; it is no Windows.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from engines import paths

LIKE_ELSEWHERE = """
import builtins, io, os, sys
imported = builtins.__import__
def without_unix(name, globals=None, *words, **more):
    ours = (globals or {}).get("__name__", "").partition(".")[0] in ("engines", "ui", "pages", "app", "__main__")
    if ours and name in ("resource", "fcntl", "pwd", "grp", "termios"):  # libraries came in their Linux builds
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    return imported(name, globals, *words, **more)
builtins.__import__ = without_unix
for name in "fork forkpty geteuid getuid getegid getpgid killpg setsid sched_getaffinity nice".split():
    if hasattr(os, name):
        delattr(os, name)
opened = io.open
def kept_from_proc(file, *words, **more):
    if str(file).startswith("/proc/"):
        raise FileNotFoundError(2, "there is no /proc here", str(file))
    return opened(file, *words, **more)
builtins.open = io.open = kept_from_proc
"""
ELSEWHERE = {"__init__", "domain", "operating"}
"""Of pages/, what is reached by no link of a host on one's own machine."""
PAGES = """
from streamlit.testing.v1 import AppTest
app = AppTest.from_file("app.py", default_timeout=60).run()
for page in PAGES:
    app.switch_page(page).run()
    assert not app.exception, (page, [one.value for one in app.exception])
print("pages:", len(PAGES))
"""


def said(code: str, *, home: Path) -> str:
    around = {**os.environ, "HEADSTART_HOME": str(home), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "ignore", "-c", LIKE_ELSEWHERE + code]
    done = subprocess.run(command, cwd=paths.PROJECT, env=around, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="what is taken away here is Linux's")
def test_the_command_line_checks_data(tmp_path: Path) -> None:
    from tests.contract.tiny import TINY

    data = TINY["vision.classification"].write_data(tmp_path / "data")
    words = ["check", "vision.classification", "--data", str(data), "--json"]
    code = f"import sys; sys.argv = ['headstart', *{words!r}]\nfrom engines.cli import main\nmain()"
    found = json.loads(said(code, home=tmp_path / "home").splitlines()[-1])
    assert sorted(found["classes"]) == ["amber", "blue", "green", "grey", "red"]


@pytest.mark.skipif(sys.platform != "linux", reason="what is taken away here is Linux's")
def test_every_page_opens(tmp_path: Path) -> None:
    names = {path.stem for path in (paths.PROJECT / "pages").glob("*.py")} - ELSEWHERE
    pages = sorted(f"pages/{name}.py" for name in names)
    assert len(pages) > 10
    assert f"pages: {len(pages)}" in said(PAGES.replace("PAGES", repr(pages)), home=tmp_path / "home")
