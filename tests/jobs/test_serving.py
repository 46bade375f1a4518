"""The warm server: questions, answers, and what happens when it breaks."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client
from pathlib import Path
from typing import Any

import psutil
import pytest

from engines import paths
from engines.contract import InputError, Problem, Recipe
from engines.cost.rates import Kind, Took, learn
from engines.cost.work import PACE
from engines.jobs import worker
from engines.jobs.serving import client, machine, wire
from engines.jobs.serving.handlers import LoadedModels, answer
from engines.runs import RunFolder
from engines.training import devices

Recipes = Callable[..., Recipe]


@pytest.fixture(scope="module")
def one_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("served-home")


@pytest.fixture(autouse=True)
def served(one_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All tests here share a home, and so a server: starting one takes seconds."""
    monkeypatch.setenv("HEADSTART_HOME", str(one_home))


@pytest.fixture(scope="module", autouse=True)
def nothing_left_behind(one_home: Path) -> Iterator[None]:
    yield
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_HOME", str(one_home))
        process = server()
        client.stop()
        if process:
            process.wait(timeout=60)


def server() -> psutil.Process | None:
    address = wire.address()
    return psutil.Process(address["pid"]) if address else None


def trained(recipe: Recipes, steps: int) -> RunFolder:
    run = RunFolder.create(recipe(steps=steps))
    assert worker.execute(run) == 0
    return run


def check(data: str, **more: Any) -> dict[str, Any]:
    return {"verb": "check", "task": "toy.counting", "data": data, **more}


# --- questions and answers --------------------------------------------------------------------------


def test_a_task_that_cannot_be_ranked_says_so(tmp_path: Path) -> None:
    question = {"verb": "rank", "task": "toy.counting", "data": str(tmp_path), "models": []}
    with pytest.raises(InputError, match=r"toy\.counting: its models can neither be compared by frozen features"):
        client.ask(question)


def test_check_tells_its_progress_and_its_report() -> None:
    told: list[tuple[int, int]] = []
    report = client.ask(check("/data/fine", seed=7, settings={"steps": "4"}), lambda *step: told.append(step))
    assert report["classes"] == {"é": 3}
    assert report["notes"] == [
        "seed 7, ToySettings(accept_guesses=False, steps=4, hold_at=0, pause=0, trouble='', baseline='none')"
    ]
    assert told[0] == (0, 3)
    assert told[-1] == (3, 3)


def test_an_answer_in_pieces(recipe: Recipes) -> None:
    run = trained(recipe, 2)
    question = {"verb": "chat", "run": run.id, "messages": [{"role": "user", "content": "é"}], "most": 4}
    assert list(client.stream(question)) == ["é"] * 4
    assert client.ask(question)["text"] == "éééé", "without a listener it comes whole"
    with pytest.raises(InputError, match=r"^messages: there are none"):
        list(client.stream(question | {"messages": []}))


class Forecasts:
    """A predictor that has a stream of its own, and does not talk."""

    def predict(self, data: Path) -> list[dict[str, Any]]:
        return list(self.stream(data))

    def stream(self, data: Path) -> Iterator[dict[str, Any]]:
        yield {"file": data.name, "value": 1.0}


def test_a_model_that_does_not_talk_says_so(recipe: Recipes, monkeypatch: pytest.MonkeyPatch) -> None:
    models = LoadedModels()
    monkeypatch.setattr(models, "get", lambda _: Forecasts())
    question = {"verb": "chat", "run": RunFolder.create(recipe()).id, "messages": [{"role": "user", "content": "é"}]}
    with pytest.raises(InputError, match=r"^run: its model does not answer questions; accepted: a run of"):
        answer(question, models, lambda *_: None)


def test_closing_the_answer_stops_the_writing(recipe: Recipes, tmp_path: Path) -> None:
    said = tmp_path / "said"
    messages = [{"role": "user", "content": str(said)}]
    pieces = client.stream({"verb": "chat", "run": trained(recipe, 2).id, "messages": messages, "most": 1_000_000})
    assert next(pieces) == str(said)
    pieces.close()  # type: ignore[attr-defined]
    deadline = time.monotonic() + 60
    while not said.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert client.ask(check("/data/fine"))["classes"] == {"é": 3}, "it goes on answering others"


def test_predict_by_id_and_by_path(recipe: Recipes) -> None:
    run = trained(recipe, 2)
    for name in (run.id, str(run.path)):
        answered = client.ask({"verb": "predict", "run": name, "data": "/data/a.png"})
        assert answered["rows"] == [{"file": "a.png", "label": "2", "probabilities": {"é": 1.0}}]
        assert 0 <= answered["milliseconds"] < 60_000
    assert (run.path / "loads").read_text() == "x", "loaded once"


