"""make.py, run for real in an empty folder, with stand-ins for venv, pip and the tools: nothing is installed.

The stand-ins are found first because PYTHONPATH names their folder; each writes down the words it was started with.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import make

ROOT = Path(__file__).resolve().parents[1]
STAND_IN = """
import json, os, sys
words = [__package__, *sys.argv[1:]]
with open(os.environ["STARTED"], "a") as file:
    file.write(json.dumps(words) + "\\n")
if os.environ.get("FAILS") and os.environ["FAILS"] in " ".join(words):
    print("ERROR: [Errno 28] No space left on device", file=sys.stderr)
    sys.exit(3)
"""
STAND_IN_VENV = """
import pathlib, sys
venv = pathlib.Path(sys.argv[1])
(venv / "bin").mkdir(parents=True, exist_ok=True)
base = pathlib.Path(sys.executable).resolve()
(venv / "bin" / "python").unlink(missing_ok=True)
(venv / "bin" / "python").symlink_to(base)
(venv / "pyvenv.cfg").write_text(f"home = {base.parent}\\nversion = {sys.version.split()[0]}\\n")
"""

on_posix = pytest.mark.skipif(os.name == "nt", reason="the stand-in for venv makes a symbolic link")


class Checkout:
    """A copy of what set-up reads, and the stand-ins."""

    def __init__(self, folder: Path):
        self.root = folder / "checkout"
        self.log = folder / "started.jsonl"
        self.fakes = folder / "fakes"
        self.root.mkdir()
        for name in ("make.py", "pyproject.toml", *make.REQUIREMENTS):
            (self.root / name).write_bytes((ROOT / name).read_bytes())
        for name in ("venv", "pip", "ruff", "mypy", "pytest", "streamlit"):
            (self.fakes / name).mkdir(parents=True)
            (self.fakes / name / "__init__.py").touch()
            (self.fakes / name / "__main__.py").write_text(STAND_IN + (STAND_IN_VENV if name == "venv" else ""))

    def make(self, *words: str, fails: str = "") -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "PYTHONPATH": str(self.fakes),
            "STARTED": str(self.log),
            "FAILS": fails,
            "PATH": str(self.fakes),  # no apt-get within reach
        }
        command = [sys.executable, "make.py", *words]
        return subprocess.run(command, cwd=self.root, env=environment, capture_output=True, text=True, timeout=60)

    def started(self) -> list[list[str]]:
        """What was started since the last question."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return [json.loads(line) for line in lines]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@on_posix
def test_set_up_says_what_it_will_do_and_does_it_once(checkout: Checkout) -> None:
    done = checkout.make("setup")
    assert done.returncode == 0, done.stderr
    assert done.stdout.index("GB to download") < done.stdout.index("[1/5]")
    assert "Headstart is ready" in done.stdout

    pinned = ["install", "--disable-pip-version-check", "-c", "constraints.txt"]
    assert checkout.started() == [
        ["venv", str(checkout.root / ".venv")],
        ["pip", "install", "--disable-pip-version-check", "--upgrade", "pip"],
        ["pip", *pinned, "-r", "requirements.txt", "-r", "requirements-dev.txt"],
        ["pip", *pinned, "--no-deps", "-r", "requirements-offline.txt"],
        ["pip", *pinned, "--no-deps", "--no-build-isolation", "--editable", "."],
    ]

    before = os.times()
    again = checkout.make("setup")
    assert (again.returncode, checkout.started()) == (0, [])
    assert "set up already" in again.stdout
    after = os.times()
    assert (
        after.children_user + after.children_system - before.children_user - before.children_system < 1
    )  # CPU seconds


@on_posix
@pytest.mark.parametrize("name", make.REQUIREMENTS)
def test_a_changed_requirement_sets_up_again_over_the_same_venv(checkout: Checkout, name: str) -> None:
    checkout.make("setup")
    kept = checkout.root / ".venv" / "something"
    kept.touch()
    checkout.started()
    with (checkout.root / name).open("a") as file:
        file.write("\nmore==1\n")
    assert checkout.make("setup").returncode == 0
    assert [words[0] for words in checkout.started()] == ["venv", "pip", "pip", "pip", "pip"]
    assert kept.exists()


@on_posix
@pytest.mark.parametrize(
    ("was", "becomes", "again"),
    [
        ("[project]\n", '[project]\nmaintainers = [{ name = "A" }]\n', True),
        ("\nline-length = 120\n", "\nline-length = 99\n", False),
    ],
    ids=["of the package", "for a tool"],
)
def test_what_pyproject_says_of_the_package_counts(checkout: Checkout, was: str, becomes: str, again: bool) -> None:
    checkout.make("setup")
    checkout.started()
    file = checkout.root / "pyproject.toml"
    before = file.read_text()
    file.write_text(before.replace(was, becomes))
    assert file.read_text() != before
    assert checkout.make("setup").returncode == 0
    assert [words[0] for words in checkout.started()] == (["venv", "pip", "pip", "pip", "pip"] if again else [])


