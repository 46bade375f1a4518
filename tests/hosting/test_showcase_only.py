"""A host that only shows recorded runs: every page with nothing importable but requirements-showcase.txt."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from engines import paths, registry
from engines.contract import InputError, Job, Recipe, State, Strategy
from engines.hosting import limits
from engines.jobs import showcase
from engines.jobs.backends import backend
from engines.jobs.serving import client
from engines.runs import RunFolder

REQUIREMENTS = paths.PROJECT / "requirements-showcase.txt"
INDEX = json.loads((paths.showcase() / "index.json").read_text(encoding="utf-8"))
VISITED = Path(__file__).with_name("visited_without_torch.py")


@pytest.fixture(autouse=True)
def only_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_SHOWCASE", "1")


def test_every_page_and_recorded_run_opens_with_nothing_but_its_requirements() -> None:
    """In a process of its own, where no other package can be imported."""
    command = [sys.executable, str(VISITED), str(REQUIREMENTS)]
    answer = subprocess.run(command, cwd=paths.PROJECT, capture_output=True, text=True, timeout=240)
    assert answer.returncode == 0, answer.stderr[-3000:]
    told = json.loads(answer.stdout.splitlines()[-1])
    assert told["troubles"] == {}
    assert len(told["visited"]) == 15 + len(INDEX) + 4
    assert "make run" in told["refused"]
    assert told["answered"] == "0"
    assert {"streamlit", "onnxruntime"} <= set(told["loaded"]), "the check looked at nothing"
    assert not {"torch", "sklearn", "scipy", "transformers"} & set(told["loaded"])


def test_its_requirements_are_pinned_as_the_apps() -> None:
    lines = re.compile(r"^[\w-]+==\S+$", re.MULTILINE)
    app = (paths.PROJECT / "requirements.txt").read_text(encoding="utf-8")
    own = lines.findall(REQUIREMENTS.read_text(encoding="utf-8"))
    assert own
    assert set(own) <= set(lines.findall(app))


def test_nothing_can_be_queued_and_every_recorded_run_has_ended() -> None:
    assert limits.showcase()
    jobs = backend()
    job = Job(Recipe("text.sentiment", "films", "minilm", Strategy.FEATURES))
    with pytest.raises(InputError, match="nothing can be trained"):
        jobs.submit(job)
    for entry in INDEX:
        assert jobs.status(entry["id"]).state is State.DONE
        assert jobs.cancel(entry["id"]).state is State.DONE
    assert jobs.load().waiting == 0


def test_a_question_that_needs_torch_says_what_this_host_is() -> None:
    with pytest.raises(InputError, match="make run"):
        client.ask({"verb": "check", "task": "text.sentiment", "data": "x", "seed": 0})
    with pytest.raises(InputError, match="make run"):
        next(client.stream({"verb": "chat", "run": "x", "messages": []}))
    films = RunFolder.find("recorded_films_seed_00")
    assert not showcase.can_be_asked(films)
    with pytest.raises(InputError, match="make run"):
        client.ask({"verb": "predict", "run": str(films.path), "data": "x"})
    client.start()
    assert not (paths.home() / "serving.json").exists()


def test_a_picture_is_asked_without_torch_and_gets_the_recorded_answer(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    run = RunFolder.find("recorded_digits_seed_0")
    sample = registry.task("vision.classification").make_sample("digits", tmp_path / "digits")
    for row in pq.read_table(run.path / "predictions.parquet").to_pylist()[::9]:
        (found,) = client.ask({"verb": "predict", "run": str(run.path), "data": str(sample / row["file"])})["rows"]
        assert found["label"] == row["predicted"]
        assert sum(found["probabilities"].values()) == pytest.approx(1)
        assert max(abs(p - row[f"p_{name}"]) for name, p in found["probabilities"].items()) < 0.03


def test_a_file_that_is_no_picture_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    run = paths.showcase() / "recorded_photographs_0"
    with pytest.raises(InputError, match="is no image"):
        client.ask({"verb": "predict", "run": str(run), "data": str(tmp_path / "a.jpg")})


@pytest.mark.weights
def test_without_torch_a_policy_does_what_it_does_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from engines import api

    (tmp_path / "seen.csv").write_text("cos angle,sin angle,angular velocity\n0.0,1.0,0.0\n1.0,0.0,2.0\n")
    run = paths.showcase() / "recorded_pendulum_late"
    rows = client.ask({"verb": "predict", "run": str(run), "data": str(tmp_path / "seen.csv")})["rows"]
    monkeypatch.delenv("HEADSTART_SHOWCASE")
    assert rows == api.load(run).predict(tmp_path / "seen.csv")
