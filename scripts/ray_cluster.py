"""A real Ray cluster of one machine, in a network namespace of its own: Ray listens on every interface otherwise.

    python -m scripts.ray_cluster [words for pytest]    runs the queue's conformance suite on it

Ray stands in an environment of its own below the cache, made at the first call (400 MB). Linux alone has namespaces.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil

from engines import paths

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements-ray.txt"
INSIDE = "HEADSTART_IN_NAMESPACE"
ADDRESS = "http://127.0.0.1:8265"
START_SECONDS = 120.0
SUITE = ("tests/jobs/test_conformance.py", "tests/jobs/test_stopping.py", "-k", "ray")
TOGETHER = 2
"""Processors that it says it has: two runs at once, of one each."""


def environment() -> Path:
    """The environment that holds Ray, made where there is none; it is whole or not there."""
    wanted = REQUIREMENTS.read_text(encoding="utf-8").split("==")[1].strip()
    place = paths.cache() / f"ray-{wanted}"
    if not (place / "ready").is_file():
        shutil.rmtree(place, ignore_errors=True)
        print("Installing Ray into an environment of its own, once.", flush=True)
        subprocess.run([sys.executable, "-m", "venv", place], check=True)
        subprocess.run([place / "bin" / "pip", "install", "--quiet", "-r", REQUIREMENTS], check=True)
        (place / "ready").touch()
    return place


def inside_namespace(module: str, arguments: list[str]) -> bool:
    """Whether we are in a network namespace with nothing but a loopback; where not, runs `python -m module` in one,
    and ends with its status."""
    if INSIDE in os.environ:
        return True
    environment()  # it needs the network
    alone = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
    if not shutil.which("unshare") or subprocess.run([*alone, "true"], check=False, capture_output=True).returncode:
        sys.exit("This system gives no network namespace (unshare of util-linux, on Linux): Ray is not started here.")
    command = 'ip link set lo up && exec "$@"'
    again = [*alone, "sh", "-c", command, "sh", sys.executable, "-m", module, *arguments]
    sys.exit(subprocess.call(again, cwd=ROOT, env={**os.environ, INSIDE: "1"}))


@contextlib.contextmanager
def head(processors: int = TOGETHER) -> Iterator[psutil.Process]:
    """A head that takes jobs at ADDRESS: the process that all of it hangs below. In the end exactly that is ended."""
    with tempfile.TemporaryDirectory(prefix="ray-") as place:
        command = [
            str(environment() / "bin" / "ray"),
            *("start", "--head", "--block", "--disable-usage-stats", "--node-ip-address=127.0.0.1"),
            *("--dashboard-host=127.0.0.1", "--include-log-monitor=false", f"--temp-dir={place}"),
            *(f"--num-cpus={processors}", "--num-gpus=0"),
        ]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as started:
            process = psutil.Process(started.pid)
            try:
                _wait_for_room()
                yield process
            finally:
                end(process)


def _wait_for_room() -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.HTTPError, LookupError, TypeError):
            told = httpx.get(f"{ADDRESS}/api/cluster_status", timeout=5, trust_env=False).json()
            usage = told["data"]["clusterStatus"]["loadMetricsReport"]["usageByNode"]
            if any("CPU" in of for of in usage.values()):
                return
        time.sleep(0.2)
    raise TimeoutError("Ray has not come up")


def end(process: psutil.Process) -> None:
    """Ends a head and all that hangs below it, at once."""
    with contextlib.suppress(psutil.NoSuchProcess):
        family = [*process.children(recursive=True), process]
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        psutil.wait_procs(family, timeout=10)


def main(arguments: list[str]) -> int:
    inside_namespace("scripts.ray_cluster", arguments)
    with head():
        tests = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *(arguments or SUITE)]
        return subprocess.call(tests, cwd=ROOT, env={**os.environ, "RAY_TEST_ADDRESS": ADDRESS})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
