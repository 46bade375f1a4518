"""Runs on Slurm: with a stand-in for its commands (`fake_slurm`, which is not Slurm) and real workers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from engines.contract import InputError, State
from engines.jobs.launchers import slurm, tickets
from engines.jobs.launchers.cluster import Node
from engines.jobs.local.backend import LocalBackend
from engines.runs import RunFolder
from tests.jobs.watching import Jobs, Wait, ending, reaches, told, worker

FAKE = Path(__file__).parent / "fake_slurm" / "slurm.py"


@pytest.fixture
def spool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the stand-in keeps its jobs; its commands stand in PATH."""
    folder, tools = tmp_path / "spool", tmp_path / "bin"
    folder.mkdir()
    tools.mkdir()
    for name in (*slurm.TOOLS, "srun"):
        (tools / name).symlink_to(FAKE)
    monkeypatch.setenv("FAKE_SLURM", str(folder))
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    monkeypatch.setenv("HEADSTART_LAUNCHER", "slurm")
    monkeypatch.setenv("HEADSTART_SLURM_OPTIONS", "--partition=short --time=1:00:00")
    monkeypatch.setenv("HEADSTART_GRACE_SECONDS", "4")
    return folder


@pytest.fixture
def jobs(spool: Path) -> Iterator[LocalBackend]:
    assert list(spool.iterdir()) == []
    queue = LocalBackend()
    yield queue
    queue.close()


def test_a_run_is_done_as_a_step_that_gets_a_signal_before_its_time_is_up(
    jobs: LocalBackend, spool: Path, job: Jobs, wait: Wait
) -> None:
    run_id = jobs.submit(job(steps=2))
    assert ending(jobs, run_id, wait).state is State.DONE
    launch = tickets.launch_of(RunFolder.find(run_id))
    assert launch
    assert (launch.launcher, launch.job, launch.host) == ("Slurm", "1", os.uname().nodename)
    options, script = (spool / "1.options").read_text().split("\n"), (spool / "1.script").read_text()
    assert {"--signal=TERM@90", "--no-requeue", "--partition=short", "--time=1:00:00", "--cpus-per-task=2"} <= {
        *options
    }
    assert "exec srun --ntasks=1 --cpus-per-task=2 " in script
    assert run_id not in script + "".join(options), "the id of a run is the key to it"


def test_what_is_cancelled_and_what_is_killed(jobs: LocalBackend, job: Jobs, wait: Wait) -> None:
    first = jobs.submit(job(steps=3, hold_at=2))
    reaches(jobs, first, 2, wait)
    second = jobs.submit(job(steps=3, hold_at=2))
    jobs.cancel(first)
    assert ending(jobs, first, wait).message == "Cancelled. What was learnt so far is kept."
    reaches(jobs, second, 2, wait)
    worker(second).kill()
    status = ending(jobs, second, wait)
    assert (status.state, status.message.endswith("Resume continues after epoch 2.")) == (State.INTERRUPTED, True)


def test_a_job_that_waits_is_cancelled_and_one_that_is_refused_is_a_sentence(
    jobs: LocalBackend, spool: Path, job: Jobs, wait: Wait
) -> None:
    (spool / "hold").touch()
    waiting = jobs.submit(job())
    wait(lambda: (spool / "1.script").exists(), "the job")
    jobs.cancel(waiting)
    assert ending(jobs, waiting, wait).message == "Cancelled before it started."
    assert told(jobs, waiting) == ["queued", "cancelled"]
    (spool / "refuses").touch()
    status = ending(jobs, jobs.submit(job()), wait)
    assert (status.state, status.message) == (
        State.FAILED,
        "Slurm did not take the run: sbatch: error: Invalid account",
    )


@pytest.mark.usefixtures("spool")
def test_room_is_that_of_the_machines_that_take_jobs() -> None:
    assert slurm.Slurm().nodes() == [Node(2, 0, 0, 0)]
    assert slurm._gpus("gpu:a100:4(IDX:0-3),gpu:1,shard:8") == 5


def test_without_its_commands_it_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HEADSTART_LAUNCHER", "slurm")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=r"^Slurm: the command sbatch is not here; accepted: a machine from which"):
        LocalBackend()
