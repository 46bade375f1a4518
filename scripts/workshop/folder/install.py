"""Installs Headstart from the folder that this file lies in, with no network and nothing but Python's own library.

python3.11 install.py [FOLDER]     into FOLDER, by default "headstart" in your home
python3.11 install.py --check      compares every file here with manifest.json, and installs nothing
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
KINDS = {
    ("Linux", "x86_64"): "manylinux_x86_64",
    ("Windows", "AMD64"): "win_amd64",
    ("Darwin", "arm64"): "macosx_arm64",
}
BATCHES = 12
"""Calls of pip, each of about as many bytes: after each it is known how long the rest takes."""


class Stop(Exception):
    """Why it cannot go on, in one sentence."""


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=Path.home() / "headstart")
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args(words)
    try:
        try:
            manifest = json.loads((HERE / "manifest.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise Stop("manifest.json is missing or damaged: copy the folder again.") from None
        if asked.check:
            return check(manifest)
        install(manifest, asked.folder.expanduser().absolute())
    except Stop as stop:
        print(f"\n{stop}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"\nIt could not go on: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Run it again to start over.", file=sys.stderr)
        return 130
    return 0


def check(manifest: dict[str, Any]) -> int:
    """Says which files are missing or changed; the exit status."""
    bad = []
    for name, told in manifest["files"].items():
        path = HERE / name
        if not path.is_file() or path.stat().st_size != told["bytes"] or digest(path) != told["sha256"]:
            bad.append(name)
    print(f"{len(manifest['files']) - len(bad)} of {len(manifest['files'])} files are as they were packed.")
    for name in bad:
        print(f"missing or changed: {name}")
    return 1 if bad else 0


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def install(manifest: dict[str, Any], target: Path) -> None:
    """Raises Stop."""
    kind = KINDS.get((platform.system(), platform.machine()))
    if kind not in manifest["platforms"]:
        there = ", ".join(manifest["platforms"])
        raise Stop(f"This folder has wheels for {there}; this machine is {platform.system()} {platform.machine()}.")
    wanted = manifest["python"]
    if f"{sys.version_info.major}.{sys.version_info.minor}" != wanted:
        raise Stop(f"Python {wanted} is needed, and no other version; this is {platform.python_version()}.")
    listed = HERE / "requirements" / f"{kind}.txt"
    known = manifest["platforms"][kind]["packages"]
    sizes = {line: known[line.partition(" ")[0]] for line in listed.read_text(encoding="utf-8").splitlines()}
    target.mkdir(parents=True, exist_ok=True)
    needed, free = manifest["platforms"][kind]["installed_bytes"] * 1.2, shutil.disk_usage(target).free
    if free < needed:
        raise Stop(f"About {needed / 1e9:.1f} GB are needed in {target}, {free / 1e9:.1f} GB are free.")

    start = time.monotonic()
    say(f"Installing into {target}: {len(sizes)} packages, about {needed / 1e9:.1f} GB.")
    for name in ("app", "course"):
        shutil.rmtree(target / name, ignore_errors=True)
        if (HERE / name).is_dir():
            shutil.copytree(HERE / name, target / name)
    venv = target / "python"
    run([sys.executable, "-m", "venv", "--clear", str(venv)])
    python = venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    # Isolated: a laptop's own settings of pip (an index, a proxy) have no say here.
    pip = [str(python), "-m", "pip", "--isolated", "--disable-pip-version-check", "--quiet", "install", "--no-index"]
    done, total = 0, sum(sizes.values())
    # Not compiled: two busy cores were not done with it after three minutes. Python does it for what it imports.
    for number, batch in enumerate(batches(sizes)):
        part = target / f"part-{number}.txt"
        part.write_text("\n".join(batch), encoding="utf-8")
        options = ["--no-deps", "--no-compile", "--require-hashes", "--find-links", str(HERE / "wheels")]
        run([*pip, *options, "-r", str(part)])
        part.unlink()
        done += sum(sizes[line] for line in batch)
        left = (time.monotonic() - start) * (total - done) / done
        say(f"  {100 * done // total} % after {clock(time.monotonic() - start)}, about {clock(left)} left")
    run([*pip, "--no-deps", "--no-build-isolation", "--editable", str(target / "app")])
    for name in ("start.sh", "start.bat", "README.txt"):
        shutil.copyfile(HERE / name, target / name)
    (target / "start.sh").chmod(0o755)
    say(f"Ready after {clock(time.monotonic() - start)}. Start it with {starter(target)}")


def batches(sizes: dict[str, int]) -> Iterator[list[str]]:
    """The lines in about BATCHES parts of about as many bytes each. `sizes`: of each line the bytes of its wheel."""
    most = sum(sizes.values()) / BATCHES
    batch: list[str] = []
    for line in sizes:
        batch.append(line)
        if sum(sizes[own] for own in batch) >= most:
            yield batch
            batch = []
    if batch:
        yield batch


def run(command: list[str]) -> None:
    """Raises Stop with what it said last."""
    around = {**os.environ, "PIP_CONFIG_FILE": os.devnull}
    done = subprocess.run(command, env=around, stderr=subprocess.PIPE, text=True, errors="replace")
    if done.returncode:
        last = "\n".join(done.stderr.strip().splitlines()[-4:])
        hint = "Is the copy whole? `install.py --check` says so."
        raise Stop(f"Installing stopped (status {done.returncode}). {hint} It said last:\n{last}")


def starter(target: Path) -> str:
    return str(target / "start.bat") if os.name == "nt" else f"sh {target / 'start.sh'}"


def clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
