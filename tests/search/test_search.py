"""A whole search on the small task of templates/: what it answers, that it never sees the test, that it goes on."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engines import api, registry
from engines.contract import Cancelled, Event, InputError, Strategy
from engines.data.tables import write_csv
from engines.runs import RunFolder
from engines.search import board, told
from engines.search.plan import Plan
from templates.task import samples
from templates.task.settings import LENGTH

TASK, TRIALS, EACH = "example.shapes", 8, 50
EXTRA = f"{TASK}=templates.task.task:Shapes"
PLAN = Plan(300, TRIALS)
SHORT = {"epochs": 6}
Finished = tuple[dict[str, Any], Path]
"""A search's answer and its folder."""


@pytest.fixture(scope="module", autouse=True)
def template() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_EXTRA_TASKS", EXTRA)
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Signals that are hard to tell apart, so that trials differ."""
    rng, file = np.random.default_rng(0), tmp_path_factory.mktemp("data") / "signals.csv"
    names = ("rising", "fading", "beating", "knocking") * EACH
    rows = [[*(samples.vibration(name, rng) + rng.normal(0, 0.8, LENGTH)).round(3), name] for name in names]
    write_csv(file, [*(f"v{n}" for n in range(LENGTH)), "label"], rows)
    return file


@pytest.fixture(scope="module")
def parts(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """What is learnt from, a test, and the same test with every label wrong."""
    folder = tmp_path_factory.mktemp("parts")
    with data.open(encoding="utf-8", newline="") as file:
        heading, *rows = csv.reader(file)
    names = sorted({row[-1] for row in rows})
    wrong = [[*row[:-1], names[names.index(row[-1]) - 1]] for row in rows[::5]]
    learnt = [row for number, row in enumerate(rows) if number % 5]
    made = []
    for name, own in (("learnt", learnt), ("test", rows[::5]), ("wrong", wrong)):
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([heading, *own])
        made.append(folder / f"{name}.csv")
    return made[0], made[1], made[2]


def recipe(data: Path, test: Path | None = None, **settings: Any) -> Any:
    return api.recipe(TASK, data, test=test, settings=SHORT | settings)


@pytest.fixture(scope="module")
def finished(parts: tuple[Path, Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Finished:
    out = tmp_path_factory.mktemp("search") / "out"
    return api.search(recipe(parts[0], parts[1]), out, PLAN), out


def test_it_answers_as_the_command_line_promises(finished: Finished) -> None:
    found, out = finished
    assert list(found)[-5:] == ["best", "default", "difference", "trials", "seconds"]
    for row in (found["best"], found["default"]):
        assert {"strategy", "model", "settings", "value", "low", "high"} <= row.keys()
        assert row["low"] <= row["value"] <= row["high"]
    assert found["default"]["strategy"] == registry.task(TASK).info.usual
    assert {"value", "low", "high", "n", "seeds"} == found["difference"].keys()
    assert found["difference"]["value"] == pytest.approx(found["best"]["value"] - found["default"]["value"])
    assert found["trials"] == TRIALS == len(found["tried"])
    assert RunFolder(out).search == found
    done = [row for row in found["tried"] if row["ending"] == "done"]
    assert [row["value"] for row in done] == sorted((row["value"] for row in done), reverse=True)
    assert found["best"]["strategy"] == done[0]["strategy"]
    assert RunFolder(out).done


def test_every_trial_is_a_run_folder_and_the_winner_a_whole_run(finished: Finished) -> None:
    found, out = finished
    for number, tried in board.all_of(out).items():
        folder = RunFolder(out / board.name_of(number))
        assert folder.recipe.strategy == tried.strategy
        assert folder.recipe.settings == SHORT | dict(tried.settings)
        assert folder.state[0].finished
        assert not (folder.path / "checkpoint").exists()
    best = RunFolder(out / "best")
    assert best.result is not None
    assert best.result.value == found["best"]["value"]
    assert api.predict(best.path, Path(best.recipe.test or best.recipe.data))


def test_no_trial_sees_the_test(parts: tuple[Path, Path, Path], finished: Finished, tmp_path: Path) -> None:
    """Every label of the test is wrong, and nothing before the end is any different."""
    learnt, _, wrong = parts
    other = api.search(recipe(learnt, wrong), tmp_path / "out", PLAN)
    found, _ = finished
    timeless = [{name: row[name] for name in row if name != "seconds"} for row in found["tried"]]
    assert [{name: row[name] for name in row if name != "seconds"} for row in other["tried"]] == timeless
    assert other["best"]["value"] < found["best"]["value"]


def test_some_are_dropped_on_the_way_and_say_so(finished: Finished) -> None:
    found, _ = finished
    dropped = [row for row in found["tried"] if row["ending"] == "dropped"]
    assert dropped, "halving looked at nothing"
    assert all(0 < row["epochs"] < row["planned"] and row["why"] and row["value"] is None for row in dropped)
    assert str(len(dropped)) in told.dropped(found)


def test_a_search_killed_in_its_middle_goes_on(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    asked = [sys.executable, "-m", "engines", "search", TASK, "--data", data, "--out", out, "--max-seconds=300"]
    asked += [f"--trials={TRIALS}", *(f"--set={name}={value}" for name, value in SHORT.items())]
    process = subprocess.Popen(asked, env=os.environ | {"OMP_NUM_THREADS": "1"}, stderr=subprocess.DEVNULL)
    try:
        while len(board.all_of(out)) < 2 and process.poll() is None:
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    before = board.all_of(out)
    assert 2 <= len(before) < TRIALS
    with (out / "journal.log").open("a", encoding="utf-8") as journal:
        journal.write('{"op_code": 6, "cut sho')
    found = api.search(recipe(data), out, PLAN)
    after = board.all_of(out)
    assert {number: after[number] for number in before} == before
    assert found["trials"] == TRIALS
    assert found["seconds"] >= sum(tried.seconds for tried in before.values())


def test_a_search_stops_when_asked_and_goes_on_with_the_same_data_alone(data: Path, tmp_path: Path) -> None:
    own, out, known = tmp_path / "own.csv", tmp_path / "out", data.read_bytes()
    own.write_bytes(known)

    def stop(event: Event) -> None:
        if event.kind == "trial":
            RunFolder(out).request_cancel()

    with pytest.raises(Cancelled):
        api.search(recipe(own), out, Plan(300, 2), listeners=[stop])
    assert list(board.all_of(out)) == [0]
    own.write_bytes(known[: known.rstrip().rindex(b"\n") + 1])
    with pytest.raises(InputError, match="data: they have changed since this search began; accepted: "):
        api.search(recipe(own), out, Plan(300, 2))
    own.write_bytes(known)
    assert api.search(recipe(own), out, Plan(300, 2))["trials"] == 2


def test_no_time_for_one_trial_is_a_sentence(data: Path, tmp_path: Path) -> None:
    long = recipe(data, epochs=10_000, patience=10_000)
    with pytest.raises(
        InputError, match=r"^--max-seconds: 5 seconds are not enough for one trial and the end; accepted"
    ):
        api.search(long, tmp_path / "out", Plan(5))


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"models": ("oceans",)}, "model oceans: there is no such model; accepted: waves."),
        (
            {"strategies": ("lora",)},
            "--strategies: lora is not offered here; accepted: features, partial, full, scratch.",
        ),
    ],
)
def test_what_cannot_be_searched_is_a_sentence(data: Path, tmp_path: Path, asked: Any, sentence: str) -> None:
    with pytest.raises(InputError) as refused:
        api.search(recipe(data), tmp_path / "out", Plan(60, **asked))
    assert str(refused.value) == sentence


def test_a_search_with_nothing_to_try_is_a_sentence(data: Path, tmp_path: Path) -> None:
    fixed = recipe(data, learning_rate=1e-3, weight_decay=0.01)
    with pytest.raises(InputError, match="there is nothing to try beside the default, features on waves"):
        api.search(fixed, tmp_path / "out", Plan(60, strategies=(str(Strategy.FEATURES),)))


def test_too_few_to_choose_by_is_a_sentence(data: Path, tmp_path: Path) -> None:
    few = tmp_path / "few.csv"
    heading, *rows = data.read_text(encoding="utf-8").splitlines()
    few.write_text("\n".join([heading, *rows[:24]]), encoding="utf-8")
    with pytest.raises(InputError, match="examples are held out to choose by; accepted: 10 or more"):
        api.search(recipe(few), tmp_path / "out", Plan(60))
    with pytest.raises(InputError, match="data: none of them are held out to choose by"):
        api.search(recipe(data, validation_fraction=0), tmp_path / "other", Plan(60))
