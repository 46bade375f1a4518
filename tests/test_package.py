"""Headstart as a package: what the wheel contains, and that it works where there is nothing else of the project."""

from __future__ import annotations

import json
import os
import pkgutil
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

import engines

ROOT = Path(__file__).resolve().parents[1]
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
OFFERED = {
    *("tasks", "models", "samples", "check", "recipe", "fit", "compare", "load", "predict", "explain", "export"),
    *("Recipe", "Result", "Strategy", "InputError", "__version__"),
}
QUIET = {"PYTHONDONTWRITEBYTECODE": "1", "HF_HUB_OFFLINE": "1"}


def our_files(*names: str) -> list[str]:
    """The files below `names` that are in Git, or are about to be."""
    asked = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *names]
    listed = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return sorted({name for name in listed if name and (ROOT / name).is_file()})


def said(command: list[str], folder: Path) -> str:
    """The standard output of `command`, started in `folder` where nothing leads to this checkout."""
    around = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=folder, env=around | QUIET, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@dataclass(frozen=True)
class Installed:
    """A wheel, and an environment that has nothing of Headstart but it."""

    wheel: Path
    scripts: Path
    empty: Path

    def headstart(self, *words: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(said([str(self.scripts / "headstart"), *words], self.empty))
        return answer


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Built from a copy, because setuptools leaves its build behind; the libraries are those of this environment."""
    folder = tmp_path_factory.mktemp("package")
    sources, venv, empty = folder / "sources", folder / "venv", folder / "empty"
    empty.mkdir()
    for name in our_files("engines", "pyproject.toml", "requirements.txt", "README.md", "LICENSE"):
        (sources / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, sources / name)
    said([*PIP, "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(folder), "."], sources)
    wheel = next(folder.glob("*.whl"))

    said([sys.executable, "-m", "venv", "--without-pip", str(venv)], folder)
    place = {"base": str(venv), "platbase": str(venv)}
    scripts, packages = (Path(sysconfig.get_path(name, vars=place)) for name in ("scripts", "purelib"))
    said([*PIP, "--python", str(venv), "install", "--no-deps", "--no-index", str(wheel)], folder)
    # Libraries are looked for here, but only after the wheel; .pth files in there, such as that of our own editable
    # install, are not read.
    libraries = dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib"))
    (packages / "libraries.pth").write_text("\n".join(libraries), encoding="utf-8")
    return Installed(wheel, scripts, empty)


# --- the wheel ------------------------------------------------------------------------------------


def test_the_wheel_contains_every_file_of_engines_and_nothing_else(installed: Installed) -> None:
    with zipfile.ZipFile(installed.wheel) as archive:
        names = sorted(name for name in archive.namelist() if ".dist-info/" not in name)
    assert names == our_files("engines")
    assert "engines/py.typed" in names


def test_the_installed_engines_are_those_of_the_wheel(installed: Installed) -> None:
    python = installed.scripts / Path(sys.executable).name
    found = Path(said([str(python), "-c", "import engines; print(engines.__file__)"], installed.empty).strip())
    assert found.is_relative_to(installed.scripts.parent)


@pytest.mark.parametrize("verb", ["models", "samples"])
def test_the_command_answers_as_the_checkout_does(installed: Installed, verb: str) -> None:
    here = json.loads(said([sys.executable, "-m", "engines", verb, "--json"], ROOT))
    assert here[verb]
    assert installed.headstart(verb, "--json") == here
    assert list(installed.empty.iterdir()) == []


# --- what `import engines` offers -----------------------------------------------------------------


def test_every_exported_member_is_there() -> None:
    assert sorted(engines.__all__) == sorted(OFFERED)
    assert [name for name in OFFERED if not hasattr(engines, name)] == []
    assert set(dir(engines)) >= OFFERED


def test_no_module_takes_the_place_of_an_exported_member() -> None:
    """Python binds `engines.NAME` to a module of that name whenever somebody imports it."""
    named_alike = {module.name for module in pkgutil.iter_modules(engines.__path__)} & OFFERED
    lines = [
        *(f"import engines.{name}" for name in sorted(named_alike)),
        "import engines",
        "print(*(name for name in engines.__all__ if isinstance(getattr(engines, name), type(engines))))",
    ]
    assert said([sys.executable, "-c", "\n".join(lines)], ROOT).split() == []


def test_importing_engines_imports_nothing_heavy() -> None:
    look = "import json, sys, engines; print(json.dumps([*map(str.lower, sys.modules)]))"
    loaded = set(json.loads(said([sys.executable, "-c", look], ROOT)))
    assert "engines" in loaded
    assert loaded & {"torch", "transformers", "numpy", "pandas", "streamlit", "typer"} == set()


def test_an_unknown_member_is_refused_by_name() -> None:
    with pytest.raises(AttributeError, match="fine_tune"):
        _ = engines.fine_tune


def test_the_version_is_that_of_the_project() -> None:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert engines.__version__ == told
    assert metadata.version("headstart") == told, "set up again: python make.py setup"
