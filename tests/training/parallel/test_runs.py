"""Whole runs by two processes: the numbers of one, and an end of each kind that leaves nobody behind."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from engines import api, paths, registry
from engines.contract import Cancelled, Event, Recipe, State, Strategy
from engines.runs import RunFolder
from engines.training.parallel import siblings
from tests import tiny_text
from tests.contract.tiny import TINY

pytestmark = pytest.mark.usefixtures("one_thread")
SHAPES = "example.shapes"


@pytest.fixture(autouse=True)
def of_the_template(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_EXTRA_TASKS", f"{SHAPES}=templates.task.task:Shapes")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Recipe]:
    def made(task: str, strategy: str, **settings: Any) -> Recipe:
        tiny, models, data = TINY[task], tmp_path / "models", tmp_path / "data"
        models.mkdir()
        tiny.write_weights(models)
        tiny_text.write_llama(
            models
        )  # other than GPT-2 and BERT it has no dropout, of which each process draws its own
        monkeypatch.setenv("HEADSTART_MODELS", str(models))
        short = {**tiny.strategies[Strategy(strategy)], **settings}
        model = "tiny-llama" if task == "text.generation" else tiny.model
        return api.recipe(task, tiny.write_data(data), model=model, strategy=strategy, settings=short)

    return made


def epochs(run: RunFolder) -> list[dict[str, Any]]:
    """What is told of each, but for what a clock says."""
    rows = [event.data for event in run.events() if event.kind == "epoch"]
    return [{name: row[name] for name in row if name not in {"rate", "seconds_left"}} for row in rows]


def notes(run: RunFolder) -> list[str]:
    return [str(event.data["message"]) for event in run.events() if event.kind == "note"]


def others(of: int | None = None) -> list[psutil.Process]:
    """Processes that train beside this one, or another: none of what earlier tests have left, be it dead."""
    found = []
    for process in psutil.Process(of).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if "spawn_main" in " ".join(process.cmdline()):
                found.append(process)
    return found


@pytest.mark.parametrize(
    ("task", "strategy", "settings", "close"),
    [
        # float32 convolutions of another number of pictures round otherwise, which Adam's first steps make larger: one
        # process that gathers gradients over two batches of half the size is as far off
        ("vision.classification", "full", {"augment": "none", "baseline": "scratch", "baseline_epochs": 2}, 2e-3),
        ("text.generation", "lora", {"gradient_accumulation": 2, "forgetting": False, "mixed_precision": "no"}, 1e-5),
    ],
)
def test_a_run_of_two_processes_tells_what_one_of_one_does(
    task: str,
    strategy: str,
    settings: dict[str, Any],
    close: float,
    recipe: Callable[..., Recipe],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, alone, together = recipe(task, strategy, **settings), tmp_path / "alone", tmp_path / "together"
    before = others()
    one = api.fit(asked, alone)
    monkeypatch.setenv("HEADSTART_PROCESSES", "2")
    two = api.fit(asked, together)
    assert "2 processes train this run, each with its share of every batch." in notes(RunFolder(together))
    told, as_one = epochs(RunFolder(together)), epochs(RunFolder(alone))
    assert len(told) == len(as_one) > 2
    for row, other in zip(told, as_one, strict=True):
        assert row.keys() == other.keys()
        for name, value in row.items():
            near = {"abs": close} if name.endswith("loss") else {"rel": close}  # a perplexity is in the hundreds here
            same = value == other[name] if isinstance(value, str) else value == pytest.approx(other[name], **near)
            assert same, f"{name} of {row['phase']} {row['epoch']}: {value} {other[name]}"
    assert two.value == pytest.approx(one.value, rel=1e-3)
    assert two.baselines == pytest.approx(one.baselines, rel=1e-3)
    assert [process for process in others() if process not in before] == []


def killing(seen: list[int]) -> Callable[[Event], None]:
    """A listener that ends the other process at the first epoch."""

    def listen(event: Event) -> None:
        if event.kind == "epoch" and event.data["phase"] == "fine-tuning" and not seen:
            seen.extend(process.pid for process in others())
            for pid in seen:
                psutil.Process(pid).kill()

    return listen


def test_one_that_dies_ends_the_run_in_a_sentence_and_it_goes_on_by_itself(
    recipe: Callable[..., Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, out, alone, killed = recipe(SHAPES, "full", epochs=4, patience=4), tmp_path / "run", tmp_path / "alone", []
    monkeypatch.setenv("HEADSTART_PROCESSES", "2")
    with pytest.raises(api.RunFailed, match=r"One of the processes that trained this run together was killed"):
        api.fit(asked, out, listeners=[killing(killed)])
    assert killed
    assert RunFolder(out).state[0] is State.FAILED
    assert not any(psutil.pid_exists(pid) for pid in killed)
    assert (out / "checkpoint" / "fine-tuning").is_dir()
    monkeypatch.delenv("HEADSTART_PROCESSES")
    went_on, as_one = api.fit(asked, out), api.fit(asked, alone)
    assert "Resumed fine-tuning after epoch 1." in notes(RunFolder(out))
    assert went_on.value == pytest.approx(as_one.value, abs=1e-4)


def test_cancelled_it_keeps_its_checkpoint_and_leaves_nobody(
    recipe: Callable[..., Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, out, beside = recipe(SHAPES, "full", epochs=400, patience=400), tmp_path / "run", []

    def listen(event: Event) -> None:
        if event.kind == "epoch" and event.data["phase"] == "fine-tuning":
            beside.extend(others())
            RunFolder(out).request_cancel()

    monkeypatch.setenv("HEADSTART_PROCESSES", "2")
    with pytest.raises(Cancelled):
        api.fit(asked, out, listeners=[listen])
    assert beside
    assert not any(process.is_running() for process in beside)
    assert (out / "checkpoint" / "fine-tuning").is_dir()


@pytest.mark.skipif(sys.platform == "win32", reason="kills as Linux and macOS do")
def test_killed_it_leaves_no_orphan(
    recipe: Callable[..., Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunFolder.create(recipe(SHAPES, "full", epochs=10_000, patience=10_000), tmp_path / "run")
    monkeypatch.setenv("HEADSTART_PROCESSES", "2")
    worker = subprocess.Popen([sys.executable, "-m", "engines.jobs.worker", str(run.path)], cwd=paths.PROJECT)
    try:
        for _ in range(600):
            if epochs(run):
                break
            time.sleep(0.1)
        beside = others(worker.pid)
        assert len(beside) == 1
    finally:
        worker.kill()
        worker.wait()
    _gone, left = psutil.wait_procs(beside, timeout=10)
    assert left == []


@pytest.mark.parametrize(
    ("task", "strategy", "why"),
    [
        (SHAPES, "features", "with 'features' no more than a head learns"),
        ("control.policy", "full", "a robot's policy learns by itself"),
    ],
)
def test_where_others_would_gain_nothing_one_trains_and_says_so(
    task: str, strategy: str, why: str, recipe: Callable[..., Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADSTART_PROCESSES", "2")
    asked, run = recipe(task, strategy), RunFolder(tmp_path / "run")
    RunFolder.create(asked, run.path)
    with siblings.beside(registry.task(task), registry.task(task).open(asked, run)):
        assert notes(run)[-1] == f"One process trains this run: {why}."
        assert others() == []