@on_posix
def test_a_failing_pip_ends_in_a_sentence_and_the_next_call_starts_over(checkout: Checkout) -> None:
    failed = checkout.make("setup", fails="requirements-offline.txt")
    assert failed.returncode == 1
    assert "Set-up stopped while installing the offline pack (status 3)." in failed.stderr
    assert "The disk is full: make room" in failed.stderr
    assert failed.stderr.rstrip().endswith("ERROR: [Errno 28] No space left on device")
    assert "Traceback" not in failed.stderr
    checkout.started()

    half_done = checkout.root / ".venv" / "half-installed"
    half_done.touch()
    assert checkout.make("setup").returncode == 0
    assert len(checkout.started()) == 5
    assert not half_done.exists()


@on_posix
def test_a_venv_whose_python_is_gone_is_made_anew(checkout: Checkout) -> None:
    checkout.make("setup")
    (checkout.root / ".venv/bin/python").unlink()
    checkout.started()
    assert checkout.make("setup").returncode == 0
    assert len(checkout.started()) == 5


@on_posix
def test_run_sets_up_first_and_passes_words_on(checkout: Checkout) -> None:
    done = checkout.make("run", "--port", "8600", "--server.headless=true")
    assert done.returncode == 0, done.stderr
    started = checkout.started()
    assert [words[0] for words in started] == ["venv", "pip", "pip", "pip", "pip", "streamlit"]
    assert started[-1][1:3] == ["run", "app.py"]
    assert started[-1][-3:] == ["--server.port", "8600", "--server.headless=true"]


@on_posix
@pytest.mark.parametrize(
    ("fails", "status"), [("", 0), ("ruff check", 1), ("ruff format", 1), ("mypy", 1), ("pytest", 3)]
)
def test_one_test_run_shows_everything(checkout: Checkout, fails: str, status: int) -> None:
    checkout.make("setup")
    checkout.started()
    done = checkout.make("test", "-k", "archive", fails=fails)
    assert done.returncode == status
    assert [words[0] for words in checkout.started()] == ["ruff", "ruff", "mypy", "pytest"]


@pytest.mark.parametrize(
    ("words", "cores", "asked"),
    [
        ([], 2, ["-n", "2"]),
        ([], 64, ["-n", "4"]),
        ([], 1, []),
        (["-x", "--maxfail", "3", "-p", "no:randomly"], 2, ["-n", "2"]),
        (["-n0"], 2, []),
        (["-n", "3"], 2, []),
        (["--numprocesses=3"], 2, []),
        (["-k", "archive"], 2, []),
        (["-p", "no:xdist"], 2, []),
        (["--pdb"], 2, []),
        (["tests/test_setup.py"], 2, []),
        (["-x", "tests/test_setup.py::test_help_lists_every_verb"], 2, []),
        (["tests"], 2, []),
    ],
)
def test_a_whole_suite_runs_on_several_cores(
    monkeypatch: pytest.MonkeyPatch, words: list[str], cores: int, asked: list[str]
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(cores), raising=False)
    assert make.workers(words) == asked


@on_posix
def test_two_set_ups_at_once_take_turns(checkout: Checkout) -> None:
    """While this test holds the lock, set-up says that it waits and starts nothing; then it does its work."""
    with (checkout.root / ".setup.lock").open("a+") as file:
        make.lock(file.fileno(), wait=False)
        environment = {**os.environ, "PYTHONPATH": str(checkout.fakes), "STARTED": str(checkout.log)}
        other = subprocess.Popen(
            [sys.executable, "make.py", "setup"], cwd=checkout.root, env=environment, stdout=subprocess.PIPE, text=True
        )
        assert other.stdout is not None
        assert "waiting for it" in other.stdout.readline()
        assert checkout.started() == []
    other.communicate(timeout=60)
    assert other.returncode == 0
    assert len(checkout.started()) == 5


def test_help_lists_every_verb(checkout: Checkout) -> None:
    told = checkout.make("--help")
    assert told.returncode == 0
    for verb in ("setup", "run", "test", "lint", "showcase", "clean"):
        assert f"python make.py {verb} " in told.stdout


def test_an_unknown_verb_is_refused_in_a_sentence(checkout: Checkout) -> None:
    refused = checkout.make("instal")
    assert refused.returncode == 2
    assert "invalid choice: 'instal'" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_an_old_python_ends_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make, "OLDEST_PYTHON", (99, 0))
    monkeypatch.setattr(make, "newer_python", lambda: None)
    with pytest.raises(make.Stop, match=r"^Headstart needs Python 3\.11 or newer; this is 3\.") as stop:
        make.leave_old_python(["run"])
    assert stop.value.status == 2


