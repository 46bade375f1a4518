"""`make workshop` on wheels of a few bytes: pip's own answers for each kind of machine; installed with no network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.workshop import bundle, wheels
from scripts.workshop.__main__ import PIP
from scripts.workshop.platforms import PLATFORMS, PYTHON
from tests.workshop import tiny_wheels

NEEDED = {
    "manylinux_x86_64": {"alpha", "gamma", "zeta", "epsilon", "weights", "builder"},
    "win_amd64": {"alpha", "beta", "weights", "builder"},
    "macosx_arm64": {"alpha", "delta", "weights", "builder"},
}


@pytest.fixture(scope="module", autouse=True)
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The only place where pip looks; no settings of this machine have a say."""
    folder = tiny_wheels.index(tmp_path_factory.mktemp("index") / "wheels")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_CONFIG_FILE", os.devnull)
        patch.setenv("PIP_NO_INDEX", "1")
        patch.setenv("PIP_FIND_LINKS", str(folder))
        yield folder


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> bundle.Project:
    return bundle.Project(tiny_wheels.project(tmp_path_factory.mktemp("project")), builds_with="builder")


@pytest.fixture(scope="module")
def packed(project: bundle.Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder for all kinds of machines."""
    out = tmp_path_factory.mktemp("packed") / "out"
    bundle.make(out, project, {own: project.resolved(own, PIP) for own in PLATFORMS.values()}, PIP)
    return out


def test_each_kind_of_machine_gets_what_it_needs(packed: Path) -> None:
    """Its own wheels, by its own markers, whatever machine this is; nothing of what weights would need."""
    for name, needed in NEEDED.items():
        lines = (packed / "requirements" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
        assert {line.partition("==")[0] for line in lines} == needed, name
        assert all("--hash=sha256:" in line for line in lines)
    assert len(list((packed / "wheels").iterdir())) == len(set.union(*NEEDED.values()))


def test_the_folder_holds_the_app_the_course_and_digests_of_all(packed: Path) -> None:
    assert (packed / "app" / "tinymodule.py").is_file()
    assert not (packed / "app" / "tests").exists()
    assert (packed / "course" / "1-first.md").is_file()
    assert b"\r\n" in (packed / "install.bat").read_bytes()
    readme = (packed / "README.txt").read_text(encoding="utf-8")
    assert "Windows 10 or 11" in readme
    assert not {"PLATFORMS", "PYTHON"} & set(readme.split())
    manifest = json.loads((packed / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["files"].keys() == {path.relative_to(packed).as_posix() for path in bundle.everything(packed)} - {
        "manifest.json"
    }


def test_a_second_call_takes_out_what_is_no_longer_needed(packed: Path, project: bundle.Project) -> None:
    old = packed / "wheels" / "old-1.0-py3-none-any.whl"
    old.write_bytes(b"")
    before = sorted(path.name for path in (packed / "wheels").iterdir() if path != old)
    bundle.make(packed, project, {own: project.resolved(own, PIP) for own in PLATFORMS.values()}, PIP)
    assert sorted(path.name for path in (packed / "wheels").iterdir()) == before


def test_what_cannot_be_had_is_named(tmp_path: Path) -> None:
    windows = PLATFORMS["win_amd64"]
    found = wheels.resolve(windows, wheels.requirements("nowhere"), [], {}, PIP)
    assert found.sources == ["nowhere"]
    with pytest.raises(wheels.Unresolved, match="nowhere has no wheel for win_amd64, and none could be built"):
        wheels.download(windows, found, tmp_path, PIP)
    with pytest.raises(
        wheels.Unresolved, match=r"On win_amd64 requirements needs alpha >=2, and 1\.0 is what is pinned"
    ):
        wheels.resolve(windows, wheels.requirements("alpha>=2"), [], {"alpha": "1.0"}, PIP)


# --- on the laptop --------------------------------------------------------------------------------


def installing(packed: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """install.sh with no network at all where this system lets us, with Python 3.11 found as `python3.11`."""
    around = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    around["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{around['PATH']}"
    command = ["sh", str(packed / "install.sh"), *map(str, words)]
    alone = ["unshare", "-n"] if may_leave_the_network() else []
    return subprocess.run([*alone, *command], env=around, capture_output=True, text=True, timeout=200)


def may_leave_the_network() -> bool:
    return (
        bool(shutil.which("unshare")) and subprocess.run(["unshare", "-n", "true"], capture_output=True).returncode == 0
    )


on_this = pytest.mark.skipif(
    sys.platform != "linux" or f"{sys.version_info.major}.{sys.version_info.minor}" != PYTHON,
    reason=f"installs what is packed for Linux and Python {PYTHON}",
)


@on_this
def test_it_installs_and_runs_without_a_network(packed: Path, tmp_path: Path) -> None:
    if not may_leave_the_network():
        pytest.skip("this user may make no network namespace (unshare -n)")
    done = installing(packed, tmp_path / "home of headstart")
    assert done.returncode == 0, done.stderr
    assert "100 % after" in done.stdout
    assert "Ready after" in done.stdout
    target = tmp_path / "home of headstart"
    ran = subprocess.run(
        [target / "python" / "bin" / "python", "-c", "import tinymodule"], cwd=tmp_path, capture_output=True, text=True
    )
    assert ran.stdout == "it runs py3-none-any\n", ran.stderr
    assert (target / "start.sh").is_file()
    assert sorted(path.name for path in target.glob("part-*")) == []


@on_this
def test_a_damaged_copy_is_found_out(packed: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(packed, tmp_path / "copy"))
    assert installing(copy, "--check").returncode == 0
    wheel = next((copy / "wheels").glob("alpha*"))
    wheel.write_bytes(wheel.read_bytes()[:-1] + b"?")
    checked = installing(copy, "--check")
    assert (checked.returncode, f"missing or changed: wheels/{wheel.name}" in checked.stdout) == (1, True)
    done = installing(copy, tmp_path / "target")
    assert done.returncode == 2
    assert "Is the copy whole?" in done.stderr
    assert "Traceback" not in done.stderr


@on_this
def test_another_machine_is_told_what_this_folder_is_for(packed: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(packed, tmp_path / "copy"))
    manifest = json.loads((copy / "manifest.json").read_text(encoding="utf-8"))
    manifest["platforms"] = {"win_amd64": manifest["platforms"]["win_amd64"]}
    (copy / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    done = installing(copy, tmp_path / "target")
    assert (done.returncode, done.stderr.strip().startswith("This folder has wheels for win_amd64; this")) == (2, True)
    assert not (tmp_path / "target").exists()
