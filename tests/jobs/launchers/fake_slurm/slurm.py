#!/usr/bin/env python3
"""NOT Slurm: a small stand-in for sbatch, srun, squeue, scontrol, scancel and sinfo, by the name that it is called by.

A job is some files of $FAKE_SLURM: script, process id, and what it ended with. With $FAKE_SLURM/hold jobs wait. No real
Slurm was at hand: options and columns follow its manual pages.
"""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

HERE = Path(os.environ["FAKE_SLURM"])
RUNS = 'sh "$1"; echo $? > "$2"'


def sbatch(arguments: list[str]) -> int:
    if (HERE / "refuses").exists():
        print("sbatch: error: Invalid account", file=sys.stderr)
        return 1
    number = str(len(list(HERE.glob("*.script"))) + 1)
    script = HERE / f"{number}.script"
    script.write_text(sys.stdin.read())
    (HERE / f"{number}.options").write_text("\n".join(arguments))
    if not (HERE / "hold").exists():
        run = ["sh", "-c", RUNS, "sh", str(script), str(HERE / f"{number}.status")]
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        job = subprocess.Popen(run, start_new_session=True, **quiet)
        (HERE / f"{number}.pid").write_text(str(job.pid))
    print(number)
    return 0


def srun(arguments: list[str]) -> int:
    while arguments[0].startswith("--"):
        arguments.pop(0)
    os.execvp(arguments[0], arguments)


def squeue(arguments: list[str]) -> int:
    number = arguments[arguments.index("--jobs") + 1]
    if not (HERE / f"{number}.script").exists():
        print("slurm_load_jobs error: Invalid job id specified", file=sys.stderr)
        return 1
    if (HERE / f"{number}.cancelled").exists() and not (HERE / f"{number}.pid").exists():
        print("CANCELLED")
    elif not (HERE / f"{number}.pid").exists():
        print("PENDING")
    elif (status := HERE / f"{number}.status").exists():
        print("COMPLETED" if status.read_text().strip() == "0" else "FAILED")
    elif Path(f"/proc/{(HERE / f'{number}.pid').read_text()}").exists():
        print("RUNNING")
    else:
        print("NODE_FAIL")
    return 0


def scontrol(arguments: list[str]) -> int:
    status = HERE / f"{arguments[-1]}.status"
    code = int(status.read_text()) if status.exists() else 0
    print(f"JobId={arguments[-1]} ExitCode={code if code < 128 else 0}:{code - 128 if code > 128 else 0}")
    return 0


def scancel(arguments: list[str]) -> int:
    (HERE / f"{arguments[0]}.cancelled").touch()
    if (pid := HERE / f"{arguments[0]}.pid").exists():
        with contextlib.suppress(ProcessLookupError):
            for process in Path("/proc").glob("[0-9]*"):
                with contextlib.suppress(OSError):
                    if (
                        os.getsid(int(process.name)) == int(pid.read_text())
                        and (process / "comm").read_text() != "sh\n"
                    ):
                        os.kill(int(process.name), signal.SIGTERM)
    return 0


def sinfo(_arguments: list[str]) -> int:
    print("node1|idle|0/2/0/2|(null)|gpu:0|")
    print("node1|idle|0/2/0/2|(null)|gpu:0|")
    print("node2|down*|0/64/0/64|gpu:a100:4(S:0-1)|gpu:a100:0(IDX:N/A)|")
    return 0


if __name__ == "__main__":
    sys.exit(globals()[Path(sys.argv[0]).name](sys.argv[1:]))
