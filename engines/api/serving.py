"""A finished run's model as a service on this machine: its export `app`, run in a process that holds nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from engines import paths
from engines.api.using import task_of
from engines.runs import no_model


def serve(run: str | Path, host: str = "127.0.0.1", port: int = 8000) -> int:
    """Serves until it is stopped; its exit status. Raises InputError where there is no model to serve.

    The export is made in one process and the service is another: neither PyTorch nor its memory stays where ONNX
    Runtime answers.
    """
    task_of(run)
    if not (Path(run) / "model").is_dir():
        raise no_model(Path(run))
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        with tempfile.TemporaryDirectory(prefix="headstart-service-") as place:
            known = os.pathsep.join(filter(None, [str(paths.PROJECT), os.environ.get("PYTHONPATH", "")]))
            words = ["-m", "engines", "export", str(Path(run).absolute()), "--format", "app", "--out", place]
            if status := _ended(words, {**os.environ, "PYTHONPATH": known}, quiet=True):
                return status
            return _ended([str(Path(place) / "service.py"), "--host", host, "--port", str(port)], {**os.environ})
    except KeyboardInterrupt:
        return 0
    finally:
        signal.signal(signal.SIGTERM, before)


def _ended(words: list[str], environment: dict[str, str], *, quiet: bool = False) -> int:
    """The exit status of Python with these words, once it has ended; where we are told to stop, so is it."""
    output = subprocess.DEVNULL if quiet else None
    process = subprocess.Popen([sys.executable, *words], env=environment, stdout=output)
    try:
        return process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()


def _stop(*_unused: object) -> None:
    """Told to go: what runs for us goes along."""
    raise KeyboardInterrupt