def test_the_other_verbs(recipe: Recipes, tmp_path: Path) -> None:
    run = trained(recipe, 1)
    asked = {"run": run.id, "data": "/data/a.png", "out": str(tmp_path)}
    (row,) = client.ask({"verb": "explain", **asked})["rows"]
    assert row["picture"] == str(tmp_path / "0.png")
    assert client.ask({"verb": "export", "format": "script", **asked}) == {"path": str(tmp_path)}
    sample = client.ask({"verb": "sample", "task": "toy.counting", "name": "one", "out": str(tmp_path)})
    assert Path(sample["path"]).read_text() == "one"
    assert client.ask({"verb": "describe", "task": "toy.counting", "model": "fingers"})["title"] == "Fingers"


def test_machine_is_measured_once() -> None:
    found = client.ask({"verb": "machine"})
    assert set(found) - {"bf16_macs_per_second"} == {"device", "device_name", "macs_per_second", "precision"}
    assert found["macs_per_second"] > 1e7
    assert client.ask({"verb": "machine"}) == found, "the second answer comes from machine.json"
    assert json.loads((paths.home() / "machine.json").read_text())["macs_per_second"] == found["macs_per_second"]


def test_machine_is_measured_again_when_runs_disagree(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HEADSTART_HOME", str(tmp_path))
    speeds = iter([2e10, 5e10, 9e10])
    monkeypatch.setattr(machine, "_macs_per_second", lambda *_: next(speeds))
    monkeypatch.setattr(machine, "_matrices", lambda: 1e11)
    first = machine.measure()
    assert machine.measure() == first
    fast = PACE["MACs"] / 5e10  # a run that was trained as fast as the second probe will say
    kind = Kind("vision.classification", "net", "full", first["device"], "auto")
    learn(Took(kind, {"training": (10.0, 10.0 * fast)}, first["macs_per_second"]))
    assert machine.measure()["macs_per_second"] == 5e10
    assert machine.measure()["macs_per_second"] == 5e10, "that run tells nothing of this probe"


def test_a_card_is_measured_with_enough_to_do_and_how_fast_it_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """On the processor, which stands in for one."""
    monkeypatch.setenv("HEADSTART_HOME", str(tmp_path))
    monkeypatch.setattr(machine, "PROBE_SECONDS", 0.0)
    monkeypatch.setattr(machine, "PIXELS", 2)
    monkeypatch.setattr(machine, "LAUNCHES", 10)
    assert 0 < machine._seconds_a_launch("cpu") < 0.1
    monkeypatch.setattr(devices, "found", lambda: devices.Found("mps"))
    asked: list[tuple[str, str]] = []
    monkeypatch.setattr(machine, "_macs_per_second", lambda *given: asked.append(given) or 1e13)
    monkeypatch.setattr(machine, "_seconds_a_launch", lambda _: 1e-5)
    assert machine.measure() == {
        "device": "mps",
        "device_name": "Apple GPU",
        "macs_per_second": 1e13,
        "precision": "fp32",
        "seconds_a_launch": 1e-5,
    }
    assert asked == [("mps", "fp32")]


def test_many_at_once(recipe: Recipes) -> None:
    run = trained(recipe, 3)
    question = {"verb": "predict", "run": run.id, "data": "/data/a.png"}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.ask(question)["rows"][0]["label"], range(16)))
    assert answers == ["3"] * 16
    assert (run.path / "loads").read_text() == "x"


# --- what is wrong with a question ------------------------------------------------------------------


