"""NOT Ray: a small stand-in for its Jobs REST API, for tests that take seconds. What the real one does is tried by
`make ray-test`, and this does as that did (2.60): a job that waits can't be stopped, SIGTERM goes to the job's group
and SIGKILL follows after RAY_JOB_STOP_WAIT_TIME_S, any status but 0 is FAILED.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class FakeRay:
    """A cluster of one machine."""

    def __init__(self, cpus: int = 1):
        self.cpus, self.used_by_others = cpus, 0
        self.token = ""
        self.holds = False
        """Jobs that come now wait."""
        self.environment: dict[str, str] = {}
        """What the machine's own environment puts in place of a job's."""
        self.asked: list[dict[str, Any]] = []
        """Every job that it was asked for, as it was told of it."""
        self.jobs: dict[str, dict[str, Any]] = {}
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                fake.answer(self, "GET")

            def do_POST(self) -> None:
                fake.answer(self, "POST")

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def answer(self, handler: BaseHTTPRequestHandler, method: str) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        code, told = self._told(handler, method, json.loads(body or "{}"))
        content = json.dumps(told).encode()
        handler.send_response(code)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    def _told(self, handler: BaseHTTPRequestHandler, method: str, body: dict[str, Any]) -> tuple[int, Any]:
        if self.token and handler.headers.get("Authorization") != f"Bearer {self.token}":
            return 401, "Unauthorized"
        if handler.path == "/api/cluster_status":
            used = self.used_by_others + sum(job["cpus"] for job in self.jobs.values() if self._state(job) == "RUNNING")
            usage = {"node": {"CPU": [used, self.cpus], "memory": [0.0, 1e9]}}
            return 200, {"data": {"clusterStatus": {"loadMetricsReport": {"usageByNode": usage}}}}
        if (method, handler.path) == ("POST", "/api/jobs/"):
            self.asked.append(body)
            job = {"asked": body, "cpus": body["entrypoint_num_cpus"], "process": None, "ended": "", "stopped": False}
            self.jobs[body["submission_id"]] = job
            if not self.holds:
                self.start(job)
            return 200, {"submission_id": body["submission_id"]}
        name, _, verb = handler.path.removeprefix("/api/jobs/").partition("/")
        if name not in self.jobs:
            return 404, f"Job {name} does not exist"
        job = self.jobs[name]
        if verb == "stop":
            threading.Thread(target=self._stop, args=(job,), daemon=True).start()
            return 200, {"stopped": True}
        code = job["process"].poll() if job["process"] else None
        told = {"status": self._state(job), "message": job["ended"], "submission_id": name}
        return 200, {**told, "driver_exit_code": code}

    def _state(self, job: dict[str, Any]) -> str:
        if job["ended"]:
            return "FAILED"
        if job["process"] is None:
            return "PENDING"
        if (code := job["process"].poll()) is None:
            return "RUNNING"
        return "STOPPED" if job["stopped"] else "FAILED" if code else "SUCCEEDED"

    def start(self, job: dict[str, Any]) -> None:
        given = job["asked"]["runtime_env"]["env_vars"]
        job["process"] = subprocess.Popen(
            ["sh", "-c", job["asked"]["entrypoint"]],
            env={**os.environ, **given, **self.environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def give_up(self) -> None:
        """As after 900 s without a place for it."""
        for job in self.jobs.values():
            if job["process"] is None:
                job["ended"] = "Job supervisor actor failed to start within 900.0 seconds."

    def _stop(self, job: dict[str, Any]) -> None:
        if (process := job["process"]) is None:
            return
        job["stopped"] = True
        until = time.monotonic() + float(job["asked"]["runtime_env"]["env_vars"]["RAY_JOB_STOP_WAIT_TIME_S"])
        self._signal(process, signal.SIGTERM)
        while process.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        self._signal(process, signal.SIGKILL)

    @staticmethod
    def _signal(process: subprocess.Popen[bytes], number: int) -> None:
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)

    def die(self) -> None:
        """The machine goes down with all that is on it."""
        self.server.shutdown()
        self.server.server_close()
        for job in self.jobs.values():
            if job["process"]:
                self._signal(job["process"], signal.SIGKILL)
                job["process"].wait()
