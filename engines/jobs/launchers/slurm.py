"""Slurm by its own commands: `sbatch` of the same worker, `squeue` and `scontrol` for what became of it, `scancel`.

A job gets SIGTERM 90 s before its time is up, so that its checkpoint is written. `srun` runs the worker as a step, for
it is to steps that Slurm sends that signal.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence

from engines.contract import InputError, Problem
from engines.jobs.launchers.cluster import Asked, Job, JobState, Node
from engines.jobs.launchers.contract import Refused, Unreachable
from engines.messages import _

OPTIONS = "HEADSTART_SLURM_OPTIONS"
TOOLS = ("sbatch", "squeue", "scontrol", "scancel", "sinfo")
TIMEOUT_SECONDS = 15.0
BEFORE_THE_END_SECONDS = 90
WAITS = {"PENDING", "CONFIGURING", "REQUEUED", "RESV_DEL_HOLD", "SPECIAL_EXIT"}
RUNS = {"RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "STAGE_OUT", "SIGNALING"}
USABLE = ("idle", "mix", "alloc", "comp")
"""How the states of machines begin that take jobs."""
MOST_TOLD = 200


class Slurm:
    """See `cluster.Cluster`."""

    name = "Slurm"

    def __init__(self) -> None:
        """Raises InputError where Slurm's commands are not here, or HEADSTART_SLURM_OPTIONS can't be read."""
        missing = [tool for tool in TOOLS if shutil.which(tool) is None]
        if missing:
            found = _("the command {tool} is not here", tool=missing[0])
            raise InputError(Problem("Slurm", found, _("accepted: a machine from which jobs are submitted")))
        try:
            self._options = shlex.split(os.environ.get(OPTIONS, ""))
        except ValueError:
            raise InputError(
                Problem(
                    _("environment variable {variable}", variable=OPTIONS),
                    _("found {text!r}", text=os.environ[OPTIONS]),
                    _("accepted: options of sbatch, such as --partition=gpu --time=4:00:00"),
                )
            ) from None

    def nodes(self) -> list[Node]:
        chosen = [option for option in self._options if option.startswith(("--partition=", "-p"))]
        wanted = "NodeHost:|,StateCompact:|,CPUsState:|,Gres:|,GresUsed:|"
        lines = self._told(["sinfo", "--noheader", "--Node", *chosen, "--Format", wanted]).splitlines()
        found = {}  # a machine stands once for each partition that it is in
        for line in lines:
            host, state, cpus, gres, used = (part.strip() for part in line.split("|")[:5])
            if state.lower().startswith(USABLE) and not state.endswith("*"):
                allocated, _idle, _other, total = map(int, cpus.split("/"))
                found[host] = Node(total, _gpus(gres), allocated, _gpus(used))
        return list(found.values())

    def submit(self, asked: Asked) -> str:
        exported = "\n".join(f"export {name}={shlex.quote(value)}" for name, value in asked.environment.items())
        step = shlex.join(["srun", "--ntasks=1", f"--cpus-per-task={asked.cpus}", *asked.command])
        command = [
            "sbatch",
            "--parsable",
            f"--signal=TERM@{BEFORE_THE_END_SECONDS}",
            "--no-requeue",
            f"--job-name={asked.name}",
            "--ntasks=1",
            f"--cpus-per-task={asked.cpus}",
            *([f"--gpus={asked.gpus}"] if asked.gpus else []),
            "--output=/dev/null",
            *self._options,
        ]
        answer = self._run(command, f"#!/bin/sh\n{exported}\nexec {step}\n")
        if answer.returncode:
            raise Refused(_("Slurm did not take the run: {told}", told=_last(answer.stderr)))
        return answer.stdout.strip().partition(";")[0]

    def job(self, job: str) -> Job:
        """Of one that has ended Slurm forgets soon: then it has ended, and how is not known."""
        answer = self._run(["squeue", "--noheader", "--states=all", "--jobs", job, "--format=%T"])
        state = answer.stdout.strip().partition("\n")[0]
        if answer.returncode and "invalid job id" not in answer.stderr.lower():
            raise Unreachable(_("Slurm does not answer: {told}", told=_last(answer.stderr)))
        if state in WAITS:
            return Job(JobState.WAITS)
        if state in RUNS:
            return Job(JobState.RUNS)
        told = self._run(["scontrol", "--oneliner", "show", "job", job]).stdout
        code = re.search(r"\bExitCode=(\d+):(\d+)", told)
        status = int(code[1]) + (128 + int(code[2]) if int(code[2]) else 0) if code else None
        return Job(JobState.ENDED, status, state)

    def cancel(self, job: str) -> None:
        """Slurm follows its SIGTERM with SIGKILL after the KillWait of its own settings (30 s)."""
        self._run(["scancel", job])

    def close(self) -> None: ...

    # -- asking

    def _told(self, command: Sequence[str]) -> str:
        answer = self._run(command)
        if answer.returncode:
            raise Unreachable(_("Slurm does not answer: {told}", told=_last(answer.stderr)))
        return answer.stdout

    def _run(self, command: Sequence[str], script: str = "") -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                command, input=script, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unreachable(
                _("Slurm does not answer: {told}", told=f"{command[0]}, {type(error).__name__}")
            ) from None


def _gpus(gres: str) -> float:
    """How many cards Slurm's list of resources names: "gpu:a100:4(IDX:0-3),gpu:1" has five."""
    plain = re.sub(r"\([^)]*\)", "", gres)
    return float(sum(int(number) for number in re.findall(r"\bgpu(?::[^,:]+)?:(\d+)", plain)))


def _last(text: str) -> str:
    return text.strip().rpartition("\n")[2][:MOST_TOLD]
