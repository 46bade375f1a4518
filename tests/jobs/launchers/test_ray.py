"""Runs on Ray: with a stand-in for its REST API (`fake_ray`, which is not Ray) and real workers.

On a real cluster the whole conformance suite runs by `make ray-test`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engines import paths
from engines.contract import InputError, State
from engines.jobs import processes
from engines.jobs.backends import delete
from engines.jobs.launchers import tickets
from engines.jobs.local.backend import LocalBackend
from engines.runs import RunFolder
from tests.jobs.launchers.fake_ray import FakeRay
from tests.jobs.watching import Jobs, Wait, ending, let_go, reaches, told, worker

GRACE = 4


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeRay]:
    fake = FakeRay()
    monkeypatch.setenv("HEADSTART_LAUNCHER", "ray")
    monkeypatch.setenv("HEADSTART_RAY_ADDRESS", fake.address)
    monkeypatch.setenv("HEADSTART_RUN_CPUS", "1")
    monkeypatch.setenv("HEADSTART_GRACE_SECONDS", str(GRACE))
    yield fake
    fake.die()


@pytest.fixture
def open_ray(ray: FakeRay) -> Iterator[Callable[[], LocalBackend]]:
    opened: list[LocalBackend] = []
    assert ray.jobs == {}

    def open_one() -> LocalBackend:
        opened.append(LocalBackend())
        return opened[-1]

    yield open_one
    for jobs in opened:
        jobs.close()


@pytest.fixture
def jobs(open_ray: Callable[[], LocalBackend]) -> LocalBackend:
    return open_ray()


# --- the straight way -------------------------------------------------------------------------------


def test_a_run_is_done_says_where_and_ray_is_told_nothing_of_it(
    ray: FakeRay, jobs: LocalBackend, job: Jobs, wait: Wait
) -> None:
    run_id = jobs.submit(job(steps=2))
    assert ending(jobs, run_id, wait).state is State.DONE
    assert told(jobs, run_id) == ["queued", "running", "starts at 0", "1", "2", "done"]
    run = RunFolder.find(run_id)
    launch = wait(lambda: (found := tickets.launch_of(run)) and found.ended and found, "the job to be let go of")
    assert (launch.launcher, launch.host) == ("Ray", os.uname().nodename)
    (asked,) = ray.asked
    assert run_id not in json.dumps(asked), "the id of a run is the key to it"
    assert asked["entrypoint_num_cpus"] == 1, "else it would run on the head, with one thread"
    environment = asked["runtime_env"]["env_vars"]
    assert (environment["OMP_NUM_THREADS"], environment["CUDA_VISIBLE_DEVICES"]) == ("1", "")
    assert environment["RAY_JOB_STOP_WAIT_TIME_S"] == str(GRACE - 2), "else a checkpoint gets 3 s"
    assert list(tickets.folder().iterdir()) == []
    assert (run.path / "worker.log").stat().st_mode & 0o77 == 0


def test_cancel_while_it_runs_keeps_the_checkpoint_and_a_second_app_adopts(
    open_ray: Callable[[], LocalBackend], job: Jobs, wait: Wait
) -> None:
    first = open_ray()
    run_id = first.submit(job(steps=5, hold_at=2))
    reaches(first, run_id, 2, wait)
    first.close()
    jobs = open_ray()
    assert jobs.status(run_id).state is State.RUNNING
    began = time.monotonic()
    jobs.cancel(run_id)
    assert ending(jobs, run_id, wait).message == "Cancelled. What was learnt so far is kept."
    assert time.monotonic() - began < GRACE + 3
    assert (RunFolder.find(run_id).path / "checkpoint" / "step").read_text() == "2"
    let_go(run_id)
    jobs.submit(None, resume=run_id)
    assert ending(jobs, run_id, wait).state is State.DONE
    assert told(jobs, run_id)[5:] == ["cancelled", "queued", "running", "starts at 2", "3", "4", "5", "done"]


# --- what dies --------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["worker", "cluster"])
def test_what_is_killed_is_noticed_within_15_seconds(
    ray: FakeRay, jobs: LocalBackend, job: Jobs, wait: Wait, what: str
) -> None:
    run_id = jobs.submit(job(steps=3, hold_at=2))
    reaches(jobs, run_id, 2, wait)
    process = worker(run_id)
    began = time.monotonic()
    if what == "worker":
        process.kill()
    else:
        ray.die()
    status = ending(jobs, run_id, wait)
    assert time.monotonic() - began < 15
    killed = "The training process was killed, or the machine went down."
    assert (status.state, status.message) == (State.INTERRUPTED, f"{killed} Resume continues after epoch 2.")
    assert not process.is_running()
    if what == "cluster":
        waiting = jobs.submit(job(steps=1))
        address = f"Ray does not answer at {ray.address} (ConnectError)."
        wait(lambda: jobs.status(waiting).message == address, "the sentence")
        assert jobs.cancel(waiting).state is State.CANCELLED


STARTS = "import subprocess, sys; print(subprocess.Popen(sys.argv[1:]).pid, flush=True); sys.stdin.read()"


@pytest.mark.parametrize("how", ["its starter was killed", "somebody else was given the run"])
def test_a_worker_that_nobody_would_miss_ends(job: Jobs, wait: Wait, how: str) -> None:
    run = RunFolder.create(job(steps=1, hold_at=1))
    ticket = tickets.write(run)
    tickets.note(run, tickets.Launch("Ray", "job", ticket))
    command = [sys.executable, "-c", STARTS, sys.executable, "-m", "engines.jobs.launchers.remote", ticket]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdin
        assert starter.stdout
        pid = int(starter.stdout.readline())
        since = processes.created(pid)
        assert since
        wait(lambda: (run.path / "checkpoint" / "step").exists(), "the first step")
        if how.startswith("its"):
            starter.send_signal(signal.SIGKILL)
        else:
            tickets.note(run, tickets.Launch("Ray", "another job", "0" * 32))
        wait(lambda: not processes.alive(pid, since), "its end", seconds=20)
        starter.stdin.close()
    assert run.state[0] is State.RUNNING, "what became of it, the queue says"


def test_a_run_that_is_deleted_gives_its_place_back(jobs: LocalBackend, job: Jobs, wait: Wait) -> None:
    run_id = jobs.submit(job(steps=1, hold_at=1))
    reaches(jobs, run_id, 1, wait)
    delete(jobs, run_id)
    following = jobs.submit(job(steps=1))
    assert ending(jobs, following, wait).state is State.DONE
    assert [run.name for run in paths.runs().iterdir()] == [following]


# --- a cluster that has no room ---------------------------------------------------------------------


def test_nothing_is_submitted_that_would_have_to_wait(ray: FakeRay, jobs: LocalBackend, job: Jobs, wait: Wait) -> None:
    ray.used_by_others = 1
    run_id = jobs.submit(job(steps=1))
    wait(lambda: jobs.status(run_id).message == "Ray has no machine free for a run of 1 processors.", "the sentence")
    assert (jobs.status(run_id).state, jobs.status(run_id).position, ray.asked) == (State.QUEUED, 1, [])
    ray.used_by_others = 0
    assert ending(jobs, run_id, wait).state is State.DONE


def test_a_job_that_waits_all_the_same_is_cancelled_here_and_never_runs(
    ray: FakeRay, jobs: LocalBackend, job: Jobs, wait: Wait
) -> None:
    ray.holds = True
    run_id = jobs.submit(job(steps=1))
    wait(lambda: ray.asked, "the job")
    jobs.cancel(run_id)
    assert ending(jobs, run_id, wait).message == "Cancelled before it started."
    (waiting,) = ray.jobs.values()
    ray.start(waiting)  # which Ray does, however late
    assert waiting["process"].wait(30) == tickets.NO_TICKET
    assert told(jobs, run_id) == ["queued", "cancelled"]


def test_a_job_that_ray_never_started_is_asked_for_again_three_times_at_most(
    ray: FakeRay, jobs: LocalBackend, job: Jobs, wait: Wait
) -> None:
    ray.holds = True
    run_id = jobs.submit(job(steps=1))
    for times in (1, 2, 3):
        wait(lambda times=times: len(ray.asked) == times, f"try {times}")
        ray.give_up()
    status = ending(jobs, run_id, wait)
    assert (status.state, status.message) == (
        State.FAILED,
        "Ray took the run 3 times and never started it. Job supervisor actor failed to start within 900.0 seconds.",
    )


# --- bad input --------------------------------------------------------------------------------------


def test_a_folder_that_is_not_shared_is_noticed_before_anything_runs(
    ray: FakeRay, jobs: LocalBackend, job: Jobs, wait: Wait, tmp_path: Path
) -> None:
    ray.environment = {"HEADSTART_HOME": str(tmp_path / "a folder of that machine's own")}
    run_id = jobs.submit(job(steps=1))
    status = ending(jobs, run_id, wait)
    sentence = f"The machines of Ray do not see the folder {paths.home()}: it must be shared with them."
    assert (status.state, status.message) == (State.FAILED, sentence)
    assert told(jobs, run_id) == ["queued", "failed"]


def test_a_worker_that_cannot_be_started_there_is_a_sentence(
    jobs: LocalBackend, job: Jobs, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADSTART_CLUSTER_PYTHON", "/no/such/python")
    status = ending(jobs, jobs.submit(job(steps=1)), wait)
    assert status.message.startswith("Ray could not start the worker: exit status 127.")


def test_a_token_that_is_asked_for_and_one_that_is_wrong(
    ray: FakeRay,
    open_ray: Callable[[], LocalBackend],
    job: Jobs,
    wait: Wait,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ray.token = "the right one"
    jobs = open_ray()
    run_id = jobs.submit(job(steps=1))
    asks = f"Ray at {ray.address} asks for a token: name the file that holds it in HEADSTART_RAY_TOKEN_FILE."
    wait(lambda: jobs.status(run_id).message == asks, "the sentence")
    jobs.close()
    file = tmp_path / "token"
    file.write_text("a wrong one\n")
    monkeypatch.setenv("HEADSTART_RAY_TOKEN_FILE", str(file))
    jobs = open_ray()
    refuses = f"Ray at {ray.address} refuses the token of HEADSTART_RAY_TOKEN_FILE."
    wait(lambda: jobs.status(run_id).message == refuses, "the sentence")
    jobs.close()
    file.write_text("the right one\n")
    jobs = open_ray()
    assert ending(jobs, run_id, wait).state is State.DONE
    assert "the right one" not in json.dumps(ray.asked)


@pytest.mark.usefixtures("ray")
@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        (
            {"HEADSTART_LAUNCHER": "cloud"},
            "environment variable HEADSTART_LAUNCHER: found 'cloud'; accepted: local, ray",
        ),
        ({"HEADSTART_RAY_ADDRESS": ""}, "environment variable HEADSTART_RAY_ADDRESS: found ''; accepted: the address"),
        ({"HEADSTART_RAY_ADDRESS": "head:8265"}, "environment variable HEADSTART_RAY_ADDRESS: found 'head:8265'; acce"),
        ({"HEADSTART_RAY_TOKEN_FILE": "/none"}, "environment variable HEADSTART_RAY_TOKEN_FILE: no token can be read"),
    ],
)
def test_settings_that_are_of_no_use_are_named(
    monkeypatch: pytest.MonkeyPatch, told: dict[str, str], sentence: str
) -> None:
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InputError) as caught:
        LocalBackend()
    assert str(caught.value).startswith(sentence)


def test_the_queue_may_lie_on_another_disk_than_what_is_shared(
    ray: FakeRay, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, open_ray: Callable[[], LocalBackend], job: Any
) -> None:
    ray.used_by_others = 1
    monkeypatch.setenv("HEADSTART_QUEUE", str(tmp_path / "here"))
    open_ray().submit(job())
    assert (tmp_path / "here" / "queue.sqlite3").is_file()
    assert not list(paths.home().glob("queue.sqlite3"))
