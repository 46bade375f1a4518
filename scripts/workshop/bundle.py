"""Puts the workshop's folder together: wheels, weights, the app, the course, and what installs them with no network."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.workshop import wheels
from scripts.workshop.platforms import PYTHON, Platform
from scripts.workshop.wheels import Resolved, sha256

ROOT = Path(__file__).resolve().parents[2]
OURS = Path(__file__).with_name("folder")
LEFT_OUT = ("tests", "benchmarks", "deploy", ".ci", ".github", "docs/screenshots")
"""Of the project, what nobody needs who only runs it."""
MOST_GB = 4.0
"""What a platform may take: a FAT32 stick holds no larger file anyway, and a copy has to end before the coffee does."""
RUNNABLE = (".sh",)


@dataclass(frozen=True)
class Project:
    """What is packed: a checkout with its requirements."""

    root: Path
    requirements: tuple[str, ...] = ("requirements.txt",)
    alone: tuple[str, ...] = ("requirements-offline.txt",)
    """Packages of whose needs nothing is installed: the weights."""
    builds_with: str = "setuptools"
    """What installs the project itself."""

    def text(self, *names: str) -> str:
        return "\n".join((self.root / name).read_text(encoding="utf-8") for name in names)

    def resolved(self, platform: Platform, pip: Sequence[str]) -> Resolved:
        """Raises wheels.Unresolved."""
        wanted = wheels.requirements(f"{self.text(*self.requirements)}\n{self.builds_with}")
        alone = wheels.requirements(self.text(*self.alone))
        return wheels.resolve(platform, wanted, alone, wheels.pins(self.text("constraints.txt")), pip)


def make(
    out: Path, project: Project, resolved: Mapping[Platform, Resolved], pip: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Fills `out`; of each platform the bytes to carry and on disk, and of each package. Wheels that are there already
    are kept, so that a second call fetches what has changed. Raises wheels.Unresolved, also where a platform takes more
    than MOST_GB."""
    out.mkdir(parents=True, exist_ok=True)
    put_project(project.root, out / "app")
    shutil.rmtree(out / "course", ignore_errors=True)
    if (project.root / "docs/workshop").is_dir():
        shutil.copytree(project.root / "docs/workshop", out / "course")
        shutil.copyfile(project.root / "docs/workshop.md", out / "course" / "workshop.md")
    (out / "requirements").mkdir(exist_ok=True)
    platforms: dict[str, dict[str, Any]] = {}
    used: set[str] = set()
    for platform, found in resolved.items():
        wheels.download(platform, found, out / "wheels", pip)
        files = [out / "wheels" / wheel.file for wheel in found.wheels]
        lines = "".join(f"{wheel.pinned}\n" for wheel in found.wheels)
        (out / "requirements" / f"{platform.name}.txt").write_text(lines, encoding="utf-8")
        used |= {file.name for file in files}
        platforms[platform.name] = {
            "bytes": sum(file.stat().st_size for file in files),
            "installed_bytes": sum(unpacked(file) for file in files),
            "packages": {
                f"{wheel.name}=={wheel.version}": (out / "wheels" / wheel.file).stat().st_size for wheel in found.wheels
            },
        }
        if platforms[platform.name]["bytes"] > MOST_GB * 1e9:
            taken = platforms[platform.name]["bytes"] / 1e9
            raise wheels.Unresolved(f"{platform.name} takes {taken:.1f} GB, more than {MOST_GB:.0f}.")
    for old in (out / "wheels").iterdir():
        if old.name not in used:
            old.unlink()
    put_words(out, list(resolved), platforms)
    put_manifest(out, platforms)
    return platforms


def put_project(root: Path, out: Path) -> None:
    """What Git has of the project, less LEFT_OUT."""
    shutil.rmtree(out, ignore_errors=True)
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if not name.startswith(tuple(f"{folder}/" for folder in LEFT_OUT)) and (root / name).is_file():
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / name, out / name)


def unpacked(wheel: Path) -> int:
    """Bytes of what is in it."""
    with zipfile.ZipFile(wheel) as archive:
        return sum(entry.file_size for entry in archive.infolist())


def put_words(out: Path, platforms: Sequence[Platform], sizes: Mapping[str, Mapping[str, Any]]) -> None:
    """What installs and starts it, and README.txt."""
    for file in OURS.iterdir():
        if file.suffix == ".bat":  # Windows reads no other line ends in these
            lines = file.read_text(encoding="utf-8").splitlines()
            (out / file.name).write_text("".join(f"{line}\r\n" for line in lines), encoding="utf-8", newline="")
        elif file.is_file():
            shutil.copyfile(file, out / file.name)
        if file.suffix in RUNNABLE:
            (out / file.name).chmod(0o755)
    table = "\n".join(
        f"- {own.title}: {sizes[own.name]['bytes'] / 1e9:.1f} GB here, "
        f"about {sizes[own.name]['installed_bytes'] / 1e9:.1f} GB on a laptop's disk"
        for own in platforms
    )
    readme = (OURS / "README.txt").read_text(encoding="utf-8")
    (out / "README.txt").write_text(readme.replace("PLATFORMS", table).replace("PYTHON", PYTHON), encoding="utf-8")


def put_manifest(out: Path, platforms: Mapping[str, Mapping[str, Any]]) -> None:
    """manifest.json: every file with its size and SHA-256, which `install.py --check` goes through."""
    files = {
        path.relative_to(out).as_posix(): {"bytes": path.stat().st_size, "sha256": sha256(path)}
        for path in everything(out)
        if path.name != "manifest.json"
    }
    made = {
        "made": time.strftime("%Y-%m-%d", time.gmtime()),
        "python": PYTHON,
        "platforms": platforms,
        "bytes": sum(path.stat().st_size for path in everything(out) if path.name != "manifest.json"),
        "files": files,
    }
    (out / "manifest.json").write_text(json.dumps(made, indent=1, ensure_ascii=False), encoding="utf-8")


def everything(folder: Path) -> Iterator[Path]:
    yield from (path for path in sorted(folder.rglob("*")) if path.is_file())
