"""Ray by its Jobs REST API: here Ray need not be installed.

Each job asks for processors, or it would run on the head with one thread, and gets the time it takes to write a
checkpoint between SIGTERM and SIGKILL, which are 3 s else. One that waits can't be stopped there; it finds its ticket
gone. An exit status of ours is a failure to Ray, so that states come from the run folder (docs/scale.md).
"""

from __future__ import annotations

import os
import shlex
import time
from pathlib import Path
from typing import Any

import httpx

from engines.contract import InputError, Problem
from engines.jobs.launchers.cluster import Asked, Job, JobState, Node, kill_seconds
from engines.jobs.launchers.contract import Refused, Unreachable
from engines.messages import _

ADDRESS, TOKEN_FILE = "HEADSTART_RAY_ADDRESS", "HEADSTART_RAY_TOKEN_FILE"
TIMEOUT_SECONDS = 4.0
SUBMIT_SECONDS = 30.0
"""A job whose start Ray has not confirmed by then may be there: its ticket is withdrawn."""
DOWN_SECONDS = 2.0
"""Who has just not answered is not asked again so soon."""
STATES = {
    "PENDING": JobState.WAITS,
    "RUNNING": JobState.RUNS,
    "SUCCEEDED": JobState.ENDED,
    "FAILED": JobState.ENDED,
    "STOPPED": JobState.ENDED,
}
MOST_TOLD = 200


class Ray:
    """See `cluster.Cluster`."""

    name = "Ray"

    def __init__(self) -> None:
        """Raises InputError where HEADSTART_RAY_ADDRESS or the token's file is of no use."""
        address = os.environ.get(ADDRESS, "").strip()
        if not address.startswith(("http://", "https://")):
            raise InputError(
                Problem(
                    _("environment variable {variable}", variable=ADDRESS),
                    _("found {text!r}", text=address),
                    _("accepted: the address of a Ray head's dashboard, such as http://head:8265"),
                )
            )
        self._client = httpx.Client(
            base_url=address.rstrip("/"), headers=_authorization(), timeout=TIMEOUT_SECONDS, trust_env=False
        )
        self._address = address
        self._down: tuple[float, str] = float("-inf"), ""

    def nodes(self) -> list[Node]:
        told = self._get("/api/cluster_status").json()
        usage = told["data"]["clusterStatus"]["loadMetricsReport"]["usageByNode"]
        return [_node(of) for of in usage.values()]

    def submit(self, asked: Asked) -> str:
        wait = kill_seconds()
        body = {
            "entrypoint": "exec " + shlex.join(asked.command),
            "submission_id": asked.name,
            "runtime_env": {"env_vars": {**asked.environment, "RAY_JOB_STOP_WAIT_TIME_S": str(wait)}},
            "entrypoint_num_cpus": asked.cpus,
            **({"entrypoint_num_gpus": asked.gpus} if asked.gpus else {}),
        }
        answer = self._ask("POST", "/api/jobs/", json=body, timeout=SUBMIT_SECONDS)
        if answer.is_error:
            last = answer.text.strip().rpartition("\n")[2][:MOST_TOLD]
            raise Refused(_("Ray did not take the run: {told}", told=last))
        return asked.name

    def job(self, job: str) -> Job:
        answer = self._ask("GET", f"/api/jobs/{job}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return Job(JobState.UNKNOWN)
        found = self._usable(answer).json()
        state, code = STATES.get(found["status"], JobState.UNKNOWN), found.get("driver_exit_code")
        first = str(found.get("message") or "").partition("\n")[0]
        return Job(state, int(code) if code is not None else None, first[:MOST_TOLD])

    def cancel(self, job: str) -> None:
        self._ask("POST", f"/api/jobs/{job}/stop")

    def close(self) -> None:
        self._client.close()

    # -- asking

    def _get(self, path: str) -> httpx.Response:
        return self._usable(self._ask("GET", path))

    def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """An answer, be it an error of Ray's. Raises Unreachable, at once where it has just been so."""
        when, why = self._down
        if time.monotonic() - when < DOWN_SECONDS:
            raise Unreachable(why)
        try:
            answer = self._client.request(method, path, **more)
        except httpx.HTTPError as error:
            raise self._unreachable(
                _("Ray does not answer at {address} ({error}).", address=self._address, error=type(error).__name__)
            ) from None
        if answer.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
            if "Authorization" in self._client.headers:
                raise self._unreachable(
                    _("Ray at {address} refuses the token of {variable}.", address=self._address, variable=TOKEN_FILE)
                )
            raise self._unreachable(
                _(
                    "Ray at {address} asks for a token: name the file that holds it in {variable}.",
                    address=self._address,
                    variable=TOKEN_FILE,
                )
            )
        return answer

    def _usable(self, answer: httpx.Response) -> httpx.Response:
        if answer.is_error:
            raise self._unreachable(
                _("Ray at {address} answers with error {code}.", address=self._address, code=answer.status_code)
            )
        return answer

    def _unreachable(self, why: str) -> Unreachable:
        self._down = time.monotonic(), why
        return Unreachable(why)


def _authorization() -> dict[str, str]:
    """Raises InputError where the token's file can't be read."""
    if not (file := os.environ.get(TOKEN_FILE, "").strip()):
        return {}
    try:
        token = Path(file).read_text(encoding="utf-8").strip()
        token.encode("ascii")
    except (OSError, ValueError):
        token = ""
    if not token:
        raise InputError(
            Problem(
                _("environment variable {variable}", variable=TOKEN_FILE),
                _("no token can be read from {file!r}", file=file),
                _("accepted: a file that holds the cluster's token"),
            )
        )
    return {"Authorization": f"Bearer {token}"}


def _node(usage: dict[str, list[float]]) -> Node:
    """From Ray's "name of a resource -> used, there"."""
    cpus_used, cpus = usage.get("CPU", (0.0, 0.0))
    gpus_used, gpus = usage.get("GPU", (0.0, 0.0))
    return Node(cpus, gpus, cpus_used, gpus_used)
