#!/usr/bin/env python3
"""Set up, run and test Headstart. Needs nothing but Python 3.11 or newer, on Linux, macOS or Windows.

    python make.py setup       make .venv and install everything into it
    python make.py run         open the app (sets up first when that is needed)
    python make.py host        the same for strangers: quotas, a fair queue, headers (docs/hosting.md)
    python make.py room        the same for the people in one room, who join by a code (docs/workshop/room.md)
    python make.py test        lint, types and tests
    python make.py lint        lint and types only
    python make.py showcase    record again the finished runs that pages open on
    python make.py image       build the container image, with docker, podman or buildah (docs/hosting.md)
    python make.py workshop    put into one folder what laptops need without a network (docs/workshop/offline.md)
    python make.py ray-test    the queue's conformance suite on a real Ray head (docs/scale.md)
    python make.py federated   a federation of three through Flower, in an environment of its own (docs/federated.md)
    python make.py messages    collect what people read into engines/locale/headstart.pot
    python make.py clean       remove .venv, .venv-federated and the caches of the tools

Words after `run` go to Streamlit (`run --port 8600`), after `room` to `headstart room`, after `test` to pytest (as in
`test -k archive`); after `workshop` stand platforms (`workshop win_amd64`, `workshop all`).
The whole suite runs on up to four cores, chosen tests on one; `test -n 0` and `test -n 8` say otherwise.
`make setup`, `make run ...` do the same where there is a `make`.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import hashlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
FLOWER = ROOT / ".venv-federated"  # made by scripts/flower.py
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "headstart-ready"  # holds the fingerprint of the set-up that was finished
UNFINISHED = VENV / "headstart-unfinished"  # there while a set-up is at work, and after one that was interrupted

OLDEST_PYTHON = (3, 11)
SCHEMA = 2  # raise it when set-up itself changes, so that everybody's is redone
REQUIREMENTS = ("requirements.txt", "requirements-dev.txt", "requirements-offline.txt", "constraints.txt")
MOST_WORKERS = 4  # processes that test side by side; each holds torch and models of its own in memory

# (download, on disk) in GB. Measured 2026-11 for Python 3.11: the sum of the wheels that `pip download` fetched, and
# of the installed files (Linux), or of the wheels' contents plus 0.45 for compiled Python (the others). On Linux the
# standard PyTorch wheel carries NVIDIA's libraries: 3.0 of the 3.6.
SIZES = {("Linux", "x86_64"): (3.6, 7.4), ("Windows", "AMD64"): (0.7, 2.2), ("Darwin", "arm64"): (0.7, 2.3)}
PACK_GB = 0.3  # the offline pack's share of the download

# Debian package -> a path that it brings. Only tests need them; the download is about 250 MB.
DEBIAN = {
    "chromium": "/usr/bin/chromium",
    "tuxpaint-stamps-default": "/usr/share/tuxpaint/stamps",
    "tuxpaint-data": "/usr/share/tuxpaint/templates",
    "espeak-ng": "/usr/bin/espeak-ng",
    "flite": "/usr/bin/flite",
    "nginx-light": "/usr/sbin/nginx",
    "pocketsphinx-testdata": "/usr/share/pocketsphinx/test",
    "asterisk-core-sounds-en-wav": "/usr/share/asterisk/sounds/en_US_f_Allison",
}

# What pip said -> what to do about it.
ADVICE = {
    "No space left on device": "The disk is full: make room, then run it again.",
    "Connection": "The network could not be reached: check it, then run it again; finished downloads are kept.",
    "timed out": "The network is slow or blocked: check it, then run it again; finished downloads are kept.",
    "No matching distribution": "A package has no build for this Python or this machine; Python 3.11 is tested.",
}


class Stop(Exception):
    """The end of the road, in one plain sentence, with the exit status."""

    def __init__(self, sentence: str, status: int = 1):
        super().__init__(sentence)
        self.status = status


# --- which Python ---------------------------------------------------------------------------------


def newer_python() -> str | None:
    """A Python on PATH that is new enough and starts; a name on PATH alone may be an empty shim."""
    for minor in (11, 12, 13, 14):
        found = shutil.which(f"python3.{minor}")
        probe = "import sys; sys.exit(sys.version_info < (3, 11))"
        if found and subprocess.run([found, "-c", probe], capture_output=True).returncode == 0:
            return found
    return None


def leave_old_python(arguments: list[str]) -> None:
    """Starts over with a newer Python when this one is too old. Raises Stop when there is none."""
    if sys.version_info >= OLDEST_PYTHON:
        return
    found = newer_python()
    if found is None:
        raise Stop(f"Headstart needs Python 3.11 or newer; this is {platform.python_version()}, and PATH has none.", 2)
    say(f"Python {platform.python_version()} is too old; going on with {found}.")
    sys.exit(hand_over([found, str(ROOT / "make.py"), *arguments]))


# --- is it set up? --------------------------------------------------------------------------------


def venv_version() -> str | None:
    """The Python version that .venv was made with, read from its own note; None when .venv cannot be used."""
    try:
        note = (VENV / "pyvenv.cfg").read_text(encoding="utf-8")
    except OSError:
        return None
    found = re.search(r"^version(?:_info)? *= *(\d+)\.(\d+)", note, re.MULTILINE)
    if not found or not PYTHON.exists() or (int(found[1]), int(found[2])) < OLDEST_PYTHON:
        return None
    return f"{found[1]}.{found[2]}"


def fingerprint() -> str:
    """Changes when a requirement, the Python in .venv, our own package or the way of setting up changes."""
    digest = hashlib.sha256(f"{SCHEMA} {venv_version()}".encode())
    for name in REQUIREMENTS:
        digest.update(name.encode() + b"\0" + (ROOT / name).read_bytes().replace(b"\r\n", b"\n") + b"\0")
    digest.update(repr(package()).encode())
    return digest.hexdigest()


def package() -> list[object]:
    """What pyproject.toml says of the package: its version and commands are copied when it is installed."""
    import tomllib  # not there before Python 3.11, which make.py has to start on to say so

    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return [told["build-system"], told["project"], told["tool"]["setuptools"]]


def is_ready() -> bool:
    return (
        venv_version() is not None
        and not UNFINISHED.exists()
        and STAMP.exists()
        and STAMP.read_text(encoding="utf-8").strip() == fingerprint()
    )


# --- setting up -----------------------------------------------------------------------------------


def plan() -> str:
    """What set-up is going to do and what it costs, before it does anything."""
    sizes = SIZES.get((platform.system(), platform.machine()))
    lower, upper = SIZES["Windows", "AMD64"], SIZES["Linux", "x86_64"]
    if sizes:
        cost = f"about {sizes[0]} GB to download, {sizes[1]} GB on disk when installed"
    else:
        cost = f"{lower[0]} to {upper[0]} GB to download, {lower[1]} to {upper[1]} GB on disk (not measured here)"
    lines = [
        f"Headstart's set-up will, with Python {platform.python_version()}:",
        f"  1. make a virtual environment in {VENV}",
        "  2. bring its pip up to date",
        "  3. install the libraries (PyTorch is most of it) and the tools for tests",
        f"  4. install the offline pack: pretrained weights for working without a network ({PACK_GB} GB of it)",
        "  5. install Headstart itself from this folder, so that changes to it count at once",
        f"That is {cost}; what pip has in its cache already is not downloaded again.",
        "Nothing is installed outside .venv.",
    ]
    return "\n".join(lines)


def set_up() -> None:
    """Makes .venv whole, or does nothing when it is. Raises Stop with a sentence when a step fails."""
    if is_ready():
        return
    with only_one_at_a_time():
        if is_ready():  # somebody else's set-up, which we waited for
            return
        say(plan())
        prepare_folder()
        pip = [str(PYTHON), "-m", "pip"]
        install = [*pip, "install", "--disable-pip-version-check", "-c", "constraints.txt"]
        steps = {
            "Making .venv": [sys.executable, "-m", "venv", str(VENV)],
            "Bringing pip up to date": [*pip, "install", "--disable-pip-version-check", "--upgrade", "pip"],
            "Installing the libraries": [*install, "-r", "requirements.txt", "-r", "requirements-dev.txt"],
            "Installing the offline pack": [*install, "--no-deps", "-r", "requirements-offline.txt"],
            # Built with the setuptools that step 3 brought: pip would fetch another one for a build in isolation.
            "Installing Headstart itself": [*install, "--no-deps", "--no-build-isolation", "--editable", "."],
        }
        start = time.monotonic()
        for number, (title, command) in enumerate(steps.items(), start=1):
            say(f"\n[{number}/{len(steps)}] {title} ({clock(start)} so far)")
            run_step(title, command)
        STAMP.write_text(fingerprint(), encoding="utf-8")
        UNFINISHED.unlink()
        say(f"\nHeadstart is ready after {clock(start)}. Next: python make.py run")


def prepare_folder() -> None:
    """Leaves .venv absent, or good enough to install over: one that broke off half-way is removed."""
    if VENV.exists() and (UNFINISHED.exists() or venv_version() is None):
        if Path(sys.prefix).resolve() == VENV.resolve():
            raise Stop("The set-up in .venv is unfinished and this is its own Python; start make.py with the system's.")
        say("The last set-up was not finished (or its Python is gone): .venv is made anew.")
        shutil.rmtree(VENV)
    if importlib.util.find_spec("ensurepip") is None:  # Debian keeps it in a package of its own
        raise Stop("This Python cannot make virtual environments; on Debian or Ubuntu: sudo apt install python3-venv")
    needed = SIZES.get((platform.system(), platform.machine()), SIZES["Linux", "x86_64"])[1]
    free = shutil.disk_usage(ROOT).free / 1e9
    if not VENV.exists() and free < needed:
        raise Stop(f"Set-up needs about {needed} GB on the disk of {ROOT}, {free:.1f} GB are free; make room first.")
    VENV.mkdir(exist_ok=True)
    UNFINISHED.touch()


def run_step(title: str, command: list[str]) -> None:
    """Runs one step in the open. Raises Stop with what it said last when it fails.

    Progress bars go straight to the screen; the complaints are shown too, and kept.
    """
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, errors="replace")
    last: collections.deque[str] = collections.deque(maxlen=8)
    assert process.stderr is not None
    for line in process.stderr:
        print(line, end="", file=sys.stderr, flush=True)
        if line.strip():
            last.append(line.strip())
    if process.wait() == 0:
        return
    words = "\n".join(last)
    advice = next((do for said, do in ADVICE.items() if said.lower() in words.lower()), "Run it again to start over.")
    kept = f" It said last:\n    {words.replace(chr(10), chr(10) + '    ')}" if words else ""
    raise Stop(f"Set-up stopped while {title[0].lower()}{title[1:]} (status {process.returncode}). {advice}{kept}")


@contextlib.contextmanager
def only_one_at_a_time() -> Iterator[None]:
    """Holds a lock that the system drops when this process ends, however it ends."""
    with (ROOT / ".setup.lock").open("a+") as file:
        try:
            lock(file.fileno(), wait=False)
        except OSError:
            say("Another set-up is at work in this folder; waiting for it.")
            lock(file.fileno(), wait=True)
        yield


def lock(descriptor: int, *, wait: bool) -> None:
    if sys.platform == "win32":
        import msvcrt

        os.lseek(descriptor, 0, os.SEEK_SET)
        while True:
            try:
                msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
                return
            except OSError:  # LK_LOCK gives up after ten seconds
                if not wait:
                    raise
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)


# --- the verbs ------------------------------------------------------------------------------------


def run(extra: list[str], script: str = "app.py") -> int:
    set_up()
    options = [re.sub(r"^--(port|address)(?==|$)", r"--server.\1", word) for word in extra]
    say("Starting Headstart; its address follows. Ctrl-C stops it, and training that is under way goes on.")
    return hand_over([str(PYTHON), "-m", "streamlit", "run", script, "--server.showEmailPrompt=false", *options])


def host(extra: list[str]) -> int:
    os.environ.setdefault("HEADSTART_PUBLIC", "1")
    return run(["--server.headless=true", *extra], "host.py")


def room(extra: list[str]) -> int:
    set_up()
    return hand_over([str(PYTHON), "-m", "engines", "room", *extra])


def lint() -> int:
    set_up()
    tools = {
        "ruff check": ["ruff", "check", "."],
        "ruff format": ["ruff", "format", "--check", "-q", "."],
        "mypy": ["mypy"],
    }
    failed = []
    for title, words in tools.items():
        say(f"\n{title}")
        if subprocess.call([str(PYTHON), "-m", *words], cwd=ROOT):
            failed.append(title)
    if failed:
        say(f"\nNot clean: {', '.join(failed)}.")
    return 1 if failed else 0


def test(extra: list[str]) -> int:
    """Lint, types and tests; the tests run even when the others complain, so that one go shows everything."""
    set_up()
    get_debian_packages()
    unclean = lint()
    say("\npytest")
    failed = subprocess.call([str(PYTHON), "-m", "pytest", *workers(extra), *extra], cwd=ROOT)
    return failed or unclean


def workers(extra: list[str]) -> list[str]:
    """pytest's words for a worker on each core; none where `extra` says how to run, or chooses tests.

    A few tests are quicker in one process, which imports torch once.
    """
    cores = min(MOST_WORKERS, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    own = ("-n", "--numprocesses", "-k", "--pdb", "no:xdist", "-pno:xdist")
    for word in extra:
        path = word.partition("::")[0]
        if word.startswith(own) or (path and not path.startswith("-") and (ROOT / path).exists()):
            return []
    return ["-n", str(cores)] if cores > 1 else []


def get_debian_packages() -> None:
    """Brings what the browser and photograph tests need where that takes no password; else says how."""
    missing = [name for name, path in DEBIAN.items() if not Path(path).exists()]
    if not missing:
        return
    if shutil.which("apt-get") is None:
        say(f"The tests that need Debian's {' and '.join(missing)} are skipped: this is no Debian system.")
        return
    install = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        say(f"Some tests are skipped until you run: sudo apt-get update && sudo {' '.join(install)}")
        return
    say(f"Installing Debian's {' and '.join(missing)} for the tests (up to 250 MB).")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-q"], [*install, "-q"]):
        if subprocess.call(command, env=environment):
            say(f"`{' '.join(command)}` did not work; the tests that need {' and '.join(missing)} cannot run.")
            return


def showcase() -> int:
    set_up()
    return subprocess.call([str(PYTHON), "scripts/record_showcase.py"], cwd=ROOT)


def image(extra: list[str]) -> int:
    """Not in `test`: it takes minutes and gigabytes."""
    return subprocess.call(["bash", "deploy/image.sh", *extra], cwd=ROOT)


def ray_test(extra: list[str]) -> int:
    set_up()
    return hand_over([str(PYTHON), "-m", "scripts.ray_cluster", *extra])


def federated(extra: list[str]) -> int:
    set_up()
    return hand_over([str(PYTHON), "-m", "scripts.flower", *extra])


def workshop(extra: list[str]) -> int:
    set_up()
    return subprocess.call([str(PYTHON), "-m", "scripts.workshop", *extra], cwd=ROOT)


def messages() -> int:
    set_up()
    return subprocess.call([str(PYTHON), "scripts/messages.py"], cwd=ROOT)


def clean() -> int:
    folders = [VENV, FLOWER, *(ROOT / name for name in (".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis"))]
    for folder in filter(Path.exists, folders):
        say(f"Removing {folder}")
        shutil.rmtree(folder)
    say("Runs, uploads and samples stay: they are in HEADSTART_HOME (~/.headstart).")
    return 0


# --- small words ----------------------------------------------------------------------------------


def say(text: str) -> None:
    print(text, flush=True)


def clock(start: float) -> str:
    minutes, seconds = divmod(int(time.monotonic() - start), 60)
    return f"{minutes}:{seconds:02d}"


def hand_over(command: list[str]) -> int:
    """This process becomes `command` (Windows cannot do that: there it waits), so that signals reach the right one."""
    os.chdir(ROOT)
    if os.name != "nt":
        os.execv(command[0], command)
    return subprocess.call(command)


def main(arguments: list[str]) -> int:
    about, _, verbs = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="make.py",
        description=about,
        epilog=verbs,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    plain: dict[str, Callable[[], int]] = {"lint": lint, "showcase": showcase, "messages": messages, "clean": clean}
    with_words: dict[str, Callable[[list[str]], int]] = {
        "run": run,
        "host": host,
        "room": room,
        "test": test,
        "image": image,
        "workshop": workshop,
        "ray-test": ray_test,
        "federated": federated,
    }
    parser.add_argument("verb", choices=("setup", *with_words, *plain))
    asked, extra = parser.parse_known_args(arguments)
    if extra and asked.verb not in with_words:
        parser.error(f"{asked.verb} takes no further words, found: {' '.join(extra)}")
    leave_old_python(arguments)
    if asked.verb == "setup":
        if is_ready():
            say("Headstart is set up already. Next: python make.py run")
        set_up()
        return 0
    return with_words[asked.verb](extra) if asked.verb in with_words else plain[asked.verb]()


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Stop as stop:
        print(f"\n{stop}", file=sys.stderr)
        sys.exit(stop.status)
    except OSError as error:
        print(f"\nmake.py could not go on: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("\nStopped. Run it again to go on.", file=sys.stderr)
        sys.exit(130)