def test_an_old_python_hands_over_to_a_newer_one(monkeypatch: pytest.MonkeyPatch) -> None:
    handed: list[list[str]] = []
    monkeypatch.setattr(make, "OLDEST_PYTHON", (99, 0))
    monkeypatch.setattr(make, "newer_python", lambda: "/opt/python3.12")
    monkeypatch.setattr(make, "hand_over", lambda command: handed.append(command) or 7)
    with pytest.raises(SystemExit, match="7"):
        make.leave_old_python(["run", "--port", "1"])
    assert handed == [["/opt/python3.12", str(ROOT / "make.py"), "run", "--port", "1"]]


@on_posix
def test_a_python_that_does_not_start_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, script in {"python3.11": "exit 127", "python3.12": "exit 0"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert make.newer_python() == str(tmp_path / "python3.12")
    (tmp_path / "python3.12").unlink()
    assert make.newer_python() is None


@pytest.mark.parametrize(
    ("system", "machine", "words"),
    [
        ("Linux", "x86_64", "about 3.6 GB to download, 7.4 GB on disk when installed"),
        ("Windows", "AMD64", "about 0.7 GB to download, 2.2 GB on disk when installed"),
        ("Linux", "riscv64", "0.7 to 3.6 GB to download, 2.2 to 7.4 GB on disk (not measured here)"),
    ],
)
def test_the_plan_says_what_it_costs_here(
    monkeypatch: pytest.MonkeyPatch, system: str, machine: str, words: str
) -> None:
    monkeypatch.setattr("platform.system", lambda: system)
    monkeypatch.setattr("platform.machine", lambda: machine)
    assert words in make.plan()


def test_a_full_disk_is_known_before_anything_is_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(make, "ROOT", tmp_path)
    monkeypatch.setattr(make, "VENV", tmp_path / ".venv")
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1_000_000_000}))
    with pytest.raises(make.Stop, match=r"needs about .* GB on the disk of .*, 1\.0 GB are free"):
        make.prepare_folder()
    assert not (tmp_path / ".venv").exists()


# --- Debian's packages ----------------------------------------------------------------------------


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Commands that would have been started; chromium is missing."""
    commands: list[list[str]] = []
    monkeypatch.setattr(make, "DEBIAN", {"chromium": "/nowhere/chromium"})
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr("subprocess.call", lambda command, **_: commands.append(command) or 0)
    return commands


def test_root_gets_missing_debian_packages(started: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0, raising=False)
    make.get_debian_packages()
    assert started == [
        ["apt-get", "update", "-q"],
        ["apt-get", "install", "-y", "--no-install-recommends", "chromium", "-q"],
    ]


def test_others_are_told_the_command(
    started: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000, raising=False)
    make.get_debian_packages()
    assert started == []
    assert "sudo apt-get install -y --no-install-recommends chromium" in capsys.readouterr().out


def test_nothing_is_asked_of_a_machine_that_has_them(
    started: list[list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(make, "DEBIAN", {"chromium": str(tmp_path)})
    make.get_debian_packages()
    assert (started, capsys.readouterr().out) == ([], "")


# --- the requirement files ------------------------------------------------------------------------


def pins(name: str) -> dict[str, str]:
    """Package -> version; a line that is no exact pin fails."""
    lines = [line.split("#")[0].strip() for line in (ROOT / name).read_text(encoding="utf-8").splitlines()]
    pairs = [line.split("==") for line in lines if line]
    assert all(len(pair) == 2 for pair in pairs), f"{name}: every line is name==version"
    return {package.lower().replace("_", "-"): version for package, version in pairs}


def test_every_requirement_is_pinned_as_the_constraints_say() -> None:
    constraints = pins("constraints.txt")
    for name in ("requirements.txt", "requirements-dev.txt", "requirements-offline.txt"):
        wanted = pins(name)
        assert wanted.items() <= constraints.items(), f"{name} and constraints.txt differ"
    names = [line.lower() for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert names == sorted(names)


# --- what a machine lacks -------------------------------------------------------------------------


@pytest.mark.parametrize(("ci", "outcome"), [("", "1 passed, 1 skipped"), ("true", "1 passed, 1 error")])
def test_a_test_that_cannot_run_is_skipped_aloud_and_fails_in_ci(tmp_path: Path, ci: str, outcome: str) -> None:
    conftest = (ROOT / "tests/conftest.py").read_text(encoding="utf-8")
    missing = 'NEEDS["browser"] = (lambda: False, "there is no browser here")\n'
    (tmp_path / "conftest.py").write_text(conftest + missing, encoding="utf-8")
    (tmp_path / "test_it.py").write_text(
        "import pytest\n@pytest.mark.browser\ndef test_a(): assert False\ndef test_b(): pass\n", encoding="utf-8"
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = browser: in Chromium\n")
    told = subprocess.run(
        [sys.executable, "-m", "pytest", "-ra", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env={**os.environ, "CI": ci},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert outcome in told.stdout.splitlines()[-1]
    assert "there is no browser here" in told.stdout
