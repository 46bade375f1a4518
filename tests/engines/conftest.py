"""What tests of small networks ask for."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

DISK_BYTES = 1 << 20


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
