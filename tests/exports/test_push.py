"""A model is sent to a hub: it arrives whole, none of the data goes along, and the token stays nowhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from engines import api
from engines.runs import RunFolder
from tests.contract.test_exports import files_of, said_in
from tests.contract.tiny import TINY
from tests.exports import upload_hub
from tests.exports.upload_hub import TOKEN, Hub
from tests.test_cli import QUICK, call

TASK = "vision.classification"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("home")
    TINY[TASK].write_weights(folder / "models")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_MODELS", str(folder / "models"))
        yield folder


@pytest.fixture(scope="module")
def data(home: Path) -> Path:
    return TINY[TASK].write_data(home / "brought")


@pytest.fixture(scope="module")
def run(home: Path, data: Path) -> Path:
    assert call("fit", TASK, "--data", data, "--out", home / "run", *QUICK, "--epochs", 1).status == 0
    return home / "run"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HEADSTART_HOME", str(tmp_path / "headstart"))
    with upload_hub.within_reach(monkeypatch) as found:
        yield found


def test_the_model_arrives_and_nothing_of_the_data(
    run: Path, data: Path, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    answer = call("push", run, "--to", "anna/colours", "--json")
    assert answer.status == 0, answer.err
    address = f"{hub.address}/anna/colours"
    told = {"run": "run", "to": "anna/colours", "format": "safetensors", "url": address, "private": True}
    assert answer.json == told
    assert hub.repositories["anna/colours"]["visibility"] == "private"
    exported = api.export(run, tmp_path / "exported", "safetensors")
    assert hub.files == {f"anna/colours/{file.name}": file.read_bytes() for file in exported.iterdir()}
    arrived = tmp_path / "arrived"
    arrived.mkdir()
    for name, content in hub.files.items():
        (arrived / Path(name).name).write_bytes(content)
    assert said_in(arrived, [data.name, str(data), *(name for name in files_of(data) if len(name) > 8)]) == set()
    assert hub.files["anna/colours/README.md"].startswith(b"---\n")
    assert call("push", run, "--to", "anna/colours", "--public").status == 0
    assert hub.repositories["anna/colours"]["visibility"] == "private", "one that is there stays as it is"


def test_the_token_is_kept_nowhere(
    run: Path, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    caplog.set_level("DEBUG")
    good = call("push", run, "--to", "anna/colours", "--format", "onnx")
    hub.status = 500
    bad = call("push", run, "--to", "anna/colours")
    assert (good.status, bad.status) == (0, 2)
    assert "the hub did not take it" in bad.err
    places = [run, tmp_path / "hf", tmp_path / "headstart"]
    files = [path for place in places for path in place.rglob("*") if path.is_file()]
    assert len(files) > 5
    assert [path for path in files if TOKEN.encode() in path.read_bytes()] == []
    ours = [record.getMessage() for record in caplog.records]
    assert TOKEN not in "".join([*ours, good.out, good.err, bad.out, bad.err])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--to", "anna"], "'anna' is no name of a repository"),
        (["--to", "anna/../x"], "is no name of a repository"),
        (["--to", "anna/x", "--format", "script"], "script is not sent: it may hold your data"),
    ],
)
def test_what_may_not_be_is_said(run: Path, hub: Hub, words: list[str], said: str) -> None:
    answer = call("push", run, *words)
    assert (answer.status, said in answer.err) == (2, True), answer.err
    assert hub.repositories == {}


def test_another_token_is_refused_in_a_sentence(run: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_anotherOne")
    answer = call("push", run, "--to", "anna/x")
    assert (answer.status, "the hub does not know this token" in answer.err) == (2, True), answer.err
    monkeypatch.delenv("HF_TOKEN")
    assert "accepted: HF_TOKEN in the environment" in call("push", run, "--to", "anna/x").err
    assert hub.files == {}


def test_nothing_is_sent_from_a_public_host_or_without_a_network(
    run: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with monkeypatch.context() as patch:
        patch.setenv("HEADSTART_PUBLIC", "1")
        answer = call("push", run, "--to", "anna/x")
        assert (answer.status, "a public host sends nothing" in answer.err) == (2, True), answer.err
    with monkeypatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        answer = call("push", run, "--to", "anna/x")
        assert (answer.status, "the hub cannot be reached" in answer.err) == (2, True), answer.err
    assert hub.repositories == {}


def test_the_recipe_that_leaves_names_no_place(run: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert api.push(run, "anna/y", TOKEN, format="web") == f"{hub.address}/anna/y"
    assert json.loads(hub.files["anna/y/recipe.json"])["data"] is None
    assert "anna/y/index.html" in hub.files
    assert RunFolder(run).exists
