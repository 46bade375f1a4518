"""A little of benchmarks/load.py, so that it still runs when its numbers are wanted. It judges no number."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from benchmarks import load
from engines import paths

LITTLE = ("--sockets", "5", "--seconds", "4", "--think", "1", "--rounds", "1", "--visits", "5")


@pytest.mark.weights
def test_a_little_load_is_measured_while_a_run_trains() -> None:
    command = [sys.executable, "-m", "benchmarks.load", *LITTLE]
    answer = subprocess.run(command, cwd=paths.PROJECT, capture_output=True, text=True, timeout=280)
    assert answer.returncode == 0, answer.stderr[-3000:]
    idle, training = (int(n) for n in re.findall(r"\((\d+) pages", answer.stdout))
    assert idle
    assert training
    assert "| memory a session, MiB | 1 |" in answer.stdout
    assert "5 sockets" in answer.stdout


def test_the_interval_of_a_ratio_holds_it_and_widens_with_fewer_pages() -> None:
    seconds = [0.1 + 0.01 * n for n in range(200)]
    slower = [2 * each for each in seconds]
    low, high = load.interval(load.Found(idle=[seconds], training=[slower]), seed=0)
    assert low < 2 < high
    few = load.interval(load.Found(idle=[seconds[::20]], training=[slower[::20]]), seed=0)
    assert few[1] - few[0] > high - low
