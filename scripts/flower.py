"""The environment that holds Flower, beside the one that holds Headstart: their pins do not go together.

python -m scripts.flower setup               makes .venv-federated (300 MB), for a node or whoever leads
python -m scripts.flower [words for pytest]  makes it, and runs a federation of three nodes on this machine
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements-federated.txt"
PLACE = ROOT / ".venv-federated"
PROGRAMS = PLACE / ("Scripts" if sys.platform == "win32" else "bin")
READY = PLACE / "headstart-ready"
TESTS = "tests/federated/test_flower.py"


def is_ready() -> bool:
    """Whether it is there as the requirements have it now."""
    return READY.is_file() and READY.read_text(encoding="utf-8") == REQUIREMENTS.read_text(encoding="utf-8")


def set_up() -> None:
    """Makes it where it is not there; it is whole or not ready."""
    if is_ready():
        return
    shutil.rmtree(PLACE, ignore_errors=True)
    print(f"Installing Flower into {PLACE.name}, an environment of its own (300 MB).", flush=True)
    subprocess.run([sys.executable, "-m", "venv", PLACE], check=True)
    python = [str(PROGRAMS / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*python, "-r", str(REQUIREMENTS)], check=True)
    READY.write_text(REQUIREMENTS.read_text(encoding="utf-8"), encoding="utf-8")


def main(arguments: list[str]) -> int:
    set_up()
    if arguments == ["setup"]:
        print(f"Flower is in {PLACE.name}. How to start it: docs/federated.md.")
        return 0
    tests = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *(arguments or [TESTS])]
    return subprocess.call(tests, cwd=ROOT)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
