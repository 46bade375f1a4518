"""A finished run's model as a service on this machine: its export `app`, run in a process that holds nothing else."""

from __future__ import annotations

import contextlib
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
    with tempfile.TemporaryDirectory(prefix="headstart-service-") as place:
        command = [sys.executable, "-m", "engines", "export", str(Path(run).absolute()), "--format", "app"]
        known = os.pathsep.join(filter(None, [str(paths.PROJECT), os.environ.get("PYTHONPATH", "")]))
        made = subprocess.run(
            [*command, "--out", place], stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": known}
        )
        if made.returncode:
            return made.returncode
        words = ["--host", host, "--port", str(port)]
        service = subprocess.Popen([sys.executable, str(Path(place) / "service.py"), *words], cwd=place)
        before = signal.signal(signal.SIGTERM, _stop)
        try:
            return service.wait()
        except KeyboardInterrupt:  # the terminal has told the service too
            service.terminate()
            with contextlib.suppress(KeyboardInterrupt, subprocess.TimeoutExpired):
                service.wait(10)
            return 0
        finally:
            signal.signal(signal.SIGTERM, before)
            if service.poll() is None:
                service.terminate()
                service.wait()


def _stop(*_unused: object) -> None:
    """Told to go: the service goes along."""
    raise KeyboardInterrupt
