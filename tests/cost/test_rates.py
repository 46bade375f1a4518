"""What is remembered of runs, and what is made of it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from engines import paths
from engines.cost import rates
from engines.cost.rates import Kind, Took

KIND = Kind("vision.classification", "net", "features", "cpu", "auto")


def took(ratio: float, memory: int | None = None, kind: Kind = KIND, phase: str = "training") -> Took:
    return Took(kind, {phase: (10.0, 10.0 * ratio)}, 5e10, memory)


def test_what_is_learnt_is_read_again() -> None:
    assert rates.read() == []
    assert rates.version() == 0
    rates.learn(took(2.0, 123))
    assert rates.read() == [took(2.0, 123)]
    assert rates.version() > 0


def test_the_median_of_the_newest_leaves_outliers_out() -> None:
    runs = [took(r) for r in (9, 9, 9, 9, 1.0, 1.1, 40.0, 0.9, 1.2, 1.0, 1.1)]
    known = rates.known(KIND, runs)
    assert len(known.runs) == rates.NEWEST
    assert known.ratio("training") == pytest.approx(1.1)
    assert known.ratio("testing") is None


def test_a_baseline_that_was_never_trained_has_the_pace_of_training() -> None:
    assert rates.known(KIND, [took(3.0)]).ratio("baseline") == 3.0
    assert rates.known(KIND, [took(3.0), took(5.0, phase="baseline")]).ratio("baseline") == 5.0


@pytest.mark.parametrize(
    ("others", "alike", "ratio"),
    [
        ([KIND, replace(KIND, model="other")], "model", 1.0),
        ([replace(KIND, model="other"), replace(KIND, strategy="full")], "strategy", 1.0),
        ([replace(KIND, strategy="full")], "task", 1.0),
        ([replace(KIND, device="GPU")], "", None),
        ([replace(KIND, precision="no")], "", None),
        ([replace(KIND, task="text.sentiment")], "", None),
    ],
)
def test_the_likest_runs_tell(others: list[Kind], alike: str, ratio: float | None) -> None:
    known = rates.known(KIND, [took(1.0 + n, kind=kind) for n, kind in enumerate(others)])
    assert (known.alike, known.ratio("training")) == (alike, ratio)


def test_a_model_that_somebody_named_is_like_no_other() -> None:
    nameless = replace(KIND, model="")
    assert rates.known(nameless, [took(1.0, kind=nameless)]).alike == "strategy"


def test_memory_is_that_of_the_same_model() -> None:
    assert rates.known(KIND, [took(1, 100), took(1, 300), took(1, 200), took(1)]).memory == 200
    assert rates.known(KIND, [took(1, 100, replace(KIND, model="other"))]).memory is None


@pytest.mark.parametrize(
    "bad", ["", "{", "null", "[]", "{}", '{"kind": {}, "phases": {}}', "\xff\x00", '{"phases": 3}']
)
def test_lines_that_cannot_be_read_are_passed_over(bad: str) -> None:
    rates.learn(took(1.0))
    with (paths.home() / rates.FILE).open("ab") as file:
        file.write(bad.encode("latin-1") + b"\n")
    rates.learn(took(2.0))
    assert rates.read() == [took(1.0), took(2.0)]


def test_the_file_stays_small_and_keeps_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "MOST_BYTES", 2000)
    for n in range(100):
        rates.learn(took(float(n + 1)))
    assert (paths.home() / rates.FILE).stat().st_size <= 2000
    assert rates.read()[-1] == took(100.0)
    assert 3 < len(rates.read()) < 20


def test_a_folder_that_takes_nothing_stops_nobody() -> None:
    paths.home().mkdir(parents=True, exist_ok=True)
    (paths.home() / rates.FILE).mkdir()
    rates.learn(took(1.0))
    assert rates.read() == []


WRITES = """
from engines.cost import rates
kind = rates.Kind("a.b", "net", "features", "cpu", "auto")
for n in range(60):
    rates.learn(rates.Took(kind, {"training": (1.0, 2.0)}))
"""


def test_two_processes_write_at_once() -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITES], cwd=paths.PROJECT) for _ in range(2)]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    lines = (paths.home() / rates.FILE).read_text().splitlines()
    assert len(lines) == 120
    assert {json.loads(line)["phases"]["training"][1] for line in lines} == {2.0}