def test_wrong_input_crosses_with_its_problems() -> None:
    with pytest.raises(InputError) as caught:
        client.ask(check("/data/wrong"))
    assert caught.value.problems == (
        Problem("a.png", "found 0 bytes", "a picture is accepted"),
        Problem("b", "none", "one"),
    )


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ({"verb": "sing"}, "there is no verb 'sing'"),
        ({"verb": "predict", "run": "B" * 22, "data": "x"}, "there is no run at this address"),
        ({"verb": "predict", "run": "/etc", "data": "x"}, "/etc is no run folder"),
        (check("x", settings={"steps": "no"}), "setting steps: found 'no'; accepted: a whole number"),
    ],
)
def test_a_wrong_question_is_a_sentence(question: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        client.ask(question)


def test_an_unfinished_run_cannot_predict(recipe: Recipes) -> None:
    run = RunFolder.create(recipe())
    with pytest.raises(InputError, match="it has no trained model"):
        client.ask({"verb": "predict", "run": run.id, "data": "x"})


# --- when the server breaks -------------------------------------------------------------------------


def test_a_defect_is_a_sentence_and_its_traceback_stays_in_the_log() -> None:
    with pytest.raises(client.ServerFailed) as caught:
        client.ask(check("/data/bug"))
    log = paths.home() / "serving.log"
    assert str(caught.value) == f"This is a defect of ours: ZeroDivisionError. The details are in {log}."
    assert "a secret" in log.read_text()
    before = server()
    client.ask(check("/data/fine"))
    assert server() == before, "the server survives a defect"


def test_a_crash_is_a_sentence_and_the_next_question_starts_a_fresh_server() -> None:
    client.ask(check("/data/fine"))
    before = server()
    with pytest.raises(client.ServerFailed, match="stopped in the middle of this: try again"):
        client.ask(check("/data/crash"))
    assert client.ask(check("/data/fine"))["n_examples"] == 3
    assert before != server()


def test_a_reader_stops_when_whoever_asked_has_left(tmp_path: Path, wait: Callable[..., Any]) -> None:
    with client._connect() as connection:
        wire.send(connection, check(str(tmp_path / "endless")))
        assert connection.poll(60)
    wait((tmp_path / "ended").exists, "the reader to stop")


def test_a_reader_has_so_much_of_the_processor_and_one_that_never_looks_goes_with_its_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HEADSTART_HOME", str(tmp_path))
    monkeypatch.setenv("HEADSTART_PUBLIC", "1")
    monkeypatch.setenv("HEADSTART_QUESTION_SECONDS", "2")
    try:
        with pytest.raises(InputError, match="takes more than 2 seconds of this host's processor"):
            client.ask(check(str(tmp_path / "endless")))
        with pytest.raises(client.ServerFailed, match="stopped in the middle"):
            client.ask(check(str(tmp_path / "deaf")))
        assert client.ask(check("/data"))["n_examples"] == 3
    finally:
        client.stop()


def test_only_who_knows_the_key_is_heard() -> None:
    client.ask(check("/data/fine"))
    address = wire.address()
    assert address
    if sys.platform != "win32":
        assert stat.S_IMODE((paths.home() / "serving.json").stat().st_mode) == 0o600
    with pytest.raises((AuthenticationError, EOFError, OSError)):
        Client(("127.0.0.1", address["port"]), authkey=b"guessed")
    silent = Client(("127.0.0.1", address["port"]))  # says nothing, and holds nobody up
    assert client.ask(check("/data/fine"))["n_examples"] == 3
    silent.close()


def test_an_older_server_makes_way_for_newer_code() -> None:
    client.ask(check("/data/fine"))
    file = paths.home() / "serving.json"
    before = server()
    file.write_text(json.dumps({**json.loads(file.read_text()), "code": 0}))
    client.ask(check("/data/fine"))
    assert before
    assert server() != before
    before.wait(timeout=60)


@pytest.mark.parametrize(
    "told", ["", "[]", "{}", '{"port": 1}', '{"port": 1, "key": "xy", "pid": 1, "created": 0, "code": 0}', "\x00"]
)
def test_a_file_that_does_not_say_where_the_server_is_counts_as_none(told: str) -> None:
    wire.address_file().write_text(told)
    assert wire.address() is None


def test_one_server_a_home_and_it_leaves_when_told() -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: client.ask(check("/data/fine")), range(4)))
    process = server()
    assert process
    client.stop()
    process.wait(timeout=60)
    assert server() is None
    client.stop()  # nobody to tell


def test_it_leaves_when_idle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wait: Callable[..., Any]) -> None:
    monkeypatch.setenv("HEADSTART_HOME", str(tmp_path))
    monkeypatch.setenv("HEADSTART_SERVING_IDLE_SECONDS", "1")
    client.start()
    process = wait(server, "the server")
    process.wait(timeout=60)
    assert not (tmp_path / "serving.json").exists()


# --- what is kept loaded ----------------------------------------------------------------------------


def test_the_last_models_stay_loaded_and_a_retrained_one_is_another(recipe: Recipes) -> None:
    first, second, third = (trained(recipe, steps) for steps in (1, 2, 3))
    models = LoadedModels(keep=2)
    for run in (first, second, first, third, first, second):  # the third pushes out the second
        models.get(run)
    assert [(run.path / "loads").read_text() for run in (first, second, third)] == ["x", "xx", "x"]
    worker.execute(second)
    models.get(second)
    assert (second.path / "loads").read_text() == "xxx"


def test_asking_loads_nothing_heavy() -> None:
    modules = "engines.jobs.backends, engines.jobs.local.backend, engines.jobs.serving.client"
    script = f"import sys, {modules}; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout == "False\n"
