"""Wheels of a few bytes for each kind of machine, and a project that needs them: made by hand, for pip itself."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import zipfile
from pathlib import Path

BACKEND = """
import zipfile
from pathlib import Path

def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "tinyapp-1.0-py3-none-any.whl"
    with zipfile.ZipFile(Path(folder) / name, "w") as wheel:
        wheel.writestr("tinyapp.pth", str(Path.cwd()))
        wheel.writestr("tinyapp-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: tinyapp\\nVersion: 1.0\\n")
        tag = "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
        wheel.writestr("tinyapp-1.0.dist-info/WHEEL", tag)
        wheel.writestr("tinyapp-1.0.dist-info/RECORD", "")
    return name
"""
PROJECT = """
[build-system]
requires = []
build-backend = "tiny_backend"
backend-path = ["."]
[project]
name = "tinyapp"
version = "1.0"
"""


def wheel(folder: Path, name: str, needs: tuple[str, ...] = (), *, tag: str = "py3-none-any", code: str = "") -> Path:
    """`NAME-1.0-TAG.whl` with one module that says where it came from."""
    path = folder / f"{name}-1.0-{tag}.whl"
    about = f"{name}-1.0.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", "Version: 1.0", "Provides-Extra: more"]
    files = {
        f"{name}.py": code or f"TAG = {tag!r}\n",
        f"{about}/METADATA": "\n".join([*lines, *(f"Requires-Dist: {need}" for need in needs), "", ""]),
        f"{about}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    record = "".join(f"{name},{_digest(text)},{len(text.encode())}\n" for name, text in files.items())
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in {**files, f"{about}/RECORD": f"{record}{about}/RECORD,,\n"}.items():
            archive.writestr(file, text)
    return path


def _digest(text: str) -> str:
    found = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
    return f"sha256={found}"


def index(folder: Path) -> Path:
    """All there is to be had: `alpha` needs another package on each kind of machine."""
    folder.mkdir()
    on = ("beta; sys_platform == 'win32'", "gamma>=1; platform_system == 'Linux'", "delta; platform_machine == 'arm64'")
    wheel(folder, "alpha", (*on, "epsilon; extra == 'more'"))
    wheel(folder, "beta", tag="cp311-cp311-win_amd64")
    wheel(folder, "gamma", ("zeta[more]",), tag="cp311-cp311-manylinux_2_28_x86_64")
    wheel(folder, "delta", tag="cp311-abi3-macosx_13_0_arm64")
    wheel(folder, "zeta", ("epsilon; extra == 'more'",))
    wheel(folder, "epsilon")
    wheel(folder, "weights", ("torch",))
    wheel(folder, "builder")
    return folder


def project(folder: Path) -> Path:
    """A checkout that needs `alpha`, and `weights` of whose needs nothing is installed."""
    (folder / "docs" / "workshop").mkdir(parents=True)
    (folder / "tests").mkdir()
    files = {
        "requirements.txt": "alpha==1.0  # a library\n",
        "requirements-offline.txt": "# weights\nweights==1.0\n",
        "constraints.txt": "".join(f"{name}==1.0\n" for name in ("alpha", "beta", "gamma", "delta", "epsilon", "zeta")),
        "pyproject.toml": PROJECT,
        "tiny_backend.py": BACKEND,
        "tinymodule.py": "import alpha, weights\nprint('it runs', alpha.TAG)\n",
        "docs/workshop.md": "# The course\n",
        "docs/workshop/1-first.md": "# The first\n",
        "tests/test_it.py": "",
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    for words in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    return folder
